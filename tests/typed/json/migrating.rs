//! Tables whose rows are on their way to another version: nobody but their type reads or writes them.

use std::ops::ControlFlow;

use emdb::{Emdb, Error, Migration, Record, Table, TableError, dynamic};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Record)]
#[emdb(namespace = "letters")]
struct Former {
    #[emdb(key)]
    id: u32,
    text: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "letters", version = 2, from = Former, migrate = Letter::of)]
struct Letter {
    #[emdb(key)]
    number: u32,
    #[emdb(index)]
    length: u64,
}

impl Letter {
    fn of(old: Former, _: &mut Migration<'_>) -> Result<Option<Letter>, TableError> {
        Ok(Some(Letter { number: old.id + 1, length: old.text.len() as u64 }))
    }
}

const ROWS: u32 = 3000;

/// A database in which the first batch of rows was migrated, and no other.
fn interrupted() -> Emdb {
    let db = Emdb::open_in_memory();
    let rows = (0..ROWS).map(|id| Former { id, text: "x".repeat(2000) });
    Table::<Former>::open(&db).unwrap().insert_many(rows).unwrap();
    let stopped = Table::<Letter>::open_with(&db, |_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(TableError::Core(Error::Cancelled))));
    db
}

fn refused(result: Result<u64, TableError>) {
    let error = result.unwrap_err();
    assert!(matches!(&error, TableError::Invalid { table, .. } if table == "letters"), "{error:?}");
    assert!(error.to_string().contains("open the table by its type first"), "{error}");
}

#[test]
fn a_table_is_not_exported_before_its_migration_is_through() {
    let db = interrupted();
    let mut out = Vec::new();
    refused(dynamic::export_json(&db, &mut out));
    assert!(!String::from_utf8(out).unwrap().contains("letters"));
    let mut out = Vec::new();
    Table::<Letter>::open(&db).unwrap();
    assert_eq!(dynamic::export_json(&db, &mut out).unwrap(), u64::from(ROWS));
}

#[test]
fn nothing_is_imported_into_a_table_before_its_migration_is_through() {
    let source = Emdb::open_in_memory();
    let letter = |number| Letter { number, length: 7 };
    Table::<Letter>::open(&source).unwrap().insert_many([letter(1), letter(ROWS + 7)]).unwrap();
    let mut lines = Vec::new();
    dynamic::export_json(&source, &mut lines).unwrap();

    let db = interrupted();
    let (rows, before) = (db.namespace("letters").unwrap(), db.snapshot());
    refused(dynamic::import_json(&db, &lines[..]));
    let before = before.namespace("letters").unwrap();
    assert!(rows.iter().unwrap().eq(before.iter().unwrap()), "it is as it was");

    // Afterwards it is a table as any other.
    let letters = Table::<Letter>::open(&db).unwrap();
    assert_eq!(letters.len().unwrap(), ROWS as usize);
    assert_eq!(dynamic::import_json(&db, &lines[..]).unwrap(), 2);
    let letters = Table::<Letter>::open(&db).unwrap();
    assert!(letters.verify().unwrap().is_ok());
    assert_eq!(letters.by(Letter::LENGTH).count(7).unwrap(), 2);
    assert_eq!(letters.len().unwrap(), ROWS as usize + 1);
}
