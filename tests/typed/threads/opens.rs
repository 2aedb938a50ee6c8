//! Opens that change a table beside those who read it.

use super::*;

#[test]
fn a_read_while_an_index_comes_does_not_let_later_writes_in() {
    for _ in 0..rounds(300) {
        let db = Emdb::open_in_memory();
        let old = Table::<plain::Person>::open(&db).unwrap();
        old.insert_many((0..3).map(plain::person)).unwrap();
        let new = opened_beside_reads(&db, || drop(old.get(&1)));
        assert!(is_refused(&old.insert(&plain::person(7))), "an unindexed row came in");
        assert_eq!(verified::<indexed::Person>(&new), (3, 6));
    }
}

#[test]
fn a_read_while_the_version_is_raised_does_not_let_later_writes_in() {
    for _ in 0..rounds(300) {
        let db = Emdb::open_in_memory();
        let old = Table::<V1>::open(&db).unwrap();
        old.insert_many((0..3).map(v1)).unwrap();
        let new = opened_beside_reads(&db, || {
            let read = old.get(&1);
            assert!(is_refused(&read) || read.unwrap() == Some(v1(1)));
        });
        assert!(is_refused(&old.insert(&v1(7))), "a row of the older version came in");
        assert_eq!(verified::<V2>(&new), (3, 6));
    }
}

/// Opens a table while others read.
fn opened_beside_reads<T: Record>(db: &Emdb, read: impl Fn() + Sync) -> Table<T> {
    let (start, done) = (Barrier::new(3), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                start.wait();
                while !done.load(Ordering::Acquire) {
                    read();
                }
            });
        }
        start.wait();
        let table = Table::open(db);
        done.store(true, Ordering::Release);
        table.unwrap()
    })
}

#[test]
fn a_lookup_while_its_index_goes_finds_the_row_or_is_refused() {
    let db = Emdb::open_in_memory();
    let people = Table::<indexed::Person>::open(&db).unwrap();
    people.insert_many((0..50).map(indexed::person)).unwrap();
    for _ in 0..rounds(300) {
        opened_beside_reads::<plain::Person>(&db, || {
            let found = people.by(indexed::Person::NAME).get("person 7");
            assert!(is_refused(&found) || found.unwrap().is_some(), "the row is there");
            let count = people.by(indexed::Person::AGE).range(..).map(Iterator::count);
            assert!(is_refused(&count) || count.unwrap() == 50, "the rows are there");
        });
        let again = Table::<indexed::Person>::open(&db).unwrap();
        assert_eq!(verified(&again), (50, 100));
    }
}
