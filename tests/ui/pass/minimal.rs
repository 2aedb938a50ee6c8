use emdb::{Emdb, Record, Table, TableError};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
struct User {
    #[emdb(key)]
    id: u64,
    name: String,
}

fn main() -> Result<(), TableError> {
    assert_eq!((User::NAMESPACE, User::VERSION), ("user", 1));
    let users = Table::<User>::open(&Emdb::open_in_memory())?;
    users.insert(&User { id: 7, name: "Ada".into() })?;
    assert_eq!(users.get(&7)?, Some(User { id: 7, name: "Ada".into() }));
    Ok(())
}
