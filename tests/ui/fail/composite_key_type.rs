use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct NotKey(u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(key(org, id))]
struct User {
    org: u64,
    id: NotKey,
}

fn main() {}
