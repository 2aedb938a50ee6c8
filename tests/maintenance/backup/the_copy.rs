//! The contents of a copy.

use super::*;

#[test]
fn is_a_database_with_the_same_content() {
    let (_folder, db, target) = sample();
    db.backup_to(&target).unwrap();
    assert!(!temp(&target).exists());
    let state = read_state(&db).unwrap();
    assert!(content(&target) == state);
    let copy = Emdb::open(&target).unwrap();
    assert_eq!(copy.list_namespaces().unwrap(), db.list_namespaces().unwrap());
    assert!(copy.stats().unwrap().dead_bytes < 1000);
    // They are two databases from now on.
    copy.insert("only", "here").unwrap();
    assert!(read_state(&db).unwrap() == state);
    copy.compact().unwrap();
    assert_eq!(copy.len().unwrap(), 501);
    db.insert("only", "there").unwrap();
    assert_eq!(copy.get("only").unwrap(), Some(b"here".to_vec()));
}

#[test]
fn of_a_database_in_memory_is_a_file() {
    let (_folder, target) = folder();
    let db = Emdb::open_in_memory();
    db.backup_to(&target).unwrap();
    assert!(content(&target).is_empty());
    let large = vec![3; 5 << 20];
    db.insert("small", "1").unwrap();
    db.insert("large", &large).unwrap();
    db.namespace_with("ordered", ORDERED).unwrap().insert("key", "value").unwrap();
    db.backup_to(&target).unwrap();
    assert!(content(&target) == read_state(&db).unwrap());
}

#[test]
fn keeps_options_and_empty_namespaces() {
    let (_folder, db, target) = sample();
    let ordered = db.namespace_with("ordered", ORDERED).unwrap();
    for n in [5u8, 3, 9, 1] {
        ordered.insert([n], [n]).unwrap();
    }
    db.namespace_with("ordered and empty", ORDERED).unwrap();
    db.namespace("empty").unwrap();
    db.namespace("dropped").unwrap().insert("key", "value").unwrap();
    db.drop_namespace("dropped").unwrap();
    db.backup_to(&target).unwrap();
    let copy = Emdb::open(&target).unwrap();
    let names = ["empty", "ordered", "ordered and empty", "other"];
    assert_eq!(copy.list_namespaces().unwrap(), names);
    let ordered = copy.namespace("ordered").unwrap();
    assert!(ordered.is_ordered());
    assert!(ordered.range_iter(..).unwrap().map(|(k, _)| k[0]).eq([1, 3, 5, 9]));
    assert!(copy.namespace("ordered and empty").unwrap().range(..).unwrap().is_empty());
    assert!(copy.namespace("other").unwrap().range(..).is_err());
}

#[cfg(feature = "ttl")]
#[test]
fn keeps_expiries_and_leaves_out_what_is_expired() {
    use emdb::Ttl;
    let (_folder, db, target) = sample();
    let later = 4_102_444_800_000;
    db.insert_with_ttl("later", "v", Ttl::ExpiresAt(later)).unwrap();
    db.insert_with_ttl("expired", "v", Ttl::ExpiresAt(1)).unwrap();
    db.backup_to(&target).unwrap();
    let copy = Emdb::open(&target).unwrap();
    assert_eq!(copy.expires_at("later").unwrap(), Some(later));
    assert_eq!(copy.expires_at("key 1").unwrap(), None);
    assert_eq!(copy.len().unwrap(), 501);
    assert_eq!(copy.sweep_expired(), 0);
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
struct Person {
    #[emdb(key, auto)]
    id: u64,
    #[emdb(unique)]
    name: String,
    #[emdb(index)]
    age: u8,
}

#[test]
fn has_the_tables_with_their_indexes() {
    let (_folder, db, target) = sample();
    let people = Table::<Person>::open(&db).unwrap();
    for n in 0..200u64 {
        let name = format!("person {n}");
        people.insert_new(Person { id: 0, name, age: n as u8 % 40 }).unwrap();
    }
    (1..50).for_each(|id| drop(people.remove(&id).unwrap()));
    db.backup_to(&target).unwrap();
    let copy = Emdb::open(&target).unwrap();
    let copied = Table::<Person>::open(&copy).unwrap();
    assert!(copied.verify().unwrap().is_ok());
    let rows =
        |table: &Table<Person>| table.iter().unwrap().map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!(rows(&copied), rows(&people));
    assert!(copied.by(Person::NAME).get("person 77").unwrap().is_some());
    let age = copied.by(Person::AGE).count(3).unwrap();
    assert_eq!(age, people.by(Person::AGE).count(3).unwrap());
    let fresh = copied.insert_new(Person { id: 0, name: "new".into(), age: 1 }).unwrap();
    assert_eq!(fresh.id, 201);
}

#[test]
fn is_of_one_state_beside_writers_and_compactions() {
    within_a_minute(|| {
        const TOTAL: u64 = 20_000;
        let (folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let pair = ["left", "right"].map(|name| db.namespace(name).unwrap());
        for namespace in &pair {
            let items = (0..100u64).map(|n| (n.to_le_bytes(), 100u64.to_le_bytes()));
            namespace.insert_many(items).unwrap();
        }
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (db, over, pair) = (&db, &over, &pair);
            for seed in 0..2 {
                scope.spawn(move || {
                    let mut rng = Random(seed);
                    while !over.load(Ordering::Relaxed) {
                        let keys = [rng.below(100), rng.below(100)].map(u64::to_le_bytes);
                        commit(db, |tx| {
                            let balance = |v: Vec<u8>| u64::from_le_bytes(v.try_into().unwrap());
                            let from = balance(tx.namespace(&pair[0]).get(keys[0])?.unwrap());
                            let to = balance(tx.namespace(&pair[1]).get(keys[1])?.unwrap());
                            let sum = from.min(rng.below(9));
                            let (less, more) = if rng.below(2) == 0 {
                                (from - sum, to + sum)
                            } else {
                                let sum = to.min(sum);
                                (from + sum, to - sum)
                            };
                            tx.namespace(&pair[0]).insert(keys[0], less.to_le_bytes())?;
                            tx.namespace(&pair[1]).insert(keys[1], more.to_le_bytes())
                        })
                        .unwrap();
                        // A mark in both, in two calls: the second is never ahead.
                        let mark = rng.next().to_le_bytes();
                        db.insert(seed.to_le_bytes(), mark).unwrap();
                    }
                });
            }
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    db.compact().unwrap();
                }
            });
            let targets = [0, 1].map(|n| {
                let target = folder.path().join(format!("copy {n}"));
                scope.spawn(move || {
                    for _ in 0..8 {
                        db.backup_to(&target).unwrap();
                        let copy = Emdb::open(&target).unwrap();
                        let values = ["left", "right"].map(|name| {
                            let all = copy.namespace(name).unwrap().iter().unwrap();
                            all.map(|(_, v)| u64::from_le_bytes(v.try_into().unwrap())).sum::<u64>()
                        });
                        assert_eq!(values[0] + values[1], TOTAL);
                        assert_eq!(copy.namespace("left").unwrap().len().unwrap(), 100);
                        copy.close().unwrap();
                    }
                })
            });
            let done = targets.map(|t| t.join());
            over.store(true, Ordering::Relaxed);
            done.into_iter().for_each(|d| d.unwrap());
        });
    });
}
