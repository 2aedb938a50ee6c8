//! A struct that changed: version 2 opens what version 1 wrote, and version 3 gives rows another key and the
//! table another name. Makes a file in a temporary folder.
#![allow(clippy::print_stdout)]

use std::path::Path;

use emdb::{Emdb, Migration, Record, Table, TableError};
use serde::{Deserialize, Serialize};

/// The type that the program had last year. It stays as it was, for it says what old rows look like.
#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "users")]
struct UserV1 {
    #[emdb(key)]
    id: u64,
    name: String,
}

/// The type that it has now: the name in two fields, and an index.
#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "users", version = 2, from = UserV1)]
struct User {
    #[emdb(key)]
    id: u64,
    first: String,
    #[emdb(index)]
    last: String,
}

impl From<UserV1> for User {
    fn from(old: UserV1) -> User {
        let (first, last) = old.name.split_once(' ').unwrap_or((&old.name, ""));
        User { id: old.id, first: first.into(), last: last.into() }
    }
}

/// The type of next year: found by a handle, and without rows that have no last name. The table has the name of
/// the type.
#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "members", was = "users", version = 3, from = User, migrate = Member::of)]
struct Member {
    #[emdb(key)]
    handle: String,
    first: String,
    last: String,
}

impl Member {
    fn of(old: User, _: &mut Migration<'_>) -> Result<Option<Member>, TableError> {
        if old.last.is_empty() {
            return Ok(None);
        }
        let handle = format!("{}.{}", old.first, old.last).to_lowercase();
        Ok(Some(Member { handle, first: old.first, last: old.last }))
    }
}

fn main() -> Result<(), TableError> {
    let folder = tempfile::tempdir().map_err(emdb::Error::from)?;
    let path = folder.path().join("users.emdb");
    last_year(&path)?;

    // Opening raises the stored version and builds the index. Rows stay as they were written.
    let db = Emdb::open(&path)?;
    let users = Table::<User>::open(&db)?;
    users.insert(&User { id: 3, first: "Alan".into(), last: "Turing".into() })?;

    // Old rows are upgraded as they are read, by `From`; no wait, whatever the table's size.
    println!("{:?}", users.get(&1)?);
    assert_eq!(users.by(User::LAST).all("Hopper")?.count(), 1);

    // Rewriting them is a choice: once it is done, reads save the upgrade.
    let report = users.migrate()?;
    println!("{} of {} rows were of version 1", report.migrated, report.rows);
    assert_eq!((report.migrated, report.rows), (2, 3));
    assert_eq!(users.migrate()?.migrated, 0);
    assert!(users.verify()?.is_ok());

    // A program of last year is refused, and damages nothing.
    match Table::<UserV1>::open(&db) {
        Err(error @ TableError::SchemaNewer { .. }) => println!("{error}"),
        other => panic!("{other:?}"),
    }

    // A function that `migrate` names runs at the open, over all rows: afterwards there are only new ones. The
    // table has its new name, with all that is in it, by one commit.
    users.insert(&User { id: 4, first: "Plato".into(), last: String::new() })?;
    let members = Table::<Member>::open(&db)?;
    println!("{:?}", members.get("ada.lovelace")?);
    assert_eq!(members.len()?, 3);
    assert_eq!(db.list_namespaces()?, ["members"]);
    Ok(())
}

fn last_year(path: &Path) -> Result<(), TableError> {
    let db = Emdb::open(path)?;
    let users = Table::<UserV1>::open(&db)?;
    users.insert(&UserV1 { id: 1, name: "Ada Lovelace".into() })?;
    users.insert(&UserV1 { id: 2, name: "Grace Hopper".into() })?;
    drop(users);
    Ok(db.close()?)
}
