//! Readers and writers beside compactions that follow each other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use emdb::{Emdb, FlushPolicy};
use emdb_testing::Random;
use emdb_testing::sealed::{seal, unseal};
use emdb_testing::within_a_minute;

use super::*;

const ACCOUNTS: u64 = 40;
const TOTAL: u64 = 2 * ACCOUNTS * 100;
/// Records that a refill writes at once.
const REFILL: usize = 50;
/// Keys that are never removed, and whose numbers only grow.
const STABLE: u64 = 30;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// The state that all threads share.
struct Scene<'a> {
    db: &'a Emdb,
    over: AtomicBool,
}

impl Scene<'_> {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    /// Single writes and batches to an ordered and an unordered namespace; gives what they hold.
    fn write(&self, name: &str, seed: u64) -> Model {
        let namespace = match name {
            "ordered" => self.db.namespace_with(name, ORDERED).unwrap(),
            _ => self.db.namespace(name).unwrap(),
        };
        let (mut model, mut rng, mut number) = (Model::new(), Random(seed), 0);
        while self.goes_on() {
            number += 1;
            let key = format!("key {}", rng.below(400)).into_bytes();
            let len = if rng.below(200) == 0 { 300_000 } else { rng.below(200) as usize };
            let value = seal(name, &key, number, len);
            match rng.below(10) {
                0..4 => {
                    namespace.insert(&key, &value).unwrap();
                    model.insert(key, value);
                }
                4 => {
                    far(&namespace, &key, &value);
                    model.insert(key, value);
                }
                5..7 => {
                    assert_eq!(namespace.remove(&key).unwrap(), model.remove(&key), "{key:?}");
                }
                7 => {
                    let keys = (0..rng.below(60)).map(|_| format!("key {}", rng.below(400)));
                    let items: Vec<_> = keys
                        .map(|key| (key.clone(), seal(name, key.as_bytes(), number, 20)))
                        .collect();
                    namespace.insert_many(items.iter().map(|(k, v)| (k, v))).unwrap();
                    model.extend(items.into_iter().map(|(k, v)| (k.into_bytes(), v)));
                }
                8 => {
                    let stable = format!("stable {}", rng.below(STABLE)).into_bytes();
                    let value = seal(name, &stable, number, 40);
                    namespace.insert(&stable, &value).unwrap();
                    model.insert(stable, value);
                }
                _ => assert_eq!(namespace.get(&key).unwrap().as_ref(), model.get(&key)),
            }
        }
        model
    }

    /// Moves money within and between two namespaces.
    fn transfer(&self, seed: u64) {
        let pair = ["left", "right"].map(|name| self.db.namespace(name).unwrap());
        let mut rng = Random(seed);
        while self.goes_on() {
            let (from, to) = (rng.below(2) as usize, rng.below(2) as usize);
            let (giver, taker) = (account(rng.below(ACCOUNTS)), account(rng.below(ACCOUNTS)));
            let fails = rng.below(8) == 0;
            let done = commit(self.db, |tx| {
                let balance = |value: Vec<u8>| u64::from_le_bytes(value.try_into().unwrap());
                let gives = balance(tx.namespace(&pair[from]).get(&giver)?.unwrap());
                let sum = gives.min(1 + gives / 3);
                tx.namespace(&pair[from]).insert(&giver, (gives - sum).to_le_bytes())?;
                if fails {
                    return Err(emdb::Error::KeyNotFound);
                }
                let takes = balance(tx.namespace(&pair[to]).get(&taker)?.unwrap());
                tx.namespace(&pair[to]).insert(&taker, (takes + sum).to_le_bytes())
            });
            assert_eq!(done.is_err(), fails);
        }
    }

    /// Fills a namespace anew, after a clear or a drop.
    fn refill(&self, seed: u64) {
        let (mut rng, mut number) = (Random(seed), 0);
        while self.goes_on() {
            number += 1;
            let clears = rng.below(2) == 0;
            if !clears {
                self.db.drop_namespace("refilled").unwrap();
            }
            let namespace = self.db.namespace("refilled").unwrap();
            commit(self.db, |tx| {
                let part = tx.namespace(&namespace);
                if clears {
                    part.clear()?;
                }
                for n in 0..REFILL {
                    let key = n.to_le_bytes();
                    part.insert(key, seal("refilled", &key, number, 10))?;
                }
                Ok(())
            })
            .unwrap();
        }
    }

    /// Each value is whole, and no stable key is ever absent or goes back.
    fn look_up(&self, name: &str, seed: u64) {
        let namespace = self.db.namespace(name).unwrap();
        let mut rng = Random(seed);
        let mut seen = [0; STABLE as usize];
        while self.goes_on() {
            let key = format!("key {}", rng.below(400)).into_bytes();
            if let Some(value) = namespace.get(&key).unwrap() {
                unseal(name, &key, &value);
            }
            if let Some(value) = namespace.get_zerocopy(&key).unwrap() {
                unseal(name, &key, &value);
            }
            let n = rng.below(STABLE);
            let key = format!("stable {n}").into_bytes();
            assert!(namespace.contains_key(&key).unwrap(), "{name}/stable {n} is not there");
            let value = namespace.get(&key).unwrap().unwrap_or_else(|| panic!("stable {n}"));
            let number = unseal(name, &key, &value);
            assert!(number >= seen[n as usize], "{name}/stable {n} went back");
            seen[n as usize] = number;
        }
    }

    /// Each iteration shows one state.
    fn iterate(&self, seed: u64) {
        let mut rng = Random(seed);
        while self.goes_on() {
            let snapshot = self.db.snapshot();
            match rng.below(4) {
                0 => {
                    let sum = |name: &str| {
                        let items = snapshot.namespace(name).unwrap().iter().unwrap().results();
                        let values =
                            items.map(|i| u64::from_le_bytes(i.unwrap().1.try_into().unwrap()));
                        values.sum::<u64>()
                    };
                    assert_eq!(sum("left") + sum("right"), TOTAL);
                }
                1 => {
                    let ordered = snapshot.namespace("ordered").unwrap();
                    let forward: Vec<_> =
                        ordered.range_iter(..).unwrap().results().map(Result::unwrap).collect();
                    let mut back: Vec<_> = ordered.range_iter(..).unwrap().rev().collect();
                    back.reverse();
                    assert!(forward == back, "both ends see other records");
                    assert!(forward.is_sorted_by(|a, b| a.0 < b.0));
                    assert_eq!(ordered.len().unwrap(), forward.len());
                    forward.iter().for_each(|(k, v)| {
                        unseal("ordered", k, v);
                    });
                }
                2 => {
                    let refilled = snapshot.namespace("refilled").unwrap();
                    let items = refilled.iter().unwrap().results().map(Result::unwrap);
                    one_refill(items.collect(), refilled.len().unwrap());
                }
                _ => {
                    let namespace = self.db.namespace("hashed").unwrap();
                    let mut keys = std::collections::BTreeSet::new();
                    for item in namespace.iter().unwrap().results() {
                        let (key, value) = item.unwrap();
                        unseal("hashed", &key, &value);
                        assert!(keys.insert(key), "a key came twice");
                    }
                    let stable = keys.iter().filter(|key| key.starts_with(b"stable"));
                    assert_eq!(stable.count() as u64, STABLE);
                }
            }
        }
    }
}

fn one_refill(items: Vec<(Vec<u8>, Vec<u8>)>, len: usize) {
    assert!(items.is_empty() || items.len() == REFILL, "a part of a refill: {}", items.len());
    assert_eq!(items.len(), len);
    let numbers = items.iter().map(|(k, v)| unseal("refilled", k, v));
    assert!(numbers.collect::<std::collections::BTreeSet<_>>().len() <= 1, "two refills");
}

#[cfg(feature = "ttl")]
fn far(namespace: &emdb::Namespace, key: &[u8], value: &[u8]) {
    namespace.insert_with_ttl(key, value, emdb::Ttl::ExpiresAt(4_102_444_800_000)).unwrap();
}

#[cfg(not(feature = "ttl"))]
fn far(namespace: &emdb::Namespace, key: &[u8], value: &[u8]) {
    namespace.insert(key, value).unwrap();
}

fn account(n: u64) -> Vec<u8> {
    n.to_le_bytes().to_vec()
}

fn prepare(db: &Emdb) {
    for name in ["left", "right"] {
        let namespace = db.namespace(name).unwrap();
        namespace.insert_many((0..ACCOUNTS).map(|n| (account(n), 100u64.to_le_bytes()))).unwrap();
    }
    for name in ["ordered", "hashed"] {
        let namespace = match name {
            "ordered" => db.namespace_with(name, ORDERED).unwrap(),
            _ => db.namespace(name).unwrap(),
        };
        for n in 0..STABLE {
            let key = format!("stable {n}").into_bytes();
            namespace.insert(&key, seal(name, &key, 0, 40)).unwrap();
        }
    }
    db.namespace("refilled").unwrap();
}

/// Everything at once for a while; gives how many compactions there were.
fn run(db: &Emdb, time: Duration) -> usize {
    let seed = emdb_testing::seed();
    prepare(db);
    let scene = Scene { db, over: AtomicBool::new(false) };
    let (compactions, models) = std::thread::scope(|scope| {
        let scene = &scene;
        let ordered = scope.spawn(move || scene.write("ordered", seed));
        let hashed = scope.spawn(move || scene.write("hashed", seed + 1));
        scope.spawn(move || scene.transfer(seed + 2));
        scope.spawn(move || scene.refill(seed + 3));
        scope.spawn(move || scene.look_up("ordered", seed + 4));
        scope.spawn(move || scene.look_up("hashed", seed + 5));
        scope.spawn(move || scene.iterate(seed + 6));
        scope.spawn(move || scene.iterate(seed + 7));
        let (began, mut compactions) = (Instant::now(), 0);
        // A failed compaction ends the others too.
        let mut failed = None;
        while began.elapsed() < time && failed.is_none() {
            failed = db.compact().err();
            compactions += 1;
        }
        scene.over.store(true, Ordering::Relaxed);
        if let Some(e) = failed {
            panic!("EMDB_SEED={seed}: {e}");
        }
        (compactions, [("ordered", ordered.join().unwrap()), ("hashed", hashed.join().unwrap())])
    });
    for (name, mut model) in models {
        for n in 0..STABLE {
            let key = format!("stable {n}").into_bytes();
            let first = seal(name, &key, 0, 40);
            model.entry(key).or_insert(first);
        }
        let found: Model = db.namespace(name).unwrap().iter().unwrap().collect();
        assert!(found == model, "EMDB_SEED={seed}: {name} holds something else than was written");
    }
    compactions
}

fn beside_everything(policy: FlushPolicy, in_memory: bool) {
    within_a_minute(move || {
        let (_folder, path) = folder();
        let builder = Emdb::builder().flush_policy(policy);
        let builder = if in_memory { builder } else { builder.path(&path) };
        let db = builder.build().unwrap();
        let compactions = run(&db, Duration::from_millis(1500));
        assert!(compactions > 1, "{compactions} compactions");
        if !in_memory {
            let state = read_state(&db).unwrap();
            assert_state_lasts(db, &path, &state);
        }
    });
}

#[test]
fn nothing_wrong_is_seen_and_nothing_lost_on_each_flush() {
    beside_everything(FlushPolicy::OnEachFlush, false);
}

#[test]
fn nothing_wrong_is_seen_and_nothing_lost_with_shared_flushes() {
    beside_everything(FlushPolicy::Group, false);
}

#[test]
fn nothing_wrong_is_seen_and_nothing_lost_with_durable_writes() {
    beside_everything(FlushPolicy::WriteThrough, false);
}

#[test]
fn nothing_wrong_is_seen_and_nothing_lost_in_memory() {
    beside_everything(FlushPolicy::OnEachFlush, true);
}

#[test]
fn namespaces_that_begin_and_become_ordered_meanwhile_are_kept() {
    within_a_minute(|| {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let over = AtomicBool::new(false);
        let made = std::thread::scope(|scope| {
            let (db, over) = (&db, &over);
            // Somebody always looks at the list.
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    db.list_namespaces().unwrap();
                }
            });
            let makers = [0, 1].map(|maker| {
                scope.spawn(move || {
                    let mut made = 0;
                    while !over.load(Ordering::Relaxed) && made < 1000 {
                        let name = format!("{maker} {made}");
                        let namespace = db.namespace(&name).unwrap();
                        let namespace = match made % 2 {
                            0 => db.namespace_with(&name, ORDERED).unwrap(),
                            _ => namespace,
                        };
                        if made % 3 == 0 {
                            namespace.insert("key", "value").unwrap();
                        }
                        made += 1;
                    }
                    made
                })
            });
            let began = Instant::now();
            let mut failed = None;
            while began.elapsed() < Duration::from_millis(1500) && failed.is_none() {
                failed = db.compact().err();
            }
            over.store(true, Ordering::Relaxed);
            let made = makers.map(|maker| maker.join().unwrap());
            assert!(failed.is_none(), "{failed:?}");
            made
        });
        let check = |db: &Emdb, when: &str| {
            assert_eq!(db.list_namespaces().unwrap().len(), made[0] + made[1], "{when}");
            for (maker, made) in made.into_iter().enumerate() {
                for n in 0..made {
                    let namespace = db.namespace(format!("{maker} {n}")).unwrap();
                    let expected = usize::from(n % 3 == 0);
                    assert_eq!(namespace.len().unwrap(), expected, "{when}: {maker} {n}");
                    if n % 2 == 0 {
                        assert!(namespace.is_ordered(), "{when}: {maker} {n}");
                        assert_eq!(namespace.range(..).unwrap().len(), expected, "{maker} {n}");
                    }
                }
            }
        };
        check(&db, "before the reopen");
        db.compact().unwrap();
        check(&db, "after another compaction");
        db.close().unwrap();
        check(&Emdb::open(&path).unwrap(), "after the reopen");
    });
}
