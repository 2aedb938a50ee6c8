//! Indexes that come, go and change.

use std::ops::ControlFlow;

use emdb::{Emdb, Error, Progress, Table, TableError};

use super::{
    MANY, badges, indexed, is_cancelled, is_mismatch, main_is_age, main_is_badge, opened, plain,
    sparse_badges, unique_age, unordered, with_people,
};
use crate::verified;

/// A callback that ends a call when it is told so for the `n`th time.
fn break_at(n: usize) -> impl FnMut(Progress) -> ControlFlow<()> {
    let mut calls = 0;
    move |_| {
        calls += 1;
        if calls < n { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

#[test]
fn an_index_that_is_added_is_built_over_the_rows_that_are_there() {
    let db = with_people(0..MANY);
    let mut seen = Vec::new();
    let people = Table::<indexed::Person>::open_with(&db, |progress| {
        assert_eq!(progress.total, MANY);
        seen.push(progress.done);
        ControlFlow::Continue(())
    });
    let people = people.unwrap();
    assert!(seen.len() > 2 && seen.is_sorted() && seen.last() == Some(&MANY), "{seen:?}");
    assert_eq!(verified(&people), (MANY, 2 * MANY));
    assert_eq!(people.by(indexed::Person::AGE).count(7).unwrap() as u64, MANY / 50);
    let found = people.by(indexed::Person::NAME).get("person 2499").unwrap();
    assert_eq!(found, Some(indexed::person(2499)));
}

#[test]
fn entries_are_no_records_of_the_database() {
    let db = with_people(0..MANY);
    opened::<indexed::Person>(&db);
    assert_eq!((db.len().unwrap(), db.total_len().unwrap() as u64), (0, MANY));
}

#[test]
fn opening_again_builds_nothing() {
    let db = with_people(0..MANY);
    opened::<indexed::Person>(&db);
    let again = Table::<indexed::Person>::open_with(&db, |_| panic!("it builds again"));
    assert_eq!(verified(&again.unwrap()), (MANY, 2 * MANY));
}

#[test]
fn a_cancelled_build_goes_on_at_the_next_open() {
    for chunks in 1..=3 {
        let db = with_people(0..MANY);
        assert!(is_cancelled(Table::<indexed::Person>::open_with(&db, break_at(chunks))));
        // Only what is left is counted out in chunks.
        let mut steps = 0;
        let people = Table::<indexed::Person>::open_with(&db, |_| {
            steps += 1;
            ControlFlow::Continue(())
        });
        assert_eq!(steps, 3 - chunks, "chunks that were left after {chunks}");
        assert_eq!(verified(&people.unwrap()), (MANY, 2 * MANY));
    }
}

#[test]
fn a_build_that_goes_on_reports_the_rows_that_are_covered() {
    let db = with_people(0..MANY);
    assert!(is_cancelled(Table::<indexed::Person>::open_with(&db, break_at(2))));
    let mut last = None;
    let go_on = |progress| {
        last = Some(progress);
        ControlFlow::Continue(())
    };
    Table::<indexed::Person>::open_with(&db, go_on).unwrap();
    let last = last.unwrap();
    assert_eq!(last.done, last.total);
}

#[test]
fn a_cancelled_build_goes_on_after_the_file_was_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.emdb");
    let db = Emdb::open(&path).unwrap();
    opened::<plain::Person>(&db).insert_many((0..MANY).map(plain::person)).unwrap();
    for chunks in [1, 1] {
        assert!(is_cancelled(Table::<indexed::Person>::open_with(&db, break_at(chunks))));
    }
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    assert!(is_cancelled(Table::<indexed::Person>::open_with(&db, break_at(1))));
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    let people = opened::<indexed::Person>(&db);
    assert_eq!(verified(&people), (MANY, 2 * MANY));
}

#[test]
fn a_cancelled_build_of_an_unordered_table_begins_anew() {
    let db = Emdb::open_in_memory();
    let rows = (0..MANY).map(plain::person);
    let table = opened::<plain::Person>(&db);
    table.insert_many(rows).unwrap();
    assert!(is_cancelled(Table::<unordered::Person>::open_with(&db, break_at(2))));
    assert_eq!(verified(&opened::<unordered::Person>(&db)), (MANY, MANY));
    // And what an ordered type has begun.
    opened::<plain::Person>(&db);
    assert!(is_cancelled(Table::<indexed::Person>::open_with(&db, break_at(2))));
    assert_eq!(verified(&opened::<unordered::Person>(&db)), (MANY, MANY));
    assert_eq!(verified(&opened::<indexed::Person>(&db)), (MANY, 2 * MANY));
}

#[test]
fn between_a_cancelled_build_and_the_next_the_type_without_the_index_may_write() {
    let db = with_people(0..MANY);
    assert!(is_cancelled(Table::<indexed::Person>::open_with(&db, break_at(2))));
    let plain = opened::<plain::Person>(&db);
    plain.update(&3, |row| row.name = "changed".into()).unwrap();
    plain.remove(&4).unwrap();
    plain.insert(&plain::person(MANY + 1)).unwrap();
    let people = opened::<indexed::Person>(&db);
    assert_eq!(verified(&people), (MANY, 2 * MANY));
    assert_eq!(people.by(indexed::Person::NAME).get("changed").unwrap().unwrap().id, 3);
    assert_eq!(people.by(indexed::Person::NAME).get("person 3").unwrap(), None);
}

#[test]
fn an_index_that_comes_back_knows_what_changed_meanwhile() {
    let db = with_people(0..100);
    opened::<indexed::Person>(&db);
    let plain = opened::<plain::Person>(&db);
    plain.update(&3, |row| (row.name, row.age) = ("changed".into(), 77)).unwrap();
    plain.remove(&4).unwrap();
    plain.insert(&plain::Person { id: 1000, ..plain::person(4) }).unwrap();
    let people = opened::<indexed::Person>(&db);
    assert_eq!(verified(&people), (100, 200));
    assert_eq!(people.by(indexed::Person::NAME).get("person 4").unwrap().unwrap().id, 1000);
    assert_eq!(people.by(indexed::Person::NAME).get("person 3").unwrap(), None);
    let aged = people.by(indexed::Person::AGE).all(77).unwrap();
    assert_eq!(aged.map(|row| row.unwrap().id).collect::<Vec<_>>(), [3]);
}

#[test]
fn an_index_that_comes_back_to_a_table_that_was_emptied_is_empty() {
    let db = with_people(0..100);
    opened::<indexed::Person>(&db);
    let plain = opened::<plain::Person>(&db);
    plain.retain(|_| false).unwrap();
    let people = opened::<indexed::Person>(&db);
    assert_eq!(verified(&people), (0, 0));
    people.insert(&indexed::person(3)).unwrap();
    assert_eq!(verified(&people), (1, 2));
}

#[test]
fn an_index_of_the_same_name_over_another_field_is_built_anew() {
    let db = with_people(0..100);
    let by_age = opened::<main_is_age::Person>(&db);
    assert_eq!(by_age.by(main_is_age::Person::MAIN).count(7).unwrap(), 2);
    let by_badge = opened::<main_is_badge::Person>(&db);
    assert_eq!(verified(&by_badge), (100, 100));
    assert_eq!(by_badge.by(main_is_badge::Person::MAIN).count(None).unwrap(), 50);
    assert_eq!(by_badge.by(main_is_badge::Person::MAIN).count(8).unwrap(), 1);
    assert!(is_mismatch(by_age.by(main_is_age::Person::MAIN).count(7)));
}

#[test]
fn an_index_that_becomes_sparse_is_built_anew() {
    let db = with_people(0..100);
    assert_eq!(verified(&opened::<badges::Person>(&db)), (100, 100));
    let sparse = opened::<sparse_badges::Person>(&db);
    assert_eq!(verified(&sparse), (100, 50));
    assert_eq!(sparse.by(sparse_badges::Person::BADGE).count(None).unwrap(), 0);
    assert_eq!(verified(&opened::<badges::Person>(&db)), (100, 100));
}

#[test]
fn an_index_that_becomes_unique_is_built_anew_and_back() {
    let db = with_people(0..40);
    opened::<unordered::Person>(&db);
    let unique = opened::<unique_age::Person>(&db);
    assert_eq!(verified(&unique), (40, 40));
    assert_eq!(unique.by(unique_age::Person::AGE).get(7).unwrap(), Some(unique_age::person(7)));
    let refused = unique.insert(&unique_age::Person { id: 99, ..unique_age::person(7) });
    assert!(matches!(refused, Err(TableError::UniqueViolation { .. })));
    let multi = opened::<unordered::Person>(&db);
    multi.insert(&unordered::Person { id: 99, ..unordered::person(7) }).unwrap();
    assert_eq!(multi.by(unordered::Person::AGE).count(7).unwrap(), 2);
    assert_eq!(verified(&multi), (41, 41));
}

#[test]
fn a_unique_index_over_rows_with_one_value_is_refused_until_they_differ() {
    for last in [60, MANY] {
        let db = with_people(0..last);
        for _ in 0..2 {
            let refused = Table::<unique_age::Person>::open(&db);
            assert!(
                matches!(refused, Err(TableError::UniqueViolation { ref table, ref index, .. })
                    if table == "people" && index == "age")
            );
        }
        let plain = opened::<plain::Person>(&db);
        assert_eq!(verified(&plain), (last, 0));
        plain.retain(|row| row.id >= last - 40).unwrap();
        assert_eq!(verified(&opened::<unique_age::Person>(&db)), (40, 40));
    }
}

#[test]
fn a_handle_whose_indexes_are_no_longer_kept_is_refused() {
    let db = with_people(0..10);
    let plain = opened::<plain::Person>(&db);
    let other_handle = plain.clone();
    let snapshot = db.snapshot();
    let indexed = opened::<indexed::Person>(&db);
    assert!(is_mismatch(plain.insert(&plain::person(50))));
    assert!(is_mismatch(plain.get(&1)));
    assert!(is_mismatch(plain.iter().map(drop)));
    assert!(is_mismatch(plain.len()));
    assert!(is_mismatch(plain.clear()));
    assert!(is_mismatch(plain.at(&snapshot).len()));
    assert!(is_mismatch(other_handle.remove(&1)));
    assert!(is_mismatch(plain.verify()));
    assert!(is_mismatch(plain.rebuild_indexes()));
    assert!(is_mismatch(plain.migrate()));
    let done = db.transaction(|tx| plain.with(tx).remove(&1));
    assert!(is_mismatch(done));
    assert_eq!(verified(&indexed), (10, 20));
    // As soon as the table is its type's again, it may go on.
    let again = opened::<plain::Person>(&db);
    assert!(is_mismatch(indexed.by(indexed::Person::NAME).get("person 1")));
    plain.insert(&plain::person(50)).unwrap();
    assert_eq!(again.len().unwrap(), 11);
}

#[test]
fn a_handle_is_refused_while_its_index_is_half_built_again() {
    let db = with_people(0..MANY);
    let people = opened::<indexed::Person>(&db);
    opened::<plain::Person>(&db);
    assert!(is_cancelled(Table::<indexed::Person>::open_with(&db, break_at(2))));
    assert!(is_mismatch(people.by(indexed::Person::AGE).count(7)));
    assert!(is_mismatch(people.insert(&indexed::person(1))));
    opened::<indexed::Person>(&db);
    assert_eq!(people.by(indexed::Person::AGE).count(7).unwrap() as u64, MANY / 50);
    assert_eq!(verified(&people), (MANY, 2 * MANY));
}

#[test]
fn a_handle_is_refused_after_a_build_that_failed() {
    let db = with_people(0..60);
    let plain = opened::<plain::Person>(&db);
    assert!(Table::<unique_age::Person>::open(&db).is_err());
    assert!(is_mismatch(plain.insert(&plain::person(99))));
    opened::<plain::Person>(&db);
    plain.insert(&plain::person(99)).unwrap();
    assert_eq!(verified(&plain), (61, 0));
}

#[test]
fn inside_of_a_transaction_a_table_that_needs_nothing_opens() {
    let db = with_people(0..3);
    db.transaction(|tx| -> Result<(), TableError> {
        let people = Table::<plain::Person>::open(&db)?;
        people.with(tx).insert(&plain::person(7))?;
        let refused = Table::<indexed::Person>::open(&db);
        assert!(matches!(refused, Err(TableError::Core(Error::TransactionActive))));
        people.with(tx).insert(&plain::person(8)).map(drop)
    })
    .unwrap();
    assert_eq!(verified(&opened::<plain::Person>(&db)), (5, 0));
    assert_eq!(verified(&opened::<indexed::Person>(&db)), (5, 10));
}

#[test]
fn a_namespace_that_was_dropped_begins_anew_for_any_type() {
    let db = with_people(0..10);
    let old = opened::<indexed::Person>(&db);
    assert!(db.drop_namespace("people").unwrap());
    let new = opened::<unique_age::Person>(&db);
    let is_dropped = |done: Result<(), TableError>| {
        matches!(done, Err(TableError::Core(Error::NamespaceDropped)))
    };
    assert!(is_dropped(old.get(&1).map(drop)));
    assert!(is_dropped(old.insert(&indexed::person(1)).map(drop)));
    assert!(is_dropped(old.iter().map(drop)));
    assert!(is_dropped(old.by(indexed::Person::NAME).get("person 1").map(drop)));
    assert!(is_dropped(old.by(indexed::Person::AGE).all(1).map(drop)));
    assert!(is_dropped(old.verify().map(drop)));
    assert!(is_dropped(db.transaction(|tx| old.with(tx).insert(&indexed::person(1)).map(drop))));
    assert_eq!(verified(&new), (0, 0));
    new.insert(&unique_age::person(1)).unwrap();
    assert_eq!(verified(&new), (1, 1));
}

#[test]
fn a_namespace_that_is_dropped_during_a_build_fails_it() {
    let db = with_people(0..MANY);
    let built = Table::<indexed::Person>::open_with(&db, |_| {
        db.drop_namespace("people").unwrap();
        ControlFlow::Continue(())
    });
    assert!(matches!(built, Err(TableError::Core(Error::NamespaceDropped))));
    let people = opened::<plain::Person>(&db);
    assert_eq!(verified(&people), (0, 0));
}

#[test]
fn a_table_is_found_again_with_its_indexes_after_a_reopen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.emdb");
    let db = Emdb::open(&path).unwrap();
    opened::<indexed::Person>(&db).insert_many((0..100).map(indexed::person)).unwrap();
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    // Before the table is opened.
    let snapshot = db.snapshot();
    let people = Table::<indexed::Person>::open_with(&db, |_| panic!("it builds again")).unwrap();
    people.retain(|row| row.id < 10).unwrap();
    let before = people.at(&snapshot);
    assert_eq!(before.range(40..).unwrap().rev().count(), 60);
    assert_eq!(before.by(indexed::Person::AGE).range(..).unwrap().count(), 100);
    assert_eq!(before.by(indexed::Person::NAME).get("person 99").unwrap().unwrap().id, 99);
    assert_eq!(verified(&people), (10, 20));
}

#[cfg(feature = "ttl")]
mod expiring {
    use std::time::Duration;

    use emdb::Ttl;
    use emdb_core::internal::{ManualClock, with_clock};

    use super::*;

    /// Rows that expire in a second, beginning with this one.
    const FLEETING: u64 = 2000;

    fn with_fleeting_people() -> (Emdb, ManualClock) {
        let clock = ManualClock::new(1000);
        let db = with_clock(Emdb::builder(), clock.clone()).build().unwrap();
        let plain = opened::<plain::Person>(&db);
        plain.insert_many((0..FLEETING).map(plain::person)).unwrap();
        for id in FLEETING..MANY {
            let ttl = Ttl::Duration(Duration::from_millis(1000));
            plain.insert_with_ttl(&plain::person(id), ttl).unwrap();
        }
        (db, clock)
    }

    #[test]
    fn entries_that_are_built_expire_with_their_rows() {
        let (db, clock) = with_fleeting_people();
        let people = opened::<indexed::Person>(&db);
        assert_eq!(verified(&people), (MANY, 2 * MANY));
        clock.set(2000);
        assert_eq!(verified(&people), (FLEETING, 2 * FLEETING));
        db.sweep_expired();
        assert_eq!(verified(&people), (FLEETING, 2 * FLEETING));
        people.insert(&indexed::Person { id: 7, ..indexed::person(FLEETING) }).unwrap();
    }

    #[test]
    fn rows_that_expire_during_a_build_leave_no_entries() {
        let (db, clock) = with_fleeting_people();
        let people = Table::<indexed::Person>::open_with(&db, |_| {
            clock.set(2000);
            ControlFlow::Continue(())
        });
        assert_eq!(verified(&people.unwrap()), (FLEETING, 2 * FLEETING));
    }

    #[test]
    fn rows_that_are_swept_during_a_build_leave_no_entries() {
        let (db, clock) = with_fleeting_people();
        let people = Table::<indexed::Person>::open_with(&db, |_| {
            clock.set(2000);
            db.sweep_expired();
            ControlFlow::Continue(())
        });
        assert_eq!(verified(&people.unwrap()), (FLEETING, 2 * FLEETING));
    }

    #[test]
    fn a_row_that_is_expired_from_the_start_takes_no_unique_value_in_a_batch() {
        let (db, _) = with_fleeting_people();
        let sessions = opened::<Session>(&db);
        let rows = [(1, 999), (2, 5000)].map(|(id, until)| Session { id, code: 7, until });
        sessions.insert(&rows[0]).unwrap();
        sessions.insert(&rows[1]).unwrap();
        sessions.clear().unwrap();
        sessions.insert_all(&rows).unwrap();
        assert_eq!(sessions.by(Session::CODE).get(7).unwrap().unwrap().id, 2);
        assert_eq!(verified(&sessions), (1, 1));
    }

    #[derive(Debug, serde::Serialize, serde::Deserialize, emdb::Record)]
    struct Session {
        #[emdb(key)]
        id: u64,
        #[emdb(unique)]
        code: u8,
        #[emdb(expires_at)]
        until: u64,
    }

    #[test]
    fn a_clock_that_was_set_back_before_a_reopen_shows_no_entries_without_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.emdb");
        let open = |now| {
            let builder = Emdb::builder().path(&path);
            let db = with_clock(builder, ManualClock::new(now)).build().unwrap();
            let sessions = opened::<Session>(&db);
            (db, sessions)
        };
        {
            let (_db, sessions) = open(1000);
            sessions.insert(&Session { id: 1, code: 7, until: 2000 }).unwrap();
        }
        {
            let (_db, sessions) = open(3000);
            sessions.insert(&Session { id: 1, code: 8, until: 9000 }).unwrap();
        }
        let (_db, sessions) = open(1500);
        assert_eq!(verified(&sessions), (1, 1));
        assert!(sessions.by(Session::CODE).get(7).unwrap().is_none());
    }
}
