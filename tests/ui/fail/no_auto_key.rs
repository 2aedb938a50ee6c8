use emdb::{Emdb, Record, Table};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
struct User {
    #[emdb(key)]
    id: u64,
}

fn main() {
    let users = Table::<User>::open(&Emdb::open_in_memory()).unwrap();
    let _ = users.insert_new(User { id: 0 });
}
