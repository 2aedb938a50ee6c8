use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(expires_at)]
struct User {
    #[emdb(key, namespace = "users")]
    id: u64,
}

fn main() {}
