//! Syncs, and the figures that `stats` gives.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use emdb::{Emdb, Error, FlushPolicy};

use crate::common::folder;

/// Bytes in front of the journal.
const HEADER: u64 = 8192;
/// Bytes of a small record of the default namespace beside key and value: two checksums, kind and
/// two lengths.
const OVERHEAD: u64 = 11;

fn open(path: &Path, policy: FlushPolicy) -> Emdb {
    Emdb::builder().path(path).flush_policy(policy).build().unwrap()
}

fn syncs(db: &Emdb) -> u64 {
    db.stats().unwrap().syncs
}

/// Waits until `condition` holds.
fn wait_for(condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(1));
    }
}

mod flush {
    use super::*;

    #[test]
    fn syncs_once_when_something_was_written() {
        for policy in [FlushPolicy::OnEachFlush, FlushPolicy::Group] {
            let (_folder, path) = folder();
            let db = open(&path, policy);
            for n in 0..10u8 {
                db.insert([n], "v").unwrap();
            }
            assert_eq!(syncs(&db), 0, "writes don't sync");
            db.flush().unwrap();
            assert_eq!(syncs(&db), 1);
            db.insert("k", "v").unwrap();
            db.flush().unwrap();
            assert_eq!(syncs(&db), 2);
        }
    }

    #[test]
    fn does_not_sync_when_nothing_was_written_since() {
        for policy in [FlushPolicy::OnEachFlush, FlushPolicy::Group] {
            let (_folder, path) = folder();
            let db = open(&path, policy);
            db.flush().unwrap();
            assert_eq!(syncs(&db), 0);
            db.insert("k", "v").unwrap();
            for _ in 0..1000 {
                db.flush().unwrap();
            }
            assert_eq!(syncs(&db), 1);
            db.remove("absent").unwrap();
            db.flush().unwrap();
            assert_eq!(syncs(&db), 1);
        }
    }

    #[test]
    fn does_not_sync_just_after_an_open() {
        let (_folder, path) = folder();
        open(&path, FlushPolicy::default()).insert("k", "v").unwrap();
        let db = open(&path, FlushPolicy::default());
        db.flush().unwrap();
        assert_eq!(syncs(&db), 0);
    }

    #[test]
    fn counts_every_kind_of_write_as_one() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let mut expected = 0;
        let mut check = |what: &str| {
            db.flush().unwrap();
            expected += 1;
            assert_eq!(syncs(&db), expected, "{what}");
        };
        let namespace = db.namespace("n").unwrap();
        check("a namespace begins");
        namespace.insert("k", "v").unwrap();
        check("insert");
        namespace.insert_many([("l", "v")]).unwrap();
        check("insert_many");
        namespace.remove("k").unwrap();
        check("remove");
        namespace.clear().unwrap();
        check("clear");
        db.transaction(|tx| tx.insert("k", "v")).unwrap();
        check("transaction");
        db.drop_namespace("n").unwrap();
        check("a namespace ends");
    }

    #[test]
    fn in_memory_has_nothing_to_do() {
        for policy in [FlushPolicy::OnEachFlush, FlushPolicy::Group, FlushPolicy::WriteThrough] {
            let db = Emdb::builder().flush_policy(policy).build().unwrap();
            db.insert("k", "v").unwrap();
            db.flush().unwrap();
            assert_eq!(syncs(&db), 0);
        }
    }

    #[test]
    fn leaves_a_file_that_keeps_all_of_it() {
        let (folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        db.insert("k", "v").unwrap();
        db.flush().unwrap();
        let copy = folder.path().join("copy");
        fs::copy(&path, &copy).unwrap();
        assert_eq!(Emdb::open(&copy).unwrap().get("k").unwrap(), Some(b"v".to_vec()));
    }
}

/// A barrier that spins, so that threads leave it as good as at once.
struct Start {
    threads: u64,
    arrived: AtomicU64,
}

impl Start {
    fn wait(&self) {
        let arrived = self.arrived.fetch_add(1, Ordering::AcqRel);
        let all = (arrived / self.threads + 1) * self.threads;
        for spins in 0.. {
            if self.arrived.load(Ordering::Acquire) >= all {
                return;
            }
            if spins % 1000 == 999 {
                thread::yield_now();
            }
        }
    }
}

/// Rounds in which several threads write, wait for each other, and flush at once. Gives the syncs
/// in each round, of which there are as many as it takes until `enough`.
fn rounds(policy: FlushPolicy, threads: u64, enough: impl Fn(&[u64]) -> bool + Sync) -> Vec<u64> {
    let (_folder, path) = folder();
    let db = open(&path, policy);
    let start = Start { threads, arrived: AtomicU64::new(0) };
    let work = |thread: u64| {
        let mut counts = Vec::new();
        // All threads come to the same answer.
        while !enough(&counts) {
            let before = syncs(&db);
            db.insert(thread.to_be_bytes(), "v").unwrap();
            start.wait();
            db.flush().unwrap();
            start.wait();
            counts.push(syncs(&db) - before);
            start.wait();
        }
        counts
    };
    let work = &work;
    thread::scope(|s| {
        let all: Vec<_> = (0..threads).map(|thread| s.spawn(move || work(thread))).collect();
        all.into_iter().map(|t| t.join().unwrap()).next().unwrap()
    })
}

mod policy {
    use super::*;

    #[test]
    fn group_shares_one_sync_among_concurrent_flushes() {
        let counts = rounds(FlushPolicy::Group, 8, |counts| counts.len() == 50);
        assert_eq!(counts, vec![1; 50]);
    }

    #[test]
    fn on_each_flush_syncs_for_each_that_finds_something_unsynced() {
        let enough = |counts: &[u64]| counts.last() > Some(&1) || counts.len() == 100_000;
        let counts = rounds(FlushPolicy::OnEachFlush, 2, enough);
        assert_eq!(counts.last(), Some(&2), "both find something unsynced now and then");
    }

    #[test]
    fn write_through_has_synced_when_a_write_returns() {
        let (_folder, path) = folder();
        let db = open(&path, FlushPolicy::WriteThrough);
        for n in 1..=10u8 {
            db.insert([n], "v").unwrap();
            assert_eq!(syncs(&db), u64::from(n));
        }
        db.transaction(|tx| (0..10u8).try_for_each(|n| tx.insert([n], "w"))).unwrap();
        assert_eq!(syncs(&db), 11);
        db.remove([3]).unwrap();
        db.clear().unwrap();
        let namespace = db.namespace("n").unwrap();
        namespace.insert_many([("a", "1"), ("b", "2")]).unwrap();
        db.drop_namespace("n").unwrap();
        assert_eq!(syncs(&db), 16);
    }

    #[test]
    fn write_through_leaves_flush_nothing_to_do() {
        let (_folder, path) = folder();
        let db = open(&path, FlushPolicy::WriteThrough);
        db.insert("k", "v").unwrap();
        for _ in 0..100 {
            db.flush().unwrap();
        }
        assert_eq!(syncs(&db), 1);
    }

    #[test]
    fn write_through_is_right_with_several_threads() {
        let (_folder, path) = folder();
        let db = open(&path, FlushPolicy::WriteThrough);
        thread::scope(|s| {
            for thread in 0..8u8 {
                let db = &db;
                s.spawn(move || (0..20u8).for_each(|n| db.insert([thread, n], "v").unwrap()));
            }
        });
        assert!((1..=160).contains(&syncs(&db)));
        drop(db);
        assert_eq!(Emdb::open(&path).unwrap().len().unwrap(), 160);
    }

    #[test]
    fn is_on_each_flush_by_default() {
        assert_eq!(FlushPolicy::default(), FlushPolicy::OnEachFlush);
    }
}

mod the_background {
    use super::*;

    #[test]
    fn syncs_every_period_what_is_unsynced() {
        let (_folder, path) = folder();
        let period = Duration::from_millis(5);
        let db = Emdb::builder().path(&path).flush_every(period).build().unwrap();
        db.insert("k", "v").unwrap();
        wait_for(|| syncs(&db) == 1);
        db.insert("k", "w").unwrap();
        wait_for(|| syncs(&db) == 2);
        let began = Instant::now();
        while began.elapsed() < 10 * period {
            assert_eq!(syncs(&db), 2, "there is nothing unsynced");
            thread::yield_now();
        }
        assert_eq!(db.stats().unwrap().background_failures, 0);
    }

    #[test]
    fn keeps_no_database_open() {
        let (_folder, path) = folder();
        let builder = Emdb::builder().path(&path).flush_every(Duration::from_micros(50));
        for round in 0..50usize {
            let db = builder.clone().build().unwrap();
            assert_eq!(db.len().unwrap(), round);
            db.insert(round.to_be_bytes(), "v").unwrap();
            if round % 2 == 0 {
                db.close().unwrap();
            }
        }
        assert!(Emdb::lock_holder(&path).unwrap().is_none());
    }

    #[test]
    fn bounds_what_is_unsynced() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        for n in 0..40u32 {
            db.insert(n.to_be_bytes(), vec![7; 1 << 20]).unwrap();
        }
        wait_for(|| syncs(&db) > 0);
    }
}

mod stats {
    use super::*;

    #[test]
    fn of_a_new_database() {
        let (_folder, path) = folder();
        let stats = Emdb::open(&path).unwrap().stats().unwrap();
        assert_eq!((stats.live_records, stats.namespace_count, stats.dead_bytes), (0, 1, 0));
        assert_eq!((stats.logical_size_bytes, stats.file_size_bytes), (HEADER, HEADER));
        assert_eq!((stats.preallocated_bytes, stats.syncs), (0, 0));
        assert!(!stats.range_scans_enabled && !stats.encrypted);
        assert_eq!(stats.background_failures, 0);
        assert!(stats.index_bytes > 0);
    }

    #[test]
    fn are_copy() {
        let db = Emdb::open_in_memory();
        let stats = db.stats().unwrap();
        let copy = stats;
        assert_eq!(copy, stats);
    }

    #[test]
    fn count_live_records_of_all_namespaces() {
        let db = Emdb::open_in_memory();
        let (a, b) = (db.namespace("a").unwrap(), db.namespace("b").unwrap());
        db.insert("k", "v").unwrap();
        a.insert_many([("k", "v"), ("l", "v"), ("k", "w")]).unwrap();
        b.insert("k", "v").unwrap();
        let figures = |db: &Emdb| {
            let stats = db.stats().unwrap();
            (stats.live_records, stats.namespace_count)
        };
        assert_eq!(figures(&db), (4, 3));
        a.remove("k").unwrap();
        assert_eq!(figures(&db), (3, 3));
        a.clear().unwrap();
        assert_eq!(figures(&db), (2, 3));
        db.drop_namespace("b").unwrap();
        assert_eq!(figures(&db), (1, 2));
    }

    #[test]
    fn logical_size_is_header_and_records() {
        let (_folder, path) = folder();
        for db in [Emdb::open_in_memory(), Emdb::open(path).unwrap()] {
            db.insert("key", "value").unwrap();
            assert_eq!(db.stats().unwrap().logical_size_bytes, HEADER + OVERHEAD + 8);
            db.insert("k", "").unwrap();
            assert_eq!(db.stats().unwrap().logical_size_bytes, HEADER + 2 * OVERHEAD + 9);
        }
    }

    #[test]
    fn dead_bytes_are_those_of_replaced_removed_and_cleared_records() {
        let db = Emdb::open_in_memory();
        let figures = || {
            let stats = db.stats().unwrap();
            (stats.dead_bytes, stats.logical_size_bytes - HEADER)
        };
        db.insert("a", "12345").unwrap();
        db.insert("b", "12345").unwrap();
        let one = OVERHEAD + 6;
        assert_eq!(figures(), (0, 2 * one));
        db.insert("a", "54321").unwrap();
        assert_eq!(figures().0, one, "the replaced one");
        let live = figures().1 - figures().0;
        db.remove("b").unwrap();
        assert_eq!(figures().1 - figures().0, live - one, "a removal is dead itself");
        db.clear().unwrap();
        assert_eq!(figures().0, figures().1, "nothing lives");
    }

    #[test]
    fn of_the_file_are_those_of_the_file_system() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        for n in 0..5000u32 {
            db.insert(n.to_be_bytes(), vec![1; (n % 300) as usize]).unwrap();
            if n % 500 == 0 {
                let stats = db.stats().unwrap();
                assert_eq!(stats.file_size_bytes, fs::metadata(&path).unwrap().len());
                let sum = stats.logical_size_bytes + stats.preallocated_bytes;
                assert_eq!(sum, stats.file_size_bytes);
            }
        }
        let logical = db.stats().unwrap().logical_size_bytes;
        db.close().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), logical);
    }

    #[test]
    fn preallocation_stays_in_proportion() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        db.insert("k", "v").unwrap();
        assert!(db.stats().unwrap().preallocated_bytes <= 128 << 10);
        db.insert_many((0..20u32).map(|n| (n.to_be_bytes(), vec![1; 200 << 10]))).unwrap();
        db.insert("k", "v").unwrap();
        assert!(db.stats().unwrap().preallocated_bytes <= 2 << 20);
    }

    #[test]
    fn are_the_same_after_a_reopen() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let namespace = db.namespace("n").unwrap();
        namespace.insert_many((0..300u32).map(|n| (n.to_be_bytes(), "v"))).unwrap();
        db.insert_many([("a", "1"), ("a", "2"), ("b", "3")]).unwrap();
        db.transaction(|tx| {
            tx.insert("c", "4")?;
            tx.remove("b")?;
            tx.namespace(&namespace).remove(7u32.to_be_bytes())?;
            Ok::<(), Error>(())
        })
        .unwrap();
        db.namespace("cleared").unwrap().insert("k", "v").unwrap();
        db.namespace("cleared").unwrap().clear().unwrap();
        db.namespace("dropped").unwrap().insert("k", "v").unwrap();
        db.drop_namespace("dropped").unwrap();
        db.flush().unwrap();
        let before = db.stats().unwrap();
        drop((db, namespace));
        let after = Emdb::open(&path).unwrap().stats().unwrap();
        assert_eq!(after.live_records, before.live_records);
        assert_eq!(after.live_records, 299 + 2);
        assert_eq!(after.namespace_count, before.namespace_count);
        assert_eq!(after.logical_size_bytes, before.logical_size_bytes);
        assert_eq!(after.dead_bytes, before.dead_bytes);
    }

    #[test]
    fn in_memory_have_no_file() {
        let db = Emdb::open_in_memory();
        db.insert_many((0..20u32).map(|n| (n.to_be_bytes(), vec![1; 100 << 10]))).unwrap();
        let stats = db.stats().unwrap();
        assert_eq!((stats.file_size_bytes, stats.preallocated_bytes), (0, 0));
        let records = stats.logical_size_bytes - HEADER;
        assert!((20 * (100 << 10)..20 * (101 << 10)).contains(&records), "{records}");
        assert_eq!(stats.dead_bytes, 0);
    }

    #[test]
    fn index_takes_10_to_20_bytes_a_key() {
        let db = Emdb::open_in_memory();
        for count in [50_000, 100_000, 200_000u32] {
            db.insert_many((0..count).map(|n| (n.to_be_bytes(), ""))).unwrap();
            let each = db.stats().unwrap().index_bytes as f64 / f64::from(count);
            assert!((8.0..=22.0).contains(&each), "{each} bytes a key of {count}");
        }
    }
}
