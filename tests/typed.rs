//! Behaviour of typed tables, through the facade.

#![allow(clippy::unwrap_used)]

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
        assert!(matches!(error, TableError::Core(Error::TooLarge { .. })), "{error}");
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

mod transactions {
    use super::*;

    #[test]
    fn a_transaction_sees_what_it_wrote_and_others_do_not_until_it_ends() {
        let (db, users, _) = open();
        users.insert(&user(1, "Ada")).unwrap();
        db.transaction(|tx| -> Result<_, TableError> {
            let inside = users.with(tx);
            assert_eq!(inside.insert(&user(1, "Grace"))?, Some(user(1, "Ada")));
            assert_eq!(inside.insert(&user(2, "Edsger"))?, None);
            assert_eq!(inside.get(&1)?, Some(user(1, "Grace")));
            assert!(inside.contains_key(&2)?);
            assert_eq!(inside.len()?, 2);
            let mut rows = inside.iter()?.collect::<Result<Vec<_>, _>>()?;
            rows.sort_by_key(|row| row.id);
            assert_eq!(rows, [user(1, "Grace"), user(2, "Edsger")]);
            assert_eq!(inside.keys()?.count(), 2);
            assert_eq!(inside.remove(&2)?, Some(user(2, "Edsger")));
            assert_eq!(inside.remove(&2)?, None);

            assert_eq!(users.get(&1)?, Some(user(1, "Ada")), "committed state outside");
            Ok(())
        })
        .unwrap();
        assert_eq!(all(&users), BTreeMap::from([(1, user(1, "Grace"))]));
    }

    #[test]
    fn an_error_rolls_back_every_table() {
        let (db, users, lines) = open();
        users.insert(&user(1, "Ada")).unwrap();
        let ended = db.transaction(|tx| -> Result<(), TableError> {
            users.with(tx).insert(&user(1, "Grace"))?;
            users.with(tx).insert(&user(2, "Edsger"))?;
            lines.with(tx).insert(&line("a", 1))?;
            Err(Error::KeyNotFound.into())
        });
        assert!(matches!(ended, Err(TableError::Core(Error::KeyNotFound))));
        assert_eq!(all(&users), BTreeMap::from([(1, user(1, "Ada"))]));
        assert!(lines.is_empty().unwrap());
    }

    #[test]
    fn a_panic_rolls_back() {
        let (db, users, _) = open();
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _ = db.transaction(|tx| -> Result<(), TableError> {
                users.with(tx).insert(&user(1, "Ada"))?;
                panic!("on purpose");
            });
        }));
        assert!(caught.is_err());
        assert!(users.is_empty().unwrap());
        users.insert(&user(2, "Grace")).unwrap();
    }

    #[test]
    fn two_tables_change_in_one_commit() {
        let (db, users, lines) = open();
        lines.insert(&line("old", 1)).unwrap();
        let removed = db
            .transaction(|tx| {
                users.with(tx).insert(&user(1, "Ada"))?;
                lines.with(tx).insert(&line("new", 1))?;
                lines.with(tx).remove("old")
            })
            .unwrap();
        assert_eq!(removed, Some(line("old", 1)));
        assert_eq!(users.get(&1).unwrap(), Some(user(1, "Ada")));
        assert_eq!(all(&lines), BTreeMap::from([("new".to_owned(), line("new", 1))]));
    }

    #[test]
    fn plain_writes_inside_a_transaction_are_refused() {
        let (db, users, _) = open();
        db.transaction(|tx| -> Result<_, TableError> {
            let refused = users.insert(&user(1, "Ada"));
            assert!(matches!(refused, Err(TableError::Core(Error::TransactionActive))));
            let refused = users.remove(&1);
            assert!(matches!(refused, Err(TableError::Core(Error::TransactionActive))));
            users.with(tx).insert(&user(2, "Grace"))?;
            Ok(())
        })
        .unwrap();
        assert_eq!(all(&users), BTreeMap::from([(2, user(2, "Grace"))]));
    }

    #[test]
    fn a_table_of_another_database_is_refused() {
        let (db, ..) = open();
        let (_, foreign, _) = open();
        let ended = db.transaction(|tx| foreign.with(tx).insert(&user(1, "Ada")));
        assert!(matches!(ended, Err(TableError::Core(Error::InvalidConfig(_)))));
        assert!(foreign.is_empty().unwrap());
    }

    #[test]
    fn an_existing_table_can_be_opened_inside_a_transaction() {
        let (db, users, _) = open();
        users.insert(&user(1, "Ada")).unwrap();
        db.transaction(|tx| -> Result<_, TableError> {
            let again = Table::<User>::open(&db)?;
            assert_eq!(again.get(&1)?, Some(user(1, "Ada")));
            again.with(tx).insert(&user(2, "Grace"))?;
            Ok(())
        })
        .unwrap();
        assert_eq!(users.len().unwrap(), 2);
    }

    #[test]
    fn a_new_table_cannot_be_made_inside_a_transaction() {
        let db = Emdb::open_in_memory();
        let made = db.transaction(|_| Table::<User>::open(&db).map(drop));
        assert!(matches!(made, Err(TableError::Core(Error::TransactionActive))));
        Table::<User>::open(&db).unwrap();
    }
}

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

mod schemas {
    use super::*;

    #[derive(Serialize, Deserialize, Record)]
    #[emdb(namespace = "users")]
    pub(super) struct Changed {
        #[emdb(key)]
        id: u64,
        name: Option<String>,
        age: u8,
    }

    #[derive(Serialize, Deserialize, Record)]
    #[emdb(namespace = "users")]
    struct OtherKey {
        id: u64,
        #[emdb(key)]
        name: String,
        tags: Vec<String>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
    #[emdb(namespace = "users", version = 2, from = Before)]
    struct Later {
        #[emdb(key)]
        id: u64,
        name: String,
    }

    /// Another version 1 than the one that is stored.
    #[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
    #[emdb(namespace = "users")]
    struct Before {
        #[emdb(key)]
        id: u64,
        name: String,
    }

    impl From<Before> for Later {
        fn from(before: Before) -> Later {
            Later { id: before.id, name: before.name }
        }
    }

    #[test]
    fn a_struct_that_changed_is_a_mismatch_field_by_field() {
        let (db, users, _) = open();
        users.insert(&user(1, "Ada")).unwrap();
        let error = Table::<Changed>::open(&db).unwrap_err();
        assert!(matches!(error, TableError::SchemaMismatch { .. }));
        let text = error.to_string();
        for line in [
            "table `users`",
            "field `name`: stored as `String`, now `Option<String>`",
            "field `tags`: stored as `Vec<String>`, now gone",
            "field `age`: not stored, now `u8`",
            "use another namespace",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert_eq!(users.get(&1).unwrap(), Some(user(1, "Ada")), "nothing changed");
    }

    #[test]
    fn another_key_is_a_mismatch() {
        let (db, ..) = open();
        let error = Table::<OtherKey>::open(&db).unwrap_err();
        assert!(matches!(error, TableError::SchemaMismatch { .. }));
        assert!(error.to_string().contains("key: stored `id`, now `name`"), "{error}");
    }

    #[test]
    fn a_table_of_a_later_version_is_refused() {
        let db = Emdb::open_in_memory();
        Table::<Later>::open(&db).unwrap();
        let error = Table::<User>::open(&db).unwrap_err();
        assert!(matches!(error, TableError::SchemaNewer { stored: 2, ours: 1, .. }), "{error}");
        assert!(error.to_string().contains("update the program"), "{error}");
    }

    #[test]
    fn an_earlier_version_that_is_not_the_one_named_is_a_mismatch() {
        let (db, ..) = open();
        let error = Table::<Later>::open(&db).unwrap_err();
        assert!(matches!(error, TableError::SchemaMismatch { .. }));
        assert!(
            error.to_string().contains("field `tags`: stored as `Vec<String>`, now gone"),
            "{error}"
        );
    }

    #[test]
    fn a_row_of_a_later_version_is_newer_and_one_of_an_unknown_is_unreadable() {
        let db = Emdb::open_in_memory();
        let later = Table::<Later>::open(&db).unwrap();
        later.insert(&Later { id: 1, name: "Ada".into() }).unwrap();
        let key = 1_u64.to_be_bytes();
        let mut row = later.raw().get(key).unwrap().unwrap();
        assert_eq!(row[0], 2, "the version stands first");

        row[0] = 3;
        later.raw().insert(key, &row).unwrap();
        let error = later.get(&1).unwrap_err();
        assert!(matches!(error, TableError::SchemaNewer { stored: 3, ours: 2, .. }), "{error}");

        row[0] = 1;
        later.raw().insert(key, &row).unwrap();
        assert_eq!(later.get(&1).unwrap().unwrap().name, "Ada", "upgraded");

        row[0] = 0;
        later.raw().insert(key, &row).unwrap();
        let error = later.get(&1).unwrap_err();
        assert!(matches!(error, TableError::Decode { .. }), "{error}");
    }

    #[test]
    fn of_two_types_that_race_for_a_table_one_makes_it() {
        for _ in 0..20 {
            let db = Emdb::open_in_memory();
            let start = std::sync::Barrier::new(2);
            let (ours, theirs) = std::thread::scope(|scope| {
                let ours = scope.spawn(|| {
                    start.wait();
                    Table::<User>::open(&db).is_ok()
                });
                let theirs = scope.spawn(|| {
                    start.wait();
                    Table::<Changed>::open(&db).is_ok()
                });
                (ours.join().unwrap(), theirs.join().unwrap())
            });
            assert!(ours != theirs, "ours: {ours}, theirs: {theirs}");
        }
    }

    #[test]
    fn a_dropped_table_can_be_made_again_with_another_type() {
        let (db, users, _) = open();
        users.insert(&user(1, "Ada")).unwrap();
        assert!(db.drop_namespace("users").unwrap());
        let changed = Table::<Changed>::open(&db).unwrap();
        assert!(changed.is_empty().unwrap());
    }
}

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

mod hostile_bytes {
    use super::*;

    #[test]
    fn a_row_that_is_cut_is_an_error_and_can_be_replaced() {
        let (_, users, _) = open();
        users.insert(&user(1, "Ada")).unwrap();
        let key = 1_u64.to_be_bytes();
        let whole = users.raw().get(key).unwrap().unwrap();
        for cut in 0..whole.len() {
            users.raw().insert(key, &whole[..cut]).unwrap();
            let error = users.get(&1).unwrap_err();
            assert!(matches!(error, TableError::Decode { .. }), "{cut}: {error}");
        }
        let text = users.get(&1).unwrap_err().to_string();
        assert!(text.contains("the row 0x0000000000000001"), "{text}");
        assert!(users.get(&1).unwrap_err().source().is_some());
        assert!(users.contains_key(&1).unwrap());

        assert!(users.insert(&user(1, "Grace")).is_err(), "the old row can't be given");
        assert_eq!(users.get(&1).unwrap(), Some(user(1, "Grace")), "and is replaced all the same");
    }

    #[test]
    fn a_row_that_cannot_be_read_can_be_removed() {
        let (_, users, _) = open();
        users.raw().insert(1_u64.to_be_bytes(), [1, 253]).unwrap();
        assert!(matches!(users.remove(&1), Err(TableError::Decode { .. })));
        assert!(users.is_empty().unwrap());
    }

    #[test]
    fn a_row_with_bytes_left_over_is_an_error() {
        let (_, users, _) = open();
        users.insert(&user(1, "Ada")).unwrap();
        let key = 1_u64.to_be_bytes();
        let mut row = users.raw().get(key).unwrap().unwrap();
        row.push(0);
        users.raw().insert(key, &row).unwrap();
        assert!(matches!(users.get(&1), Err(TableError::Decode { .. })));
    }

    #[test]
    fn a_failed_item_ends_the_iteration() {
        let (_, users, _) = open();
        for id in 0..10 {
            users.insert(&user(id, "x")).unwrap();
        }
        users.raw().insert(3_u64.to_be_bytes(), [1]).unwrap();
        let mut rows = users.iter().unwrap();
        let failed = rows.by_ref().position(|row| row.is_err());
        assert!(failed.is_some());
        assert!(rows.next().is_none());
        assert!(rows.next().is_none());
    }

    #[test]
    fn a_key_that_is_none_ends_the_keys_with_an_error() {
        let (_, users, _) = open();
        users.raw().insert("short", [1]).unwrap();
        let keys: Vec<_> = users.keys().unwrap().collect();
        assert_eq!(keys.len(), 1);
        let error = keys[0].as_ref().unwrap_err().to_string();
        assert!(error.contains("8 bytes"), "{error}");
    }

    #[test]
    fn the_same_errors_come_up_inside_a_transaction() {
        let (db, users, _) = open();
        users.raw().insert(1_u64.to_be_bytes(), [1, 0xFF]).unwrap();
        let ended = db.transaction(|tx| users.with(tx).get(&1));
        assert!(matches!(ended, Err(TableError::Decode { .. })));
    }

    proptest! {
        #[test]
        fn no_bytes_in_a_row_make_a_read_panic(bytes: Vec<u8>) {
            let (_, users, _) = open();
            users.raw().insert(1_u64.to_be_bytes(), &bytes).unwrap();
            let _ = users.get(&1);
            let _ = users.iter().unwrap().count();
        }
    }
}

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
