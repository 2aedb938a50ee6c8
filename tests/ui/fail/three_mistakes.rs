use emdb::{Emdb, Record, Table};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = 5)]
struct User {
    #[emdb(key)]
    id: u64,
    #[emdb(uniqe)]
    email: String,
    #[emdb(key)]
    org: u64,
}

fn main() {
    let users = Table::<User>::open(&Emdb::open_in_memory()).unwrap();
    let _ = users.get(&7).unwrap();
}
