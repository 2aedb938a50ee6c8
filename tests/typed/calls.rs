//! The calls of a table, one behaviour a test.

mod automatic_keys;
mod retain;

use std::collections::BTreeSet;

use emdb::{Emdb, Error, Record, Table, TableError};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "users")]
#[emdb(index(name = "by_org_age", fields(org, age)))]
#[emdb(index(name = "adults", fields(age), filter = User::is_adult))]
struct User {
    #[emdb(key)]
    id: u64,
    #[emdb(unique)]
    email: String,
    #[emdb(unique(sparse))]
    badge: Option<u32>,
    #[emdb(index)]
    org: Option<u64>,
    #[emdb(index(each))]
    tags: Vec<String>,
    age: u8,
    #[serde(with = "serde_bytes_like")]
    blob: Vec<u8>,
}

mod serde_bytes_like {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        bytes.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        Vec::deserialize(deserializer)
    }
}

impl User {
    fn is_adult(&self) -> bool {
        self.age >= 18
    }
}

fn user(id: u64) -> User {
    User {
        id,
        email: format!("user{id}@example.org"),
        badge: id.is_multiple_of(2).then_some(id as u32),
        org: (!id.is_multiple_of(3)).then_some(id % 3),
        tags: vec![format!("t{}", id % 4), "all".into(), "all".into()],
        age: (id % 30) as u8,
        blob: vec![id as u8; 3],
    }
}

fn filled(db: &Emdb, ids: std::ops::Range<u64>) -> Table<User> {
    let users = Table::<User>::open(db).unwrap();
    users.insert_many(ids.map(user)).unwrap();
    assert!(users.verify().unwrap().is_ok());
    users
}

fn ids(rows: impl Iterator<Item = Result<User, TableError>>) -> Vec<u64> {
    rows.map(|row| row.unwrap().id).collect()
}

#[test]
fn every_index_finds_its_rows() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..60);
    assert_eq!(users.by(User::EMAIL).get("user7@example.org").unwrap(), Some(user(7)));
    assert_eq!(users.by(User::EMAIL).get("nobody").unwrap(), None);
    assert_eq!(users.by(User::BADGE).get(8).unwrap(), Some(user(8)));
    assert_eq!(users.by(User::BADGE).get(Some(8)).unwrap(), Some(user(8)));
    assert_eq!(users.by(User::BADGE).get(None).unwrap(), None);
    let orgs = users.by(User::ORG);
    assert_eq!(ids(orgs.all(1).unwrap()), (0..60).filter(|id| id % 3 == 1).collect::<Vec<_>>());
    assert_eq!(orgs.count(&None).unwrap(), 20);
    assert_eq!(orgs.range(Some(2)..).unwrap().count(), 20);
    assert_eq!(users.by(User::TAGS).count("all").unwrap(), 60);
    assert_eq!(users.by(User::TAGS).count("t1").unwrap(), 15);
    let adults = users.by(User::ADULTS);
    assert_eq!(adults.range(..).unwrap().count(), 24);
    assert_eq!(adults.count(17).unwrap(), 0);
    let mut expected: Vec<u64> = (0..60).filter(|id| id % 3 == 1).collect();
    expected.sort_by_key(|id| (id % 30, *id));
    let found = users.by(User::BY_ORG_AGE).prefix(&(Some(1),)).unwrap();
    assert_eq!(ids(found), expected);
    expected.reverse();
    let found = users.by(User::BY_ORG_AGE).prefix(&(1,)).unwrap().rev();
    assert_eq!(ids(found), expected);
    let keys = users.by(User::BY_ORG_AGE).keys((Some(1), 7)).unwrap();
    assert_eq!(keys.collect::<Result<Vec<_>, _>>().unwrap(), [7, 37]);
}

#[test]
fn a_unique_value_is_taken_once() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..4);
    let mut double = user(9);
    double.email = user(2).email;
    let refused = users.insert(&double);
    assert!(
        matches!(refused, Err(TableError::UniqueViolation { ref index, .. }) if index == "email")
    );
    assert!(!users.contains_key(&9).unwrap());
    // The row itself may keep it, and who left it makes room.
    users.insert(&user(2)).unwrap();
    users.update(&2, |user| user.email = "other".into()).unwrap();
    users.insert(&double).unwrap();
    assert!(users.verify().unwrap().is_ok());
    // Also within one chunk.
    let refused = users.insert_all([user(20), User { id: 21, ..user(20) }]);
    assert!(matches!(refused, Err(TableError::UniqueViolation { .. })));
    assert!(!users.contains_key(&20).unwrap());
}

#[test]
fn a_failed_call_in_a_transaction_leaves_nothing_of_itself() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..4);
    db.transaction(|tx| -> Result<(), TableError> {
        let users = users.with(tx);
        users.insert(&user(10))?;
        let refused = users.insert_all([user(11), User { id: 12, ..user(1) }]);
        assert!(matches!(refused, Err(TableError::UniqueViolation { .. })));
        assert!(!users.contains_key(&11)?);
        assert_eq!(users.by(User::EMAIL).get(&*user(10).email)?, Some(user(10)));
        assert_eq!(users.by(User::TAGS).count("all")?, 5);
        Ok(())
    })
    .unwrap();
    assert_eq!(users.len().unwrap(), 5);
    assert!(users.verify().unwrap().is_ok());
}

#[test]
fn a_transaction_that_fails_leaves_nothing() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..4);
    let done = db.transaction(|tx| -> Result<(), TableError> {
        let users = users.with(tx);
        users.clear()?;
        assert!(users.is_empty()?);
        assert_eq!(users.by(User::EMAIL).get(&*user(1).email)?, None);
        assert_eq!(users.by(User::TAGS).count("all")?, 0);
        users.insert(&user(50))?;
        assert_eq!(ids(users.by(User::TAGS).all("all")?), [50]);
        Err(Error::KeyNotFound.into())
    });
    assert!(done.is_err());
    assert_eq!(users.len().unwrap(), 4);
    assert!(users.verify().unwrap().is_ok());
}

#[test]
fn a_cleared_table_has_no_entries_and_can_be_filled_in_the_same_transaction() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..40);
    db.transaction(|tx| -> Result<(), TableError> {
        let users = users.with(tx);
        users.clear()?;
        users.insert(&user(3))?;
        Ok(())
    })
    .unwrap();
    assert_eq!(ids(users.iter().unwrap()), [3]);
    assert_eq!(ids(users.by(User::TAGS).all("all").unwrap()), [3]);
    users.clear().unwrap();
    assert!(users.is_empty().unwrap());
    let report = users.verify().unwrap();
    assert!(report.is_ok());
    assert_eq!((report.rows, report.entries), (0, 0));
}

#[test]
fn an_update_moves_the_entries() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..10);
    let changed = users.update(&3, |user| {
        user.tags = vec!["new".into()];
        user.age = 99;
    });
    assert_eq!(changed.unwrap().unwrap().age, 99);
    assert_eq!(users.update(&99, |_| unreachable!()).unwrap(), None);
    assert_eq!(ids(users.by(User::TAGS).all("new").unwrap()), [3]);
    assert_eq!(users.by(User::TAGS).count("all").unwrap(), 9);
    assert_eq!(ids(users.by(User::ADULTS).all(99).unwrap()), [3]);
    let refused = users.update(&3, |user| user.id = 4);
    assert!(matches!(refused, Err(TableError::Invalid { .. })));
    assert!(users.verify().unwrap().is_ok());
}

#[test]
fn upsert_makes_or_modifies() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..1);
    assert_eq!(users.upsert(&5, || user(5), |_| unreachable!()).unwrap(), user(5));
    let changed = users.upsert(&5, || unreachable!(), |user| user.age = 1).unwrap();
    assert_eq!(changed.age, 1);
    let refused = users.upsert(&6, || user(7), |_| ());
    assert!(matches!(refused, Err(TableError::Invalid { .. })));
    assert!(users.verify().unwrap().is_ok());
}

#[test]
fn a_write_inside_of_a_callback_is_refused_and_a_read_is_not() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..3);
    users
        .update(&1, |_| {
            assert_eq!(users.get(&2).unwrap(), Some(user(2)));
            let refused = users.insert(&user(7));
            assert!(matches!(refused, Err(TableError::Core(Error::TransactionActive))));
        })
        .unwrap();
    db.transaction(|tx| -> Result<(), TableError> {
        let users = users.with(tx);
        users.update(&1, |row| {
            row.age = 77;
            assert_eq!(users.get(&2).unwrap(), Some(user(2)));
            users.get_with(&2, |two| assert!(users.contains_key(&two.id).unwrap())).unwrap();
        })?;
        Ok(())
    })
    .unwrap();
    assert_eq!(users.get(&1).unwrap().unwrap().age, 77);
}

#[test]
fn try_insert_refuses_a_key_that_is_there() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..1);
    assert!(matches!(users.try_insert(&user(0)), Err(TableError::Occupied { .. })));
    users.try_insert(&user(1)).unwrap();
    assert_eq!(users.len().unwrap(), 2);
}

#[test]
fn insert_gives_the_replaced_row_and_remove_the_removed_one() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..1);
    assert_eq!(users.insert(&User { age: 50, ..user(0) }).unwrap(), Some(user(0)));
    assert_eq!(users.remove(&0).unwrap().unwrap().age, 50);
    assert_eq!(users.remove(&0).unwrap(), None);
    let report = users.verify().unwrap();
    assert_eq!((report.is_ok(), report.entries), (true, 0));
}

#[test]
fn walks_go_both_ways_and_pages_meet() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..25);
    assert_eq!(ids(users.range(5..8).unwrap()), [5, 6, 7]);
    assert_eq!(ids(users.range(..=2).unwrap().rev()), [2, 1, 0]);
    assert_eq!(users.first().unwrap().unwrap().id, 0);
    assert_eq!(users.last().unwrap().unwrap().id, 24);
    let mut walk = users.iter().unwrap();
    let both = (walk.next().unwrap().unwrap().id, walk.next_back().unwrap().unwrap().id);
    assert_eq!(both, (0, 24));
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = users.page(after.as_ref(), 10).unwrap();
        seen.extend(page.rows.iter().map(|user| user.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..25).collect::<Vec<_>>());
    let keys = users.keys().unwrap().rev().take(2).collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(keys, [24, 23]);
    assert_eq!(users.get_many([3, 99]).unwrap(), [Some(user(3)), None]);
    assert_eq!(users.get_many(&[4]).unwrap(), [Some(user(4))]);
}

#[test]
fn a_snapshot_keeps_rows_and_indexes() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..10);
    let snapshot = db.snapshot();
    users.update(&3, |user| user.email = "new".into()).unwrap();
    users.remove(&4).unwrap();
    let before = users.at(&snapshot);
    assert_eq!(before.len().unwrap(), 10);
    assert_eq!(before.by(User::EMAIL).get(&*user(3).email).unwrap(), Some(user(3)));
    assert_eq!(before.by(User::EMAIL).get("new").unwrap(), None);
    assert_eq!(before.by(User::TAGS).count("all").unwrap(), 10);
    assert_eq!(ids(before.range(3..5).unwrap()), [3, 4]);
}

#[test]
fn internal_namespaces_do_not_show() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..10);
    assert_eq!(db.list_namespaces().unwrap(), ["users"]);
    assert_eq!(users.raw().len().unwrap(), 10);
    users.raw().clear().unwrap();
    assert_eq!(users.by(User::TAGS).count("all").unwrap(), 0);
}

#[test]
fn what_raw_writes_left_is_found_and_repaired() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..10);
    let other = Emdb::open_in_memory();
    let source = filled(&other, 0..20);
    // One row goes, one comes, and one changes, all behind the indexes' back.
    users.raw().remove(4_u64.to_be_bytes()).unwrap();
    let copy = |from: u64, to: u64| {
        let row = source.raw().get(from.to_be_bytes()).unwrap().unwrap();
        users.raw().insert(to.to_be_bytes(), row).unwrap();
    };
    copy(15, 15);
    source.insert(&User { age: 28, ..user(3) }).unwrap();
    copy(3, 3);
    let report = users.verify().unwrap();
    assert!(!report.is_ok());
    let stale = users.by(User::EMAIL).get(&*user(4).email);
    assert!(matches!(stale, Err(TableError::StaleIndex { .. })));
    assert!(users.rebuild_indexes().unwrap() > 0);
    assert_eq!(users.verify().unwrap().problems, []);
    assert_eq!(users.rebuild_indexes().unwrap(), 0);
    assert_eq!(users.by(User::EMAIL).get(&*user(4).email).unwrap(), None);
    assert_eq!(users.by(User::EMAIL).get(&*user(15).email).unwrap(), Some(user(15)));
}

#[test]
fn a_row_that_cannot_be_read_can_be_removed_with_its_entries() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..10);
    users.raw().insert(4_u64.to_be_bytes(), b"\x01rubbish").unwrap();
    assert!(matches!(users.get(&4), Err(TableError::Decode { .. })));
    assert!(matches!(users.update(&4, |_| ()), Err(TableError::Decode { .. })));
    assert!(matches!(users.remove(&4), Err(TableError::Decode { .. })));
    assert!(!users.contains_key(&4).unwrap());
    assert_eq!(users.verify().unwrap().problems, []);
    // And replaced.
    users.raw().insert(5_u64.to_be_bytes(), b"\x01rubbish").unwrap();
    assert!(matches!(users.insert(&user(5)), Err(TableError::Decode { .. })));
    assert_eq!(users.get(&5).unwrap(), Some(user(5)));
    assert_eq!(users.verify().unwrap().problems, []);
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(unordered, validate = Loose::validate)]
struct Loose {
    #[emdb(key)]
    name: String,
    #[emdb(index)]
    rank: u8,
}

impl Loose {
    fn validate(&self) -> Result<(), String> {
        if self.rank > 200 { Err(format!("rank {} is too high", self.rank)) } else { Ok(()) }
    }
}

#[test]
fn an_unordered_table_has_indexes_that_are_walked_both_ways() {
    let db = Emdb::open_in_memory();
    let table = Table::<Loose>::open(&db).unwrap();
    assert!(!table.raw().is_ordered());
    for (name, rank) in [("c", 1), ("a", 3), ("b", 2)] {
        table.insert(&Loose { name: name.into(), rank }).unwrap();
    }
    let names: BTreeSet<String> = table.iter().unwrap().map(|row| row.unwrap().name).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    let ranked = table.by(Loose::RANK).range(..).unwrap().rev();
    assert_eq!(ranked.map(|row| row.unwrap().name).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn validation_comes_before_every_write() {
    let db = Emdb::open_in_memory();
    let table = Table::<Loose>::open(&db).unwrap();
    let bad = Loose { name: "x".into(), rank: 201 };
    let is_refused = |done: Result<(), TableError>| match done {
        Err(TableError::Invalid { reason, .. }) => reason == "rank 201 is too high",
        _ => false,
    };
    assert!(is_refused(table.insert(&bad).map(drop)));
    assert!(is_refused(table.try_insert(&bad)));
    assert!(is_refused(table.insert_many([&bad]).map(drop)));
    table.insert(&Loose { rank: 1, ..bad.clone() }).unwrap();
    assert!(is_refused(table.update("x", |row| row.rank = 201).map(drop)));
    assert!(is_refused(table.upsert("y", || bad.clone(), |_| ()).map(drop)));
    assert_eq!(table.get("x").unwrap().unwrap().rank, 1);
}

mod callbacks_in_a_transaction;

#[test]
fn a_namespace_that_is_cleared_below_a_table_in_a_transaction_takes_the_indexes_along() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..4);
    db.transaction(|tx| -> Result<(), TableError> {
        users.with(tx).insert(&user(9))?;
        tx.namespace(users.raw()).clear()?;
        assert_eq!(users.with(tx).by(User::EMAIL).get(&*user(1).email)?, None);
        assert_eq!(users.with(tx).by(User::TAGS).count("all")?, 0);
        users.with(tx).insert(&User { id: 3, ..user(9) })?;
        Ok(())
    })
    .unwrap();
    assert_eq!(users.len().unwrap(), 1);
    assert_eq!(users.verify().unwrap().problems, []);
    // And when nothing of the table is touched after it.
    db.transaction(|tx| -> Result<(), TableError> {
        users.with(tx).insert(&user(8))?;
        tx.namespace(users.raw()).clear()?;
        Ok(())
    })
    .unwrap();
    assert_eq!(users.verify().unwrap().entries, 0);
}

#[test]
fn walks_in_a_transaction_do_not_pass_over_all_that_it_has_overwritten() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..3000);
    let began = std::time::Instant::now();
    db.transaction(|tx| -> Result<(), TableError> {
        let users = users.with(tx);
        for id in 0..3000 {
            users.update(&id, |user| user.age = 99)?;
            assert_eq!(users.first()?.map(|user| user.id), Some(0));
            assert_eq!(users.range(..=id)?.next_back().unwrap()?.age, 99);
        }
        Ok(())
    })
    .unwrap();
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}

#[test]
fn a_row_with_many_elements_is_indexed_in_little_time() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..1);
    let tags: Vec<String> = (0..20_000).map(|n| format!("tag {}", n % 15_000)).collect();
    let began = std::time::Instant::now();
    users.insert(&User { tags, ..user(1) }).unwrap();
    users.update(&1, |user| user.tags.push("new".into())).unwrap();
    assert_eq!(users.by(User::TAGS).count("new").unwrap(), 1);
    assert_eq!(users.verify().unwrap().problems, []);
    assert_eq!(users.rebuild_indexes().unwrap(), 0);
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    assert_eq!(users.by(User::TAGS).range("tag".."tah").unwrap().next().unwrap().unwrap().id, 1);
}

#[test]
fn a_page_of_no_rows_goes_on_where_it_began() {
    let db = Emdb::open_in_memory();
    let users = filled(&db, 0..3);
    assert_eq!(users.page(Some(&1), 0).unwrap().next, Some(1));
}
