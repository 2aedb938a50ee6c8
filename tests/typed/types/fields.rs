//! Other fields without another version.

use emdb::{Emdb, Record, Table};
use serde::{Deserialize, Serialize};

use super::{is_mismatch, opened, plain, with_people};

#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "people")]
struct Person {
    #[emdb(key)]
    id: u64,
    age: u16,
    name: String,
    email: Option<String>,
}

#[test]
fn fields_that_changed_are_told_one_by_one_and_nothing_is_changed() {
    let db = with_people(0..3);
    let refused = Table::<Person>::open(&db).unwrap_err();
    let message = refused.to_string();
    for part in [
        "table `people`",
        "field `age`: stored as `u8`, now `u16`",
        "field `badge`: stored as `Option<u32>`, now gone",
        "field `email`: not stored, now `Option<String>`",
    ] {
        assert!(message.contains(part), "no {part:?} in:\n{message}");
    }
    assert!(!message.contains("field `name`") && !message.contains("field `id`"), "{message}");
    assert_eq!(opened::<plain::Person>(&db).get(&1).unwrap(), Some(plain::person(1)));
}

#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "people", key(id, age))]
struct OtherKey {
    id: u64,
    name: String,
    age: u8,
    badge: Option<u32>,
}

#[test]
fn another_key_of_the_same_fields_is_a_difference() {
    let db = with_people(0..3);
    let refused = Table::<OtherKey>::open(&db).unwrap_err().to_string();
    assert!(refused.contains("key: stored `id`, now `id, age`"), "{refused}");
}

#[test]
fn a_type_that_is_refused_leaves_the_handles_of_others_as_they_are() {
    let db = with_people(0..3);
    let people = opened::<plain::Person>(&db);
    assert!(is_mismatch(Table::<Person>::open(&db)));
    people.insert(&plain::person(5)).unwrap();
    assert_eq!(crate::verified(&people), (4, 0));
}

#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "people")]
struct Counted {
    #[emdb(key, auto)]
    id: u64,
    name: String,
    age: u8,
    badge: Option<u32>,
}

#[test]
fn a_key_that_becomes_automatic_goes_on_behind_the_highest() {
    let db = with_people(3..70);
    let people = opened::<Counted>(&db);
    let row = || Counted { id: 0, name: "new".into(), age: 0, badge: None };
    assert_eq!(people.insert_new(row()).unwrap().id, 70);
    // And again after rows that the other type brought.
    let plain = opened::<plain::Person>(&db);
    plain.insert(&plain::person(71)).unwrap();
    plain.insert(&plain::person(90)).unwrap();
    assert_eq!(opened::<Counted>(&db).insert_new(row()).unwrap().id, 91);
}

#[test]
fn rows_of_a_plain_namespace_become_a_table_with_indexes() {
    let source = with_people(0..40);
    let source = opened::<plain::Person>(&source);
    let db = Emdb::open_in_memory();
    let raw = db.namespace("people").unwrap();
    for (key, row) in source.raw().iter().unwrap() {
        raw.insert(key, row).unwrap();
    }
    let people = opened::<super::indexed::Person>(&db);
    assert_eq!(crate::verified(&people), (40, 80));
    assert_eq!(people.last().unwrap().unwrap().id, 39);
}
