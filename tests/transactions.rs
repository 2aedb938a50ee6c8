//! Transactions: all of it or nothing, for everybody.

#![allow(clippy::unwrap_used)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use emdb::{Emdb, Error, Namespace, Transaction};
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    (folder, path)
}

/// A database with `a`, `b` and `c` in it.
fn with_abc() -> Emdb {
    let db = Emdb::open_in_memory();
    db.insert_many([("a", "1"), ("b", "2"), ("c", "3")]).unwrap();
    db
}

fn commit<T>(
    db: &Emdb,
    body: impl for<'s> FnOnce(&mut Transaction<'s>) -> emdb::Result<T>,
) -> emdb::Result<T> {
    db.transaction(body)
}

fn text(value: Option<Vec<u8>>) -> Option<String> {
    value.map(|v| String::from_utf8(v).unwrap())
}

/// Keys and values, sorted, as `k=v` words.
fn words(items: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) -> String {
    let mut words: Vec<_> = items
        .map(|(k, v)| {
            format!("{}={}", String::from_utf8(k).unwrap(), String::from_utf8(v).unwrap())
        })
        .collect();
    words.sort();
    words.join(" ")
}

fn content(namespace: &Namespace) -> String {
    words(namespace.iter().unwrap())
}

fn is_active<T>(result: emdb::Result<T>) -> bool {
    matches!(result, Err(Error::TransactionActive))
}

mod ends {
    use super::*;

    #[test]
    fn with_ok_by_committing() {
        let db = with_abc();
        let result = commit(&db, |tx| {
            tx.insert("d", "4")?;
            tx.insert("a", "new")?;
            tx.remove("b")?;
            Ok(7)
        });
        assert_eq!(result.unwrap(), 7);
        assert_eq!(content(&db), "a=new c=3 d=4");
        assert_eq!(db.len().unwrap(), 3);
    }

    #[test]
    fn with_err_by_leaving_nothing() {
        let db = with_abc();
        let result = commit(&db, |tx| {
            tx.insert("d", "4")?;
            tx.remove("a")?;
            tx.clear()?;
            Err::<(), _>(Error::KeyNotFound)
        });
        assert!(matches!(result, Err(Error::KeyNotFound)));
        assert_eq!(content(&db), "a=1 b=2 c=3");
        assert_eq!(db.len().unwrap(), 3);
    }

    #[test]
    fn with_a_panic_by_leaving_nothing_and_letting_others_write() {
        let db = with_abc();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            commit(&db, |tx| -> emdb::Result<()> {
                tx.insert("d", "4")?;
                tx.clear()?;
                panic!("on purpose")
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(content(&db), "a=1 b=2 c=3");
        db.insert("d", "5").unwrap();
        commit(&db, |tx| tx.insert("e", "6")).unwrap();
        assert_eq!(content(&db), "a=1 b=2 c=3 d=5 e=6");
    }

    #[test]
    fn with_an_error_of_the_callers_own_type() {
        #[derive(Debug, PartialEq)]
        enum Mine {
            Poor,
            Database,
        }
        impl From<Error> for Mine {
            fn from(_: Error) -> Mine {
                Mine::Database
            }
        }
        let db = with_abc();
        let poor = db.transaction(|tx| {
            tx.insert("a", "0")?;
            Err::<(), _>(Mine::Poor)
        });
        assert_eq!(poor, Err(Mine::Poor));
        let failed = db.transaction(|tx| tx.insert(vec![0; 65_536], "").map_err(Mine::from));
        assert_eq!(failed, Err(Mine::Database));
        assert_eq!(content(&db), "a=1 b=2 c=3");
    }

    #[test]
    fn empty_by_writing_nothing() {
        let db = with_abc();
        let before = db.stats().unwrap().logical_size_bytes;
        commit(&db, |_| Ok(())).unwrap();
        commit(&db, |tx| tx.remove("absent")).unwrap();
        assert_eq!(db.stats().unwrap().logical_size_bytes, before);
    }

    #[test]
    fn the_same_after_a_reopen() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let other = db.namespace("other").unwrap();
        db.insert_many([("a", "1"), ("b", "2")]).unwrap();
        other.insert("old", "1").unwrap();
        commit(&db, |tx| {
            tx.insert("c", "3")?;
            tx.remove("a")?;
            tx.namespace(&other).clear()?;
            tx.namespace(&other).insert("new", "1")
        })
        .unwrap();
        let _ = commit(&db, |tx| {
            tx.insert("d", "4")?;
            Err::<(), _>(Error::KeyNotFound)
        });
        drop(other);
        db.close().unwrap();
        let db = Emdb::open(&path).unwrap();
        assert_eq!(content(&db), "b=2 c=3");
        assert_eq!(content(&db.namespace("other").unwrap()), "new=1");
    }

    #[test]
    fn with_many_writes_as_one() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        commit(&db, |tx| (0..20_000u32).try_for_each(|n| tx.insert(n.to_be_bytes(), [7; 100])))
            .unwrap();
        assert_eq!(db.len().unwrap(), 20_000);
        drop(db);
        let db = Emdb::open(&path).unwrap();
        assert_eq!(db.len().unwrap(), 20_000);
        assert_eq!(db.get(19_999u32.to_be_bytes()).unwrap(), Some(vec![7; 100]));
    }
}

mod inside {
    use super::*;

    #[test]
    fn get_and_contains_key_see_own_writes() {
        let db = with_abc();
        commit(&db, |tx| {
            assert_eq!(text(tx.get("a")?).as_deref(), Some("1"));
            tx.insert("a", "new")?;
            tx.insert("d", "4")?;
            tx.remove("b")?;
            assert_eq!(text(tx.get("a")?).as_deref(), Some("new"));
            assert_eq!(text(tx.get("d")?).as_deref(), Some("4"));
            assert_eq!(tx.get("b")?, None);
            assert!(tx.contains_key("a")? && tx.contains_key("c")? && tx.contains_key("d")?);
            assert!(!tx.contains_key("b")? && !tx.contains_key("z")?);
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn remove_gives_the_value_staged_or_live() {
        let db = with_abc();
        commit(&db, |tx| {
            assert_eq!(text(tx.remove("a")?).as_deref(), Some("1"));
            assert_eq!(tx.remove("a")?, None);
            tx.insert("a", "again")?;
            assert_eq!(text(tx.remove("a")?).as_deref(), Some("again"));
            tx.insert("new", "n")?;
            assert_eq!(text(tx.remove("new")?).as_deref(), Some("n"));
            assert_eq!(tx.remove("new")?, None);
            Ok(())
        })
        .unwrap();
        assert_eq!(content(&db), "b=2 c=3");
    }

    #[test]
    fn len_counts_own_writes() {
        let db = with_abc();
        commit(&db, |tx| {
            assert_eq!(tx.len()?, 3);
            tx.insert("a", "new")?;
            assert_eq!(tx.len()?, 3);
            tx.insert("d", "4")?;
            assert_eq!(tx.len()?, 4);
            tx.remove("b")?;
            tx.remove("b")?;
            tx.remove("absent")?;
            assert_eq!(tx.len()?, 3);
            tx.insert("b", "back")?;
            tx.remove("d")?;
            assert_eq!(tx.len()?, 3);
            assert!(!tx.is_empty()?);
            Ok(())
        })
        .unwrap();
        assert_eq!(db.len().unwrap(), 3);
    }

    #[test]
    fn iter_and_keys_show_own_writes() {
        let db = with_abc();
        commit(&db, |tx| {
            tx.insert("a", "new")?;
            tx.insert("d", "4")?;
            tx.remove("b")?;
            assert_eq!(words(tx.iter()?), "a=new c=3 d=4");
            let mut keys: Vec<_> = tx.keys()?.collect();
            keys.sort();
            assert_eq!(keys, [b"a", b"c", b"d"]);
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn an_iterator_does_not_show_what_is_written_after_it() {
        let db = with_abc();
        commit(&db, |tx| {
            tx.insert("d", "4")?;
            let iter = tx.iter()?;
            tx.insert("e", "5")?;
            tx.remove("a")?;
            tx.remove("d")?;
            assert_eq!(words(iter), "a=1 b=2 c=3 d=4");
            let iter = tx.iter()?;
            tx.clear()?;
            assert_eq!(words(iter), "b=2 c=3 e=5");
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn an_iterator_may_leave_the_transaction() {
        let db = with_abc();
        let committed = commit(&db, |tx| {
            tx.insert("d", "4")?;
            tx.iter()
        });
        let mut left = None;
        let _ = commit(&db, |tx| {
            tx.insert("e", "5")?;
            left = Some(tx.iter()?);
            Err::<(), _>(Error::KeyNotFound)
        });
        db.clear().unwrap();
        drop(db);
        assert_eq!(words(committed.unwrap()), "a=1 b=2 c=3 d=4");
        assert_eq!(words(left.unwrap()), "a=1 b=2 c=3 d=4 e=5");
    }

    #[test]
    fn clear_hides_what_was_there_and_keeps_what_comes() {
        let db = with_abc();
        commit(&db, |tx| {
            tx.insert("d", "4")?;
            tx.clear()?;
            assert!(tx.is_empty()?);
            assert_eq!(tx.get("a")?, None);
            assert_eq!(tx.remove("a")?, None);
            assert_eq!(tx.iter()?.count(), 0);
            tx.insert("a", "new")?;
            tx.insert("e", "5")?;
            assert_eq!(tx.len()?, 2);
            assert_eq!(words(tx.iter()?), "a=new e=5");
            Ok(())
        })
        .unwrap();
        assert_eq!(content(&db), "a=new e=5");
        assert_eq!((db.len().unwrap(), db.get("b").unwrap()), (2, None));
    }

    #[test]
    fn limits_are_checked_at_once_and_leave_the_rest_good() {
        let db = with_abc();
        commit(&db, |tx| {
            assert!(matches!(tx.insert(vec![0; 65_536], "v"), Err(Error::TooLarge { .. })));
            let huge = vec![0; (1 << 30) + 1];
            assert!(matches!(tx.insert("k", &huge), Err(Error::TooLarge { .. })));
            tx.insert("d", "4")
        })
        .unwrap();
        assert_eq!(content(&db), "a=1 b=2 c=3 d=4");
    }

    #[cfg(feature = "ttl")]
    #[test]
    fn expires_at_sees_own_writes() {
        use emdb::Ttl;
        const FAR: u64 = 1 << 50;
        let db = with_abc();
        db.insert_with_ttl("t", "v", Ttl::ExpiresAt(FAR)).unwrap();
        commit(&db, |tx| {
            assert_eq!((tx.expires_at("t")?, tx.expires_at("a")?), (Some(FAR), None));
            tx.insert_with_ttl("a", "1", Ttl::ExpiresAt(FAR + 1))?;
            tx.insert("t", "permanent")?;
            assert_eq!((tx.expires_at("t")?, tx.expires_at("a")?), (None, Some(FAR + 1)));
            tx.remove("a")?;
            assert_eq!(tx.expires_at("a")?, None);
            tx.insert_with_ttl("a", "1", Ttl::ExpiresAt(FAR + 2))?;
            Ok(())
        })
        .unwrap();
        assert_eq!(db.expires_at("a").unwrap(), Some(FAR + 2));
        assert_eq!(db.expires_at("t").unwrap(), None);
    }
}

mod namespaces {
    use super::*;

    #[test]
    fn are_written_together() {
        let db = with_abc();
        let (x, y) = (db.namespace("x").unwrap(), db.namespace("y").unwrap());
        x.insert("k", "old").unwrap();
        commit(&db, |tx| {
            tx.insert("d", "4")?;
            tx.namespace(&x).insert("k", "new")?;
            tx.namespace(&y).insert("k", "v")?;
            assert_eq!(text(tx.namespace(&x).get("k")?).as_deref(), Some("new"));
            assert_eq!(text(tx.namespace(&x).remove("k")?).as_deref(), Some("new"));
            assert_eq!((tx.namespace(&x).len()?, tx.namespace(&y).len()?, tx.len()?), (0, 1, 4));
            Ok(())
        })
        .unwrap();
        assert_eq!((content(&x), content(&y)), (String::new(), "k=v".into()));
        let _ = commit(&db, |tx| {
            tx.namespace(&y).insert("l", "v")?;
            tx.namespace(&x).insert("l", "v")?;
            Err::<(), _>(Error::KeyNotFound)
        });
        assert_eq!((content(&x), content(&y)), (String::new(), "k=v".into()));
    }

    #[test]
    fn have_every_call() {
        let db = Emdb::open_in_memory();
        let x = db.namespace("x").unwrap();
        x.insert("a", "1").unwrap();
        commit(&db, |tx| {
            let x = tx.namespace(&x);
            x.insert("b", "2")?;
            assert!(x.contains_key("a")? && x.contains_key("b")? && !x.is_empty()?);
            assert_eq!((x.len()?, x.keys()?.count()), (2, 2));
            assert_eq!(words(x.iter()?), "a=1 b=2");
            #[cfg(feature = "ttl")]
            {
                x.insert_with_ttl("t", "3", emdb::Ttl::ExpiresAt(1 << 50))?;
                assert_eq!(x.expires_at("t")?, Some(1 << 50));
            }
            x.clear()?;
            x.insert("c", "4")
        })
        .unwrap();
        assert_eq!(content(&x), "c=4");
    }

    #[test]
    fn by_two_handles_are_one() {
        let db = Emdb::open_in_memory();
        let (one, two) = (db.namespace("x").unwrap(), db.namespace("x").unwrap());
        commit(&db, |tx| {
            tx.namespace(&one).insert("k", "v")?;
            assert!(tx.namespace(&two).contains_key("k")?);
            tx.namespace(&two).insert("l", "w")
        })
        .unwrap();
        assert_eq!(content(&one), "k=v l=w");
    }

    #[test]
    fn the_default_one_is_the_transaction_itself() {
        let db = with_abc();
        commit(&db, |tx| {
            tx.namespace(&db).insert("d", "4")?;
            assert!(tx.contains_key("d")?);
            Ok(())
        })
        .unwrap();
        assert_eq!(content(&db), "a=1 b=2 c=3 d=4");
    }

    #[test]
    fn of_another_database_are_refused() {
        let db = with_abc();
        let other = with_abc();
        let strange = other.namespace("x").unwrap();
        for strange in [&strange, &*other] {
            commit(&db, |tx| {
                let strange = tx.namespace(strange);
                let refused = |r: emdb::Result<()>| matches!(r, Err(Error::InvalidConfig(_)));
                assert!(refused(strange.insert("k", "v")));
                assert!(refused(strange.remove("a").map(drop)));
                assert!(refused(strange.get("a").map(drop)));
                assert!(refused(strange.contains_key("a").map(drop)));
                assert!(refused(strange.len().map(drop)));
                assert!(refused(strange.is_empty().map(drop)));
                assert!(refused(strange.iter().map(drop)));
                assert!(refused(strange.keys().map(drop)));
                assert!(refused(strange.clear()));
                tx.insert("d", "4")
            })
            .unwrap();
        }
        assert_eq!(content(&db), "a=1 b=2 c=3 d=4");
        assert_eq!(content(&other), "a=1 b=2 c=3");
    }

    #[test]
    fn that_were_dropped_are_refused() {
        let db = with_abc();
        let gone = db.namespace("x").unwrap();
        db.drop_namespace("x").unwrap();
        let result = commit(&db, |tx| {
            assert!(matches!(tx.namespace(&gone).get("a"), Err(Error::NamespaceDropped)));
            assert!(matches!(tx.namespace(&gone).remove("a"), Err(Error::NamespaceDropped)));
            assert!(matches!(tx.namespace(&gone).clear(), Err(Error::NamespaceDropped)));
            tx.insert("d", "4")?;
            tx.namespace(&gone).insert("k", "v")
        });
        assert!(matches!(result, Err(Error::NamespaceDropped)));
        assert_eq!(content(&db), "a=1 b=2 c=3");
    }

    #[test]
    fn are_cleared_with_their_internal_children() {
        let db = Emdb::open_in_memory();
        let parent = db.namespace("n").unwrap();
        let child = emdb_core::internal::child(&db, &parent, "i").unwrap();
        child.insert("old", "1").unwrap();
        commit(&db, |tx| {
            tx.namespace(&parent).clear()?;
            tx.namespace(&parent).insert("k", "v")?;
            tx.namespace(&child).insert("new", "1")
        })
        .unwrap();
        assert_eq!((content(&parent), content(&child)), ("k=v".into(), "new=1".into()));
    }
}

mod on_the_same_thread {
    use super::*;

    #[test]
    fn every_other_write_is_refused() {
        let db = with_abc();
        let x = db.namespace("x").unwrap();
        x.insert("k", "v").unwrap();
        commit(&db, |tx| {
            tx.insert("d", "4")?;
            assert!(is_active(db.insert("k", "v")));
            assert!(is_active(x.insert("k", "w")));
            assert!(is_active(db.remove("a")));
            assert!(is_active(db.remove("absent")));
            assert!(is_active(db.insert_many([("k", "v")])));
            assert!(is_active(db.clear()));
            assert!(is_active(x.clear()));
            assert!(is_active(db.namespace("new")));
            assert!(is_active(db.drop_namespace("x")));
            assert!(is_active(db.drop_namespace("absent")));
            assert!(is_active(commit(&db, |_| Ok(()))));
            assert!(is_active(commit(&db.clone_handle(), |tx| tx.insert("k", "v"))));
            Ok(())
        })
        .unwrap();
        assert_eq!((content(&db), content(&x)), ("a=1 b=2 c=3 d=4".into(), "k=v".into()));
        assert_eq!(db.list_namespaces().unwrap(), ["x"]);
    }

    #[cfg(feature = "ttl")]
    #[test]
    fn every_ttl_write_is_refused_and_nothing_is_swept() {
        let db = with_abc();
        db.insert_with_ttl("t", "v", emdb::Ttl::ExpiresAt(1)).unwrap();
        commit(&db, |_| {
            assert!(is_active(db.insert_with_ttl("k", "v", emdb::Ttl::None)));
            assert!(is_active(db.persist("a")));
            assert_eq!((db.sweep_expired(), db.namespace("").is_err()), (0, true));
            Ok(())
        })
        .unwrap();
        assert_eq!(db.sweep_expired(), 1);
    }

    #[test]
    fn reads_flush_and_existing_namespaces_work() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        db.insert("a", "1").unwrap();
        db.namespace("x").unwrap().insert("k", "v").unwrap();
        commit(&db, |tx| {
            tx.insert("a", "staged")?;
            assert_eq!(text(db.get("a")?).as_deref(), Some("1"));
            assert_eq!(db.get_zerocopy("a")?.unwrap(), b"1"[..]);
            assert!(db.contains_key("a")?);
            assert_eq!((db.len()?, db.iter()?.count(), db.keys()?.count()), (1, 1, 1));
            assert_eq!(content(&db.namespace("x")?), "k=v");
            assert_eq!(db.list_namespaces()?, ["x"]);
            assert_eq!(db.stats()?.live_records, 2);
            db.flush()
        })
        .unwrap();
        assert_eq!(content(&db), "a=staged");
    }

    #[test]
    fn another_database_is_free() {
        let (db, other) = (with_abc(), with_abc());
        commit(&db, |tx| {
            other.insert("d", "4")?;
            commit(&other, |inner| inner.insert("e", "5"))?;
            tx.insert("f", "6")
        })
        .unwrap();
        assert_eq!(content(&other), "a=1 b=2 c=3 d=4 e=5");
    }

    #[test]
    fn a_refused_write_leaves_the_transaction_good() {
        let db = with_abc();
        commit(&db, |tx| {
            tx.insert("d", "4")?;
            assert!(is_active(db.insert("d", "plain")));
            assert!(is_active(commit(&db, |_| Ok(()))));
            assert!(is_active(db.insert("d", "plain")), "the inner end is not that of the outer");
            tx.insert("e", "5")
        })
        .unwrap();
        assert_eq!(content(&db), "a=1 b=2 c=3 d=4 e=5");
    }
}

mod on_other_threads {
    use super::*;

    #[test]
    fn writes_wait_for_the_end() {
        let db = with_abc();
        thread::scope(|s| {
            let (done, ended) = mpsc::channel();
            commit(&db, |tx| {
                tx.insert("d", "4")?;
                for n in 0..3 {
                    let (db, done) = (&db, done.clone());
                    s.spawn(move || {
                        match n {
                            0 => db.insert("d", "plain").unwrap(),
                            1 => drop(db.remove("a").unwrap()),
                            _ => commit(db, |tx| tx.insert("e", "5")).unwrap(),
                        }
                        done.send(()).unwrap();
                    });
                }
                assert!(ended.recv_timeout(Duration::from_millis(50)).is_err());
                assert_eq!(content(&db), "a=1 b=2 c=3");
                Ok(())
            })
            .unwrap();
            for _ in 0..3 {
                ended.recv_timeout(Duration::from_secs(10)).unwrap();
            }
        });
        assert_eq!(content(&db), "b=2 c=3 d=plain e=5");
    }

    #[test]
    fn reads_go_on_and_see_nothing_of_it() {
        let db = with_abc();
        commit(&db, |tx| {
            tx.insert("a", "staged")?;
            tx.insert("d", "4")?;
            let seen = thread::scope(|s| {
                let read = || (content(&db), db.len().unwrap(), text(db.get("a").unwrap()));
                s.spawn(read).join().unwrap()
            });
            assert_eq!(seen, ("a=1 b=2 c=3".into(), 3, Some("1".into())));
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn writes_go_on_after_a_panic() {
        let db = with_abc();
        thread::scope(|s| {
            let writer = catch_unwind(AssertUnwindSafe(|| {
                let mut writer = None;
                let _ = commit(&db, |tx| -> emdb::Result<()> {
                    tx.insert("d", "4")?;
                    writer = Some(s.spawn(|| db.insert("e", "5")));
                    panic!("on purpose")
                });
            }));
            assert!(writer.is_err());
        });
        assert_eq!(content(&db), "a=1 b=2 c=3 e=5");
    }
}

mod consistency {
    use super::*;

    const ACCOUNTS: u32 = 64;
    const EACH: u64 = 1000;

    fn amount(bytes: &[u8]) -> u64 {
        u64::from_le_bytes(bytes.try_into().unwrap())
    }

    fn fill(namespace: &Namespace) {
        let accounts = (0..ACCOUNTS).map(|n| (n.to_be_bytes(), EACH.to_le_bytes()));
        namespace.insert_many(accounts).unwrap();
    }

    fn total(namespace: &Namespace) -> u64 {
        let mut count = 0;
        let sum = namespace.iter().unwrap().inspect(|_| count += 1).map(|(_, v)| amount(&v)).sum();
        assert_eq!(count, ACCOUNTS);
        sum
    }

    /// Moves something between two accounts, by a small generator of its own.
    fn transfer(db: &Emdb, (from, to): (&Namespace, &Namespace), seed: &mut u32) {
        let mut next = || {
            *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *seed >> 16
        };
        let (payer, payee) = ((next() % ACCOUNTS).to_be_bytes(), (next() % ACCOUNTS).to_be_bytes());
        let asked = u64::from(next() % 100);
        commit(db, |tx| {
            let had = amount(&tx.namespace(from).get(payer)?.unwrap());
            let moved = asked.min(had);
            tx.namespace(from).insert(payer, (had - moved).to_le_bytes())?;
            let had = amount(&tx.namespace(to).get(payee)?.unwrap());
            tx.namespace(to).insert(payee, (had + moved).to_le_bytes())
        })
        .unwrap();
    }

    #[test]
    fn every_iteration_during_transfers_sums_to_the_same() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        fill(&db);
        let stop = AtomicBool::new(false);
        let stop = &stop;
        thread::scope(|s| {
            for writer in 0..3 {
                let db = &db;
                s.spawn(move || {
                    let mut seed = writer;
                    while !stop.load(Ordering::Relaxed) {
                        transfer(db, (db, db), &mut seed);
                    }
                });
            }
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    s.spawn(|| {
                        for _ in 0..400 {
                            assert_eq!(total(&db), u64::from(ACCOUNTS) * EACH);
                        }
                    })
                })
                .collect();
            let good = readers.into_iter().all(|r| r.join().is_ok());
            stop.store(true, Ordering::Relaxed);
            assert!(good);
        });
        drop(db);
        assert_eq!(total(&Emdb::open(&path).unwrap()), u64::from(ACCOUNTS) * EACH);
    }

    #[test]
    fn two_namespaces_sum_to_the_same_in_each_transaction() {
        let db = Emdb::open_in_memory();
        let (x, y) = (db.namespace("x").unwrap(), db.namespace("y").unwrap());
        fill(&x);
        fill(&y);
        thread::scope(|s| {
            for writer in 0..2 {
                let (db, x, y) = (&db, &x, &y);
                s.spawn(move || {
                    let mut seed = writer;
                    for n in 0..500 {
                        transfer(db, if n % 2 == 0 { (x, y) } else { (y, x) }, &mut seed);
                    }
                });
            }
            for _ in 0..200 {
                let sum = |items: emdb::EmdbIter| items.map(|(_, v)| amount(&v)).sum::<u64>();
                let all = commit(&db, |tx| {
                    let of_x = sum(tx.namespace(&x).iter()?);
                    thread::yield_now();
                    Ok(of_x + sum(tx.namespace(&y).iter()?))
                });
                assert_eq!(all.unwrap(), 2 * u64::from(ACCOUNTS) * EACH);
            }
        });
    }

    #[test]
    fn a_reader_never_meets_a_namespace_between_its_clear_and_what_follows() {
        let db = Emdb::open_in_memory();
        let fill = |tx: &mut Transaction<'_>| (0..10u8).try_for_each(|n| tx.insert([n], "v"));
        commit(&db, fill).unwrap();
        let stop = AtomicBool::new(false);
        thread::scope(|s| {
            s.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    commit(&db, |tx| {
                        tx.clear()?;
                        fill(tx)
                    })
                    .unwrap();
                }
            });
            let began = Instant::now();
            let mut good = true;
            while good && began.elapsed() < Duration::from_millis(1500) {
                good = db.len().unwrap() == 10
                    && db.contains_key([7]).unwrap()
                    && db.keys().unwrap().count() == 10;
            }
            stop.store(true, Ordering::Relaxed);
            assert!(good);
        });
    }
}

#[test]
fn parts_that_were_exchanged_with_another_database_are_refused() {
    let (a, b) = (Emdb::open_in_memory(), Emdb::open_in_memory());
    let (in_a, in_b) = (a.namespace("n").unwrap(), b.namespace("n").unwrap());
    let outer = a.transaction(|ta| -> Result<(), Error> {
        ta.namespace(&in_a).insert("a", "1")?;
        let inner = b.transaction(|tb| -> Result<(), Error> {
            tb.namespace(&in_b).insert("b", "1")?;
            std::mem::swap(ta.namespace(&in_a), tb.namespace(&in_b));
            Ok(())
        });
        assert!(matches!(inner, Err(Error::InvalidConfig(_))));
        Ok(())
    });
    assert!(matches!(outer, Err(Error::InvalidConfig(_))));
    assert!(in_a.is_empty().unwrap() && in_b.is_empty().unwrap());
}
