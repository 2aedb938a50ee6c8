use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct Id(u64);

#[derive(Serialize, Deserialize)]
struct NotEvenClone(u64);

#[derive(Serialize, Deserialize, Record)]
struct User {
    #[emdb(key)]
    id: Id,
}

#[derive(Serialize, Deserialize, Record)]
struct Order {
    #[emdb(key)]
    id: NotEvenClone,
}

#[derive(Serialize, Deserialize, Record)]
struct Item(#[emdb(key)] usize);

#[derive(Serialize, Deserialize, Record)]
struct Tag(#[emdb(key)] Vec<String>);

fn main() {}
