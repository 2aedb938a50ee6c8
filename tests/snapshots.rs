//! Snapshots: one committed state to read from for as long as wanted.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "common/rng.rs"]
mod rng;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use emdb::{Emdb, Error, NamespaceOptions, Snapshot, SnapshotNamespace, Transaction};
use tempfile::TempDir;

type Entries = Vec<(Vec<u8>, Vec<u8>)>;
type Model = BTreeMap<Vec<u8>, Vec<u8>>;

const ORDERED: NamespaceOptions = NamespaceOptions::new().ordered(true);

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    (folder, path)
}

fn ordered() -> Emdb {
    Emdb::builder().enable_range_scans(true).build().unwrap()
}

/// An ordered database with `a`, `b` and `c` in it.
fn abc() -> Emdb {
    let db = ordered();
    db.insert_many([("b", "2"), ("c", "3"), ("a", "1")]).unwrap();
    db
}

/// Entries, sorted, as `k=v` words.
fn words(items: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> String {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let mut words: Vec<_> =
        items.into_iter().map(|(k, v)| format!("{}={}", text(k), text(v))).collect();
    words.sort();
    words.join(" ")
}

fn content(view: &SnapshotNamespace) -> String {
    assert_eq!(view.len().unwrap(), view.iter().unwrap().count());
    words(view.iter().unwrap())
}

fn commit<T>(
    db: &Emdb,
    body: impl for<'s> FnOnce(&mut Transaction<'s>) -> emdb::Result<T>,
) -> emdb::Result<T> {
    db.transaction(body)
}

fn is_config<T>(result: emdb::Result<T>) -> bool {
    matches!(result, Err(Error::InvalidConfig(_)))
}

/// How long each of the tests with threads takes. 60 is for a run that somebody starts.
fn stress() -> Duration {
    let given = std::env::var("EMDB_STRESS_SECONDS").ok().and_then(|s| s.parse().ok());
    Duration::from_secs(given.unwrap_or(3))
}

#[test]
fn snapshots_are_cloned_sent_shared_and_borrow_nothing() {
    fn check<T: Clone + Send + Sync + std::fmt::Debug + 'static>() {}
    check::<Snapshot>();
    check::<SnapshotNamespace>();
}

mod every_read_call {
    use super::*;

    /// A snapshot of `a=1 b=2 c=3`, with everything else written since.
    fn before() -> (Emdb, Snapshot) {
        let db = abc();
        let snapshot = db.snapshot();
        db.insert("a", "new").unwrap();
        db.remove("b").unwrap();
        db.insert("d", "4").unwrap();
        (db, snapshot)
    }

    #[test]
    fn get_gives_the_old_value() {
        let (_db, snapshot) = before();
        assert_eq!(snapshot.get("a").unwrap(), Some(b"1".to_vec()));
        assert_eq!(snapshot.get("b").unwrap(), Some(b"2".to_vec()));
        assert_eq!(snapshot.get("d").unwrap(), None);
        assert_eq!(snapshot.get("never").unwrap(), None);
    }

    #[test]
    fn get_zerocopy_gives_the_old_value_which_outlives_all() {
        let (db, snapshot) = before();
        let value = snapshot.get_zerocopy("a").unwrap().unwrap();
        assert!(snapshot.get_zerocopy("d").unwrap().is_none());
        drop((db, snapshot));
        assert_eq!(value, b"1"[..]);
    }

    #[test]
    fn contains_key_tells_what_was_there() {
        let (_db, snapshot) = before();
        assert!(snapshot.contains_key("a").unwrap() && snapshot.contains_key("b").unwrap());
        assert!(!snapshot.contains_key("d").unwrap());
    }

    #[test]
    fn len_and_is_empty_count_what_was_there() {
        let db = ordered();
        let empty = db.snapshot();
        db.insert("a", "1").unwrap();
        let one = db.snapshot();
        db.clear().unwrap();
        assert_eq!((empty.len().unwrap(), one.len().unwrap()), (0, 1));
        assert!(empty.is_empty().unwrap() && !one.is_empty().unwrap());
        assert!(db.snapshot().is_empty().unwrap());
    }

    #[test]
    fn iter_and_keys_give_what_was_there_and_outlive_the_snapshot() {
        let (db, snapshot) = before();
        let (iter, keys) = (snapshot.iter().unwrap(), snapshot.keys().unwrap());
        drop((db, snapshot));
        assert_eq!(words(iter), "a=1 b=2 c=3");
        assert!(keys.eq([b"a", b"b", b"c"]));
    }

    #[test]
    fn iter_of_an_unordered_namespace_gives_what_was_there() {
        let db = Emdb::open_in_memory();
        db.insert_many([("a", "1"), ("b", "2")]).unwrap();
        let snapshot = db.snapshot();
        db.insert_many([("a", "new"), ("c", "3")]).unwrap();
        db.remove("b").unwrap();
        assert_eq!(content(&snapshot), "a=1 b=2");
        assert_eq!(content(&db.snapshot()), "a=new c=3");
    }

    #[test]
    fn ranges_give_what_was_there() {
        let (_db, snapshot) = before();
        assert_eq!(words(snapshot.range("b"..).unwrap()), "b=2 c=3");
        assert_eq!(snapshot.range_iter(..).unwrap().next_back().unwrap().0, b"c");
        assert_eq!(words(snapshot.range_prefix("a").unwrap()), "a=1");
        assert_eq!(words(snapshot.range_prefix_iter("d").unwrap()), "");
        assert_eq!(words(snapshot.iter_from("b").unwrap()), "b=2 c=3");
        assert_eq!(words(snapshot.iter_after("b").unwrap()), "c=3");
    }

    #[test]
    fn ranges_are_refused_in_an_unordered_namespace() {
        let db = Emdb::open_in_memory();
        db.namespace("n").unwrap();
        let snapshot = db.snapshot();
        assert!(is_config(snapshot.range(..)));
        assert!(is_config(snapshot.namespace("n").unwrap().iter_from("a")));
    }

    #[test]
    fn namespace_leads_to_the_others() {
        let db = Emdb::open_in_memory();
        let users = db.namespace("users").unwrap();
        users.insert("ada", "1").unwrap();
        db.insert("default", "2").unwrap();
        let snapshot = db.snapshot();
        users.insert("ada", "new").unwrap();
        let seen = snapshot.namespace("users").unwrap();
        assert_eq!((content(&seen), content(&snapshot)), ("ada=1".into(), "default=2".into()));
        assert_eq!((seen.name(), snapshot.name()), ("users", ""));
    }

    #[test]
    fn namespace_refuses_names_that_none_can_have() {
        let snapshot = Emdb::open_in_memory().snapshot();
        for name in ["", "__emdb", &"x".repeat(256)] {
            assert!(is_config(snapshot.namespace(name)));
        }
    }

    #[cfg(feature = "ttl")]
    #[test]
    fn expires_at_tells_what_it_was() {
        use emdb::Ttl;
        let db = Emdb::open_in_memory();
        let other = db.namespace("other").unwrap();
        for namespace in [&*db, &other] {
            namespace.insert_with_ttl("timed", "", Ttl::ExpiresAt(1 << 50)).unwrap();
            namespace.insert("permanent", "").unwrap();
        }
        let snapshot = db.snapshot();
        db.persist("timed").unwrap();
        other.insert_with_ttl("permanent", "", Ttl::ExpiresAt(1 << 51)).unwrap();
        let other = snapshot.namespace("other").unwrap();
        for view in [&*snapshot, &other] {
            assert_eq!(view.expires_at("timed").unwrap(), Some(1 << 50));
            assert_eq!(view.expires_at("permanent").unwrap(), None);
            assert_eq!(view.expires_at("absent").unwrap(), None);
        }
    }
}

mod a_snapshot {
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
                db.insert_many((0..9000u32).map(|n| (n.to_be_bytes(), round.to_be_bytes())))
                    .unwrap();
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
}

mod a_namespace {
    use super::*;

    #[test]
    fn created_later_is_empty() {
        let db = Emdb::open_in_memory();
        let snapshot = db.snapshot();
        db.namespace_with("n", ORDERED).unwrap().insert("k", "v").unwrap();
        let seen = snapshot.namespace("n").unwrap();
        assert!(seen.is_empty().unwrap() && !seen.contains_key("k").unwrap());
        assert_eq!((seen.get("k").unwrap(), seen.keys().unwrap().count()), (None, 0));
        assert!(seen.get_zerocopy("k").unwrap().is_none());
        assert_eq!((content(&seen), seen.name()), (String::new(), "n"));
        assert!(seen.range(..).unwrap().is_empty());
    }

    #[test]
    fn that_never_was_is_empty_and_not_created() {
        let db = Emdb::open_in_memory();
        assert!(db.snapshot().namespace("n").unwrap().is_empty().unwrap());
        assert!(db.list_namespaces().unwrap().is_empty());
    }

    #[test]
    fn dropped_later_is_still_there() {
        let db = Emdb::open_in_memory();
        db.namespace_with("n", ORDERED).unwrap().insert("k", "v").unwrap();
        let snapshot = db.snapshot();
        db.drop_namespace("n").unwrap();
        let seen = snapshot.namespace("n").unwrap();
        assert_eq!((content(&seen), words(seen.range(..).unwrap())), ("k=v".into(), "k=v".into()));
        assert_eq!(content(&db.snapshot().namespace("n").unwrap()), "");
    }

    #[test]
    fn dropped_and_recreated_is_each_time_what_it_was() {
        let db = Emdb::open_in_memory();
        let mut held = vec![(db.snapshot(), String::new())];
        for round in 0..20 {
            let options = NamespaceOptions::new().ordered(round % 2 == 0);
            let namespace = db.namespace_with("n", options).unwrap();
            held.push((db.snapshot(), String::new()));
            namespace.insert(format!("k{round}"), "v").unwrap();
            held.push((db.snapshot(), format!("k{round}=v")));
            db.drop_namespace("n").unwrap();
            held.push((db.snapshot(), String::new()));
        }
        for (snapshot, expected) in &held {
            assert_eq!(content(&snapshot.namespace("n").unwrap()), *expected);
        }
        // Half of them let go, the rest is still right.
        let mut turn = 0;
        held.retain(|_| {
            turn += 1;
            turn % 2 == 0
        });
        db.namespace("n").unwrap().clear().unwrap();
        for (snapshot, expected) in &held {
            assert_eq!(content(&snapshot.namespace("n").unwrap()), *expected);
        }
    }

    #[test]
    fn cleared_later_is_still_full() {
        let db = abc();
        let mut held = Vec::new();
        for round in 0..20u32 {
            db.insert("round", round.to_string()).unwrap();
            held.push(db.snapshot());
            db.clear().unwrap();
            held.push(db.snapshot());
        }
        for (n, snapshot) in held.iter().enumerate() {
            let expected = match n {
                0 => "a=1 b=2 c=3 round=0".into(),
                full if full % 2 == 0 => format!("round={}", full / 2),
                _ => String::new(),
            };
            assert_eq!(content(snapshot), expected);
            assert_eq!(words(snapshot.range(..).unwrap()), expected);
        }
    }

    #[test]
    fn cleared_in_a_transaction_is_still_full() {
        let db = abc();
        let snapshot = db.snapshot();
        commit(&db, |tx| {
            tx.clear()?;
            tx.insert("new", "1")
        })
        .unwrap();
        assert_eq!(content(&snapshot), "a=1 b=2 c=3");
        assert_eq!(content(&db.snapshot()), "new=1");
    }

    #[test]
    fn that_gets_an_order_later_keeps_its_state() {
        let db = Emdb::open_in_memory();
        let namespace = db.namespace("n").unwrap();
        namespace.insert_many([("b", "2"), ("a", "1")]).unwrap();
        let snapshot = db.snapshot();
        namespace.remove("b").unwrap();
        namespace.insert("a", "new").unwrap();
        db.namespace_with("n", ORDERED).unwrap();
        namespace.insert("c", "3").unwrap();
        namespace.range(..).unwrap();
        assert_eq!(content(&snapshot.namespace("n").unwrap()), "a=1 b=2");
        assert_eq!(words(namespace.range(..).unwrap()), "a=new c=3");
    }
}

mod models {
    use super::*;
    use crate::rng::{Rng, seed};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    /// Default namespace, unordered, ordered, ordered.
    const NAMES: [&str; 4] = ["", "hashed", "ordered", "also ordered"];

    /// What a snapshot must show.
    type World = [Model; 4];

    fn open(db: &Emdb, n: usize) -> emdb::Namespace {
        let options = NamespaceOptions::new().ordered(n >= 2);
        if n == 0 { (**db).clone() } else { db.namespace_with(NAMES[n], options).unwrap() }
    }

    fn key(random: &mut Rng) -> Vec<u8> {
        let n = random.below(600);
        [b"common prefix:".as_slice(), &n.to_be_bytes()][(n % 2) as usize..].concat()
    }

    /// One write to database and model, which nobody can see between.
    fn write(db: &Emdb, world: &mut World, random: &mut Rng) {
        let n = random.below(4) as usize;
        let value = random.next().to_be_bytes();
        match random.below(100) {
            0 => {
                open(db, n).clear().unwrap();
                world[n].clear();
            }
            1 if n > 0 => {
                db.drop_namespace(NAMES[n]).unwrap();
                world[n].clear();
            }
            2..8 => {
                let keys: Vec<_> = (0..random.below(300)).map(|_| key(random)).collect();
                open(db, n).insert_many(keys.iter().map(|k| (k, value))).unwrap();
                world[n].extend(keys.into_iter().map(|k| (k, value.to_vec())));
            }
            8..20 => transact(db, world, random),
            20..50 => {
                let key = key(random);
                assert_eq!(open(db, n).remove(&key).unwrap(), world[n].remove(&key));
            }
            _ => {
                let key = key(random);
                open(db, n).insert(&key, value).unwrap();
                world[n].insert(key, value.to_vec());
            }
        }
    }

    fn transact(db: &Emdb, world: &mut World, random: &mut Rng) {
        let namespaces: Vec<_> = (0..4).map(|n| open(db, n)).collect();
        let mut after = world.clone();
        let commits = random.below(4) > 0;
        let ended = commit(db, |tx| {
            for turn in 0..random.below(30) {
                let n = random.below(4) as usize;
                let (part, key) = (tx.namespace(&namespaces[n]), key(random));
                if random.below(100) == 0 {
                    part.clear()?;
                    after[n].clear();
                } else if random.below(3) == 0 {
                    assert_eq!(part.remove(&key)?, after[n].remove(&key));
                } else {
                    part.insert(&key, turn.to_be_bytes())?;
                    after[n].insert(key, turn.to_be_bytes().to_vec());
                }
            }
            if commits { Ok(()) } else { Err(Error::KeyNotFound) }
        });
        assert_eq!(ended.is_ok(), commits);
        if commits {
            *world = after;
        }
    }

    fn compare(snapshot: &Snapshot, world: &World, random: &mut Rng) {
        for (n, model) in world.iter().enumerate() {
            let other;
            let view = if n == 0 {
                &**snapshot
            } else {
                other = snapshot.namespace(NAMES[n]).unwrap();
                &other
            };
            assert_eq!(view.len().unwrap(), model.len(), "len of {}", NAMES[n]);
            for _ in 0..20 {
                let key = key(random);
                assert_eq!(view.get(&key).unwrap().as_ref(), model.get(&key));
                assert_eq!(view.contains_key(&key).unwrap(), model.contains_key(&key));
            }
            match random.below(4) {
                0 => assert!(view.iter().unwrap().collect::<Model>() == *model, "{}", NAMES[n]),
                1 => assert_eq!(view.keys().unwrap().count(), model.len(), "{}", NAMES[n]),
                _ if n < 2 => {}
                2 => assert!(view.iter().unwrap().eq(model.clone()), "{}", NAMES[n]),
                _ => {
                    let (low, high) = (key(random), key(random));
                    let within = |k: &[u8]| k >= &low[..] && k < &high[..];
                    let expected = || model.clone().into_iter().filter(|(k, _)| within(k));
                    let found: Entries = view.range(&low..&high).unwrap();
                    assert!(found.into_iter().eq(expected()), "range of {}", NAMES[n]);
                    let back = view.range_iter(&low..&high).unwrap().rev();
                    let expected: Entries = expected().collect();
                    assert!(back.eq(expected.into_iter().rev()), "back in {}", NAMES[n]);
                }
            }
        }
    }

    /// Where one thread fails, the others end with it.
    struct StopOnPanic<'a>(&'a AtomicBool);

    impl Drop for StopOnPanic<'_> {
        fn drop(&mut self) {
            if thread::panicking() {
                self.0.store(true, Ordering::Relaxed);
            }
        }
    }

    fn run(db: &Emdb) {
        let seed = seed();
        println!("EMDB_SEED={seed}");
        let world = Mutex::new(World::default());
        let held = Mutex::new(Vec::new());
        let stop = AtomicBool::new(false);
        let end = Instant::now() + stress();
        let going = || !stop.load(Ordering::Relaxed) && Instant::now() < end;
        thread::scope(|s| {
            for n in 0..2 {
                let (stop, world, going) = (&stop, &world, &going);
                s.spawn(move || {
                    let _fails = StopOnPanic(stop);
                    let mut random = Rng::new(seed + n);
                    while going() {
                        write(db, &mut world.lock().unwrap(), &mut random);
                        // A lock that is let go for an instant only is not passed on.
                        if random.below(50) == 0 {
                            thread::sleep(Duration::from_micros(200));
                        }
                    }
                });
            }
            // Commits that no lock holds back, where nobody compares.
            let (stop, going) = (&stop, &going);
            s.spawn(move || {
                let _fails = StopOnPanic(stop);
                let noise = db.namespace("noise").unwrap();
                while going() {
                    noise.insert_many((0..10u32).map(|n| (n.to_be_bytes(), "noise"))).unwrap();
                    thread::yield_now();
                }
            });
            for n in 2..4 {
                let (world, held) = (&world, &held);
                s.spawn(move || {
                    let _fails = StopOnPanic(stop);
                    let mut random = Rng::new(seed + n);
                    while going() {
                        let taken = {
                            let world = world.lock().unwrap();
                            (db.snapshot(), world.clone())
                        };
                        compare(&taken.0, &taken.1, &mut random);
                        // Others are compared again and again, some until the end.
                        let other = {
                            let mut held = held.lock().unwrap();
                            held.push(taken);
                            let at = random.below(held.len() as u64) as usize;
                            let other: (Snapshot, World) = held[at].clone();
                            if held.len() > 30 {
                                held.swap_remove(at);
                            }
                            other
                        };
                        compare(&other.0, &other.1, &mut random);
                    }
                });
            }
        });
        let mut random = Rng::new(seed);
        let held = held.into_inner().unwrap();
        assert!(!held.is_empty());
        for (snapshot, world) in held {
            (0..5).for_each(|_| compare(&snapshot, &world, &mut random));
        }
        compare(&db.snapshot(), &world.into_inner().unwrap(), &mut random);
    }

    #[test]
    fn cloned_beside_snapshots_of_a_file_agree_with_them_while_threads_write() {
        let (_folder, path) = folder();
        run(&Emdb::open(path).unwrap());
    }

    #[test]
    fn cloned_beside_snapshots_of_memory_agree_with_them_while_threads_write() {
        run(&Emdb::open_in_memory());
    }
}

/// A count was once lost when the thread that takes the snapshot was held up in the midst of it.
#[test]
fn len_is_right_however_slowly_the_snapshot_was_taken() {
    let db = Emdb::open_in_memory();
    db.insert_many((0..100u32).map(|n| (n.to_be_bytes(), "always"))).unwrap();
    let end = Instant::now() + stress();
    std::thread::scope(|s| {
        s.spawn(|| {
            while Instant::now() < end {
                db.insert("sometimes", "").unwrap();
                db.remove("sometimes").unwrap();
            }
        });
        // They take the processor from the others.
        for _ in 0..4 {
            s.spawn(|| while Instant::now() < end {});
        }
        while Instant::now() < end {
            let len = db.snapshot().len().unwrap();
            assert!(len == 100 || len == 101, "{len}");
        }
    });
}
