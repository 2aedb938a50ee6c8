mod deep {
    pub mod inside {
        pub use ::emdb as database;
    }
}

mod emdb {
    // In the way of a path that doesn't begin at the root.
}

use deep::inside::database::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(crate = "crate::deep::inside::database")]
struct Renamed {
    #[emdb(key)]
    id: u64,
}

#[derive(Serialize, Deserialize, Record)]
struct Default {
    #[emdb(key)]
    id: u64,
}

mod models {
    #[derive(::serde::Serialize, ::serde::Deserialize, crate::deep::inside::database::Record)]
    #[emdb(crate = "crate::deep::inside::database", version = 2, from = Before, key(id, name), validate = check)]
    #[emdb(index(name = "by_name", fields(name, id), unique, filter = yes))]
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
    }

    #[derive(::serde::Serialize, ::serde::Deserialize, crate::deep::inside::database::Record)]
    #[emdb(crate = "crate::deep::inside::database", key(id, name), ttl = "5s", unordered)]
    pub struct Before {
        pub id: ::core::primitive::u64,
        pub name: ::std::string::String,
    }

    #[derive(::serde::Serialize, ::serde::Deserialize, crate::deep::inside::database::Record)]
    #[emdb(crate = "crate::deep::inside::database")]
    pub struct Auto {
        #[emdb(key, auto)]
        pub id: ::core::primitive::u64,
    }

    impl ::core::convert::From<Before> for Everything {
        fn from(before: Before) -> Self {
            let (tags, nick) = (::std::vec::Vec::new(), ::core::option::Option::None);
            Everything { id: before.id, name: before.name, tags, nick, until: 0 }
        }
    }

    fn check(_: &Everything) -> ::core::result::Result<(), &'static ::core::primitive::str> {
        ::core::result::Result::Ok(())
    }

    fn yes(_: &Everything) -> ::core::primitive::bool {
        true
    }
}

fn main() {
    let _ = (models::Everything::NAME, models::Everything::TAGS, models::Everything::BY_NAME);
    assert_eq!(Renamed { id: 1 }.key(), 1);
    assert_eq!(Default { id: 2 }.key(), 2);
}
