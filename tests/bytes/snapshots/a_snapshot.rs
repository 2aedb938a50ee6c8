//! The state that a snapshot keeps, and for how long.

use super::*;

#[test]
fn counts_exactly_after_many_later_commits() {
    let db = Emdb::open_in_memory();
    let mut held = Vec::new();
    for n in 0..2000u32 {
        if n % 3 == 2 {
            db.remove((n - 1).to_be_bytes()).unwrap();
        } else {
            db.insert(n.to_be_bytes(), "").unwrap();
        }
        // Some commits have several, some none, and some are let go on the way.
        if n % 7 < 3 {
            held.push((db.snapshot(), db.len().unwrap()));
        }
        if n % 11 == 0 {
            held.push((db.snapshot(), db.len().unwrap()));
            held.swap_remove(n as usize % held.len());
        }
    }
    db.clear().unwrap();
    for (snapshot, len) in held {
        assert_eq!(snapshot.len().unwrap(), len);
        assert_eq!(snapshot.keys().unwrap().count(), len);
    }
}

#[test]
fn taken_twice_of_one_state_is_the_same() {
    let db = abc();
    let (one, two) = (db.snapshot(), db.snapshot());
    db.clear().unwrap();
    drop(one);
    assert_eq!(content(&two), "a=1 b=2 c=3");
}

#[test]
fn lives_on_in_its_clones_and_parts() {
    let db = abc();
    db.namespace("n").unwrap().insert("k", "v").unwrap();
    let snapshot = db.snapshot();
    let (clone, part) = (snapshot.clone(), snapshot.namespace("n").unwrap());
    drop(snapshot);
    db.drop_namespace("n").unwrap();
    db.clear().unwrap();
    db.insert_many((0..5000u32).map(|n| (n.to_be_bytes(), "v"))).unwrap();
    assert_eq!(content(&clone), "a=1 b=2 c=3");
    assert_eq!(content(&clone.namespace("n").unwrap()), "k=v");
    drop(clone);
    assert_eq!(content(&part.clone()), "k=v");
}

#[test]
fn is_read_by_several_threads() {
    let db = abc();
    let snapshot = db.snapshot();
    db.clear().unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let snapshot = snapshot.clone();
            std::thread::spawn(move || content(&snapshot))
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), "a=1 b=2 c=3");
    }
}

#[test]
fn taken_in_a_transaction_sees_what_is_committed() {
    let db = abc();
    let taken = commit(&db, |tx| {
        tx.insert("d", "4")?;
        tx.remove("a")?;
        let snapshot = db.snapshot();
        assert_eq!(content(&snapshot), "a=1 b=2 c=3");
        tx.clear()?;
        Ok(snapshot)
    })
    .unwrap();
    assert_eq!(content(&taken), "a=1 b=2 c=3");
    assert_eq!(content(&db.snapshot()), "");
}

#[test]
fn outlives_a_close_and_what_a_reopened_handle_writes() {
    let (_folder, path) = folder();
    let db = Emdb::builder().path(&path).enable_range_scans(true).build().unwrap();
    db.insert_many((0..3000u32).map(|n| (n.to_be_bytes(), n.to_be_bytes()))).unwrap();
    let snapshot = db.snapshot();
    db.insert(0u32.to_be_bytes(), "new").unwrap();
    // A snapshot is no handle: it keeps nobody from closing.
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    assert_eq!(db.len().unwrap(), 3000);
    db.clear().unwrap();
    db.insert_many((0..9000u32).map(|n| (n.to_be_bytes(), [7; 100]))).unwrap();
    db.close().unwrap();
    let old = (0..3000u32).map(|n| (n.to_be_bytes().to_vec(), n.to_be_bytes().to_vec()));
    assert!(snapshot.range_iter(..).unwrap().eq(old));
    assert_eq!(snapshot.len().unwrap(), 3000);
    assert_eq!(snapshot.get(0u32.to_be_bytes()).unwrap(), Some(vec![0; 4]));
}

#[test]
fn outlives_an_in_memory_database() {
    let db = abc();
    let snapshot = db.snapshot();
    drop(db);
    assert_eq!(content(&snapshot), "a=1 b=2 c=3");
    assert_eq!(words(snapshot.range("b"..).unwrap()), "b=2 c=3");
}

#[test]
fn reads_the_old_state_after_hundreds_of_thousands_of_writes() {
    for db in [ordered(), Emdb::open_in_memory()] {
        let old = (0..1000u32).map(|n| (n.to_be_bytes(), (n + 7).to_be_bytes()));
        db.insert_many(old.clone()).unwrap();
        let model: Model = old.map(|(k, v)| (k.to_vec(), v.to_vec())).collect();
        let snapshot = db.snapshot();
        for round in 0..20u32 {
            db.insert_many((0..9000u32).map(|n| (n.to_be_bytes(), round.to_be_bytes()))).unwrap();
            for n in 0..1000u32 {
                db.remove((n * 9 % 9000).to_be_bytes()).unwrap();
            }
        }
        assert_eq!(snapshot.len().unwrap(), 1000);
        assert!(snapshot.iter().unwrap().collect::<Model>() == model);
        for n in 0..9000u32 {
            let key = n.to_be_bytes();
            assert_eq!(snapshot.get(key).unwrap().as_ref(), model.get(&key[..]));
        }
        if db.is_ordered() {
            assert!(snapshot.range_iter(..).unwrap().eq(model));
        }
    }
}

#[test]
fn costs_no_copy() {
    let db = ordered();
    db.insert_many((0..100_000u32).map(|n| (n.to_be_bytes(), [7; 40]))).unwrap();
    let began = Instant::now();
    assert_eq!(db.iter().unwrap().count(), 100_000);
    let reading = began.elapsed();
    let bytes = db.stats().unwrap().index_bytes;
    let began = Instant::now();
    let held: Vec<_> = (0..1000).map(|_| db.snapshot()).collect();
    let taking = began.elapsed();
    // Copies of the index would take several times as long, each.
    assert!(taking < reading * 20, "{taking:?} for 1000, {reading:?} to read all");
    assert!(db.stats().unwrap().index_bytes <= bytes + bytes / 8);
    assert!(held.iter().all(|s| s.len().unwrap() == 100_000));
}

#[test]
fn holds_nobody_up() {
    let db = abc();
    let snapshot = db.snapshot();
    let iter = snapshot.iter().unwrap();
    db.insert("d", "4").unwrap();
    commit(&db, |tx| tx.insert("e", "5")).unwrap();
    db.clear().unwrap();
    db.flush().unwrap();
    assert_eq!(words(iter), "a=1 b=2 c=3");
}

#[cfg(feature = "ttl")]
#[test]
fn judges_expiry_by_the_moment_when_it_was_taken() {
    use emdb::Ttl;
    use emdb_core::internal::{ManualClock, with_clock};
    let clock = ManualClock::new(1000);
    let builder = Emdb::builder().enable_range_scans(true);
    let db = with_clock(builder, clock.clone()).build().unwrap();
    db.insert_with_ttl("a", "1", Ttl::ExpiresAt(1100)).unwrap();
    db.insert_with_ttl("b", "2", Ttl::ExpiresAt(1300)).unwrap();
    let before = db.snapshot();
    clock.set(1200);
    let after = db.snapshot();
    db.sweep_expired();
    clock.set(2000);
    db.sweep_expired();
    assert_eq!(words(before.iter().unwrap()), "a=1 b=2");
    assert_eq!(before.len().unwrap(), 2);
    assert_eq!(words(after.iter().unwrap()), "b=2");
    assert_eq!(words(after.range(..).unwrap()), "b=2");
    assert!(!after.contains_key("a").unwrap() && after.get("a").unwrap().is_none());
    // Not swept at that moment.
    assert_eq!(after.len().unwrap(), 2);
}
