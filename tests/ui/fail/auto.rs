use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
struct Text {
    #[emdb(key, auto)]
    id: String,
}

#[derive(Serialize, Deserialize, Record)]
struct Signed {
    #[emdb(auto, key)]
    id: i64,
}

// Not known by its name: the bound says so.
#[derive(Serialize, Deserialize, Record)]
struct Other {
    #[emdb(key, auto)]
    id: std::net::Ipv4Addr,
}

#[derive(Serialize, Deserialize, Record)]
struct NoKey {
    #[emdb(key)]
    id: u64,
    #[emdb(auto)]
    counter: u64,
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(key(org, id))]
struct Composite {
    org: u64,
    #[emdb(auto)]
    id: u64,
}

fn main() {}
