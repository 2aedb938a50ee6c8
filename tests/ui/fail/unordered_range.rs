use emdb::{Emdb, Record, Table};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(unordered)]
struct User {
    #[emdb(key)]
    id: u64,
}

fn main() {
    let users = Table::<User>::open(&Emdb::open_in_memory()).unwrap();
    let _ = users.range(1..);
    let _ = users.first();
    let _ = users.page(None, 10);
    let _ = users.iter().unwrap().rev();
}
