use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb]
struct Bare(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
struct Value(#[emdb(key = "id")] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "a" crate = "emdb")]
struct NoComma(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(crate = "not a path")]
struct NoPath(#[emdb(key)] u64);

fn main() {}
