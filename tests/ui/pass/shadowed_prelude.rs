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

    #[derive(::serde::Serialize, ::serde::Deserialize, ::emdb::Record)]
    pub struct User {
        #[emdb(key)]
        pub id: ::core::primitive::u64,
        pub name: ::std::string::String,
    }
}

fn main() {
    let user = models::User { id: 1, name: ::std::string::String::new() };
    ::core::assert_eq!(::emdb::Record::key(&user), 1);
}
