use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(version = 0)]
struct Zero(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(version = "2", from = Zero)]
struct Text(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(version = 4294967296, from = Zero)]
struct TooBig(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(version = 2)]
struct NoFrom(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(from = Zero)]
struct NoVersion(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(version = 1, from = Zero)]
struct First(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(version = 2, from = "Zero")]
struct FromText(#[emdb(key)] u64);

fn main() {}
