//! The contents of a database besides plain records: expiries, options, tables, groups.

use std::sync::atomic::{AtomicBool, Ordering};

use emdb::{Record, Table};
use emdb_testing::Random;
use serde::{Deserialize, Serialize};

use super::*;
use crate::common::op::Op;

fn random_op(rng: &mut Random) -> Op {
    let key = |rng: &mut Random| vec![b'k', rng.below(40) as u8];
    let value = |rng: &mut Random| {
        let len = if rng.below(60) == 0 { 70_000 } else { rng.below(80) };
        vec![rng.next() as u8; len as usize]
    };
    let log = rng.below(2) == 0;
    match rng.below(20) {
        0..6 => Op::Insert(log, key(rng), value(rng)),
        6 => Op::InsertTimed(log, key(rng), value(rng)),
        7..11 => Op::Remove(log, key(rng)),
        11..13 => {
            let items = (0..rng.below(30)).map(|_| (key(rng), value(rng)));
            Op::InsertMany(log, items.collect())
        }
        13 => Op::Clear(log),
        14 => Op::DropLog,
        15 => Op::Flush,
        _ => {
            let clear = [Some(false), Some(true)].get(rng.below(6) as usize).copied().flatten();
            let writes = (0..1 + rng.below(8)).map(|_| {
                let value = (rng.below(3) > 0).then(|| value(rng));
                (rng.below(2) == 0, key(rng), value)
            });
            Op::Transaction { clear, writes: writes.collect() }
        }
    }
}

fn random_calls(db: &Emdb, rng: &mut Random, state: &mut State, count: u64) {
    for _ in 0..rng.below(count) {
        let op = random_op(rng);
        op.apply(db).unwrap();
        op.advance(state);
    }
}

/// Random calls before, during and after several compactions.
fn caught_up(db: &Emdb, rng: &mut Random, seed: u64) -> State {
    let mut state = State::new();
    for round in 0..5 {
        random_calls(db, rng, &mut state, 60);
        compact_around(db, || random_calls(db, rng, &mut state, 60));
        let found = read_state(db).unwrap();
        assert!(found == state, "EMDB_SEED={seed}, round {round}: something else than was written");
    }
    db.compact().unwrap();
    let stats = db.stats().unwrap();
    assert!(stats.dead_bytes < 200, "EMDB_SEED={seed}: {stats:?}");
    assert_eq!(stats.live_records as usize, state.len(), "EMDB_SEED={seed}");
    state
}

#[test]
fn random_calls_meanwhile_are_all_made_again() {
    let seed = emdb_testing::seed();
    let mut rng = Random(seed);
    for round in 0..40 {
        let (_folder, path) = folder();
        let ordered = rng.below(2) == 0;
        let builder = Emdb::builder().enable_range_scans(ordered);
        if round % 4 > 0 {
            caught_up(&builder.build().unwrap(), &mut rng, seed);
            continue;
        }
        let db = builder.path(&path).build().unwrap();
        let state = caught_up(&db, &mut rng, seed);
        assert_state_lasts(db, &path, &state);
    }
}

#[test]
fn a_large_value_that_is_written_meanwhile_is_kept() {
    on_each(|db| {
        db.insert("small", "before").unwrap();
        let large = vec![7; 3 << 20];
        compact_around(&db, || {
            db.insert("large", &large).unwrap();
            db.insert("small", "after").unwrap();
        });
        assert!(db.get("large").unwrap().as_ref() == Some(&large));
        assert_eq!(db.get("small").unwrap(), Some(b"after".to_vec()));
        assert_eq!(db.len().unwrap(), 2);
    });
}

#[test]
fn options_and_names_are_kept() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    let names = ["a", "", "\u{e9} \u{fc}", "with\nline", &"long ".repeat(51)];
    for name in names.iter().filter(|n| !n.is_empty()) {
        db.namespace(name).unwrap().insert("key", name).unwrap();
    }
    db.namespace_with("ordered", ORDERED).unwrap();
    let before = db.list_namespaces().unwrap();
    compact_around(&db, || {
        db.namespace_with("ordered meanwhile", ORDERED).unwrap().insert("x", "1").unwrap();
        db.namespace_with("a", ORDERED).unwrap();
    });
    let check = |db: &Emdb| {
        let mut now = db.list_namespaces().unwrap();
        now.retain(|name| name != "ordered meanwhile");
        assert_eq!(now, before);
        for name in ["ordered", "ordered meanwhile", "a"] {
            let namespace = db.namespace(name).unwrap();
            assert!(namespace.is_ordered(), "{name}");
            assert_eq!(namespace.range(..).unwrap().len(), namespace.len().unwrap(), "{name}");
        }
        assert!(!db.namespace("\u{e9} \u{fc}").unwrap().is_ordered());
        assert!(db.namespace("\u{e9} \u{fc}").unwrap().range(..).is_err());
    };
    check(&db);
    db.compact().unwrap();
    check(&db);
    db.close().unwrap();
    check(&Emdb::open(&path).unwrap());
}

#[test]
fn ranges_are_right_after_it_and_after_more_writes() {
    let seed = emdb_testing::seed();
    let mut rng = Random(seed);
    on_each(|db| {
        let namespace = db.namespace_with("ordered", ORDERED).unwrap();
        let mut model = std::collections::BTreeMap::new();
        let mut rng = rng.clone();
        for _ in 0..6 {
            let mut change = |rng: &mut Random, count: u64| {
                for _ in 0..rng.below(count) {
                    let key = rng.below(3000).to_be_bytes().to_vec();
                    if rng.below(3) == 0 {
                        namespace.remove(&key).unwrap();
                        model.remove(&key);
                    } else {
                        let value = rng.next().to_be_bytes().to_vec();
                        namespace.insert(&key, &value).unwrap();
                        model.insert(key, value);
                    }
                }
            };
            change(&mut rng, 3000);
            compact_around(&db, || change(&mut rng, 500));
            let mut check = || {
                let all = || model.iter().map(|(k, v)| (k.clone(), v.clone()));
                assert!(namespace.range_iter(..).unwrap().eq(all()), "EMDB_SEED={seed}");
                assert!(
                    namespace.range_iter(..).unwrap().rev().eq(all().rev()),
                    "EMDB_SEED={seed}"
                );
                for _ in 0..20 {
                    let from = rng.below(3000);
                    let to = from + rng.below(400);
                    let (from, to) = (from.to_be_bytes().to_vec(), to.to_be_bytes().to_vec());
                    let found = namespace.range(from.clone()..to.clone()).unwrap();
                    let expected = model.range(from..to).map(|(k, v)| (k.clone(), v.clone()));
                    assert!(found.into_iter().eq(expected), "EMDB_SEED={seed}");
                }
            };
            check();
            let key = 5000u64.to_be_bytes().to_vec();
            namespace.insert(&key, "last").unwrap();
            model.insert(key, b"last".to_vec());
            let all = model.iter().map(|(k, v)| (k.clone(), v.clone()));
            assert!(namespace.range_iter(..).unwrap().rev().eq(all.rev()), "EMDB_SEED={seed}");
        }
    });
    rng.next();
}

#[cfg(feature = "nested")]
#[test]
fn groups_are_kept() {
    on_each(|db| {
        for key in ["users.a.name", "users.a.age", "users.b.name", "zoo"] {
            db.insert(key, key).unwrap();
        }
        let focus = db.focus("users");
        compact_around(&db, || {
            focus.set("c.name", "c").unwrap();
            assert_eq!(db.delete_group("users.b").unwrap(), 1);
        });
        assert_eq!(db.group("users").unwrap().count(), 3);
        assert_eq!(focus.get("c.name").unwrap(), Some(b"c".to_vec()));
        assert_eq!(db.delete_group("users.a").unwrap(), 2);
        db.compact().unwrap();
        assert_eq!(db.group("users").unwrap().count(), 1);
    });
}

#[cfg(feature = "ttl")]
mod expiry {
    use std::time::Duration;

    use emdb::{EmdbBuilder, Ttl};
    use emdb_core::internal::{ManualClock, with_clock};

    use super::*;

    const START: u64 = 1_000_000;

    fn build(builder: EmdbBuilder) -> (Emdb, ManualClock) {
        let clock = ManualClock::new(START);
        (with_clock(builder, clock.clone()).build().unwrap(), clock)
    }

    fn ms(ms: u64) -> Ttl {
        Ttl::Duration(Duration::from_millis(ms))
    }

    #[test]
    fn stays_and_what_is_expired_goes() {
        let (_folder, path) = folder();
        let (db, clock) = build(Emdb::builder().path(&path));
        let other = db.namespace("other").unwrap();
        for namespace in [&*db, &other] {
            namespace.insert("never", "v").unwrap();
            namespace.insert_with_ttl("soon", "v", ms(100)).unwrap();
            namespace.insert_with_ttl("meanwhile", "v", ms(200)).unwrap();
            namespace.insert_with_ttl("late", "v", ms(1000)).unwrap();
            namespace.insert_with_ttl("changed", "v", ms(1000)).unwrap();
            namespace.insert_with_ttl("persisted", "v", ms(1000)).unwrap();
            namespace.insert_with_ttl("revived", "v", ms(100)).unwrap();
            namespace.insert_with_ttl("removed", "v", ms(100)).unwrap();
        }
        clock.set(START + 100);
        compact_around(&db, || {
            clock.set(START + 200);
            for namespace in [&*db, &other] {
                assert_eq!(namespace.remove("removed").unwrap(), None);
                namespace.insert_with_ttl("revived", "w", ms(300)).unwrap();
                namespace.insert_with_ttl("changed", "w", ms(5000)).unwrap();
                assert!(namespace.persist("persisted").unwrap());
                namespace.insert_with_ttl("new", "w", ms(400)).unwrap();
            }
        });
        let check = |namespace: &emdb::Namespace| {
            let expires = |key: &str| namespace.expires_at(key).unwrap();
            assert_eq!(expires("never"), None);
            assert_eq!(namespace.get("soon").unwrap(), None);
            assert_eq!(namespace.get("meanwhile").unwrap(), None);
            assert_eq!(expires("late"), Some(START + 1000));
            assert_eq!(expires("changed"), Some(START + 5200));
            assert_eq!(expires("persisted"), None);
            assert_eq!(expires("revived"), Some(START + 500));
            assert_eq!(expires("new"), Some(START + 600));
            assert_eq!(namespace.iter().unwrap().count(), 6);
        };
        check(&db);
        check(&other);
        db.compact().unwrap();
        check(&db);
        check(&other);
        // Those that expired are not there any more, not even to be swept.
        assert_eq!(other.len().unwrap(), 6);
        assert_eq!(db.sweep_expired(), 0);
        clock.set(START + 600);
        assert_eq!(db.sweep_expired(), 4);
        assert_eq!(other.len().unwrap(), 4);
        drop(other);
        db.close().unwrap();
        let (db, clock) = build(Emdb::builder().path(&path));
        clock.set(START + 600);
        assert_eq!(db.expires_at("late").unwrap(), Some(START + 1000));
        assert_eq!(db.iter().unwrap().count(), 4);
    }

    #[test]
    fn is_swept_meanwhile() {
        let (db, clock) = build(Emdb::builder());
        for n in 0..3000u32 {
            db.insert_with_ttl(n.to_le_bytes(), "v", ms(100)).unwrap();
            db.insert_with_ttl((n + 5000).to_le_bytes(), "v", ms(1000)).unwrap();
        }
        compact_around(&db, || {
            clock.set(START + 100);
            assert_eq!(db.sweep_expired(), 3000);
        });
        assert_eq!(db.len().unwrap(), 3000);
        assert_eq!(db.iter().unwrap().count(), 3000);
        compact_around(&db, || {
            db.insert("x", "y").unwrap();
            assert_eq!(db.sweep_expired(), 0);
        });
        clock.set(START + 1000);
        compact_around(&db, || assert_eq!(db.sweep_expired(), 3000));
        assert_eq!(db.len().unwrap(), 1);
    }

    #[test]
    fn by_default_is_given_to_what_comes_after() {
        let (_folder, path) = folder();
        let builder = Emdb::builder().path(&path).default_ttl(Duration::from_millis(500));
        let (db, clock) = build(builder);
        db.insert("before", "v").unwrap();
        db.insert_with_ttl("never", "v", Ttl::None).unwrap();
        compact_around(&db, || {
            clock.set(START + 100);
            db.insert("meanwhile", "v").unwrap();
        });
        db.insert("after", "v").unwrap();
        assert_eq!(db.expires_at("before").unwrap(), Some(START + 500));
        assert_eq!(db.expires_at("never").unwrap(), None);
        assert_eq!(db.expires_at("meanwhile").unwrap(), Some(START + 600));
        assert_eq!(db.expires_at("after").unwrap(), Some(START + 600));
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "people")]
struct Person {
    #[emdb(key, auto)]
    id: u64,
    #[emdb(unique)]
    name: String,
    #[emdb(index)]
    age: u8,
    #[emdb(index(each))]
    tags: Vec<u8>,
}

fn person(n: u64, age: u8) -> Person {
    Person { id: 0, name: format!("person {n}"), age, tags: vec![n as u8 % 7, age % 5] }
}

fn tables_go_on(db: Emdb) {
    const COUNT: u64 = 300;
    let people = Table::<Person>::open(&db).unwrap();
    for n in 0..COUNT {
        people.insert_new(person(n, 0)).unwrap();
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = people.clone();
        let over = &over;
        scope.spawn(move || {
            let mut rng = Random(1);
            while !over.load(Ordering::Relaxed) {
                let name = format!("person {}", rng.below(COUNT));
                let found = reader.by(Person::NAME).get(&name).unwrap();
                assert_eq!(found.unwrap_or_else(|| panic!("no {name}")).name, name);
            }
        });
        let writer = people.clone();
        scope.spawn(move || {
            let mut rng = Random(2);
            while !over.load(Ordering::Relaxed) {
                let id = 1 + rng.below(COUNT);
                let age = rng.below(100) as u8;
                writer.update(&id, |row| row.age = age).unwrap();
                let clash = writer.insert_new(person(rng.below(COUNT), 0));
                assert!(clash.is_err(), "a name that is there was taken again");
                let extra = writer.insert_new(person(COUNT + rng.below(50), 1));
                if let Ok(row) = extra {
                    writer.remove(&row.id).unwrap();
                }
            }
        });
        for _ in 0..12 {
            db.compact().unwrap();
        }
        over.store(true, Ordering::Relaxed);
    });
    let rows: Vec<_> = people.iter().unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len() as u64, COUNT);
    let report = people.verify().unwrap();
    assert!(report.is_ok(), "{report:?}");
    db.compact().unwrap();
    assert!(people.iter().unwrap().map(Result::unwrap).eq(rows.clone()));
    assert!(people.verify().unwrap().is_ok());
    let again = Table::<Person>::open(&db).unwrap();
    assert!(again.verify().unwrap().is_ok());
    let newest = people.insert_new(person(COUNT + 100, 1)).unwrap();
    assert!(newest.id > COUNT, "an id was given twice");
    // A table that is cleared goes on as well, and so does one that is dropped and begun anew.
    compact_around(&db, || people.clear().unwrap());
    assert!(people.is_empty().unwrap());
    let newer = people.insert_new(person(0, 1)).unwrap();
    assert!(newer.id > newest.id, "an id was given twice");
    assert!(people.verify().unwrap().is_ok());
    compact_around(&db, || assert!(db.drop_namespace("people").unwrap()));
    assert!(people.get(&newer.id).is_err());
    db.compact().unwrap();
    let people = Table::<Person>::open(&db).unwrap();
    assert!(people.is_empty().unwrap());
    people.insert_new(person(0, 1)).unwrap();
    assert!(people.verify().unwrap().is_ok());
}

#[test]
fn tables_and_their_indexes_go_on() {
    on_each(tables_go_on);
}
