//! Verifying and repairing.

use emdb_typed::backend::Keyspace;
use emdb_typed::{Problem, TableError};
use serde::{Deserialize, Serialize};

use crate::harness::{Harness, dump, verified, write_raw};
use crate::over_both;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
#[emdb(crate = "emdb_typed")]
struct User {
    #[emdb(key)]
    id: u32,
    #[emdb(unique)]
    email: String,
    #[emdb(index)]
    age: u8,
}

fn user(id: u32) -> User {
    User { id, email: format!("{id}"), age: 30 }
}

over_both! {
    a_row_that_went_past_its_indexes_is_found_and_repaired
    an_entry_that_is_missing_is_found_and_repaired
    a_row_that_cannot_be_read_is_an_error_and_can_be_removed
    the_bytes_are_the_same_in_each_backend
}

fn a_row_that_went_past_its_indexes_is_found_and_repaired<H: Harness>() {
    let db = H::new();
    let users = db.open::<User>();
    users.insert_many((1..=3).map(user)).unwrap();
    write_raw(&users, Keyspace::Rows, &2_u32.to_be_bytes(), None);
    let report = users.verify().unwrap();
    let stale = |p: &Problem| matches!(p, Problem::Stale { .. });
    assert_eq!(report.problems.iter().filter(|p| stale(p)).count(), 2);
    assert!(matches!(users.by(User::EMAIL).get("2"), Err(TableError::StaleIndex { .. })));
    assert_eq!(users.rebuild_indexes().unwrap(), 2);
    assert_eq!(verified(&users), (2, 4));
    assert_eq!(users.rebuild_indexes().unwrap(), 0);
}

fn an_entry_that_is_missing_is_found_and_repaired<H: Harness>() {
    let db = H::new();
    let users = db.open::<User>();
    users.insert_many((1..=3).map(user)).unwrap();
    let entry = dump(&users, Keyspace::Index(1)).remove(0);
    write_raw(&users, Keyspace::Index(1), &entry.0, None);
    let problem = users.verify().unwrap().problems.remove(0);
    let (index, key) = ("age".to_owned(), 1_u32.to_be_bytes().to_vec());
    assert_eq!(problem, Problem::Missing { index, key });
    assert_eq!(users.rebuild_indexes().unwrap(), 1);
    assert_eq!(verified(&users), (3, 6));
}

fn a_row_that_cannot_be_read_is_an_error_and_can_be_removed<H: Harness>() {
    let db = H::new();
    let users = db.open::<User>();
    users.insert_many((1..=3).map(user)).unwrap();
    write_raw(&users, Keyspace::Rows, &2_u32.to_be_bytes(), Some(b"\x01\xff"));
    assert!(matches!(users.get(&2), Err(TableError::Decode { .. })));
    assert!(matches!(users.iter().unwrap().nth(1), Some(Err(TableError::Decode { .. }))));
    assert!(matches!(users.remove(&2), Err(TableError::Decode { .. })));
    assert_eq!(users.get(&2).unwrap(), None);
    assert_eq!(verified(&users), (2, 4));
}

fn the_bytes_are_the_same_in_each_backend<H: Harness>() {
    let db = H::new();
    let users = db.open::<User>();
    users.insert(&User { id: 258, email: "a\0b".into(), age: 5 }).unwrap();
    let key = b"\0\0\x01\x02".to_vec();
    let row = (key.clone(), b"\x01\xfb\x02\x01\x03a\0b\x05".to_vec());
    assert_eq!(dump(&users, Keyspace::Rows), [row]);
    let by_email = (b"a\0\xffb\0\x01".to_vec(), key);
    assert_eq!(dump(&users, Keyspace::Index(0)), [by_email]);
    let by_age = (b"\x05\0\0\x01\x02".to_vec(), b"\x04".to_vec());
    assert_eq!(dump(&users, Keyspace::Index(1)), [by_age]);
}
