//! Many threads at once, and everything right afterwards.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use emdb::{Emdb, Error, FlushPolicy};

use crate::common::folder;

const WRITERS: u32 = 8;
const EACH: u32 = 2000;

fn key(writer: u32, n: u32) -> [u8; 8] {
    (u64::from(writer) << 32 | u64::from(n)).to_be_bytes()
}

/// The value of the key at its `version`th writing. The key tells its writer and number.
fn value(key: [u8; 8], version: u32) -> Vec<u8> {
    let mut value = key.to_vec();
    value.extend(version.to_be_bytes());
    value.extend(std::iter::repeat_n(key[7], usize::from(key[7] % 50)));
    value
}

/// The version of a value, which must be one that was written under this key.
fn version(key: &[u8], found: &[u8]) -> u32 {
    let version = u32::from_be_bytes(found[8..12].try_into().unwrap());
    assert_eq!(found, value(key.try_into().unwrap(), version));
    version
}

/// Each writer writes its keys, writes every other one again, and removes every third.
fn write(db: &Emdb, writer: u32, progress: &AtomicU32) {
    for n in 0..EACH {
        let key = key(writer, n);
        db.insert(key, value(key, 0)).unwrap();
        if n.is_multiple_of(2) {
            db.insert(key, value(key, 1)).unwrap();
        }
        if n.is_multiple_of(3) {
            let removed = db.remove(key).unwrap().unwrap();
            assert_eq!(version(&key, &removed), u32::from(n.is_multiple_of(2)));
        }
        progress.store(n + 1, Ordering::Release);
    }
}

fn expected() -> BTreeMap<Vec<u8>, Vec<u8>> {
    let keys = (0..WRITERS).flat_map(|w| (0..EACH).map(move |n| (w, n)));
    let kept = keys.filter(|(_, n)| !n.is_multiple_of(3));
    kept.map(|(w, n)| {
        let key = key(w, n);
        (key.to_vec(), value(key, u32::from(n.is_multiple_of(2))))
    })
    .collect()
}

/// Reads keys that were written for certain, until told to stop.
fn read(db: &Emdb, progress: &[AtomicU32], stop: &AtomicBool) {
    let mut at = 1u32;
    while !stop.load(Ordering::Relaxed) {
        at = at.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let writer = (at >> 8) % WRITERS;
        let written = progress[writer as usize].load(Ordering::Acquire);
        if written == 0 {
            continue;
        }
        let n = (at >> 16) % written;
        let key = key(writer, n);
        let found = db.get(key).unwrap();
        assert_eq!(found.is_some(), !n.is_multiple_of(3), "{writer} {n}");
        assert_eq!(db.contains_key(key).unwrap(), found.is_some());
        if let Some(found) = found {
            assert_eq!(version(&key, &found), u32::from(n.is_multiple_of(2)));
            assert_eq!(db.get_zerocopy(key).unwrap().unwrap(), found);
        }
    }
}

/// Iterates until told to stop: what was finished before an iteration began is in it, once.
fn iterate(db: &Emdb, progress: &[AtomicU32], stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let finished: Vec<_> = progress.iter().map(|p| p.load(Ordering::Acquire)).collect();
        let mut count = vec![0; WRITERS as usize];
        let mut last = None;
        for (key, found) in db.iter().unwrap() {
            let version = version(&key, &found);
            let word = u64::from_be_bytes(key.try_into().unwrap());
            let (writer, n) = ((word >> 32) as usize, word as u32);
            if n < finished[writer] {
                assert!(!n.is_multiple_of(3));
                assert_eq!(version, u32::from(n.is_multiple_of(2)));
                count[writer] += 1;
            }
            assert_ne!(last.replace(word), Some(word));
        }
        for (count, finished) in count.into_iter().zip(finished) {
            assert_eq!(count, finished - finished.div_ceil(3));
        }
    }
}

fn all_at_once(db: &Emdb) {
    let progress: Vec<_> = (0..WRITERS).map(|_| AtomicU32::new(0)).collect();
    let progress = &progress[..];
    let stop = AtomicBool::new(false);
    let stop = &stop;
    thread::scope(|s| {
        let writers: Vec<_> =
            (0..WRITERS).map(|w| s.spawn(move || write(db, w, &progress[w as usize]))).collect();
        let mut readers: Vec<_> = (0..2).map(|_| s.spawn(|| read(db, progress, stop))).collect();
        readers.extend((0..2).map(|_| s.spawn(|| iterate(db, progress, stop))));
        let written = writers.into_iter().all(|w| w.join().is_ok());
        stop.store(true, Ordering::Relaxed);
        assert!(written);
    });
    assert!(db.iter().unwrap().collect::<BTreeMap<_, _>>() == expected());
    assert_eq!(db.len().unwrap(), expected().len());
}

#[test]
fn eight_writers_with_readers_and_iterators_in_a_file() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    all_at_once(&db);
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    assert!(db.iter().unwrap().collect::<BTreeMap<_, _>>() == expected());
    assert_eq!(db.len().unwrap(), expected().len());
}

#[test]
fn eight_writers_with_readers_and_iterators_in_memory() {
    all_at_once(&Emdb::open_in_memory());
}

#[test]
fn eight_writers_that_flush_in_a_group() {
    let (folder, path) = folder();
    let db = Emdb::builder().path(&path).flush_policy(FlushPolicy::Group).build().unwrap();
    thread::scope(|s| {
        for writer in 0..WRITERS {
            let db = &db;
            s.spawn(move || {
                for n in 0..50 {
                    db.insert(key(writer, n), value(key(writer, n), 0)).unwrap();
                    db.flush().unwrap();
                }
            });
        }
    });
    let copy = folder.path().join("copy");
    std::fs::copy(&path, &copy).unwrap();
    assert_eq!(Emdb::open(&copy).unwrap().len().unwrap(), WRITERS as usize * 50);
}

#[test]
fn writers_of_the_same_keys_leave_one_value_each() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    thread::scope(|s| {
        for writer in 0..WRITERS {
            let db = &db;
            s.spawn(move || {
                for n in 0..4000u32 {
                    let key = (n * 7 % 100).to_be_bytes();
                    match (n + writer) % 5 {
                        0 => drop(db.remove(key).unwrap()),
                        1 => db.insert_many([(key, b"many"), (key, b"last")]).unwrap(),
                        2 => db.transaction(|tx| tx.insert(key, b"tran")).unwrap(),
                        _ => db.insert(key, b"once").unwrap(),
                    }
                }
            });
        }
    });
    let left: BTreeMap<_, _> = db.iter().unwrap().collect();
    assert_eq!(db.len().unwrap(), left.len());
    assert_eq!(db.iter().unwrap().count(), left.len());
    assert!(
        left.values().all(|v| [b"last", b"tran", b"once"].contains(&v[..].try_into().unwrap()))
    );
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    assert!(db.iter().unwrap().collect::<BTreeMap<_, _>>() == left);
    assert_eq!(db.len().unwrap(), left.len());
}

#[test]
fn a_chunk_of_insert_many_is_seen_whole_or_not_at_all() {
    let db = Emdb::open_in_memory();
    let chunk = |round: u32| (0..100u32).map(move |n| (n.to_be_bytes(), round.to_be_bytes()));
    db.insert_many(chunk(0)).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|s| {
        let writer = s.spawn(|| {
            let mut round = 0;
            while !stop.load(Ordering::Relaxed) {
                round += 1;
                db.insert_many(chunk(round)).unwrap();
            }
        });
        let good = (0..300).all(|_| {
            let values: Vec<_> = db.iter().unwrap().map(|(_, v)| v).collect();
            values.len() == 100 && values.iter().all(|v| *v == values[0])
        });
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        assert!(good);
    });
}

/// The count once followed a moment after the records that it counts.
#[test]
fn a_record_that_a_reader_has_seen_is_counted() {
    let db = Emdb::open_in_memory();
    let (next, stop) = (AtomicU32::new(0), AtomicBool::new(false));
    thread::scope(|s| {
        s.spawn(|| {
            for n in 0..200_000u32 {
                next.store(n, Ordering::Release);
                db.insert(n.to_be_bytes(), "").unwrap();
            }
            stop.store(true, Ordering::Release);
        });
        while !stop.load(Ordering::Acquire) {
            let n = next.load(Ordering::Acquire);
            if db.contains_key(n.to_be_bytes()).unwrap() {
                assert!(db.len().unwrap() > n as usize);
            }
            let counted = db.len().unwrap() as u32;
            assert!(counted == 0 || db.contains_key((counted - 1).to_be_bytes()).unwrap());
        }
    });
    assert_eq!(db.len().unwrap(), 200_000);
}

#[test]
fn namespaces_come_are_cleared_and_go_while_others_use_them() {
    let (_folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    let allowed = |result: emdb::Result<()>| match result {
        Ok(()) | Err(Error::NamespaceDropped) => {}
        Err(e) => panic!("{e}"),
    };
    thread::scope(|s| {
        for thread in 0..4u32 {
            let db = &db;
            s.spawn(move || {
                for n in 0..500u32 {
                    let namespace = db.namespace(format!("n{}", n % 3)).unwrap();
                    allowed(namespace.insert(key(thread, n), "v"));
                    allowed(namespace.get(key(thread, n)).map(drop));
                    allowed(namespace.iter().map(|i| assert!(i.results().all(|r| r.is_ok()))));
                    if n % 50 == 7 {
                        allowed(namespace.clear());
                    }
                    if n % 70 == 9 {
                        db.drop_namespace(format!("n{}", (n + thread) % 3)).unwrap();
                    }
                    if n.is_multiple_of(10) {
                        allowed(db.transaction(|tx| {
                            tx.insert(key(thread, n), "v")?;
                            tx.namespace(&namespace).insert("from tx", "v")
                        }));
                    }
                }
            });
        }
    });
    let content = |db: &Emdb| {
        let names = db.list_namespaces().unwrap();
        let of = |name: &String| db.namespace(name).unwrap().iter().unwrap().collect();
        names.iter().map(|n| (n.clone(), of(n))).collect::<Vec<(_, BTreeMap<_, _>)>>()
    };
    let before = (content(&db), db.len().unwrap());
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    assert_eq!((content(&db), db.len().unwrap()), before);
}
