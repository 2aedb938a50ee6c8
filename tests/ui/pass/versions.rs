//! A type with two versions before it.

use emdb::{Emdb, Record, Table, TableError};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "users")]
struct UserV1 {
    #[emdb(key)]
    id: u64,
    name: String,
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "users", version = 2, from = UserV1)]
struct UserV2 {
    #[emdb(key)]
    id: u64,
    first: String,
    last: String,
}

mod now {
    use super::*;

    // Versions may be left out.
    #[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
    #[emdb(namespace = "users")]
    #[emdb(version = 5)]
    #[emdb(from = super::UserV2)]
    pub struct User {
        #[emdb(key)]
        pub id: u64,
        pub last: String,
    }
}

#[derive(Serialize, Deserialize, Record)]
#[emdb(version = 2, from = Old<T, u8>)]
struct New<T>
where
    T: Clone + 'static,
    Old<T, u8>: emdb::Record<Key = u8>,
{
    #[emdb(key)]
    id: u8,
    value: T,
}

#[derive(Serialize, Deserialize, Record)]
struct Old<T, U> {
    #[emdb(key)]
    id: U,
    value: T,
}

impl<T> From<Old<T, u8>> for New<T>
where
    T: Clone + 'static,
    Old<T, u8>: emdb::Record<Key = u8>,
{
    fn from(old: Old<T, u8>) -> Self {
        New { id: old.id, value: old.value }
    }
}

impl From<UserV1> for UserV2 {
    fn from(old: UserV1) -> Self {
        UserV2 { id: old.id, first: String::new(), last: old.name }
    }
}

impl From<UserV2> for now::User {
    fn from(old: UserV2) -> Self {
        let _ = old.first;
        now::User { id: old.id, last: old.last }
    }
}

fn main() -> Result<(), TableError> {
    let db = Emdb::open_in_memory();
    Table::<UserV1>::open(&db)?.insert(&UserV1 { id: 1, name: "Lovelace".into() })?;
    let users = Table::<now::User>::open(&db)?;
    assert_eq!(users.get(&1)?, Some(now::User { id: 1, last: "Lovelace".into() }));
    assert_eq!(New::<String>::VERSION, 2);
    Ok(())
}
