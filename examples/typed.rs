//! A struct in, a typed table out. Makes `users.emdb` in the current folder.
#![allow(clippy::print_stdout)]

use emdb::{Emdb, Record, Table, TableError};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "users")]
struct User {
    #[emdb(key)]
    id: u64,
    name: String,
}

fn main() -> Result<(), TableError> {
    let db = Emdb::open("users.emdb")?;
    let users = Table::<User>::open(&db)?;
    users.insert(&User { id: 1, name: "Ada".into() })?;
    db.transaction(|tx| users.with(tx).insert(&User { id: 2, name: "Grace".into() }))?;
    db.flush()?; // From here on, a power cut loses none of it.
    println!("{:?} is one of {}", users.get(&1)?, users.len()?);
    Ok(())
}
