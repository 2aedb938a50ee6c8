use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
struct UserV1(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(version = 2, from = UserV1)]
struct NoFrom(#[emdb(key)] u64);

struct NoRecordV1;

#[derive(Serialize, Deserialize, Record)]
#[emdb(version = 2, from = NoRecordV1)]
struct NoRecord(#[emdb(key)] u64);

impl From<NoRecordV1> for NoRecord {
    fn from(_: NoRecordV1) -> Self {
        NoRecord(1)
    }
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(version = 2, from = UserV1)]
struct OtherKey(#[emdb(key)] String);

impl From<UserV1> for OtherKey {
    fn from(user: UserV1) -> Self {
        OtherKey(user.0.to_string())
    }
}

fn main() {}
