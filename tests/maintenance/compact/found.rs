//! Mistakes that were once there.

use std::ops::ControlFlow;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use emdb::{Emdb, Error};

#[test]
fn a_callback_that_compacts_comes_to_an_end() {
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let db = Emdb::open_in_memory();
        db.insert("key", "value").unwrap();
        let _ = db.compact_with(|_| {
            assert!(matches!(db.compact(), Err(Error::InvalidConfig(_))));
            db.checkpoint().unwrap();
            ControlFlow::Continue(())
        });
        done.send(()).unwrap();
    });
    ended.recv_timeout(Duration::from_secs(5)).expect("a compaction in a compaction's callback");
}

#[test]
fn a_callback_that_panics_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let db = Emdb::open(folder.path().join("db")).unwrap();
    db.insert("key", "value").unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = db.compact_with(|_| std::panic::resume_unwind(Box::new("on purpose")));
    }));
    assert!(panicked.is_err());
    assert!(!folder.path().join("db.compact.tmp").exists());
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let target = folder.path().join("copy");
        let _ = db.backup_to_with(target, |_| std::panic::resume_unwind(Box::new("on purpose")));
    }));
    assert!(panicked.is_err());
    assert!(!folder.path().join("copy.backup.tmp").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_handle_of_a_dropped_namespace_keeps_no_former_file() {
    let folder = tempfile::tempdir().unwrap();
    let db = Emdb::open(folder.path().join("db")).unwrap();
    let dropped = db.namespace("dropped").unwrap();
    dropped.insert("key", "value").unwrap();
    db.drop_namespace("dropped").unwrap();
    db.compact().unwrap();
    for _ in 0..200 {
        // Memory is freed by and by, when other threads have moved on.
        let other = Emdb::open_in_memory();
        (0..300u32).for_each(|n| other.insert(n.to_le_bytes(), "x").unwrap());
        other.compact().unwrap();
    }
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let name = folder.path().to_str().unwrap();
    let former = maps.lines().filter(|m| m.contains(name) && m.ends_with("(deleted)")).count();
    assert_eq!(former, 0, "mappings of the former file");
    drop(dropped);
}

/// Waiting for one transaction after the other, a plain write came in by chance alone.
#[test]
fn a_plain_write_waits_for_one_transaction_at_the_most() {
    let db = Emdb::open_in_memory();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                db.transaction(|tx| -> emdb::Result<()> {
                    std::thread::sleep(Duration::from_millis(5));
                    tx.insert("a", "1")
                })
                .unwrap();
            }
        });
        std::thread::sleep(Duration::from_millis(20));
        let began = Instant::now();
        for _ in 0..40 {
            db.insert("b", "2").unwrap();
        }
        let taken = began.elapsed();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(taken < Duration::from_secs(10), "{taken:?} for 40 writes beside transactions");
    });
}
