//! Behaviour of typed tables, through the facade.

use std::collections::BTreeMap;
use std::error::Error as _;

use emdb::{Emdb, Error, Record, Table, TableError};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "users")]
struct User {
    #[emdb(key)]
    id: u64,
    name: String,
    tags: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
struct OrderLine {
    #[emdb(key)]
    code: String,
    user: u64,
    cents: i64,
}

fn user(id: u64, name: &str) -> User {
    User { id, name: name.to_owned(), tags: vec![format!("tag of {name}")] }
}

fn line(code: &str, user: u64) -> OrderLine {
    OrderLine { code: code.to_owned(), user, cents: -5 }
}

fn open() -> (Emdb, Table<User>, Table<OrderLine>) {
    let db = Emdb::open_in_memory();
    let users = Table::open(&db).unwrap();
    let lines = Table::open(&db).unwrap();
    (db, users, lines)
}

/// The rows by key, through the iterator.
fn all<T: Record>(table: &Table<T>) -> BTreeMap<T::Key, T>
where
    T::Key: Ord,
{
    table.iter().unwrap().map(|row| row.map(|row| (row.key(), row)).unwrap()).collect()
}

mod plain_calls {
    use super::*;

    #[test]
    fn insert_gives_the_row_that_it_replaced() {
        let (_, users, _) = open();
        assert_eq!(users.insert(&user(1, "Ada")).unwrap(), None);
        assert_eq!(users.insert(&user(1, "Grace")).unwrap(), Some(user(1, "Ada")));
        assert_eq!(users.get(&1).unwrap(), Some(user(1, "Grace")));
        assert_eq!(users.len().unwrap(), 1);
    }

    #[test]
    fn remove_gives_the_row_that_was_there() {
        let (_, users, _) = open();
        users.insert(&user(1, "Ada")).unwrap();
        assert_eq!(users.remove(&1).unwrap(), Some(user(1, "Ada")));
        assert_eq!(users.remove(&1).unwrap(), None);
        assert_eq!(users.get(&1).unwrap(), None);
        assert!(!users.contains_key(&1).unwrap());
        assert!(users.is_empty().unwrap());
    }

    #[test]
    fn strings_are_looked_up_by_str() {
        let (_, _, lines) = open();
        lines.insert(&line("a-1", 7)).unwrap();
        lines.insert(&line("", 8)).unwrap();
        assert_eq!(lines.get("a-1").unwrap(), Some(line("a-1", 7)));
        assert_eq!(lines.get(&"a-1".to_owned()).unwrap(), Some(line("a-1", 7)));
        assert_eq!(lines.get("").unwrap(), Some(line("", 8)));
        assert!(!lines.contains_key("a").unwrap());
        assert_eq!(lines.remove("a-1").unwrap(), Some(line("a-1", 7)));
    }

    #[test]
    fn iter_and_keys_see_every_row_once() {
        let (_, users, _) = open();
        let expected: BTreeMap<u64, User> =
            (0..1000).map(|id| (id * 7, user(id * 7, "x"))).collect();
        for row in expected.values() {
            users.insert(row).unwrap();
        }
        assert_eq!(users.iter().unwrap().count(), 1000);
        assert_eq!(all(&users), expected);
        let mut keys: Vec<u64> = users.keys().unwrap().map(Result::unwrap).collect();
        keys.sort_unstable();
        assert!(keys.iter().eq(expected.keys()));
    }

    #[test]
    fn an_iterator_sees_the_state_in_which_it_was_made() {
        let (_, users, _) = open();
        users.insert(&user(1, "Ada")).unwrap();
        let before = users.iter().unwrap();
        users.insert(&user(1, "Grace")).unwrap();
        users.insert(&user(2, "Edsger")).unwrap();
        let rows: Vec<User> = before.map(Result::unwrap).collect();
        assert_eq!(rows, [user(1, "Ada")]);
    }

    #[test]
    fn a_row_that_cannot_be_stored_is_refused_and_nothing_written() {
        #[derive(Debug, Serialize, Deserialize, Record)]
        struct Outer {
            #[emdb(key)]
            id: u64,
            inner: Inner,
        }
        // The derive sees the attributes of its own struct alone; the encoding sees the rest.
        #[derive(Debug, Serialize, Deserialize)]
        struct Inner {
            #[serde(default, skip_serializing_if = "Option::is_none")]
            gap: Option<u8>,
        }
        let table = Table::<Outer>::open(&Emdb::open_in_memory()).unwrap();
        let error = table.insert(&Outer { id: 1, inner: Inner { gap: None } }).unwrap_err();
        assert!(matches!(error, TableError::Encode { .. }));
        assert!(error.to_string().contains("`gap`"), "{error}");
        assert!(table.is_empty().unwrap());
        table.insert(&Outer { id: 1, inner: Inner { gap: Some(1) } }).unwrap();
    }

    #[test]
    fn a_key_over_the_limit_is_refused_and_nothing_written() {
        let (_, _, lines) = open();
        let error = lines.insert(&line(&"x".repeat(1 << 16), 1)).unwrap_err();
        assert!(matches!(error, TableError::TooLarge { .. }), "{error}");
        assert!(lines.is_empty().unwrap());
    }

    #[test]
    fn tables_do_not_see_each_other() {
        let (_, users, lines) = open();
        users.insert(&user(1, "Ada")).unwrap();
        assert!(lines.is_empty().unwrap());
        assert_eq!(lines.iter().unwrap().count(), 0);
    }

    #[test]
    fn clones_and_threads_share_the_table() {
        let (_, users, _) = open();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let users = users.clone();
                scope.spawn(move || {
                    for id in 0..50 {
                        users.insert(&user(100 * thread + id, "x")).unwrap();
                    }
                });
            }
        });
        assert_eq!(users.len().unwrap(), 200);
    }
}

#[cfg(feature = "ttl")]
mod savepoints;
mod snapshots;
mod transactions;

mod files {
    use super::*;

    #[test]
    fn rows_are_there_after_a_reopen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("typed.emdb");
        {
            let db = Emdb::open(&path).unwrap();
            let users = Table::<User>::open(&db).unwrap();
            let lines = Table::<OrderLine>::open(&db).unwrap();
            for id in 0..300 {
                users.insert(&user(id, "x")).unwrap();
            }
            users.remove(&7).unwrap();
            lines.insert(&line("a", 1)).unwrap();
            db.flush().unwrap();
        }
        let db = Emdb::open(&path).unwrap();
        let users = Table::<User>::open(&db).unwrap();
        assert_eq!(users.len().unwrap(), 299);
        assert_eq!(users.get(&7).unwrap(), None);
        assert_eq!(users.get(&8).unwrap(), Some(user(8, "x")));
        assert_eq!(all(&users).len(), 299);
        let lines = Table::<OrderLine>::open(&db).unwrap();
        assert_eq!(lines.get("a").unwrap(), Some(line("a", 1)));
    }

    #[test]
    fn the_schema_is_there_after_a_reopen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("typed.emdb");
        drop(Table::<User>::open(&Emdb::open(&path).unwrap()).unwrap());
        let db = Emdb::open(&path).unwrap();
        let changed = Table::<schemas::Changed>::open(&db);
        assert!(matches!(changed, Err(TableError::SchemaMismatch { .. })));
        Table::<User>::open(&db).unwrap();
    }
}

mod schemas;

#[cfg(feature = "ttl")]
mod expiry {
    use std::time::Duration;

    use super::*;

    #[test]
    fn rows_expire_by_the_default_ttl_and_schemas_do_not() {
        let db = Emdb::builder().default_ttl(Duration::from_millis(20)).build().unwrap();
        let users = Table::<User>::open(&db).unwrap();
        users.insert(&user(1, "Ada")).unwrap();
        db.transaction(|tx| users.with(tx).insert(&user(2, "Grace"))).unwrap();
        std::thread::sleep(Duration::from_millis(60));
        assert_eq!(users.get(&1).unwrap(), None);
        assert_eq!(users.get(&2).unwrap(), None);
        assert_eq!(users.iter().unwrap().count(), 0);
        assert_eq!(users.insert(&user(1, "Edsger")).unwrap(), None, "an expired row isn't given");
        let changed = Table::<schemas::Changed>::open(&db);
        assert!(matches!(changed, Err(TableError::SchemaMismatch { .. })));
    }
}

mod hostile_bytes;

#[derive(Debug, Clone)]
enum Step {
    Insert(u8, String),
    Remove(u8),
    Batch(Vec<(u8, Option<String>)>, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let change = (0_u8..16, proptest::option::of(".{0,8}"));
    prop_oneof![
        (0_u8..16, ".{0,8}").prop_map(|(id, name)| Step::Insert(id, name)),
        (0_u8..16).prop_map(Step::Remove),
        (proptest::collection::vec(change, 0..6), any::<bool>())
            .prop_map(|(changes, commit)| Step::Batch(changes, commit)),
    ]
}

proptest! {
    #[test]
    fn a_table_behaves_as_a_map(steps in proptest::collection::vec(step(), 0..40)) {
        let (db, users, _) = open();
        let mut model = BTreeMap::<u64, User>::new();
        for step in steps {
            match step {
                Step::Insert(id, name) => {
                    let row = user(id.into(), &name);
                    prop_assert_eq!(users.insert(&row).unwrap(), model.insert(row.id, row));
                }
                Step::Remove(id) => {
                    let id = u64::from(id);
                    prop_assert_eq!(users.remove(&id).unwrap(), model.remove(&id));
                }
                Step::Batch(changes, commit) => {
                    let mut staged = model.clone();
                    let ended = db.transaction(|tx| {
                        let inside = users.with(tx);
                        for (id, name) in changes {
                            let id = u64::from(id);
                            match name.map(|name| user(id, &name)) {
                                Some(row) => {
                                    assert_eq!(inside.insert(&row)?, staged.insert(id, row));
                                }
                                None => assert_eq!(inside.remove(&id)?, staged.remove(&id)),
                            }
                            assert_eq!(inside.len()?, staged.len());
                        }
                        if commit { Ok(()) } else { Err(TableError::from(Error::Cancelled)) }
                    });
                    prop_assert_eq!(ended.is_ok(), commit);
                    if commit {
                        model = staged;
                    }
                }
            }
            prop_assert_eq!(users.len().unwrap(), model.len());
            prop_assert_eq!(all(&users), model.clone());
        }
    }
}
