//! Keys whose hashes are alike, chosen by somebody who knows the file's seed. Nobody meets them by
//! chance; who does must not lose the database for it.

mod again;

use std::path::Path;

use crate::api::db::Emdb;
use crate::error::Error;
use crate::index::hash::table::{ALIKE_MAX_KEYS, MAX_RECORDS};

/// The place of the home bits in the hash: the number of its lowest bits that lie below them.
const HOME_SHIFT: u32 = 34;

/// Finds keys of eight bytes by their hashes: of such keys XXH3 can be undone.
struct Inverse {
    flip: u64,
}

impl Inverse {
    fn new(hash: impl Fn(&[u8]) -> u64) -> Inverse {
        let inverse = Inverse { flip: undo(hash(&[0; 8])) };
        assert_eq!(hash(&inverse.key(0x0123_4567_89AB_CDEF)), 0x0123_4567_89AB_CDEF);
        inverse
    }

    fn key(&self, hash: u64) -> [u8; 8] {
        let input = undo(hash) ^ self.flip;
        let mut key = [0; 8];
        key[..4].copy_from_slice(&((input >> 32) as u32).to_le_bytes());
        key[4..].copy_from_slice(&(input as u32).to_le_bytes());
        key
    }
}

/// The inverse of the mixing that XXH3 does with eight bytes.
fn undo(hash: u64) -> u64 {
    const PRIME: u64 = 0x9FB2_1C65_1E98_DF25;
    // By Newton's method.
    let inverse =
        (0..6).fold(PRIME, |i, _| i.wrapping_mul(2_u64.wrapping_sub(PRIME.wrapping_mul(i))));
    let mut h = hash ^ hash >> 28 ^ hash >> 56;
    h = h.wrapping_mul(inverse);
    h ^= (h >> 35).wrapping_add(8);
    h = h.wrapping_mul(inverse);
    // 64 times it would be nothing.
    (0..63).fold(h, |h, _| h ^ h.rotate_left(49) ^ h.rotate_left(24))
}

fn inverse(db: &Emdb) -> Inverse {
    let engine = db.engine();
    let guard = crossbeam_epoch::pin();
    Inverse::new(|key| engine.generation(&guard).generation.hash(key))
}

fn open(path: &Path) -> Emdb {
    Emdb::open(path).unwrap()
}

/// Keys whose hashes have the same bits wherever the index looks.
fn alike(keys: &Inverse) -> impl Iterator<Item = [u8; 8]> + '_ {
    (0..ALIKE_MAX_KEYS as u64 + 4).map(|n| keys.key(0x1_2345 << 46 | 7 << HOME_SHIFT | n))
}

fn remove<K: AsRef<[u8]>>(db: &Emdb, keys: impl Iterator<Item = K>) {
    let all = |tx: &mut crate::Transaction<'_>| {
        keys.into_iter().try_for_each(|key| tx.remove(key.as_ref()).map(drop))
    };
    db.transaction(all).unwrap();
}

fn value(len: usize) -> Vec<u8> {
    vec![b'v'; len]
}

#[test]
fn a_key_that_finds_no_place_in_the_index_is_refused_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    for (number, large) in [false, true].into_iter().enumerate() {
        let path = folder.path().join(number.to_string());
        // A large one goes by a positional write.
        let value = value(if large { 300 << 10 } else { 5 });
        let db = open(&path);
        db.insert("other", "value").unwrap();
        let keys = inverse(&db);
        let all: Vec<_> = alike(&keys).collect();
        let (first, rest) = all.split_at(ALIKE_MAX_KEYS - 5);
        db.insert_many(first.iter().map(|key| (key, "v"))).unwrap();
        let (last, refused): (Vec<_>, Vec<_>) =
            rest.iter().partition(|key| db.insert(key, &value).is_ok());
        let taken: Vec<_> = first.iter().chain(last).collect();
        assert_eq!(taken.len(), ALIKE_MAX_KEYS);
        for key in &refused {
            assert!(matches!(db.insert(key, &value), Err(Error::TooLarge { .. })));
            assert!(matches!(
                db.insert_many([(*key, "v"), (&[0; 8], "v")]),
                Err(Error::TooLarge { .. })
            ));
        }
        db.insert("later", "value").unwrap();
        db.insert(taken[0], "new").unwrap();
        let check = |db: &Emdb| {
            assert!(db.verify().unwrap().is_ok());
            assert_eq!(db.get(taken[0]).unwrap().unwrap(), b"new");
            assert!(taken.iter().step_by(50).all(|key| db.get(key).unwrap().is_some()));
            assert!(refused.iter().all(|key| db.get(key).unwrap().is_none()));
            assert_eq!(db.get("later").unwrap().unwrap(), b"value");
            assert_eq!(db.len().unwrap(), taken.len() + 2);
        };
        check(&db);
        // As after a kill.
        let copy = folder.path().join("copy");
        std::fs::copy(&path, &copy).unwrap();
        check(&open(&copy));
        db.compact().unwrap();
        check(&db);
        db.remove(taken[1]).unwrap();
        drop(db);
        let db = open(&path);
        assert_eq!(db.len().unwrap(), taken.len() + 1);
    }
}

#[test]
fn keys_that_have_room_in_one_order_have_it_in_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let db = Emdb::builder().path(&path).enable_range_scans(true).build().unwrap();
    let keys = inverse(&db);
    // Those of the second home bucket lie behind those of the first one, or between them.
    let key = |home: u64, n: u64| keys.key(0x1_2345 << 46 | home << HOME_SHIFT | n);
    let first: Vec<_> = (0..ALIKE_MAX_KEYS as u64).map(|n| key(7, n)).collect();
    let second: Vec<_> = (0..8).map(|n| key(8, n)).collect();
    db.insert_many(second.iter().chain(&first).map(|key| (key, "1"))).unwrap();
    assert!(matches!(db.insert(key(7, ALIKE_MAX_KEYS as u64), ""), Err(Error::TooLarge { .. })));
    let check = |db: &Emdb, value: &[u8]| {
        assert!(db.verify().unwrap().is_ok());
        assert_eq!(db.len().unwrap(), first.len() + second.len());
        for key in first.iter().step_by(50).chain(&second) {
            assert_eq!(db.get(key).unwrap().unwrap(), value);
        }
    };
    check(&db, b"1");
    db.compact().unwrap();
    check(&db, b"1");
    remove(&db, second.iter().rev().chain(first.iter().rev()));
    db.insert_many(first.iter().rev().chain(second.iter().rev()).map(|key| (key, "2"))).unwrap();
    check(&db, b"2");
    db.checkpoint().unwrap();
    drop(db);
    check(&open(&path), b"2");
    let db = open(&path);
    db.compact().unwrap();
    check(&db, b"2");
    drop(db);
    check(&open(&path), b"2");
}

#[test]
fn a_transaction_with_a_key_that_finds_no_place_is_not_made_and_the_file_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    for (number, large) in [false, true].into_iter().enumerate() {
        let path = folder.path().join(number.to_string());
        let value = value(if large { 300 << 10 } else { 5 });
        let db = open(&path);
        let keys = inverse(&db);
        let mut all: Vec<_> = alike(&keys).map(|key| key.to_vec()).collect();
        let last = all.pop().unwrap();
        all.truncate(ALIKE_MAX_KEYS);
        db.insert_many(all.iter().map(|key| (key, "value"))).unwrap();
        let made = db.insert_many([
            (b"first".to_vec(), value.clone()),
            (all[0].clone(), value.clone()),
            (last.clone(), value.clone()),
            (b"behind".to_vec(), value.clone()),
        ]);
        assert!(matches!(made, Err(Error::Poisoned)), "{made:?}");
        let check = |db: &Emdb| {
            assert!(all.iter().step_by(50).all(|key| db.get(key).unwrap().unwrap() == b"value"));
            for absent in [&b"first"[..], &last, b"behind"] {
                assert_eq!(db.get(absent).unwrap(), None);
            }
            assert_eq!(db.len().unwrap(), all.len());
            assert_eq!(db.iter().unwrap().count(), all.len());
        };
        check(&db);
        drop(db);
        let db = open(&path);
        check(&db);
        db.insert("later", "value").unwrap();
    }
}

#[test]
fn a_full_namespace_can_be_made_smaller() {
    let db = Emdb::open_in_memory();
    db.insert("a", "1").unwrap();
    db.insert("b", "1").unwrap();
    let engine = db.engine();
    let set = |records| {
        let guard = crossbeam_epoch::pin();
        let current = engine.default_namespace.current(&guard);
        current.records.store(records, std::sync::atomic::Ordering::Relaxed);
    };
    set(MAX_RECORDS);
    assert!(matches!(db.insert("c", "1"), Err(Error::TooLarge { .. })));
    db.insert("a", "2").unwrap();
    db.insert_many([("a", "3"), ("b", "3")]).unwrap();
    assert_eq!(db.remove("a").unwrap().unwrap(), b"3");
    db.insert("c", "1").unwrap();
    assert!(matches!(db.insert("d", "1"), Err(Error::TooLarge { .. })));
    set(MAX_RECORDS - 1);
    assert!(matches!(db.insert_many([("d", "1"), ("e", "1")]), Err(Error::TooLarge { .. })));
    assert_eq!(db.get("d").unwrap(), None);
    db.insert_many([("d", "1"), ("c", "2")]).unwrap();
    set(3);
}

#[test]
fn keys_that_lie_too_close_take_no_more_memory_than_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    for memory in [false, true] {
        let db = if memory { Emdb::open_in_memory() } else { open(&path) };
        let keys = inverse(&db);
        // One home bucket, and all the tags that there can be.
        let key = |n: u64| keys.key(n << 46 | 7 << HOME_SHIFT | n);
        let mut keys = 0;
        let mut more = |from: u64, to: u64| {
            db.insert_many((from..to).map(|n| (key(n), ""))).unwrap();
            keys += to - from;
            let bytes = db.stats().unwrap().index_bytes;
            // By this many times as much as ordinary ones, if need be, and no more.
            assert!(bytes < 600 * keys, "{bytes} bytes for {keys} keys");
        };
        more(0, 65);
        more(65, 1000);
        more(1000, 5000);
        more(5000, 8_000);
        let others = || (0..20_000_u32).map(u32::to_le_bytes);
        db.insert_many(others().map(|key| (key, ""))).unwrap();
        more(8_000, 12_000);
        remove(&db, (0..12_000).step_by(2).map(key));
        let check = |db: &Emdb| {
            assert_eq!(db.len().unwrap(), 26_000);
            assert!((0..12_000).all(|n| db.contains_key(key(n)).unwrap() == (n % 2 == 1)));
            assert!(others().all(|key| db.contains_key(key).unwrap()));
            assert_eq!(db.keys().unwrap().count(), 26_000);
            assert!(db.verify().unwrap().is_ok());
        };
        check(&db);
        db.compact().unwrap();
        check(&db);
        if !memory {
            // Images have no room for them. An open reads the journal.
            assert!(matches!(db.checkpoint(), Err(Error::TooLarge { .. })));
            drop(db);
            let db = open(&path);
            check(&db);
        }
    }
}
