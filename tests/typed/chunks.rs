//! Calls with many rows, and what of them an error leaves.

use emdb::{Emdb, Table, TableError};

use crate::types::{MANY, indexed};
use crate::verified;

fn table() -> Table<indexed::Person> {
    Table::open(&Emdb::open_in_memory()).unwrap()
}

/// Many people, of whom the one at this position has the name of the first.
fn with_double(at: u64) -> impl Iterator<Item = indexed::Person> {
    (0..MANY).map(move |id| {
        let name = indexed::person(if id == at { 0 } else { id }).name;
        indexed::Person { name, ..indexed::person(id) }
    })
}

#[test]
fn an_error_in_insert_many_leaves_the_chunks_before_it_and_nothing_else() {
    for (double, left) in [(3, 0), (1023, 0), (1024, 1024), (2047, 1024), (2499, 2048)] {
        let people = table();
        let refused = people.insert_many(with_double(double));
        assert!(matches!(refused, Err(TableError::UniqueViolation { .. })));
        assert_eq!(verified(&people), (left, 2 * left));
        assert!(people.keys().unwrap().map(Result::unwrap).eq(0..left));
    }
}

#[test]
fn an_error_in_insert_all_leaves_nothing() {
    let people = table();
    people.insert(&indexed::person(1_000_000)).unwrap();
    let refused = people.insert_all(with_double(MANY - 1));
    assert!(matches!(refused, Err(TableError::UniqueViolation { .. })));
    assert_eq!(verified(&people), (1, 2));
    assert_eq!(people.insert_all((0..MANY).map(indexed::person)).unwrap() as u64, MANY);
    assert_eq!(verified(&people), (MANY + 1, 2 * MANY + 2));
}

#[test]
fn rows_that_replace_each_other_in_one_call_leave_the_entries_of_the_last() {
    let people = table();
    let row = |n: u64| indexed::Person { id: n % 5, ..indexed::person(n) };
    assert_eq!(people.insert_many((0..MANY).map(row)).unwrap() as u64, MANY);
    assert_eq!(verified(&people), (5, 10));
    assert_eq!(people.insert_all((0..3000).map(row)).unwrap(), 3000);
    assert_eq!(verified(&people), (5, 10));
    assert_eq!(people.by(indexed::Person::NAME).get("person 2999").unwrap().unwrap().id, 4);
    assert_eq!(people.by(indexed::Person::NAME).get("person 2994").unwrap(), None);
}

#[test]
fn a_unique_value_that_a_row_left_is_free_for_the_next_one_in_the_call() {
    let people = table();
    people.insert(&indexed::person(1)).unwrap();
    let moved = indexed::Person { id: 1, ..indexed::person(8) };
    let heir = indexed::Person { id: 2, ..indexed::person(1) };
    people.insert_all([moved, heir]).unwrap();
    assert_eq!(people.by(indexed::Person::NAME).get("person 1").unwrap().unwrap().id, 2);
    assert_eq!(verified(&people), (2, 4));
}

#[test]
fn a_large_transaction_is_committed_or_left_as_a_whole() {
    let db = Emdb::open_in_memory();
    let people = Table::<indexed::Person>::open(&db).unwrap();
    people.insert_many((0..50).map(indexed::person)).unwrap();
    for commits in [false, true] {
        let done = db.transaction(|tx| {
            let people = people.with(tx);
            people.insert_many((100..100 + MANY).map(indexed::person))?;
            people.retain(|row| row.id % 2 == 0)?;
            assert_eq!(people.by(indexed::Person::AGE).range(..)?.count(), 1275);
            if commits { Ok(()) } else { Err(TableError::Core(emdb::Error::KeyNotFound)) }
        });
        assert_eq!(done.is_ok(), commits);
        let rows = if commits { 1275 } else { 50 };
        assert_eq!(verified(&people), (rows, 2 * rows));
    }
}
