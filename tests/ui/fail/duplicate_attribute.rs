use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "users")]
#[emdb(namespace = "people", crate = "emdb", crate = "emdb")]
struct User {
    #[emdb(key, key)]
    id: u64,
}

fn main() {}
