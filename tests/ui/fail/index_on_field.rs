use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
struct User {
    #[emdb(key, unique)]
    id: u64,
    #[emdb(index, unique)]
    both: u8,
    #[emdb(index, index)]
    twice: u8,
    #[emdb(index(sparse, each))]
    sparse_each: Option<u8>,
    #[emdb(index())]
    nothing: u8,
    #[emdb(index(spare))]
    unknown: u8,
    #[emdb(unique(name = "x"))]
    name: u8,
    #[emdb(each)]
    alone: Vec<u8>,
    #[emdb(index)]
    #[serde(skip)]
    skipped: u8,
    #[emdb(index = "x")]
    value: u8,
}

fn main() {}
