use emdb::Record;
use serde::{Deserialize, Serialize};

// serde itself refuses this one on a struct.
#[derive(Serialize, Deserialize, Record)]
#[serde(untagged)]
struct User {
    #[emdb(key)]
    id: u64,
}

fn main() {}
