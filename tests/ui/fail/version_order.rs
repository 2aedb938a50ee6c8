use emdb::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(version = 2, from = UserV1)]
struct User(#[emdb(key)] u64);

#[derive(Serialize, Deserialize, Record)]
#[emdb(version = 3, from = User)]
struct UserV1(#[emdb(key)] u64);

impl From<UserV1> for User {
    fn from(user: UserV1) -> Self {
        User(user.0)
    }
}

impl From<User> for UserV1 {
    fn from(user: User) -> Self {
        UserV1(user.0)
    }
}

fn main() {}
