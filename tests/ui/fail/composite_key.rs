use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(key(orgg, id))]
struct Unknown {
    org: u64,
    id: u64,
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(key(org, org, cache))]
struct Repeated {
    org: u64,
    #[serde(skip)]
    cache: u64,
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(key)]
struct NoList {
    id: u64,
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(key())]
struct EmptyList {
    id: u64,
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(key("id"))]
struct Strings {
    id: u64,
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(key(0, 1, 2, 3, 4, 5, 6, 7, 8))]
struct Nine(u8, u8, u8, u8, u8, u8, u8, u8, u8);

#[derive(Serialize, Deserialize, Record)]
#[emdb(key(org, id))]
struct Both {
    org: u64,
    #[emdb(key)]
    id: u64,
}

fn main() {}
