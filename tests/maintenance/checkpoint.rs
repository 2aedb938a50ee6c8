//! The checkpoint beside the data file: an open that begins with it gives what one without gives.

mod memory;
#[cfg(feature = "ttl")]
mod sweeps;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use emdb::{Emdb, NamespaceOptions};
#[cfg(target_os = "linux")]
use emdb_testing::child;
use emdb_testing::{Random, seed, some_bits};
use tempfile::TempDir;

use crate::common::memory_folder;
use crate::common::op::{LOG, Op};
use crate::common::state::{State, read_state};

struct Place {
    _folder: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Place {
        let folder = memory_folder();
        let path = folder.path().join("db");
        Place { _folder: folder, path }
    }

    fn image(&self) -> PathBuf {
        image(&self.path)
    }

    /// A copy of the files as a killed process would leave them: the checkpoint first, since the
    /// journal only ever grows.
    fn copy(&self) -> Place {
        let copy = Place::new();
        if self.image().exists() {
            fs::copy(self.image(), copy.image()).unwrap();
        }
        fs::copy(&self.path, &copy.path).unwrap();
        copy
    }

    fn open(&self) -> Emdb {
        Emdb::open(&self.path).unwrap()
    }

    fn open_ordered(&self) -> Emdb {
        Emdb::builder().path(&self.path).enable_range_scans(true).build().unwrap()
    }
}

fn image(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".meta");
    name.into()
}

fn from(db: &Emdb) -> Option<u64> {
    db.recovery().unwrap().from_checkpoint
}

fn random_key(rng: &mut Random) -> Vec<u8> {
    let len = 1 + rng.below(3) as usize;
    (0..len).map(|_| b'a' + rng.below(5) as u8).collect()
}

fn random_op(rng: &mut Random) -> Op {
    let log = rng.below(2) == 0;
    let value = vec![rng.next() as u8; rng.below(60) as usize];
    let key = random_key(rng);
    match rng.below(24) {
        0..=8 => Op::Insert(log, key, value),
        9..=11 => Op::InsertTimed(log, key, value),
        12..=13 => {
            let items = (0..rng.below(40)).map(|n| (random_key(rng), vec![n as u8; 9])).collect();
            Op::InsertMany(log, items)
        }
        14..=19 => Op::Remove(log, key),
        20 => Op::Clear(log),
        21 => Op::DropLog,
        22 => {
            let clear = (rng.below(3) == 0).then_some(log);
            let mut writes = Vec::new();
            for _ in 0..rng.below(8) {
                let value = (rng.below(3) > 0).then(|| vec![7; 11]);
                writes.push((rng.below(2) == 0, random_key(rng), value));
            }
            Op::Transaction { clear, writes }
        }
        _ => Op::Flush,
    }
}

/// Everything that two opens must agree in.
fn compare(with: &Emdb, without: &Emdb, expected: &State, context: &str) {
    assert_eq!(&read_state(with).unwrap(), expected, "{context}");
    assert_eq!(&read_state(without).unwrap(), expected, "{context}");
    let (a, b) = (with.stats().unwrap(), without.stats().unwrap());
    assert_eq!(a.live_records, b.live_records, "{context}");
    assert_eq!(a.namespace_count, b.namespace_count, "{context}");
    assert_eq!(with.list_namespaces().unwrap(), without.list_namespaces().unwrap());
    for name in [None, Some(LOG)] {
        let of = |db: &Emdb| match name {
            None => (**db).clone(),
            Some(name) => db.namespace(name).unwrap(),
        };
        let (a, b) = (of(with), of(without));
        let all = a.range(..).unwrap();
        assert!(all.is_sorted(), "{context}");
        assert_eq!(all, b.range(..).unwrap(), "{context}");
        assert_eq!(a.range("ab".."d").unwrap(), b.range("ab".."d").unwrap(), "{context}");
        let backwards: Vec<_> = a.range_iter(..).unwrap().rev().collect();
        assert!(backwards.into_iter().rev().eq(all), "{context}");
        #[cfg(feature = "ttl")]
        for key in a.keys().unwrap() {
            assert_eq!(a.expires_at(&key).unwrap(), b.expires_at(&key).unwrap(), "{context}");
        }
    }
}

#[test]
fn an_open_from_a_checkpoint_gives_what_a_full_replay_gives() {
    let seed = seed();
    let mut rng = Random(seed);
    for life in 0..25 {
        let mut place = Place::new();
        let mut state = State::new();
        for reopened in 0..4 {
            let context = format!("EMDB_SEED={seed}, life {life}, open {reopened}");
            // Orders are known to some opens and not to others.
            let ordered = rng.below(3) > 0;
            let db = if ordered { place.open_ordered() } else { place.open() };
            for _ in 0..rng.below(120) {
                if rng.below(30) == 0 {
                    db.checkpoint().unwrap();
                }
                if ordered && rng.below(20) == 0 {
                    db.range(..).unwrap();
                }
                let op = random_op(&mut rng);
                op.apply(&db).unwrap();
                op.advance(&mut state);
            }
            if rng.below(3) == 0 {
                db.checkpoint().unwrap();
            }
            let had = place.image().exists();
            let (copy, bare) = (place.copy(), place.copy());
            if had {
                fs::remove_file(bare.image()).unwrap();
            }
            let (with, without) = (copy.open_ordered(), bare.open_ordered());
            assert_eq!((from(&with).is_some(), from(&without)), (had, None), "{context}");
            let dead = [&with, &without].map(|db| db.stats().unwrap().dead_bytes);
            assert_eq!(dead[0], dead[1], "{context}");
            compare(&with, &without, &state, &context);
            // What is written then goes where it should.
            let mut later = state.clone();
            for _ in 0..40 {
                let op = random_op(&mut rng);
                op.apply(&with).unwrap();
                op.apply(&without).unwrap();
                op.advance(&mut later);
            }
            compare(&with, &without, &later, &context);
            // Half of the lives go on from there, killed.
            if rng.below(2) == 0 {
                with.checkpoint().unwrap();
                place = copy.copy();
                state = later;
            }
        }
    }
}

/// A small database with something of everything, closed, and its content.
fn small() -> (Place, State) {
    let place = Place::new();
    let db = place.open_ordered();
    let mut state = State::new();
    let mut rng = Random(11);
    for _ in 0..60 {
        let op = random_op(&mut rng);
        op.apply(&db).unwrap();
        op.advance(&mut state);
    }
    db.range(..).unwrap();
    db.checkpoint().unwrap();
    db.insert("behind", "it").unwrap();
    state.insert((String::new(), b"behind".to_vec()), b"it".to_vec());
    db.close().unwrap();
    (place, state)
}

fn check_ranges(db: &Emdb, state: &State, context: &str) {
    let in_order = state.iter().filter(|((name, _), _)| name.is_empty());
    let in_order: Vec<_> = in_order.map(|((_, k), v)| (k.clone(), v.clone())).collect();
    assert_eq!(db.range(..).unwrap(), in_order, "{context}");
}

#[test]
fn no_flipped_bit_and_no_cut_of_a_checkpoint_changes_an_answer() {
    let (place, state) = small();
    let whole = fs::read(place.image()).unwrap();
    let data = fs::read(&place.path).unwrap();
    let open = |image: &[u8], context: &str| {
        fs::write(place.image(), image).unwrap();
        let db = place.open_ordered();
        assert_eq!(read_state(&db).unwrap(), state, "{context}");
        check_ranges(&db, &state, context);
        let used = from(&db).is_some();
        drop(db);
        assert!(fs::read(&place.path).unwrap() == data, "{context}");
        used
    };
    assert!(open(&whole, "whole"));
    // Of the header page's zeros some.
    let zeros = (112 * 8..4096 * 8).step_by(509);
    let sections =
        (4096..whole.len()).flat_map(|at| some_bits(at).map(move |bit| at * 8 + bit as usize));
    let (mut tried, mut used) = (0, 0);
    for bit in (0..112 * 8).chain(zeros).chain(sections) {
        tried += 1;
        let mut image = whole.clone();
        image[bit / 8] ^= 1 << (bit % 8);
        used += usize::from(open(&image, &format!("bit {bit}")));
    }
    // Of expiries and runs a damaged one is passed over when it is asked for.
    assert!(used < tried / 2, "{used} of {tried}");
    for len in (0..4096).step_by(97).chain(4096..whole.len()) {
        assert!(!open(&whole[..len], &format!("length {len}")));
    }
    assert!(!open(&[&whole[..], &[0]].concat(), "longer"));
}

#[test]
fn a_flipped_bit_in_a_full_segment_changes_no_answer() {
    let place = Place::new();
    let db = place.open_ordered();
    let items = |n: u32| (n.to_be_bytes(), [n as u8; 5]);
    db.insert_many((0..40_000).map(items)).unwrap();
    db.range_iter(..).unwrap().next();
    db.checkpoint().unwrap();
    db.close().unwrap();
    let whole = fs::read(place.image()).unwrap();
    let mut rng = Random(seed());
    for round in 0..24 {
        let mut image = whole.clone();
        let bit = rng.below(whole.len() as u64 * 8) as usize;
        image[bit / 8] ^= 1 << (bit % 8);
        let place = place.copy();
        fs::write(place.image(), &image).unwrap();
        let db = place.open_ordered();
        let context = format!("bit {bit}");
        if round % 2 == 0 {
            assert_eq!(db.range_iter(..).unwrap().count(), 40_000, "{context}");
        }
        if round % 3 == 0 {
            db.insert_many((40_000..41_000).map(items)).unwrap();
            db.insert_many((0..500).map(items)).unwrap();
            assert_eq!(db.len().unwrap(), 41_000, "{context}");
        }
        for _ in 0..2000 {
            let (key, value) = items(rng.below(40_000) as u32);
            assert_eq!(db.get(key).unwrap().as_deref(), Some(&value[..]), "{context}");
            assert!(!db.contains_key([&key[..], b"x"].concat()).unwrap(), "{context}");
        }
        let mut keys: Vec<_> = db.keys().unwrap().results().map(|k| k.unwrap()).collect();
        keys.sort_unstable();
        let expected = (0..keys.len() as u32).map(|n| n.to_be_bytes().to_vec());
        assert!(expected.eq(keys.iter().cloned()), "{context}");
        assert_eq!(keys.len(), db.len().unwrap(), "{context}");
    }
}

#[test]
fn a_checkpoint_of_another_file_or_of_another_course_of_things_is_ignored() {
    let (place, state) = small();
    let other = Place::new();
    let db = other.open();
    db.insert("other", "1").unwrap();
    db.checkpoint().unwrap();
    db.close().unwrap();
    let foreign = place.copy();
    fs::copy(other.image(), foreign.image()).unwrap();
    let db = foreign.open();
    assert_eq!((from(&db), read_state(&db).unwrap()), (None, state.clone()));
    drop(db);
    // From the same file on, two courses: the same lengths, other bytes.
    let (left, right) = (place.copy(), place.copy());
    for (place, value) in [(&left, "l"), (&right, "r")] {
        let db = place.open();
        db.insert("course", value).unwrap();
        db.checkpoint().unwrap();
        db.close().unwrap();
    }
    fs::copy(left.image(), right.image()).unwrap();
    let db = right.open();
    assert_eq!(from(&db), None);
    assert_eq!(db.get("course").unwrap().as_deref(), Some(&b"r"[..]));
    drop(db);
    // An older copy with the image of what came later.
    fs::copy(left.image(), place.image()).unwrap();
    let db = place.open();
    assert_eq!((from(&db), read_state(&db).unwrap()), (None, state));
}

#[test]
fn checkpoints_beside_writers_hold_one_committed_state() {
    let place = Place::new();
    let db = place.open_ordered();
    let done = AtomicBool::new(false);
    let mut copies = Vec::new();
    std::thread::scope(|scope| {
        for thread in 0..2u32 {
            let (db, done) = (&db, &done);
            scope.spawn(move || {
                let mut n = 0u32;
                while !done.load(Ordering::Relaxed) && n < 200_000 {
                    // Both or none, and the latter always one ahead of what was removed.
                    db.transaction(|tx| -> emdb::Result<()> {
                        let key = [&thread.to_be_bytes()[..], &n.to_be_bytes()].concat();
                        tx.insert(&key, n.to_be_bytes())?;
                        tx.insert(format!("last {thread}"), n.to_be_bytes())?;
                        if n % 2 == 1 {
                            let gone = [&thread.to_be_bytes()[..], &(n - 1).to_be_bytes()].concat();
                            tx.remove(&gone)?;
                        }
                        Ok(())
                    })
                    .unwrap();
                    n += 1;
                }
            });
        }
        // On a busy machine one of them can be late.
        while (0..2).any(|thread| db.get(format!("last {thread}")).unwrap().is_none()) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        for round in 0..6 {
            std::thread::sleep(std::time::Duration::from_millis(30));
            if round % 2 == 0 {
                db.range_iter(..).unwrap().next();
            }
            db.checkpoint().unwrap();
            copies.push(place.copy());
        }
        done.store(true, Ordering::Relaxed);
    });
    for copy in copies {
        let bare = copy.copy();
        fs::remove_file(bare.image()).unwrap();
        let (with, without) = (copy.open_ordered(), bare.open_ordered());
        assert!(from(&with).is_some());
        let state = read_state(&without).unwrap();
        for thread in 0..2u32 {
            let last = state.get(&(String::new(), format!("last {thread}").into_bytes())).unwrap();
            let last = u32::from_be_bytes(last[..].try_into().unwrap());
            let of_thread = state.keys().filter(|(_, k)| k.starts_with(&thread.to_be_bytes()));
            assert_eq!(of_thread.count() as u32, last / 2 + 1);
        }
        compare(&with, &without, &state, "beside writers");
    }
}

#[test]
fn a_namespace_that_becomes_ordered_later_and_one_that_was_are_both_in_order() {
    let place = Place::new();
    let db = place.open();
    let was = db.namespace_with("was", NamespaceOptions::new().ordered(true)).unwrap();
    let becomes = db.namespace("becomes").unwrap();
    for n in (0..3000u32).rev() {
        was.insert(n.to_be_bytes(), "1").unwrap();
        becomes.insert(n.to_be_bytes(), "2").unwrap();
    }
    was.range(..).unwrap();
    db.checkpoint().unwrap();
    db.namespace_with("becomes", NamespaceOptions::new().ordered(true)).unwrap();
    // Replaced, removed, come again, new.
    for n in 0..500u32 {
        was.insert(n.to_be_bytes(), "new").unwrap();
        was.remove((n * 3 + 500).to_be_bytes()).unwrap();
        was.insert((n + 5000).to_be_bytes(), "more").unwrap();
    }
    was.remove(7u32.to_be_bytes()).unwrap();
    was.insert(7u32.to_be_bytes(), "again").unwrap();
    let expected = (was.range(..).unwrap(), becomes.range(..).unwrap());
    let copy = place.copy();
    let db = copy.open();
    assert!(from(&db).is_some());
    let (was, becomes) = (db.namespace("was").unwrap(), db.namespace("becomes").unwrap());
    // The first that asks for the order may be a writer's neighbour.
    was.insert(9999u32.to_be_bytes(), "last").unwrap();
    was.remove(9999u32.to_be_bytes()).unwrap();
    assert!((was.range(..).unwrap(), becomes.range(..).unwrap()) == expected);
    let pivot = 1000u32.to_be_bytes();
    assert!(
        was.iter_from(pivot).unwrap().eq(expected
            .0
            .iter()
            .filter(|(k, _)| k[..] >= pivot[..])
            .cloned())
    );
}

#[test]
fn a_checkpoint_is_refused_in_a_transaction_and_does_nothing_in_memory() {
    let place = Place::new();
    let db = place.open();
    db.transaction(|_| -> emdb::Result<()> {
        assert!(matches!(db.checkpoint(), Err(emdb::Error::TransactionActive)));
        Ok(())
    })
    .unwrap();
    assert!(!place.image().exists());
    let memory = Emdb::open_in_memory();
    memory.insert("a", "1").unwrap();
    memory.checkpoint().unwrap();
    assert_eq!(memory.stats().unwrap().checkpoints, 0);
}

#[test]
fn one_is_taken_at_the_end_of_an_open_if_much_has_come_and_only_then() {
    let place = Place::new();
    let db = place.open();
    db.insert("few", "bytes").unwrap();
    drop(db);
    assert!(!place.image().exists());
    let db = place.open();
    db.insert_many((0..20_000u32).map(|n| (n.to_be_bytes(), [1; 100]))).unwrap();
    drop(db);
    let taken = fs::metadata(place.image()).unwrap().modified().unwrap();
    let db = place.open();
    let report = db.recovery().unwrap();
    assert!(report.from_checkpoint.is_some() && report.clean && report.records_replayed == 0);
    assert_eq!(db.len().unwrap(), 20_001);
    db.close().unwrap();
    assert_eq!(fs::metadata(place.image()).unwrap().modified().unwrap(), taken);
}

#[test]
fn the_background_takes_one_when_the_writers_pause() {
    let place = Place::new();
    let db = place.open();
    db.insert_many((0..60_000u32).map(|n| (n.to_be_bytes(), [1; 100]))).unwrap();
    let began = std::time::Instant::now();
    while db.stats().unwrap().checkpoints == 0 {
        assert!(began.elapsed().as_secs() < 30);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let copy = place.copy().open();
    assert!(from(&copy).is_some() && copy.len().unwrap() == 60_000);
}
