use emdb::{Emdb, Key, Record, Table};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, Key)]
struct UserId(u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(key(org, user))]
struct Member {
    org: String,
    user: UserId,
}

fn main() {
    let members = Table::<Member>::open(&Emdb::open_in_memory()).unwrap();
    // Another type in one place.
    let _ = members.get(&("acme", 7));
    let _ = members.range((7, UserId(0))..);
    // Too many fields.
    let _ = members.get(&("acme", UserId(7), 8));
    // Not all of them: `prefix` is for that.
    let _ = members.get(&("acme",));
}
