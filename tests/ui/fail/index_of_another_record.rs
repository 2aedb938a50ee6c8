use emdb::{Emdb, Record, Table};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
struct User {
    #[emdb(key)]
    id: u64,
    #[emdb(unique)]
    email: String,
}

#[derive(Serialize, Deserialize, Record)]
struct Order {
    #[emdb(key)]
    id: u64,
    #[emdb(unique)]
    email: String,
}

fn main() {
    let users = Table::<User>::open(&Emdb::open_in_memory()).unwrap();
    let _ = users.by(Order::EMAIL);
}
