#![no_implicit_prelude]
#![allow(dead_code)]

mod core {}
mod std {}
mod emdb {}

struct Result;
struct Option;
struct Ok;
struct Err;
struct Vec;
struct KeyError;
trait Key {}
trait EncodeKey {}
trait AsKey {}

mod deep {
    pub mod inside {
        pub use ::emdb as database;
    }
}

mod models {
    struct Result;
    struct Ok;

    #[derive(::core::clone::Clone, ::emdb::Key)]
    pub struct Named {
        pub id: ::core::primitive::u64,
        pub name: ::std::string::String,
    }

    #[derive(::core::clone::Clone, ::emdb::Key)]
    pub enum Kind {
        Ok,
        Err,
    }

    #[derive(::core::clone::Clone, crate::deep::inside::database::Key)]
    #[emdb(crate = "crate::deep::inside::database")]
    pub struct Renamed(pub ::core::primitive::u8, pub ::core::primitive::u8);
}

fn key<K: ::emdb::Key>(_: K) {}

fn main() {
    key(models::Named { id: 1, name: ::std::string::String::new() });
    key(models::Kind::Ok);
    key(models::Renamed(1, 2));
}
