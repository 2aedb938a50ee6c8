//! Namespaces: sets of keys apart from each other in one file.

mod renamed;

use std::sync::Barrier;
use std::thread;

use emdb::{Emdb, Error, Namespace};

use crate::common::folder;

fn keys(namespace: &Namespace) -> Vec<String> {
    let mut keys: Vec<_> =
        namespace.keys().unwrap().map(|k| String::from_utf8(k).unwrap()).collect();
    keys.sort();
    keys
}

fn is_config<T: std::fmt::Debug>(result: emdb::Result<T>) -> bool {
    matches!(result, Err(Error::InvalidConfig(_)))
}

fn is_dropped<T>(result: emdb::Result<T>) -> bool {
    matches!(result, Err(Error::NamespaceDropped))
}

#[test]
fn the_same_key_has_a_value_in_each() {
    let db = Emdb::open_in_memory();
    let (a, b) = (db.namespace("a").unwrap(), db.namespace("b").unwrap());
    db.insert("k", "default").unwrap();
    a.insert("k", "a").unwrap();
    b.insert("k", "b").unwrap();
    assert_eq!(a.remove("k").unwrap(), Some(b"a".to_vec()));
    assert_eq!(a.get("k").unwrap(), None);
    assert_eq!(b.get("k").unwrap(), Some(b"b".to_vec()));
    assert_eq!(db.get("k").unwrap(), Some(b"default".to_vec()));
}

#[test]
fn two_handles_of_one_name_are_one_namespace() {
    let db = Emdb::open_in_memory();
    let (one, two) = (db.namespace("n").unwrap(), db.namespace("n").unwrap());
    one.insert("k", "v").unwrap();
    assert_eq!(two.clone().get("k").unwrap(), Some(b"v".to_vec()));
}

#[test]
fn a_handle_tells_its_name() {
    let db = Emdb::open_in_memory();
    assert_eq!(db.namespace("users").unwrap().name(), "users");
    assert_eq!(db.name(), "");
}

#[test]
fn all_of_them_are_there_after_a_reopen() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    for name in ["b", "a", "empty"] {
        db.namespace(name).unwrap();
    }
    db.namespace("a").unwrap().insert("in a", "1").unwrap();
    db.namespace("b").unwrap().insert("in b", "2").unwrap();
    db.insert("in default", "3").unwrap();
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    assert_eq!(db.list_namespaces().unwrap(), ["a", "b", "empty"]);
    assert_eq!(keys(&db.namespace("a").unwrap()), ["in a"]);
    assert_eq!(keys(&db.namespace("b").unwrap()), ["in b"]);
    assert_eq!(keys(&db), ["in default"]);
}

mod names {
    use super::*;

    #[test]
    fn are_any_utf8_of_1_to_255_bytes() {
        let (_folder, path) = folder();
        let names = ["\0".into(), "a/b".into(), "\u{1F5C3}".into(), "x".repeat(255)];
        let db = Emdb::open(&path).unwrap();
        for name in &names {
            db.namespace(name).unwrap().insert("k", name).unwrap();
        }
        db.close().unwrap();
        let db = Emdb::open(&path).unwrap();
        for name in &names {
            let found = db.namespace(name).unwrap().get("k").unwrap();
            assert_eq!(found.as_deref(), Some(name.as_bytes()));
        }
    }

    #[test]
    fn that_are_empty_or_too_long_are_refused() {
        let db = Emdb::open_in_memory();
        for name in ["".into(), "x".repeat(256), "\u{1F5C3}".repeat(64)] {
            assert!(is_config(db.namespace(&name)));
            assert!(is_config(db.drop_namespace(&name)));
        }
    }

    #[test]
    fn of_the_library_are_refused() {
        let db = Emdb::open_in_memory();
        for name in ["__emdb", "__emdb:catalogue", "__emdbx"] {
            assert!(is_config(db.namespace(name)));
            assert!(is_config(db.drop_namespace(name)));
        }
        assert!(db.namespace("__emd").is_ok());
    }

    #[test]
    fn are_listed_sorted_and_without_the_default_one() {
        let db = Emdb::open_in_memory();
        assert!(db.list_namespaces().unwrap().is_empty());
        for name in ["b", "a", "B", "aa"] {
            db.namespace(name).unwrap();
        }
        assert_eq!(db.list_namespaces().unwrap(), ["B", "a", "aa", "b"]);
    }

    #[test]
    fn of_internal_ones_are_not_listed_or_counted() {
        let db = Emdb::open_in_memory();
        emdb_core::internal::catalogue(&db).unwrap().insert("k", "v").unwrap();
        let parent = db.namespace("n").unwrap();
        emdb_core::internal::child(&db, &parent, "i").unwrap().insert("k", "v").unwrap();
        assert_eq!(db.list_namespaces().unwrap(), ["n"]);
        let stats = db.stats().unwrap();
        assert_eq!((stats.namespace_count, stats.live_records), (2, 0));
        assert_eq!(db.total_len().unwrap(), 0);
    }
}

mod counting {
    use super::*;

    fn full() -> Emdb {
        let db = Emdb::open_in_memory();
        db.insert("k", "v").unwrap();
        for (name, len) in [("a", 2), ("b", 3)] {
            let namespace = db.namespace(name).unwrap();
            namespace.insert_many((0..len).map(|n: u8| ([n], "v"))).unwrap();
        }
        db
    }

    #[test]
    fn calls_of_the_database_are_of_the_default_namespace() {
        let db = full();
        assert_eq!((db.len().unwrap(), db.total_len().unwrap()), (1, 6));
        db.clear().unwrap();
        assert!(db.is_empty().unwrap());
        assert_eq!(db.total_len().unwrap(), 5);
    }

    #[test]
    fn all_follows_what_is_removed_cleared_dropped_and_reopened() {
        let (_folder, path) = folder();
        full().backup_to(&path).unwrap();
        let db = Emdb::open(&path).unwrap();
        assert_eq!(db.total_len().unwrap(), 6);
        let a = db.namespace("a").unwrap();
        a.remove([0]).unwrap();
        assert_eq!(db.total_len().unwrap(), 5);
        a.clear().unwrap();
        assert_eq!(db.total_len().unwrap(), 4);
        db.drop_namespace("b").unwrap();
        assert_eq!(db.total_len().unwrap(), 1);
    }

    #[test]
    fn all_of_a_snapshot_stays_as_it_was() {
        let db = full();
        let before = db.snapshot();
        db.namespace("b").unwrap().clear().unwrap();
        db.drop_namespace("a").unwrap();
        db.compact().unwrap();
        db.namespace("c").unwrap().insert("k", "v").unwrap();
        assert_eq!((before.total_len().unwrap(), db.total_len().unwrap()), (6, 2));
    }

    #[test]
    fn is_told_by_debug_with_what_it_is_of() {
        let shown = format!("{:?}", full());
        let told = "namespaces: 3, len: 1 (of the default namespace alone), total_len: 6";
        assert!(shown.contains(told), "{shown}");
    }
}

mod dropping {
    use super::*;

    #[test]
    fn tells_whether_it_existed() {
        let db = Emdb::open_in_memory();
        db.namespace("n").unwrap();
        assert!(db.drop_namespace("n").unwrap());
        assert!(!db.drop_namespace("n").unwrap());
        assert!(db.list_namespaces().unwrap().is_empty());
    }

    #[test]
    fn makes_every_call_of_a_handle_an_error() {
        let db = Emdb::open_in_memory();
        let gone = db.namespace("n").unwrap();
        gone.insert("k", "v").unwrap();
        db.drop_namespace("n").unwrap();
        assert!(is_dropped(gone.insert("k", "v")));
        assert!(is_dropped(gone.insert_many([("k", "v")])));
        assert!(is_dropped(gone.get("k")));
        assert!(is_dropped(gone.get_zerocopy("k")));
        assert!(is_dropped(gone.remove("k")));
        assert!(is_dropped(gone.contains_key("k")));
        assert!(is_dropped(gone.len()));
        assert!(is_dropped(gone.is_empty()));
        assert!(is_dropped(gone.clear()));
        assert!(is_dropped(gone.iter()));
        assert!(is_dropped(gone.keys()));
        assert_eq!(gone.name(), "n");
    }

    #[cfg(feature = "ttl")]
    #[test]
    fn makes_every_ttl_call_of_a_handle_an_error() {
        let db = Emdb::open_in_memory();
        let gone = db.namespace("n").unwrap();
        gone.insert_with_ttl("k", "v", emdb::Ttl::ExpiresAt(1)).unwrap();
        db.drop_namespace("n").unwrap();
        assert!(is_dropped(gone.insert_with_ttl("k", "v", emdb::Ttl::None)));
        assert!(is_dropped(gone.expires_at("k")));
        assert!(is_dropped(gone.ttl("k")));
        assert!(is_dropped(gone.persist("k")));
        assert_eq!(gone.sweep_expired(), 0);
        assert_eq!(db.sweep_expired(), 0);
    }

    #[test]
    fn and_beginning_it_again_does_not_revive_old_handles() {
        let db = Emdb::open_in_memory();
        let old = db.namespace("n").unwrap();
        old.insert("old", "v").unwrap();
        db.drop_namespace("n").unwrap();
        let new = db.namespace("n").unwrap();
        assert!(new.is_empty().unwrap());
        new.insert("new", "v").unwrap();
        assert!(is_dropped(old.insert("old", "v")));
        assert!(is_dropped(old.get("new")));
        assert_eq!(keys(&new), ["new"]);
    }

    #[test]
    fn survives_a_reopen() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        db.namespace("gone").unwrap().insert("k", "v").unwrap();
        db.namespace("again").unwrap().insert("old", "v").unwrap();
        db.drop_namespace("gone").unwrap();
        db.drop_namespace("again").unwrap();
        db.namespace("again").unwrap().insert("new", "v").unwrap();
        db.close().unwrap();
        let db = Emdb::open(&path).unwrap();
        assert_eq!(db.list_namespaces().unwrap(), ["again"]);
        assert_eq!(keys(&db.namespace("again").unwrap()), ["new"]);
    }

    #[test]
    fn leaves_others_alone() {
        let db = Emdb::open_in_memory();
        let other = db.namespace("nn").unwrap();
        db.namespace("n").unwrap().insert("k", "v").unwrap();
        other.insert("k", "v").unwrap();
        db.insert("k", "v").unwrap();
        db.drop_namespace("n").unwrap();
        assert_eq!((keys(&other), keys(&db)), (vec!["k".into()], vec!["k".into()]));
    }

    #[test]
    fn lets_iterators_go_on() {
        let db = Emdb::open_in_memory();
        let namespace = db.namespace("n").unwrap();
        namespace.insert_many((0..100u32).map(|n| (n.to_be_bytes(), "v"))).unwrap();
        let iter = namespace.iter().unwrap();
        db.drop_namespace("n").unwrap();
        drop(namespace);
        let again = db.namespace("n").unwrap();
        again.insert_many((0..100u32).map(|n| (n.to_be_bytes(), "w"))).unwrap();
        let mut seen = 0;
        for (_, value) in iter {
            assert_eq!(value, b"v");
            seen += 1;
        }
        assert_eq!(seen, 100);
    }

    #[test]
    fn takes_internal_children_and_the_catalogue_entry_along() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let parent = db.namespace("n").unwrap();
        let child = emdb_core::internal::child(&db, &parent, "by_age").unwrap();
        let catalogue = emdb_core::internal::catalogue(&db).unwrap();
        child.insert("k", "v").unwrap();
        catalogue.insert("n", "schema").unwrap();
        catalogue.insert("other", "schema").unwrap();
        db.drop_namespace("n").unwrap();
        assert!(is_dropped(child.get("k")));
        assert_eq!(keys(&catalogue), ["other"]);
        drop((parent, child, catalogue));
        db.close().unwrap();
        let db = Emdb::open(&path).unwrap();
        assert_eq!(keys(&emdb_core::internal::catalogue(&db).unwrap()), ["other"]);
        let parent = db.namespace("n").unwrap();
        assert!(emdb_core::internal::child(&db, &parent, "by_age").unwrap().is_empty().unwrap());
    }
}

mod clearing {
    use super::*;

    #[test]
    fn empties_that_namespace_alone() {
        let db = Emdb::open_in_memory();
        let (a, b) = (db.namespace("a").unwrap(), db.namespace("b").unwrap());
        for namespace in [&a, &b, &db] {
            namespace.insert("k", "v").unwrap();
        }
        a.clear().unwrap();
        assert!(a.is_empty().unwrap());
        assert_eq!((b.len().unwrap(), db.len().unwrap()), (1, 1));
        db.clear().unwrap();
        assert_eq!((b.len().unwrap(), db.len().unwrap()), (1, 0));
    }

    #[test]
    fn takes_internal_children_along() {
        let db = Emdb::open_in_memory();
        let parent = db.namespace("n").unwrap();
        let child = emdb_core::internal::child(&db, &parent, "i").unwrap();
        child.insert("k", "v").unwrap();
        parent.clear().unwrap();
        assert!(child.is_empty().unwrap());
    }

    #[test]
    fn keeps_the_handle_good() {
        let db = Emdb::open_in_memory();
        let namespace = db.namespace("n").unwrap();
        for round in 0..50u32 {
            namespace.insert(round.to_be_bytes(), "v").unwrap();
            assert_eq!(namespace.len().unwrap(), 1);
            namespace.clear().unwrap();
            assert_eq!(namespace.get(round.to_be_bytes()).unwrap(), None);
        }
    }
}

mod made_by_several_threads_at_once {
    use super::*;

    #[test]
    fn under_one_name_are_one() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let start = Barrier::new(8);
        thread::scope(|s| {
            for n in 0..8u32 {
                let (db, start) = (&db, &start);
                s.spawn(move || {
                    start.wait();
                    db.namespace("n").unwrap().insert(n.to_be_bytes(), "v").unwrap();
                });
            }
        });
        assert_eq!(db.namespace("n").unwrap().len().unwrap(), 8);
        assert_eq!(db.list_namespaces().unwrap(), ["n"]);
        db.close().unwrap();
        assert_eq!(Emdb::open(&path).unwrap().namespace("n").unwrap().len().unwrap(), 8);
    }

    #[test]
    fn under_many_names_are_all_there_after_a_reopen() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let start = Barrier::new(8);
        thread::scope(|s| {
            for thread in 0..8 {
                let (db, start) = (&db, &start);
                s.spawn(move || {
                    start.wait();
                    for n in 0..50 {
                        let namespace = db.namespace(format!("{thread} {n}")).unwrap();
                        namespace.insert("k", "v").unwrap();
                        if n % 3 == 0 {
                            namespace.clear().unwrap();
                        }
                    }
                });
            }
        });
        db.close().unwrap();
        let db = Emdb::open(&path).unwrap();
        assert_eq!(db.list_namespaces().unwrap().len(), 400);
        assert_eq!(db.stats().unwrap().live_records, 8 * 33);
    }

    /// The number of the namespace was once taken before its turn to write, and the journal then
    /// had numbers out of order, which the next open took for damage.
    #[test]
    fn while_a_transaction_clears_are_there_after_a_reopen() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        thread::scope(|s| {
            db.transaction(|tx| {
                let other = s.spawn(|| db.namespace("n").map(|_| ()));
                // The other thread has come to wait, or as good as.
                thread::sleep(std::time::Duration::from_millis(30));
                assert!(!other.is_finished());
                tx.insert("k", "v")?;
                tx.clear()
            })
        })
        .unwrap();
        db.close().unwrap();
        let db = Emdb::open(&path).unwrap();
        assert_eq!(db.list_namespaces().unwrap(), ["n"]);
    }
}
