//! Random writes under snapshots, compared with maps.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use emdb_testing::{Random, seed};

use super::*;

/// Default namespace, unordered, ordered, ordered.
const NAMES: [&str; 4] = ["", "hashed", "ordered", "also ordered"];

/// The state that a snapshot must show.
type World = [Model; 4];

fn open(db: &Emdb, n: usize) -> emdb::Namespace {
    let options = NamespaceOptions::new().ordered(n >= 2);
    if n == 0 { (**db).clone() } else { db.namespace_with(NAMES[n], options).unwrap() }
}

fn key(random: &mut Random) -> Vec<u8> {
    let n = random.below(600);
    [b"common prefix:".as_slice(), &n.to_be_bytes()][(n % 2) as usize..].concat()
}

/// One write to database and model, which nobody can see between.
fn write(db: &Emdb, world: &mut World, random: &mut Random) {
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

fn transact(db: &Emdb, world: &mut World, random: &mut Random) {
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

fn compare(snapshot: &Snapshot, world: &World, random: &mut Random) {
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
                let mut random = Random(seed + n);
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
                let mut random = Random(seed + n);
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
    let mut random = Random(seed);
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
