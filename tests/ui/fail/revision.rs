use emdb::{Emdb, Record, Table};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
struct Two {
    #[emdb(key)]
    id: u64,
    #[emdb(revision)]
    rev: u64,
    #[emdb(revision)]
    version: u64,
}

#[derive(Serialize, Deserialize, Record)]
struct OfKey(#[emdb(key, revision)] u64);

#[derive(Serialize, Deserialize, Record)]
struct NoNumber {
    #[emdb(key)]
    id: u64,
    #[emdb(revision)]
    rev: u32,
}

#[derive(Serialize, Deserialize, Record)]
struct Value(#[emdb(key)] u64, #[emdb(revision = 1)] u64);

#[derive(Serialize, Deserialize, Record)]
struct Without(#[emdb(key)] u64);

fn main() {
    let db = Emdb::open_in_memory();
    let _ = Table::<Two>::open(&db).unwrap().save(&Two { id: 1, rev: 1, version: 1 });
    let _ = Table::<Without>::open(&db).unwrap().save(&Without(1));
}
