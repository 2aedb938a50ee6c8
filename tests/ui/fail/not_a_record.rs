use emdb::{Emdb, Table};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct User {
    id: u64,
}

fn main() {
    let _ = Table::<User>::open(&Emdb::open_in_memory());
}
