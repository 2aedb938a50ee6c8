use emdb::Record;
use serde::{Deserialize, Serialize};

struct UserV1;

#[derive(Serialize, Deserialize, Record)]
#[emdb(version = 2, from = UserV1)]
#[emdb(index(name = "by_org_age", fields(org, age)), ttl = "30d")]
#[emdb(validate = check, unordered, key(org, id))]
struct User {
    #[emdb(key, auto)]
    id: u64,
    #[emdb(unique)]
    email: String,
    #[emdb(index(sparse))]
    org: Option<u64>,
    #[emdb(expires_at)]
    until: u64,
}

fn main() {}
