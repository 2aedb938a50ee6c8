use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct NotKey(u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(index(name = "by_both", fields(id, no_key)))]
struct User {
    #[emdb(key)]
    id: u64,
    #[emdb(index)]
    no_key: NotKey,
    #[emdb(index(each))]
    no_collection: u64,
    #[emdb(unique(each))]
    no_key_inside: Vec<NotKey>,
    #[emdb(index(sparse))]
    no_option: u64,
    #[emdb(unique(sparse))]
    no_key_in_option: Option<NotKey>,
}

fn main() {}
