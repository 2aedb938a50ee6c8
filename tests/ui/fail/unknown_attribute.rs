use emdb::{Emdb, Record, Table};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(namepsace = "users", colour = "blue")]
struct User {
    #[emdb(key)]
    id: String,
    #[emdb(uniqe)]
    email: String,
}

fn main() {
    let users = Table::<User>::open(&Emdb::open_in_memory()).unwrap();
    let _ = users.get("ada").unwrap();
}
