use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct More {
    age: u8,
}

#[derive(Serialize, Deserialize, Record)]
#[serde(tag = "kind")]
struct User {
    #[emdb(key)]
    #[serde(skip)]
    id: u64,
    #[serde(flatten)]
    more: More,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing)]
    secret: u8,
}

fn main() {}
