//! Backup: a consistent copy beside readers and writers, and targets of every kind.

#![allow(clippy::unwrap_used)]

#[path = "common/rng.rs"]
#[allow(dead_code)]
mod rng;
#[path = "common/state.rs"]
mod state;
#[path = "common/watch.rs"]
mod watch;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use emdb::{Emdb, Error, NamespaceOptions, Record, Table, Transaction};
use rng::Rng;
use serde::{Deserialize, Serialize};
use state::{State, read_state};
use tempfile::TempDir;

const ORDERED: NamespaceOptions = NamespaceOptions::new().ordered(true);

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    (folder, path)
}

/// A database in a file with something in it, and where its copy goes.
fn sample() -> (TempDir, Emdb, PathBuf) {
    let (folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    for round in 0..3u32 {
        let value = round.to_le_bytes().repeat(60);
        db.insert_many((0..500u32).map(|n| (format!("key {n}"), &value))).unwrap();
    }
    db.namespace("other").unwrap().insert("key", "value").unwrap();
    let target = folder.path().join("copy");
    (folder, db, target)
}

fn commit<T>(
    db: &Emdb,
    body: impl for<'s> FnOnce(&mut Transaction<'s>) -> emdb::Result<T>,
) -> emdb::Result<T> {
    db.transaction(body)
}

/// What the file holds; it must have been left clean.
fn content(path: &Path) -> State {
    let db = Emdb::open(path).unwrap();
    let report = db.recovery().unwrap();
    assert!(report.clean, "{report:?}");
    read_state(&db).unwrap()
}

fn temp(target: &Path) -> PathBuf {
    target.with_file_name(format!("{}.backup.tmp", target.file_name().unwrap().to_str().unwrap()))
}

mod the_copy {
    use super::*;

    #[test]
    fn is_a_database_with_the_same_content() {
        let (_folder, db, target) = sample();
        db.backup_to(&target).unwrap();
        assert!(!temp(&target).exists());
        let state = read_state(&db).unwrap();
        assert!(content(&target) == state);
        let copy = Emdb::open(&target).unwrap();
        assert_eq!(copy.list_namespaces().unwrap(), db.list_namespaces().unwrap());
        assert!(copy.stats().unwrap().dead_bytes < 1000);
        // They are two databases from now on.
        copy.insert("only", "here").unwrap();
        assert!(read_state(&db).unwrap() == state);
        copy.compact().unwrap();
        assert_eq!(copy.len().unwrap(), 501);
        db.insert("only", "there").unwrap();
        assert_eq!(copy.get("only").unwrap(), Some(b"here".to_vec()));
    }

    #[test]
    fn of_a_database_in_memory_is_a_file() {
        let (_folder, target) = folder();
        let db = Emdb::open_in_memory();
        db.backup_to(&target).unwrap();
        assert!(content(&target).is_empty());
        let large = vec![3; 5 << 20];
        db.insert("small", "1").unwrap();
        db.insert("large", &large).unwrap();
        db.namespace_with("ordered", ORDERED).unwrap().insert("key", "value").unwrap();
        db.backup_to(&target).unwrap();
        assert!(content(&target) == read_state(&db).unwrap());
    }

    #[test]
    fn keeps_options_and_empty_namespaces() {
        let (_folder, db, target) = sample();
        let ordered = db.namespace_with("ordered", ORDERED).unwrap();
        for n in [5u8, 3, 9, 1] {
            ordered.insert([n], [n]).unwrap();
        }
        db.namespace_with("ordered and empty", ORDERED).unwrap();
        db.namespace("empty").unwrap();
        db.namespace("dropped").unwrap().insert("key", "value").unwrap();
        db.drop_namespace("dropped").unwrap();
        db.backup_to(&target).unwrap();
        let copy = Emdb::open(&target).unwrap();
        let names = ["empty", "ordered", "ordered and empty", "other"];
        assert_eq!(copy.list_namespaces().unwrap(), names);
        let ordered = copy.namespace("ordered").unwrap();
        assert!(ordered.is_ordered());
        assert!(ordered.range_iter(..).unwrap().map(|(k, _)| k[0]).eq([1, 3, 5, 9]));
        assert!(copy.namespace("ordered and empty").unwrap().range(..).unwrap().is_empty());
        assert!(copy.namespace("other").unwrap().range(..).is_err());
    }

    #[cfg(feature = "ttl")]
    #[test]
    fn keeps_expiries_and_leaves_out_what_is_expired() {
        use emdb::Ttl;
        let (_folder, db, target) = sample();
        let later = 4_102_444_800_000;
        db.insert_with_ttl("later", "v", Ttl::ExpiresAt(later)).unwrap();
        db.insert_with_ttl("expired", "v", Ttl::ExpiresAt(1)).unwrap();
        db.backup_to(&target).unwrap();
        let copy = Emdb::open(&target).unwrap();
        assert_eq!(copy.expires_at("later").unwrap(), Some(later));
        assert_eq!(copy.expires_at("key 1").unwrap(), None);
        assert_eq!(copy.len().unwrap(), 501);
        assert_eq!(copy.sweep_expired(), 0);
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
    struct Person {
        #[emdb(key, auto)]
        id: u64,
        #[emdb(unique)]
        name: String,
        #[emdb(index)]
        age: u8,
    }

    #[test]
    fn has_the_tables_with_their_indexes() {
        let (_folder, db, target) = sample();
        let people = Table::<Person>::open(&db).unwrap();
        for n in 0..200u64 {
            let name = format!("person {n}");
            people.insert_new(Person { id: 0, name, age: n as u8 % 40 }).unwrap();
        }
        (1..50).for_each(|id| drop(people.remove(&id).unwrap()));
        db.backup_to(&target).unwrap();
        let copy = Emdb::open(&target).unwrap();
        let copied = Table::<Person>::open(&copy).unwrap();
        assert!(copied.verify().unwrap().is_ok());
        let rows =
            |table: &Table<Person>| table.iter().unwrap().map(Result::unwrap).collect::<Vec<_>>();
        assert_eq!(rows(&copied), rows(&people));
        assert!(copied.by(Person::NAME).get("person 77").unwrap().is_some());
        let age = copied.by(Person::AGE).count(3).unwrap();
        assert_eq!(age, people.by(Person::AGE).count(3).unwrap());
        let fresh = copied.insert_new(Person { id: 0, name: "new".into(), age: 1 }).unwrap();
        assert_eq!(fresh.id, 201);
    }

    #[test]
    fn is_of_one_state_beside_writers_and_compactions() {
        watch::within_a_minute(|| {
            const TOTAL: u64 = 20_000;
            let (folder, path) = folder();
            let db = Emdb::open(&path).unwrap();
            let pair = ["left", "right"].map(|name| db.namespace(name).unwrap());
            for namespace in &pair {
                let items = (0..100u64).map(|n| (n.to_le_bytes(), 100u64.to_le_bytes()));
                namespace.insert_many(items).unwrap();
            }
            let over = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let (db, over, pair) = (&db, &over, &pair);
                for seed in 0..2 {
                    scope.spawn(move || {
                        let mut rng = Rng::new(seed);
                        while !over.load(Ordering::Relaxed) {
                            let keys = [rng.below(100), rng.below(100)].map(u64::to_le_bytes);
                            commit(db, |tx| {
                                let balance =
                                    |v: Vec<u8>| u64::from_le_bytes(v.try_into().unwrap());
                                let from = balance(tx.namespace(&pair[0]).get(keys[0])?.unwrap());
                                let to = balance(tx.namespace(&pair[1]).get(keys[1])?.unwrap());
                                let sum = from.min(rng.below(9));
                                let (less, more) = if rng.below(2) == 0 {
                                    (from - sum, to + sum)
                                } else {
                                    let sum = to.min(sum);
                                    (from + sum, to - sum)
                                };
                                tx.namespace(&pair[0]).insert(keys[0], less.to_le_bytes())?;
                                tx.namespace(&pair[1]).insert(keys[1], more.to_le_bytes())
                            })
                            .unwrap();
                            // A mark in both, in two calls: the second is never ahead.
                            let mark = rng.next().to_le_bytes();
                            db.insert(seed.to_le_bytes(), mark).unwrap();
                        }
                    });
                }
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        db.compact().unwrap();
                    }
                });
                let targets = [0, 1].map(|n| {
                    let target = folder.path().join(format!("copy {n}"));
                    scope.spawn(move || {
                        for _ in 0..8 {
                            db.backup_to(&target).unwrap();
                            let copy = Emdb::open(&target).unwrap();
                            let values = ["left", "right"].map(|name| {
                                let all = copy.namespace(name).unwrap().iter().unwrap();
                                all.map(|(_, v)| u64::from_le_bytes(v.try_into().unwrap()))
                                    .sum::<u64>()
                            });
                            assert_eq!(values[0] + values[1], TOTAL);
                            assert_eq!(copy.namespace("left").unwrap().len().unwrap(), 100);
                            copy.close().unwrap();
                        }
                    })
                });
                let done = targets.map(|t| t.join());
                over.store(true, Ordering::Relaxed);
                done.into_iter().for_each(|d| d.unwrap());
            });
        });
    }
}

mod the_target {
    use super::*;

    fn is_config(result: emdb::Result<()>) -> bool {
        matches!(result, Err(Error::InvalidConfig(_)))
    }

    #[test]
    fn is_never_a_file_of_the_database_itself() {
        let (folder, db, _) = sample();
        let state = read_state(&db).unwrap();
        let root = folder.path();
        fs::create_dir(root.join("sub")).unwrap();
        fs::write(root.join("db.meta"), "an index").unwrap();
        fs::hard_link(root.join("db"), root.join("hard")).unwrap();
        fs::hard_link(root.join("db.lock"), root.join("hard lock")).unwrap();
        let mut names = vec!["db", "hard", "hard lock", "sub/../db", "./db", "db.lock", "db.meta"];
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("db", root.join("soft")).unwrap();
            std::os::unix::fs::symlink("soft", root.join("sub/../softer")).unwrap();
            std::os::unix::fs::symlink("db.lock", root.join("soft lock")).unwrap();
            names.extend(["soft", "softer", "soft lock"]);
        }
        for name in names {
            let refused = db.backup_to(root.join(name));
            assert!(is_config(refused), "{name}");
        }
        assert!(is_config(db.backup_to(db.path())));
        fs::remove_file(root.join("hard")).unwrap();
        fs::remove_file(root.join("db.meta")).unwrap();
        assert!(read_state(&db).unwrap() == state);
        assert!(matches!(Emdb::open(root.join("db")), Err(Error::AlreadyLocked)));
        db.close().unwrap();
        assert!(content(&root.join("db")) == state);
    }

    #[test]
    fn that_is_another_database_is_replaced() {
        let (_folder, db, target) = sample();
        let old = Emdb::open(&target).unwrap();
        old.insert("old", "value").unwrap();
        old.namespace("old").unwrap().insert("old", "value").unwrap();
        old.close().unwrap();
        for round in 0..3u32 {
            db.insert("round", round.to_le_bytes()).unwrap();
            db.backup_to(&target).unwrap();
            assert!(content(&target) == read_state(&db).unwrap());
        }
    }

    #[test]
    fn that_is_open_is_refused() {
        let (_folder, db, target) = sample();
        let open = Emdb::open(&target).unwrap();
        open.insert("key", "kept").unwrap();
        assert!(matches!(db.backup_to(&target), Err(Error::AlreadyLocked)));
        open.compact().unwrap();
        assert!(matches!(db.backup_to(&target), Err(Error::AlreadyLocked)));
        let link = target.with_file_name("link");
        fs::hard_link(&target, &link).unwrap();
        assert!(matches!(db.backup_to(&link), Err(Error::AlreadyLocked)));
        assert_eq!(open.get("key").unwrap(), Some(b"kept".to_vec()));
        open.close().unwrap();
        assert_eq!(content(&target).len(), 1);
        db.backup_to(&target).unwrap();
        // The link leads to the former file, which is another database now.
        assert_eq!(content(&link).len(), 1);
    }

    #[test]
    fn that_is_being_written_is_locked() {
        let (_folder, db, target) = sample();
        db.backup_to(&target).unwrap();
        let mut calls = 0;
        db.backup_to_with(&target, |_| {
            calls += 1;
            assert!(matches!(Emdb::open(&target), Err(Error::AlreadyLocked)));
            assert!(matches!(db.backup_to(&target), Err(Error::AlreadyLocked)));
            let holder = Emdb::lock_holder(&target).unwrap().unwrap();
            assert_eq!(holder.pid, std::process::id());
            ControlFlow::Continue(())
        })
        .unwrap();
        assert!(calls > 0);
        assert!(Emdb::lock_holder(&target).unwrap().is_none());
        assert!(content(&target) == read_state(&db).unwrap());
    }

    #[test]
    fn that_is_something_else_is_not_touched() {
        let (_folder, db, target) = sample();
        let texts = [1, 3, 7, 8, 20, 511, 512, 513, 5000, 100_000].map(|n| vec![b'a'; n]);
        for text in texts {
            fs::write(&target, &text).unwrap();
            let refused = db.backup_to(&target);
            assert!(matches!(refused, Err(Error::MagicMismatch)), "{}: {refused:?}", text.len());
            assert!(fs::read(&target).unwrap() == text, "{} bytes", text.len());
            assert!(!temp(&target).exists());
        }
        fs::write(&target, "").unwrap();
        db.backup_to(&target).unwrap();
        assert!(content(&target) == read_state(&db).unwrap());
    }

    #[test]
    fn in_a_missing_folder_or_a_folder_itself_is_an_error() {
        let (folder, db, target) = sample();
        let missing = folder.path().join("missing/copy");
        assert!(matches!(db.backup_to(&missing), Err(Error::Io(_))));
        assert!(!folder.path().join("missing").exists());
        fs::create_dir(&target).unwrap();
        assert!(db.backup_to(&target).is_err());
        assert!(db.backup_to(folder.path().join("..")).is_err());
        assert!(db.backup_to("").is_err());
        assert!(target.is_dir() && fs::read_dir(&target).unwrap().count() == 0);
    }

    #[cfg(unix)]
    #[test]
    fn may_be_reached_by_a_link() {
        let (folder, db, target) = sample();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("copy", &link).unwrap();
        for _ in 0..2 {
            db.backup_to(&link).unwrap();
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert!(fs::symlink_metadata(&target).unwrap().is_file());
            assert!(content(&target) == read_state(&db).unwrap());
        }
    }

    #[cfg(unix)]
    #[test]
    fn is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, db, target) = sample();
        db.backup_to(&target).unwrap();
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn leads_nobody_astray_by_its_temporary_name() {
        let (_folder, db, target) = sample();
        let victim = target.with_file_name("victim");
        fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, temp(&target)).unwrap();
        db.backup_to(&target).unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        assert!(content(&target) == read_state(&db).unwrap());
    }

    #[test]
    fn left_unfinished_by_a_crash_is_no_hindrance() {
        let (_folder, db, target) = sample();
        fs::write(temp(&target), "half of a file").unwrap();
        db.backup_to(&target).unwrap();
        assert!(!temp(&target).exists());
        fs::write(temp(&target), "half of a file").unwrap();
        assert!(content(&target) == read_state(&db).unwrap());
        assert!(!temp(&target).exists());
    }

    /// The names that this database needs for itself, now and then, are no place for a backup:
    /// it would be removed without a word.
    #[test]
    fn is_no_name_that_the_database_uses_for_a_while() {
        for end in ["compact.tmp", "backup.tmp"] {
            let (folder, db, _) = sample();
            let target = folder.path().join(format!("db.{end}"));
            if is_config(db.backup_to(&target)) {
                continue;
            }
            db.compact().unwrap();
            db.close().unwrap();
            drop(Emdb::open(folder.path().join("db")).unwrap());
            assert!(target.exists(), "{end}: the backup is gone");
        }
    }

    /// The other way round: what a target needs for itself may be the database.
    #[test]
    fn does_not_need_the_name_of_the_database() {
        for end in ["backup.tmp", "meta", "lock", "compact.tmp"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(format!("copy.{end}"));
            let db = Emdb::open(&path).unwrap();
            db.insert("key", "value").unwrap();
            let done = db.backup_to(folder.path().join("copy"));
            assert!(
                path.exists(),
                "{end}: the database lost its file, and the backup said {done:?}"
            );
            db.insert("later", "value").unwrap();
            db.close().unwrap();
            assert_eq!(content(&path).len(), 2, "{end}");
        }
    }
}

mod the_call {
    use super::*;

    #[test]
    fn inside_a_transaction_is_refused() {
        let (_folder, db, target) = sample();
        commit(&db, |tx| {
            tx.insert("key", "value")?;
            assert!(matches!(db.backup_to(&target), Err(Error::TransactionActive)));
            Ok(())
        })
        .unwrap();
        assert!(!target.exists());
        db.backup_to(&target).unwrap();
    }

    #[test]
    fn that_is_cancelled_leaves_the_old_target() {
        let (folder, db, target) = sample();
        let large = vec![1; 700_000];
        (0..6u8).for_each(|n| db.insert([n], &large).unwrap());
        let listing = |folder: &Path| {
            let all = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name());
            let mut all: Vec<_> = all.collect();
            all.sort();
            all
        };
        let before = listing(folder.path());
        let cancelled = db.backup_to_with(&target, |_| ControlFlow::Break(()));
        assert!(matches!(cancelled, Err(Error::Cancelled)));
        assert!(!target.exists());
        let lock = target.with_file_name("copy.lock");
        let after = listing(folder.path());
        assert!(after.iter().all(|n| before.contains(n) || Some(&**n) == lock.file_name()));
        db.backup_to(&target).unwrap();
        let state = content(&target);
        db.insert("newer", "value").unwrap();
        let mut steps = 0;
        for last in 0.. {
            let mut calls = 0;
            let done = db.backup_to_with(&target, |progress| {
                assert!(progress.done <= progress.total);
                calls += 1;
                if calls > last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            if done.is_ok() {
                break;
            }
            steps += 1;
            assert!(matches!(done, Err(Error::Cancelled)));
            assert!(content(&target) == state);
            assert!(!temp(&target).exists());
        }
        assert!(steps > 2, "{steps}");
        assert!(content(&target) == read_state(&db).unwrap());
    }

    #[test]
    fn may_read_write_and_compact_in_its_callback() {
        watch::within_a_minute(|| {
            let (_folder, db, target) = sample();
            let state = read_state(&db).unwrap();
            db.backup_to_with(&target, |_| {
                db.insert("meanwhile", "value").unwrap();
                db.compact().unwrap();
                db.namespace("other").unwrap().clear().unwrap();
                ControlFlow::Continue(())
            })
            .unwrap();
            assert!(content(&target) == state, "the copy is of the moment when it began");
            assert_eq!(db.len().unwrap(), 501);
        });
    }

    #[test]
    fn that_panics_in_its_callback_leaves_the_target_usable() {
        let (_folder, db, target) = sample();
        db.backup_to(&target).unwrap();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _ =
                db.backup_to_with(&target, |_| std::panic::resume_unwind(Box::new("on purpose")));
        }));
        assert!(panicked.is_err());
        assert!(content(&target) == read_state(&db).unwrap());
        db.backup_to(&target).unwrap();
    }

    #[test]
    fn twice_at_once_to_one_target_is_done_once_at_least() {
        watch::within_a_minute(|| {
            let (_folder, db, target) = sample();
            let outcomes = std::thread::scope(|scope| {
                let threads = [(); 4].map(|()| scope.spawn(|| db.backup_to(&target)));
                threads.map(|t| t.join().unwrap())
            });
            assert!(outcomes.iter().any(Result::is_ok), "{outcomes:?}");
            let locked = |r: &emdb::Result<()>| matches!(r, Ok(()) | Err(Error::AlreadyLocked));
            assert!(outcomes.iter().all(locked), "{outcomes:?}");
            assert!(content(&target) == read_state(&db).unwrap());
            assert!(!temp(&target).exists());
        });
    }

    #[test]
    fn of_two_databases_to_each_other_is_refused_while_they_are_open() {
        let (_folder, db, target) = sample();
        let other = Emdb::open(&target).unwrap();
        assert!(matches!(other.backup_to(db.path()), Err(Error::AlreadyLocked)));
        assert!(matches!(db.backup_to(&target), Err(Error::AlreadyLocked)));
    }

    #[test]
    fn reports_a_damaged_live_record_and_keeps_the_target() {
        let (_folder, db, target) = sample();
        db.backup_to(&target).unwrap();
        let state = content(&target);
        db.insert("damaged", "THE VALUE").unwrap();
        db.flush().unwrap();
        let mut bytes = fs::read(db.path()).unwrap();
        let at = bytes.windows(9).rposition(|w| w == b"THE VALUE").unwrap();
        bytes[at] ^= 1;
        fs::write(db.path().with_file_name("damaged"), &bytes).unwrap();
        drop(db);
        let damaged = target.with_file_name("damaged");
        if let Ok(db) = Emdb::open(&damaged) {
            assert!(matches!(db.backup_to(&target), Err(Error::Corrupted { .. })));
            assert!(!temp(&target).exists());
        }
        assert!(content(&target) == state);
    }

    /// A child process, which may change its working directory.
    #[test]
    fn child_process() {
        let Ok(folder) = std::env::var("EMDB_TEST_BACKUP_FOLDER") else { return };
        std::env::set_current_dir(&folder).unwrap();
        let db = Emdb::open("db").unwrap();
        db.insert("key", "value").unwrap();
        db.backup_to("copy").unwrap();
        db.backup_to("./sub/copy").unwrap();
        assert!(matches!(db.backup_to("sub/../db"), Err(Error::InvalidConfig(_))));
        std::env::set_current_dir("sub").unwrap();
        db.backup_to("other").unwrap();
        assert!(matches!(db.backup_to("../db"), Err(Error::InvalidConfig(_))));
        db.compact().unwrap();
        db.insert("key 2", "value").unwrap();
    }

    #[test]
    fn takes_relative_paths_from_the_present_folder() {
        let (folder, path) = folder();
        fs::create_dir(folder.path().join("sub")).unwrap();
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["the_call::child_process", "--exact", "--test-threads=1"])
            .env("EMDB_TEST_BACKUP_FOLDER", folder.path())
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        for name in ["copy", "sub/copy", "sub/other"] {
            assert_eq!(content(&folder.path().join(name)).len(), 1, "{name}");
        }
        assert_eq!(content(&path).len(), 2);
        assert!(!folder.path().join("sub/db").exists());
    }
}
