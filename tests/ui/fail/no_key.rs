use emdb::{Emdb, Record, Table};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
struct User {
    id: u64,
    name: String,
}

// Using the type reports nothing further.
fn main() {
    let users = Table::<User>::open(&Emdb::open_in_memory()).unwrap();
    let user = users.get(&7).unwrap().unwrap();
    users.insert(&user).unwrap();
    let _ = (user.key(), User::NAMESPACE);
}
