use emdb::{Emdb, Record, Table};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(index(name = "by_city_age", fields(city, age)))]
struct User {
    #[emdb(key)]
    id: u64,
    #[emdb(unique)]
    email: String,
    city: String,
    age: u8,
}

fn main() {
    let users = Table::<User>::open(&Emdb::open_in_memory()).unwrap();
    let _ = users.by(User::EMAIL).get(&7);
    // Not one row, but many.
    let _ = users.by(User::BY_CITY_AGE).get(("Basel", 7));
    let _ = users.by(User::BY_CITY_AGE).prefix(&(7,));
}
