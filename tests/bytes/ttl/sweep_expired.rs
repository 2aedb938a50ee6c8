//! Removing records whose time has passed.

use super::*;

#[test]
fn counts_what_it_removed() {
    let (db, clock) = in_memory();
    for n in 0..10u8 {
        db.insert_with_ttl([n], "v", ms(u64::from(n) + 1)).unwrap();
    }
    db.insert("permanent", "v").unwrap();
    assert_eq!(db.sweep_expired(), 0);
    clock.set(START + 4);
    assert_eq!((db.sweep_expired(), db.len().unwrap()), (4, 7));
    assert_eq!(db.sweep_expired(), 0);
    clock.set(START + 100);
    assert_eq!((db.sweep_expired(), db.len().unwrap()), (6, 1));
}

#[test]
fn of_a_namespace_is_for_its_own_and_of_the_database_for_all() {
    let (db, clock) = in_memory();
    let (a, b) = (db.namespace("a").unwrap(), db.namespace("b").unwrap());
    for namespace in [&*db, &a, &b] {
        namespace.insert_with_ttl("k", "v", ms(10)).unwrap();
    }
    clock.set(START + 10);
    assert_eq!(a.sweep_expired(), 1);
    assert_eq!((a.len().unwrap(), b.len().unwrap(), db.len().unwrap()), (0, 1, 1));
    let default: &Namespace = &db;
    assert_eq!(default.sweep_expired(), 1);
    assert_eq!((b.len().unwrap(), db.len().unwrap()), (1, 0));
    assert_eq!((db.sweep_expired(), b.len().unwrap()), (1, 0));
}

#[test]
fn takes_more_than_one_batch() {
    let (_folder, path) = folder();
    let (db, clock) = open(&path);
    for n in 0..5000u32 {
        db.insert_with_ttl(n.to_be_bytes(), "v", ms(10)).unwrap();
    }
    db.insert("stays", "v").unwrap();
    clock.set(START + 10);
    assert_eq!((db.sweep_expired(), db.len().unwrap()), (5000, 1));
    drop(db);
    assert_eq!(open(&path).0.len().unwrap(), 1);
}

#[test]
fn leaves_what_was_overwritten_or_cleared_since() {
    let (db, clock) = in_memory();
    for key in ["plain", "longer", "removed", "in tx"] {
        db.insert_with_ttl(key, "v", ms(10)).unwrap();
    }
    db.insert("plain", "w").unwrap();
    db.insert_with_ttl("longer", "w", ms(100)).unwrap();
    db.remove("removed").unwrap();
    commit(&db, |tx| tx.insert("in tx", "w")).unwrap();
    db.insert_many([("x", "1"), ("x", "2")]).unwrap();
    clock.set(START + 10);
    assert_eq!((db.sweep_expired(), db.len().unwrap()), (0, 4));
    db.clear().unwrap();
    clock.set(START + 1000);
    assert_eq!(db.sweep_expired(), 0);
}

#[test]
fn leaves_what_was_overwritten_in_one_chunk() {
    let (db, clock) = build(Emdb::builder().default_ttl(Duration::from_millis(10)));
    db.insert_many([("x", "1"), ("x", "2"), ("y", "1"), ("x", "3")]).unwrap();
    clock.set(START + 10);
    assert_eq!((db.sweep_expired(), db.len().unwrap()), (2, 0));
}

#[test]
fn stays_done_after_a_reopen_with_an_earlier_clock() {
    let (_folder, path) = folder();
    let (db, clock) = open(&path);
    db.insert_with_ttl("k", "v", ms(10)).unwrap();
    clock.set(START + 10);
    assert_eq!(db.sweep_expired(), 1);
    drop(db);
    let (db, clock) = open(&path);
    clock.set(START);
    assert_eq!((db.get("k").unwrap(), db.len().unwrap()), (None, 0));
}

#[test]
fn costs_what_has_expired_and_not_what_is_stored() {
    let (db, clock) = in_memory();
    db.insert_many((0..100_000u32).map(|n| (n.to_be_bytes(), "v"))).unwrap();
    let (mut walk, mut sweep) = (Duration::MAX, Duration::MAX);
    for round in 1..6 {
        db.insert_with_ttl("k", "v", ms(10)).unwrap();
        clock.set(START + 10 * round);
        let began = Instant::now();
        assert_eq!(db.keys().unwrap().count(), 100_000);
        walk = walk.min(began.elapsed());
        let began = Instant::now();
        assert_eq!(db.sweep_expired(), 1);
        sweep = sweep.min(began.elapsed());
    }
    assert!(sweep < walk / 4, "{sweep:?}, and a walk over all takes {walk:?}");
}

#[test]
fn goes_on_after_a_namespace_was_dropped() {
    let (db, clock) = in_memory();
    let gone = db.namespace("a").unwrap();
    gone.insert_with_ttl("k", "v", ms(10)).unwrap();
    db.insert_with_ttl("k", "v", ms(10)).unwrap();
    db.drop_namespace("a").unwrap();
    clock.set(START + 10);
    assert_eq!((gone.sweep_expired(), db.sweep_expired()), (0, 1));
}

#[test]
fn leaves_what_is_written_and_compacted_meanwhile() {
    for ordered in [false, true] {
        let (db, clock) = build(Emdb::builder().enable_range_scans(ordered));
        const KEYS: u32 = 20_000;
        for n in 0..KEYS {
            db.insert_with_ttl(n.to_be_bytes(), "old", ms(10)).unwrap();
        }
        clock.set(START + 10);
        let (mut renewed, mut swept) = (0, 0);
        std::thread::scope(|s| {
            let sweep = s.spawn(|| db.sweep_expired());
            let compact = s.spawn(|| db.compact().unwrap());
            while !sweep.is_finished() && renewed < KEYS {
                db.insert((KEYS - 1 - renewed).to_be_bytes(), "new").unwrap();
                renewed += 1;
            }
            swept = sweep.join().unwrap();
            compact.join().unwrap();
        });
        let new = (KEYS - renewed..KEYS).filter(|n| db.contains_key(n.to_be_bytes()).unwrap());
        assert_eq!((new.count(), db.len().unwrap()), (renewed as usize, renewed as usize));
        assert!(swept <= KEYS as usize);
        assert!(db.verify().unwrap().is_ok());
    }
}
