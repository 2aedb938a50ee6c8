use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
struct Signed {
    #[emdb(key)]
    id: u64,
    #[emdb(expires_at)]
    until: Option<i64>,
}

#[derive(Serialize, Deserialize, Record)]
struct Two {
    #[emdb(key)]
    id: u64,
    #[emdb(expires_at)]
    until: u64,
    #[emdb(expires_at)]
    until_then: u64,
}

#[derive(Serialize, Deserialize, Record)]
struct Skipped {
    #[emdb(key)]
    id: u64,
    #[emdb(expires_at)]
    #[serde(skip)]
    until: u64,
}

fn main() {}
