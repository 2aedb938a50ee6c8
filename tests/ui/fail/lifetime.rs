use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
struct User<'a> {
    #[emdb(key)]
    id: u64,
    name: &'a str,
}

fn main() {}
