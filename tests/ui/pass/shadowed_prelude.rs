#![no_implicit_prelude]
#![allow(dead_code)]

mod core {}
mod std {}

struct Result;
struct Option;
struct Some;
struct None;
struct Vec;
struct Box;
struct Clone;
struct Schema;
trait Key {}
trait Row {}

mod models {
    struct Result;
    struct Option;
    struct String;
    struct Ok;
    struct Some;
    struct Vec;
    struct From;
    struct Index;
    struct Unique;
    struct Lifetime;
    trait ToString {}

    #[derive(::serde::Serialize, ::serde::Deserialize, ::emdb::Record)]
    pub struct User {
        #[emdb(key)]
        pub id: ::core::primitive::u64,
        pub name: ::std::string::String,
    }

    #[derive(::serde::Serialize, ::serde::Deserialize, ::emdb::Record)]
    #[emdb(version = 2, from = Before, key(id, name), validate = check)]
    #[emdb(index(name = "by_name", fields(name, id), unique, filter = yes))]
    #[emdb(index(name = "length", with = length, type = ::core::primitive::u64, filter = yes))]
    #[emdb(index(name = "short", with = short, type = ::std::string::String, sparse))]
    #[emdb(index(name = "both", with = both, type = ::core::primitive::u64, each))]
    pub struct Everything {
        pub id: ::core::primitive::u64,
        #[emdb(unique)]
        pub name: ::std::string::String,
        #[emdb(index(each))]
        pub tags: ::std::vec::Vec<::std::string::String>,
        #[emdb(index(sparse))]
        pub nick: ::core::option::Option<::std::string::String>,
        #[emdb(expires_at)]
        pub until: ::core::primitive::u64,
        #[emdb(revision)]
        pub rev: ::core::primitive::u64,
    }

    #[derive(::serde::Serialize, ::serde::Deserialize, ::emdb::Record)]
    #[emdb(key(id, name), ttl = "5s", unordered)]
    pub struct Before {
        pub id: ::core::primitive::u64,
        pub name: ::std::string::String,
    }

    #[derive(::serde::Serialize, ::serde::Deserialize, ::emdb::Record)]
    pub struct Auto {
        #[emdb(key, auto)]
        pub id: ::core::primitive::u64,
    }

    impl ::core::convert::From<Before> for Everything {
        fn from(before: Before) -> Self {
            let (tags, nick) = (::std::vec::Vec::new(), ::core::option::Option::None);
            Everything { id: before.id, name: before.name, tags, nick, until: 0, rev: 0 }
        }
    }

    fn check(_: &Everything) -> ::core::result::Result<(), &'static ::core::primitive::str> {
        ::core::result::Result::Ok(())
    }

    fn length(row: &Everything) -> ::core::primitive::u64 {
        row.id
    }

    fn short(row: &Everything) -> ::core::option::Option<&::core::primitive::str> {
        ::core::option::Option::Some(&row.name)
    }

    fn both(row: &Everything) -> [::core::primitive::u64; 2] {
        [row.id, row.until]
    }

    fn yes(_: &Everything) -> ::core::primitive::bool {
        true
    }
}

fn main() {
    let user = models::User { id: 1, name: ::std::string::String::new() };
    let _ = (models::Everything::NAME, models::Everything::BY_NAME);
    ::core::assert_eq!(::emdb::Record::key(&user), 1);
}
