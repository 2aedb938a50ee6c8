//! Later versions of a type.

use std::ops::ControlFlow;

use emdb::{Emdb, Record, Table, TableError};
use serde::{Deserialize, Serialize};

use super::{MANY, is_cancelled, is_mismatch, opened};
use crate::{go_on, verified};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "people")]
pub(crate) struct V1 {
    #[emdb(key)]
    id: u64,
    name: String,
    #[emdb(index)]
    age: u8,
}

/// The same fields otherwise, in another order; an index went, others came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "people", version = 2, from = V1)]
pub(crate) struct V2 {
    born: u16,
    #[emdb(key)]
    id: u64,
    #[emdb(unique)]
    pub(crate) name: String,
    #[emdb(index)]
    age: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "people", version = 3, from = V2)]
#[emdb(index(name = "by_initial", fields(initial, born)))]
struct V3 {
    #[emdb(key)]
    id: u64,
    name: String,
    initial: char,
    born: u16,
}

impl From<V1> for V2 {
    fn from(old: V1) -> V2 {
        let name = old.name.replace("person", "name");
        V2 { born: 2000 - u16::from(old.age), id: old.id, name, age: 1000 + u64::from(old.age) }
    }
}

impl From<V2> for V3 {
    fn from(old: V2) -> V3 {
        let initial = old.name.chars().next().unwrap_or('?');
        V3 { id: old.id, name: old.name, initial, born: old.born }
    }
}

pub(crate) fn v1(id: u64) -> V1 {
    V1 { id, name: format!("person {id}"), age: (id % 50) as u8 }
}

pub(crate) fn v2(id: u64) -> V2 {
    v1(id).into()
}

fn v3(id: u64) -> V3 {
    v2(id).into()
}

fn with_v1(ids: std::ops::Range<u64>) -> Emdb {
    let db = Emdb::open_in_memory();
    opened::<V1>(&db).insert_many(ids.map(v1)).unwrap();
    db
}

fn is_newer<R>(done: Result<R, TableError>, versions: (u32, u32)) -> bool {
    matches!(done, Err(TableError::SchemaNewer { stored, ours, .. }) if (stored, ours) == versions)
}

fn check_v2(people: &Table<V2>) {
    assert_eq!(verified(people), (100, 200));
    assert_eq!(people.get(&7).unwrap(), Some(v2(7)));
    assert_eq!(people.get_with(&7, |row| row.name.len()).unwrap(), Some(6));
    assert_eq!(
        people.range(40..43).unwrap().map(Result::unwrap).collect::<Vec<_>>(),
        [40, 41, 42].map(v2)
    );
    assert_eq!(people.iter().unwrap().next_back().unwrap().unwrap(), v2(99));
    assert_eq!(people.by(V2::NAME).get("name 8").unwrap(), Some(v2(8)));
    assert_eq!(people.by(V2::NAME).get("person 8").unwrap(), None);
    assert_eq!(people.by(V2::AGE).count(1007).unwrap(), 2);
    assert_eq!(people.by(V2::AGE).count(7).unwrap(), 0);
}

#[test]
fn rows_of_an_older_version_are_read_upgraded_before_and_after_migrate() {
    let db = with_v1(0..100);
    let people = opened::<V2>(&db);
    check_v2(&people);
    let report = people.migrate().unwrap();
    assert_eq!((report.rows, report.migrated), (100, 100));
    check_v2(&people);
    assert_eq!(people.migrate().unwrap().migrated, 0);
    assert_eq!(people.rebuild_indexes().unwrap(), 0);
}

#[test]
fn rows_of_several_versions_lie_in_one_table() {
    let db = with_v1(0..30);
    let second = opened::<V2>(&db);
    second.update(&3, |row| row.age = 5).unwrap();
    second.insert_many((30..60).map(v2)).unwrap();
    let third = opened::<V3>(&db);
    third.insert_many((60..90).map(v3)).unwrap();
    third.remove(&10).unwrap();
    third.update(&11, |row| row.initial = 'z').unwrap();
    assert!(is_newer(second.get(&1), (3, 2)));
    for migrated in [58, 0] {
        assert_eq!(verified(&third), (89, 89));
        assert_eq!(third.by(V3::BY_INITIAL).prefix(&('n',)).unwrap().count(), 88);
        assert_eq!(third.by(V3::BY_INITIAL).count(('z', 1989)).unwrap(), 1);
        for id in [0, 5, 35, 65] {
            assert_eq!(third.get(&id).unwrap(), Some(v3(id)));
        }
        let report = third.migrate().unwrap();
        assert_eq!((report.rows, report.migrated), (89, migrated));
    }
}

#[test]
fn a_version_may_be_skipped() {
    let db = with_v1(0..100);
    let people = opened::<V3>(&db);
    assert_eq!(verified(&people), (100, 100));
    assert_eq!(people.migrate().unwrap().migrated, 100);
    assert_eq!(people.last().unwrap(), Some(v3(99)));
    assert_eq!(verified(&people), (100, 100));
}

#[test]
fn handles_and_types_of_an_older_version_are_refused() {
    let db = with_v1(0..10);
    let old = opened::<V1>(&db);
    let snapshot = db.snapshot();
    let people = opened::<V2>(&db);
    let versions = (2, 1);
    assert!(is_newer(old.get(&1), versions));
    assert!(is_newer(old.get_with(&1, |_| ()), versions));
    assert!(is_newer(old.get_many([1]), versions));
    assert!(is_newer(old.contains_key(&1), versions));
    assert!(is_newer(old.len(), versions));
    assert!(is_newer(old.first(), versions));
    assert!(is_newer(old.iter().map(drop), versions));
    assert!(is_newer(old.keys().map(drop), versions));
    assert!(is_newer(old.range(..).map(drop), versions));
    assert!(is_newer(old.page(None, 1), versions));
    assert!(is_newer(old.by(V1::AGE).count(1), versions));
    assert!(is_newer(old.by(V1::AGE).all(1).map(drop), versions));
    assert!(is_newer(old.at(&snapshot).get(&1), versions));
    assert!(is_newer(old.insert(&v1(1)), versions));
    assert!(is_newer(old.try_insert(&v1(99)), versions));
    assert!(is_newer(old.insert_many([v1(1)]), versions));
    assert!(is_newer(old.insert_all([v1(1)]), versions));
    assert!(is_newer(old.update(&1, |_| ()), versions));
    assert!(is_newer(old.upsert(&1, || v1(1), |_| ()), versions));
    assert!(is_newer(old.remove(&1), versions));
    assert!(is_newer(old.retain(|_| false), versions));
    assert!(is_newer(old.clear(), versions));
    assert!(is_newer(old.migrate(), versions));
    assert!(is_newer(old.verify(), versions));
    assert!(is_newer(old.rebuild_indexes(), versions));
    assert!(is_newer(db.transaction(|tx| old.with(tx).remove(&1)), versions));
    assert!(is_newer(Table::<V1>::open(&db), versions));
    assert_eq!(verified(&people), (10, 20));
}

#[test]
fn a_raise_that_was_cancelled_goes_on_or_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.emdb");
    let db = Emdb::open(&path).unwrap();
    opened::<V1>(&db).insert_many((0..MANY).map(v1)).unwrap();
    let cancelled = Table::<V2>::open_with(&db, |progress| {
        if progress.done < 2000 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert!(is_cancelled(cancelled));
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    let people = opened::<V2>(&db);
    assert_eq!(verified(&people), (MANY, 2 * MANY));
    assert!(is_newer(Table::<V1>::open(&db), (2, 1)));

    let db = Emdb::open_in_memory();
    let old = opened::<V1>(&db);
    old.insert_many((0..MANY).map(v1)).unwrap();
    let before = verified(&old);
    assert!(is_cancelled(Table::<V2>::open_with(&db, |_| ControlFlow::Break(()))));
    assert!(is_newer(old.get(&1), (2, 1)));
    assert_eq!(verified(&opened::<V1>(&db)), before);
    old.insert(&v1(MANY)).unwrap();
}

#[test]
fn a_migration_that_was_cancelled_goes_on() {
    let db = with_v1(0..MANY);
    let people = opened::<V2>(&db);
    let cancelled = people.migrate_with(|progress| {
        if progress.done < 2000 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert!(is_cancelled(cancelled));
    assert_eq!(verified(&people), (MANY, 2 * MANY));
    let report = people.migrate_with(go_on).unwrap();
    assert_eq!((report.rows, report.migrated), (MANY, MANY - 2048));
    assert_eq!(verified(&people), (MANY, 2 * MANY));
}

#[test]
fn rows_are_upgraded_in_a_transaction() {
    let db = with_v1(0..10);
    let people = opened::<V2>(&db);
    db.transaction(|tx| -> Result<(), TableError> {
        let people = people.with(tx);
        assert_eq!(people.get(&3)?, Some(v2(3)));
        people.update(&3, |row| row.name = "other".into())?;
        assert_eq!(people.by(V2::NAME).get("name 3")?, None);
        assert_eq!(people.by(V2::NAME).get("other")?.map(|row| row.id), Some(3));
        assert_eq!(people.remove(&4)?, Some(v2(4)));
        assert_eq!(people.by(V2::AGE).range(..)?.count(), 9);
        Ok(())
    })
    .unwrap();
    assert_eq!(verified(&people), (9, 18));
    assert_eq!(people.migrate().unwrap().migrated, 8);
    assert_eq!(verified(&people), (9, 18));
}

/// Not what version 1 was.
#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "people")]
struct NotV1 {
    #[emdb(key)]
    id: u64,
    name: String,
    age: u32,
}

#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "people", version = 2, from = NotV1)]
struct NotV2 {
    #[emdb(key)]
    id: u64,
}

impl From<NotV1> for NotV2 {
    fn from(old: NotV1) -> NotV2 {
        NotV2 { id: old.id }
    }
}

#[test]
fn a_version_from_another_type_than_the_stored_is_refused() {
    let db = with_v1(0..10);
    let refused = Table::<NotV2>::open(&db).unwrap_err();
    assert!(refused.to_string().contains("field `age`: stored as `u8`, now `u32`"), "{refused}");
    assert!(is_mismatch::<()>(Err(refused)));
    assert_eq!(verified(&opened::<V1>(&db)), (10, 10));
}

/// An upgrade after which rows have one value in a unique index.
#[derive(Debug, Serialize, Deserialize, Record)]
#[emdb(namespace = "people", version = 2, from = V1)]
struct Clash {
    #[emdb(key)]
    id: u64,
    #[emdb(unique)]
    age: u8,
}

impl From<V1> for Clash {
    fn from(old: V1) -> Clash {
        Clash { id: old.id, age: old.age }
    }
}

#[test]
fn a_raise_that_fails_leaves_the_table_to_the_type_that_it_had() {
    let db = with_v1(0..100);
    let refused = Table::<Clash>::open(&db);
    assert!(matches!(refused, Err(TableError::UniqueViolation { .. })));
    let people = opened::<V1>(&db);
    people.retain(|row| row.id < 50).unwrap();
    assert_eq!(verified(&opened::<Clash>(&db)), (50, 50));
}

#[cfg(feature = "ttl")]
mod expiring {
    use std::time::Duration;

    use emdb::Ttl;
    use emdb_core::internal::{ManualClock, with_clock};

    use super::*;

    fn with_fleeting_rows() -> (Emdb, ManualClock) {
        let clock = ManualClock::new(1000);
        let db = with_clock(Emdb::builder(), clock.clone()).build().unwrap();
        let people = opened::<V1>(&db);
        for id in 0..100 {
            let ttl = Ttl::Duration(Duration::from_millis(10 * (id % 5)));
            let ttl = if id % 5 == 0 { Ttl::None } else { ttl };
            people.insert_with_ttl(&v1(id), ttl).unwrap();
        }
        (db, clock)
    }

    #[test]
    fn migrate_keeps_expiries() {
        let (db, clock) = with_fleeting_rows();
        let people = opened::<V2>(&db);
        clock.set(1010);
        let report = people.migrate().unwrap();
        assert_eq!((report.rows, report.migrated), (80, 80));
        let expiry = |id: u64| people.expires_at(&id).unwrap();
        assert_eq!((expiry(0), expiry(2), expiry(4)), (None, Some(1020), Some(1040)));
        assert_eq!(verified(&people), (80, 160));
        clock.set(1040);
        assert_eq!(verified(&people), (20, 40));
        db.sweep_expired();
        assert_eq!(verified(&people), (20, 40));
        assert_eq!(people.len().unwrap(), 20);
    }

    #[test]
    fn an_update_of_an_older_row_keeps_its_expiry() {
        let (db, clock) = with_fleeting_rows();
        let people = opened::<V2>(&db);
        people.update(&4, |row| row.name = "other".into()).unwrap();
        assert_eq!(people.expires_at(&4).unwrap(), Some(1040));
        clock.set(1040);
        assert_eq!(people.by(V2::NAME).get("other").unwrap(), None);
        assert_eq!(verified(&people), (20, 40));
    }

    #[test]
    fn rows_that_are_swept_while_the_version_is_raised_leave_no_entries() {
        let (db, clock) = with_fleeting_rows();
        opened::<V1>(&db).insert_many((1000..4000).map(v1)).unwrap();
        opened::<V1>(&db).retain(|row| row.id % 5 == 0 || row.id > 50).unwrap();
        for id in 5000..5100 {
            let ttl = Ttl::Duration(Duration::from_millis(10));
            opened::<V1>(&db).insert_with_ttl(&v1(id), ttl).unwrap();
        }
        let people = Table::<V2>::open_with(&db, |_| {
            clock.set(1040);
            db.sweep_expired();
            ControlFlow::Continue(())
        });
        let people = people.unwrap();
        let rows = people.iter().unwrap().count() as u64;
        assert_eq!(verified(&people), (rows, 2 * rows));
    }
}
