//! The call itself: refused, cancelled, nested, concurrent.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use emdb::{Error, FlushPolicy};
use emdb_testing::within_a_minute;

use super::*;

#[test]
fn inside_a_transaction_is_refused() {
    on_each(|db| {
        let refused = commit(&db, |tx| {
            tx.insert("key", "value")?;
            assert!(matches!(db.compact(), Err(Error::TransactionActive)));
            Ok(())
        });
        refused.unwrap();
        assert_eq!(db.get("key").unwrap(), Some(b"value".to_vec()));
        db.compact().unwrap();
    });
}

#[test]
fn of_nothing_is_nothing() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    for _ in 0..3 {
        db.compact().unwrap();
        assert_eq!(db.stats().unwrap().live_records, 0);
    }
    db.insert("key", "value").unwrap();
    db.clear().unwrap();
    db.compact().unwrap();
    assert!(db.is_empty().unwrap());
    assert!(db.stats().unwrap().logical_size_bytes <= 8192 + 64, "{:?}", db.stats());
    assert_state_lasts(db, &path, &State::new());
    let db = Emdb::open_in_memory();
    db.compact().unwrap();
    db.compact().unwrap();
}

#[test]
fn of_one_huge_value_is_that_value() {
    on_each(|db| {
        let value: Vec<u8> = (0..50u32 << 18).flat_map(u32::to_le_bytes).collect();
        db.insert("huge", "smaller").unwrap();
        db.insert("huge", &value).unwrap();
        db.compact().unwrap();
        assert!(db.get_zerocopy("huge").unwrap().as_deref() == Some(&value[..]));
        assert_eq!(db.len().unwrap(), 1);
    });
}

#[test]
fn of_many_namespaces_is_all_of_them() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    for n in 0..300 {
        let namespace = db.namespace(format!("{n}")).unwrap();
        namespace.insert("key", format!("value {n}")).unwrap();
        if n % 10 == 0 {
            namespace.clear().unwrap();
        }
    }
    for n in (0..300).step_by(7) {
        db.drop_namespace(format!("{n}")).unwrap();
    }
    let names = db.list_namespaces().unwrap();
    let state = read_state(&db).unwrap();
    db.compact().unwrap();
    assert_eq!(db.list_namespaces().unwrap(), names);
    db.compact().unwrap();
    assert_state_lasts(db, &path, &state);
    assert_eq!(Emdb::open(&path).unwrap().list_namespaces().unwrap(), names);
}

#[test]
fn cancelled_at_any_step_leaves_everything_as_it_was() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    litter(&db, 3);
    let large = vec![1; 700_000];
    (0..6u8).for_each(|n| db.insert([n], &large).unwrap());
    let state = read_state(&db).unwrap();
    let mut steps = 0;
    db.compact_with(|progress| {
        assert!(progress.done <= progress.total, "{progress:?}");
        steps += 1;
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(steps > 2, "{steps} steps");
    for last in 0..steps {
        litter(&db, 2);
        let before = db.stats().unwrap().logical_size_bytes;
        let mut calls = 0;
        let cancelled = db.compact_with(|_| {
            calls += 1;
            if calls > last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(matches!(cancelled, Err(Error::Cancelled)), "{last}: {cancelled:?}");
        assert!(!temp(&path).exists());
        assert_eq!(db.stats().unwrap().logical_size_bytes, before);
    }
    litter(&db, 3);
    assert_state_lasts(db, &path, &state);
}

#[test]
fn a_callback_may_read_and_write() {
    on_each(|db| {
        litter(&db, 2);
        for round in 0..3u32 {
            compact_around(&db, || {
                assert_eq!(db.len().unwrap(), 500 + round as usize);
                db.insert(round.to_le_bytes(), "from the callback").unwrap();
                commit(&db, |tx| tx.remove("litter 000").map(drop)).unwrap();
                litter(&db, 1);
                db.flush().unwrap();
                assert!(db.iter().unwrap().count() == 501 + round as usize);
            });
            assert_eq!(db.len().unwrap(), 501 + round as usize);
        }
    });
}

#[test]
fn a_callback_that_panics_changes_nothing() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    litter(&db, 2);
    let state = read_state(&db).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = db.compact_with(|_| std::panic::resume_unwind(Box::new("on purpose")));
    }));
    assert!(panicked.is_err());
    assert!(read_state(&db).unwrap() == state);
    db.compact().unwrap();
    assert_state_lasts(db, &path, &state);
}

#[test]
fn two_at_once_come_to_an_end() {
    within_a_minute(|| {
        on_each(|db| {
            litter(&db, 2);
            let state = read_state(&db).unwrap();
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| (0..5).for_each(|_| db.compact().unwrap()));
                }
            });
            assert!(read_state(&db).unwrap() == state);
        });
    });
}

/// Threads that write one record after the other while the database is compacted; each write that
/// returned is there.
fn writers(policy: FlushPolicy, time: Duration) {
    within_a_minute(move || {
        let (_folder, path) = folder();
        let db = Emdb::builder().path(&path).flush_policy(policy).build().unwrap();
        litter(&db, 3);
        let (over, written) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let compactions = std::thread::scope(|scope| {
            for thread in 0..4u32 {
                let (db, over, written) = (&db, &over, &written);
                scope.spawn(move || {
                    for n in 0u32.. {
                        if over.load(Ordering::Relaxed) > 0 {
                            break;
                        }
                        let key = [thread.to_be_bytes(), n.to_be_bytes()].concat();
                        if n % 3 == 0 {
                            commit(db, |tx| tx.insert(&key, "v")).unwrap();
                        } else {
                            db.insert(&key, "v").unwrap();
                        }
                        if n % 5 == 0 {
                            db.flush().unwrap();
                        }
                        written.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let (began, mut compactions) = (Instant::now(), 0);
            while began.elapsed() < time {
                db.compact().unwrap();
                compactions += 1;
            }
            over.store(1, Ordering::Relaxed);
            compactions
        });
        let expected = 500 + written.into_inner();
        assert_eq!(db.len().unwrap(), expected, "after {compactions} compactions");
        let state = read_state(&db).unwrap();
        assert_eq!(state.len(), expected);
        assert_state_lasts(db, &path, &state);
    });
}

#[test]
fn writers_of_every_policy_go_on() {
    let time = Duration::from_millis(800);
    writers(FlushPolicy::WriteThrough, time);
    writers(FlushPolicy::Group, time);
    writers(FlushPolicy::OnEachFlush, time);
}

#[test]
fn a_long_transaction_may_flush_meanwhile() {
    within_a_minute(|| {
        for policy in [FlushPolicy::OnEachFlush, FlushPolicy::Group, FlushPolicy::WriteThrough] {
            let (_folder, path) = folder();
            let db = Emdb::builder().path(&path).flush_policy(policy).build().unwrap();
            litter(&db, 2);
            let begun = std::sync::Barrier::new(2);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    commit(&db, |tx| {
                        tx.insert("first", "1")?;
                        begun.wait();
                        for _ in 0..20 {
                            std::thread::sleep(Duration::from_millis(10));
                            db.flush()?;
                            assert_eq!(tx.len()?, 501);
                        }
                        tx.insert("second", "2")
                    })
                    .unwrap();
                });
                begun.wait();
                db.compact().unwrap();
                // It waited for the transaction, or was done without it.
                db.insert("third", "3").unwrap();
            });
            assert_eq!(db.len().unwrap(), 503);
            let state = read_state(&db).unwrap();
            assert_state_lasts(db, &path, &state);
        }
    });
}

#[test]
fn transactions_that_fail_or_panic_meanwhile_leave_nothing() {
    within_a_minute(|| {
        on_each(|db| {
            litter(&db, 2);
            let state = read_state(&db).unwrap();
            let over = AtomicUsize::new(0);
            std::thread::scope(|scope| {
                let (db, over) = (&db, &over);
                scope.spawn(move || {
                    while over.load(Ordering::Relaxed) == 0 {
                        let failed = commit(db, |tx| {
                            tx.clear()?;
                            tx.insert("torn", "1")?;
                            Err::<(), _>(Error::KeyNotFound)
                        });
                        assert!(failed.is_err());
                        let panicked = std::thread::scope(|inner| {
                            let quiet = || {
                                let _ = commit(db, |tx| {
                                    tx.insert("torn", "2")?;
                                    std::panic::resume_unwind(Box::new("on purpose"));
                                    #[allow(unreachable_code)]
                                    Ok(())
                                });
                            };
                            inner.spawn(quiet).join()
                        });
                        assert!(panicked.is_err());
                    }
                });
                for _ in 0..10 {
                    db.compact().unwrap();
                }
                over.store(1, Ordering::Relaxed);
            });
            assert!(read_state(&db).unwrap() == state);
        });
    });
}

#[test]
fn handles_that_go_meanwhile_close_nothing() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    litter(&db, 2);
    let state = read_state(&db).unwrap();
    let other = db.clone_handle();
    let mut clones = vec![db.clone_handle(), db.clone_handle()];
    compact_around(&db, || {
        if let Some(clone) = clones.pop() {
            assert!(clone.close().is_err());
        }
    });
    drop(clones);
    drop(db);
    assert!(matches!(Emdb::open(&path), Err(Error::AlreadyLocked)));
    assert_state_lasts(other, &path, &state);
}

#[test]
fn threads_that_are_always_in_transactions_let_it_come_to_an_end() {
    within_a_minute(|| {
        on_each(|db| {
            litter(&db, 2);
            let over = AtomicUsize::new(0);
            std::thread::scope(|scope| {
                let (db, over) = (&db, &over);
                for thread in 0..4u32 {
                    scope.spawn(move || {
                        // Once at least: on a busy machine it can be over before a thread begins.
                        loop {
                            commit(db, |tx| {
                                std::thread::sleep(Duration::from_micros(500));
                                tx.insert(thread.to_le_bytes(), "x")
                            })
                            .unwrap();
                            if over.load(Ordering::Relaxed) != 0 {
                                break;
                            }
                        }
                    });
                }
                for _ in 0..5 {
                    db.compact().unwrap();
                }
                over.store(1, Ordering::Relaxed);
            });
            assert_eq!(db.len().unwrap(), 504);
        });
    });
}
