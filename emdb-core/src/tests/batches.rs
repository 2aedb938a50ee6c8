//! Long calls that commit often: between two commits all get in who wait.

use crate::api::db::Emdb;

/// Runs `test` with threads that wait for the append lock, each to insert its number.
fn with_waiting(db: &Emdb, threads: u8, test: impl FnOnce()) {
    let lock = &db.engine().append_lock;
    std::thread::scope(|s| {
        let before = lock.times_found_taken();
        let append = lock.lock();
        for n in 0..threads {
            s.spawn(move || db.insert([n], "value").unwrap());
        }
        while lock.times_found_taken() < before + u64::from(threads) {
            std::thread::yield_now();
        }
        drop(append);
        test();
    });
}

#[test]
fn a_batch_comes_behind_all_who_wait_by_then() {
    let db = Emdb::open_in_memory();
    for _ in 0..20 {
        db.clear().unwrap();
        with_waiting(&db, 4, || {
            let batch = db.engine().lock_for_batch().unwrap();
            assert_eq!(db.len().unwrap(), 4);
            drop(batch);
        });
    }
}

#[test]
fn two_that_commit_in_batches_do_not_wait_for_each_other() {
    let db = Emdb::open_in_memory();
    std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| (0..1000).for_each(|_| drop(db.engine().lock_for_batch().unwrap())));
        }
        (0..1000u32).for_each(|n| db.insert(n.to_be_bytes(), "value").unwrap());
    });
    assert_eq!(db.len().unwrap(), 1000);
}

#[cfg(feature = "ttl")]
#[test]
fn a_sweep_of_many_records_is_many_commits_and_each_lets_writers_in() {
    let db = Emdb::open_in_memory();
    for n in 0..20_000_u32 {
        db.insert_with_ttl(n.to_be_bytes(), "value", crate::Ttl::ExpiresAt(1)).unwrap();
    }
    // The sweep waits for the lock, as do the writers that come then.
    let append = db.engine().append_lock.lock();
    std::thread::scope(|s| {
        let lock = &db.engine().append_lock;
        let taken = |times| {
            while lock.times_found_taken() < times {
                std::thread::yield_now();
            }
        };
        let before = lock.times_found_taken();
        let sweep = s.spawn(|| db.sweep_expired());
        taken(before + 1);
        let writer = s.spawn(|| {
            db.insert("writer", "value").unwrap();
            db.len().unwrap()
        });
        taken(before + 2);
        drop(append);
        // The first batch may have come before it, and no more than few.
        let left = writer.join().unwrap();
        assert!(left > 10_000, "{left} records are left when a writer gets in");
        assert_eq!(sweep.join().unwrap(), 20_000);
    });
    assert_eq!(db.len().unwrap(), 1);
}
