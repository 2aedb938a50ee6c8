//! Snapshots of what a table was when it had another type.

use emdb::{Error, Record, Table, TableError};
use serde::{Deserialize, Serialize};

use super::versions::{V1, V2, v1};
use super::{badges, indexed, opened, plain, with_people};

fn is_incomplete<R>(done: Result<R, TableError>) -> bool {
    matches!(done, Err(TableError::Core(Error::InvalidConfig(_))))
}

#[test]
fn an_index_that_was_not_there_yet_is_an_error() {
    let db = with_people(0..10);
    let snapshot = db.snapshot();
    let people = opened::<indexed::Person>(&db);
    let before = people.at(&snapshot);
    assert!(is_incomplete(before.by(indexed::Person::NAME).get("person 1")));
    assert!(is_incomplete(before.by(indexed::Person::NAME).keys("person 1")));
    assert!(is_incomplete(before.by(indexed::Person::AGE).all(1)));
    assert!(is_incomplete(before.by(indexed::Person::AGE).range(..)));
    assert!(is_incomplete(before.by(indexed::Person::AGE).count(1)));
    assert_eq!(before.get(&1).unwrap(), Some(indexed::person(1)));
    assert_eq!(before.range(4..).unwrap().count(), 6);
    let now = db.snapshot();
    assert_eq!(people.at(&now).by(indexed::Person::AGE).count(1).unwrap(), 1);
}

#[test]
fn an_index_that_was_half_built_is_an_error() {
    let db = with_people(0..super::MANY);
    let mut snapshot = None;
    let people = Table::<indexed::Person>::open_with(&db, |_| {
        snapshot.get_or_insert_with(|| db.snapshot());
        std::ops::ControlFlow::Continue(())
    });
    let (people, snapshot) = (people.unwrap(), snapshot.unwrap());
    assert!(is_incomplete(people.at(&snapshot).by(indexed::Person::AGE).count(1)));
    assert_eq!(people.at(&snapshot).len().unwrap() as u64, super::MANY);
}

#[test]
fn an_index_that_was_another_one_is_an_error() {
    let db = with_people(0..10);
    opened::<super::main_is_age::Person>(&db);
    let snapshot = db.snapshot();
    let people = opened::<super::main_is_badge::Person>(&db);
    assert!(is_incomplete(people.at(&snapshot).by(super::main_is_badge::Person::MAIN).count(2)));
}

#[test]
fn an_index_that_went_and_came_back_is_as_it_was() {
    let db = with_people(0..10);
    opened::<indexed::Person>(&db);
    let snapshot = db.snapshot();
    opened::<plain::Person>(&db).clear().unwrap();
    opened::<badges::Person>(&db).insert(&badges::person(3)).unwrap();
    let people = opened::<indexed::Person>(&db);
    let before = people.at(&snapshot);
    assert_eq!(before.by(indexed::Person::AGE).range(..).unwrap().count(), 10);
    assert_eq!(before.by(indexed::Person::NAME).get("person 7").unwrap().unwrap().id, 7);
}

#[test]
fn a_table_that_was_not_there_is_empty() {
    let db = emdb::Emdb::open_in_memory();
    let snapshot = db.snapshot();
    let people = opened::<plain::Person>(&db);
    people.insert(&plain::person(1)).unwrap();
    assert_eq!(people.at(&snapshot).len().unwrap(), 0);
    assert_eq!(people.at(&snapshot).get(&1).unwrap(), None);
    assert_eq!(people.at(&snapshot).iter().unwrap().count(), 0);
    assert_eq!(people.at(&snapshot).range(1..).unwrap().count(), 0);
}

#[test]
fn rows_from_before_a_version_are_upgraded() {
    let db = emdb::Emdb::open_in_memory();
    opened::<V1>(&db).insert_many((0..10).map(v1)).unwrap();
    let snapshot = db.snapshot();
    let people = opened::<V2>(&db);
    people.migrate().unwrap();
    people.clear().unwrap();
    let before = people.at(&snapshot);
    assert_eq!(before.get(&3).unwrap(), Some(v1(3).into()));
    assert_eq!(before.range(4..).unwrap().next_back().unwrap().unwrap(), v1(9).into());
    assert!(is_incomplete(before.by(V2::NAME).get("name 1")));
}

#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "people")]
struct Other {
    #[emdb(key)]
    id: u64,
    bytes: [u8; 4],
    #[emdb(index)]
    age: u8,
}

#[test]
fn rows_of_another_type_that_had_the_name_are_not_taken_for_the_tables() {
    let db = emdb::Emdb::open_in_memory();
    let bytes = [3, 0, 0, 0];
    opened::<Other>(&db).insert(&Other { id: 1, bytes, age: 3 }).unwrap();
    let snapshot = db.snapshot();
    db.drop_namespace("people").unwrap();
    let people = opened::<Look>(&db);
    assert!(people.at(&snapshot).get(&1).is_err());
}

/// A type that the bytes of the other one can be taken for.
#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "people")]
struct Look {
    #[emdb(key)]
    id: u64,
    alike: (u8, u8, u8, u8, u8),
}
