//! All that the engine does, done on encrypted databases.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use emdb::{Cipher, Emdb, Error, FlushPolicy, NamespaceOptions, Record, Table};
use serde::{Deserialize, Serialize};

use crate::common::state::read_state;
use crate::files::{KEY, OTHER_KEY, Place, raw, refused};

const BOTH: [Cipher; 2] = [Cipher::Aes256Gcm, Cipher::ChaCha20Poly1305];

/// With each cipher, a database in a file and one in memory.
fn each(test: impl Fn(Emdb)) {
    for cipher in BOTH {
        let place = Place::new();
        test(place.builder().cipher(cipher).enable_range_scans(true).build().unwrap());
        let memory = Emdb::builder().encryption_key(KEY).cipher(cipher).enable_range_scans(true);
        test(memory.build().unwrap());
    }
}

fn entry(n: u32) -> (Vec<u8>, Vec<u8>) {
    (format!("key {n:05}").into_bytes(), format!("value {}", n * n).into_bytes())
}

fn entries(range: std::ops::Range<u32>) -> Vec<(Vec<u8>, Vec<u8>)> {
    range.map(entry).collect()
}

#[test]
fn ranges_are_walked_from_both_ends() {
    each(|db| {
        assert!(db.stats().unwrap().encrypted);
        db.insert_many(entries(0..500)).unwrap();
        for n in (0..500).step_by(3) {
            db.remove(entry(n).0).unwrap();
        }
        let left: Vec<_> = (0..500).filter(|n| n % 3 > 0).map(entry).collect();
        assert_eq!(db.range(..).unwrap(), left);
        let reversed: Vec<_> = db.range_iter(..).unwrap().rev().collect();
        assert!(reversed.into_iter().rev().eq(left.clone()));
        let mut both = db.range_iter("key 00100".."key 00200").unwrap();
        assert_eq!(both.next().unwrap(), entry(100));
        assert_eq!(both.next_back().unwrap(), entry(199));
        assert_eq!(both.next_back().unwrap(), entry(197));
        assert_eq!(both.count(), 67 - 4 + 1);
        assert_eq!(db.range_prefix("key 0000").unwrap().len(), 6);
        assert_eq!(db.iter_from("key 00490").unwrap().next().unwrap(), entry(490));
        assert_eq!(db.iter_after("key 00490").unwrap().next().unwrap(), entry(491));
        assert_eq!(db.keys().unwrap().count(), left.len());
    });
}

#[test]
fn snapshots_and_iterators_keep_their_state_over_writes_and_compaction() {
    each(|db| {
        db.insert_many(entries(0..200)).unwrap();
        db.insert("changed", "before").unwrap();
        let snapshot = db.snapshot();
        let (iter, range) = (db.iter().unwrap(), db.range_iter(..).unwrap());
        let lent = db.get_zerocopy("changed").unwrap().unwrap();
        db.insert("changed", "after").unwrap();
        db.remove(entry(7).0).unwrap();
        db.compact().unwrap();
        db.insert_many(entries(300..400)).unwrap();
        db.clear().unwrap();
        assert_eq!(snapshot.get("changed").unwrap().as_deref(), Some(&b"before"[..]));
        assert_eq!(snapshot.get(entry(7).0).unwrap(), Some(entry(7).1));
        assert_eq!(snapshot.len().unwrap(), 201);
        assert_eq!(snapshot.range("key".."l").unwrap(), entries(0..200));
        assert!(db.is_empty().unwrap());
        drop(db);
        let mut walked: Vec<_> = iter.collect();
        walked.sort();
        assert!(range.eq(walked.iter().cloned()));
        assert_eq!(walked.len(), 201);
        assert_eq!(&*lent, b"before");
    });
}

#[test]
fn transactions_are_all_or_nothing() {
    each(|db| {
        let log = db.namespace("log").unwrap();
        db.insert("balance", "10").unwrap();
        let failed: Result<(), Error> = db.transaction(|tx| {
            tx.insert("balance", "0")?;
            tx.namespace(&log).insert("entry", "1")?;
            assert_eq!(tx.get("balance")?.as_deref(), Some(&b"0"[..]));
            Err(Error::KeyNotFound)
        });
        assert!(failed.is_err());
        assert_eq!(db.get("balance").unwrap().as_deref(), Some(&b"10"[..]));
        assert!(log.is_empty().unwrap());
        let prior = db.transaction(|tx| {
            tx.namespace(&log).insert("entry", "1")?;
            tx.namespace(&log).insert("other", "2")?;
            let staged = tx.namespace(&log).range(..)?;
            assert_eq!(staged.len(), 2);
            tx.remove("balance")
        });
        let prior: Option<Vec<u8>> = Result::<_, Error>::unwrap(prior);
        assert_eq!(prior.as_deref(), Some(&b"10"[..]));
        assert_eq!(log.len().unwrap(), 2);
        assert!(!db.contains_key("balance").unwrap());
    });
}

#[test]
fn a_transaction_is_one_after_a_reopen() {
    let place = Place::new();
    let db = place.open();
    let log = db.namespace("log").unwrap();
    for n in 0..20u32 {
        let done: Result<(), Error> = db.transaction(|tx| {
            tx.insert("count", n.to_be_bytes())?;
            tx.namespace(&log).insert(n.to_be_bytes(), "")
        });
        done.unwrap();
    }
    let killed = place.copy();
    let db = killed.open();
    let count = db.get("count").unwrap().unwrap();
    assert_eq!(count, 19u32.to_be_bytes());
    assert_eq!(db.namespace("log").unwrap().len().unwrap(), 20);
}

#[cfg(feature = "ttl")]
#[test]
fn records_expire_and_are_swept() {
    use emdb::Ttl;
    each(|db| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let soon = now.as_millis() as u64 + 150;
        db.insert_many(entries(0..10)).unwrap();
        for (key, value) in entries(10..30) {
            db.insert_with_ttl(key, value, Ttl::ExpiresAt(soon)).unwrap();
        }
        assert_eq!(db.expires_at(entry(11).0).unwrap(), Some(soon));
        assert!(db.persist(entry(29).0).unwrap());
        while db.contains_key(entry(10).0).unwrap() {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(db.get(entry(11).0).unwrap(), None);
        assert_eq!(db.range(..).unwrap().len(), 11);
        assert_eq!(db.sweep_expired(), 19);
        assert_eq!(db.sweep_expired(), 0);
        assert_eq!(db.len().unwrap(), 11);
        assert!(db.verify().unwrap().is_ok());
    });
}

#[cfg(feature = "ttl")]
#[test]
fn expiries_outlast_reopen_checkpoint_compaction_and_backup() {
    use emdb::Ttl;
    let (place, backup) = (Place::new(), Place::new());
    let at = 4_102_444_800_321;
    let db = place.builder().default_ttl(Duration::from_secs(1_000_000)).build().unwrap();
    db.insert_with_ttl("at", "1", Ttl::ExpiresAt(at)).unwrap();
    db.insert("default", "2").unwrap();
    let default = db.expires_at("default").unwrap().unwrap();
    let check = |db: &Emdb| {
        assert_eq!(db.expires_at("at").unwrap(), Some(at));
        assert_eq!(db.expires_at("default").unwrap(), Some(default));
    };
    db.checkpoint().unwrap();
    db.close().unwrap();
    let db = place.open();
    assert!(db.recovery().unwrap().from_checkpoint.is_some());
    check(&db);
    db.compact().unwrap();
    check(&db);
    db.backup_to(&backup.path).unwrap();
    check(&backup.open());
}

#[cfg(feature = "nested")]
#[test]
fn groups_of_keys_work() {
    each(|db| {
        let user = db.focus("users").focus("alice");
        user.set("name", "Alice").unwrap();
        user.set("mail", "a@example.org").unwrap();
        db.focus("users").focus("alicette").set("name", "no").unwrap();
        assert_eq!(db.get("users.alice.name").unwrap().as_deref(), Some(&b"Alice"[..]));
        assert_eq!(db.group("users.alice").unwrap().count(), 2);
        assert_eq!(db.delete_group("users.alice").unwrap(), 2);
        assert_eq!(db.group("users").unwrap().count(), 1);
    });
}

#[test]
fn keys_and_values_of_every_size_come_back() {
    for cipher in BOTH {
        let place = Place::new();
        let db = place.builder().cipher(cipher).build().unwrap();
        let mut expected = BTreeMap::new();
        for len in [0, 1, 15, 16, 17, 100, 127, 128, 16_383, 16_384, 65_535] {
            expected.insert(vec![b'k'; len], vec![b'v'; len / 2]);
            expected.insert(vec![b'K'; len.max(1)], vec![b'V'; (len * 16).min(1 << 20)]);
        }
        expected.insert(b"a MiB".to_vec(), (0..1 << 20).map(|n: u32| (n >> 3) as u8).collect());
        for (key, value) in &expected {
            db.insert(key, value).unwrap();
        }
        let too_long = db.insert(vec![0; 65_536], "");
        assert!(matches!(too_long, Err(Error::TooLarge { .. })), "{too_long:?}");
        let check = |db: &Emdb| {
            for (key, value) in &expected {
                assert_eq!(db.get(key).unwrap().as_ref(), Some(value));
                let lent = db.get_zerocopy(key).unwrap().unwrap();
                assert_eq!((lent.len(), &*lent), (value.len(), &value[..]));
            }
            assert!(db.iter().unwrap().collect::<BTreeMap<_, _>>() == expected);
        };
        check(&db);
        db.close().unwrap();
        let db = place.open();
        check(&db);
        db.compact().unwrap();
        check(&db);
        assert!(db.verify().unwrap().is_ok());
    }
}

#[test]
fn a_backup_is_a_database_of_its_own_with_the_same_key() {
    for cipher in BOTH {
        let (place, backup) = (Place::new(), Place::new());
        let db = place.builder().cipher(cipher).build().unwrap();
        db.insert_many(entries(0..100)).unwrap();
        db.namespace("named").unwrap().insert("key", "value").unwrap();
        db.backup_to(&backup.path).unwrap();
        assert_eq!(backup.all_files().keys().filter(|n| !n.ends_with(".lock")).count(), 1);
        refused(Emdb::open(&backup.path), "without a key");
        let wrong = Emdb::builder().path(&backup.path).encryption_key(OTHER_KEY);
        refused(wrong.build(), "with another key");
        let copy = backup.builder().cipher(cipher).build().unwrap();
        assert_eq!(read_state(&copy).unwrap(), read_state(&db).unwrap());
        // Each goes its own way.
        copy.insert("copy", "1").unwrap();
        db.insert("original", "1").unwrap();
        assert!(!db.contains_key("copy").unwrap() && !copy.contains_key("original").unwrap());
        // No record of the one lies in the other.
        let (one, two) = (place.bytes(), backup.bytes());
        let seals = |bytes: &[u8]| -> Vec<Vec<u8>> {
            let frames = crate::forge::Forge::of(bytes).frames(bytes);
            frames.into_iter().map(|f| f.value).collect()
        };
        let theirs = seals(&two);
        assert!(seals(&one).iter().all(|value| !theirs.contains(value)));
    }
}

#[test]
fn a_backup_of_an_encrypted_database_in_memory_is_encrypted() {
    let backup = Place::new();
    let db = Emdb::builder().encryption_key(KEY).build().unwrap();
    assert!(db.stats().unwrap().encrypted);
    db.insert("a distinctive key", "a distinctive value").unwrap();
    db.backup_to(&backup.path).unwrap();
    assert!(!backup.bytes().windows(11).any(|part| part == b"distinctive"));
    refused(Emdb::open(&backup.path), "without a key");
    assert_eq!(backup.open().len().unwrap(), 1);
}

#[test]
fn a_salvage_with_the_key_gives_what_is_whole() {
    for cipher in BOTH {
        let place = Place::new();
        let db = place.builder().cipher(cipher).build().unwrap();
        for (key, value) in entries(0..50) {
            db.insert(key, value).unwrap();
        }
        db.close().unwrap();
        let db = place.open();
        for (key, value) in entries(50..100) {
            db.insert(key, value).unwrap();
        }
        db.close().unwrap();
        let whole = place.bytes();
        let frames = crate::forge::Forge::of(&whole).frames(&whole);
        for (n, frame) in frames.iter().enumerate().filter(|(n, f)| n % 9 == 0 || f.key == b"S") {
            let mut bytes = whole.clone();
            bytes[frame.position + frame.len / 2] ^= 1;
            let (damaged, target) = (Place::of(&bytes), Place::new());
            assert!(damaged.builder().build().is_err(), "record {n}");
            let report = Emdb::salvage(&damaged.path, &target.path, Some(raw(KEY))).unwrap();
            assert!(damaged.bytes() == bytes);
            assert!(!report.lost.is_empty(), "record {n}");
            refused(Emdb::open(&target.path), "without a key");
            let copy = target.open();
            let found = copy.iter().unwrap().collect::<BTreeMap<_, _>>();
            let all = entries(0..100).into_iter().collect::<BTreeMap<_, _>>();
            let missing = all.keys().filter(|key| !found.contains_key(*key)).count();
            assert!(found.iter().all(|(key, value)| all.get(key) == Some(value)), "record {n}");
            if frame.key == b"S" {
                // What begins a session has its salt, which a sync mark repeats.
                assert!(missing <= 50, "record {n}: {missing} are missing");
            } else {
                assert!(missing <= 1, "record {n}: {missing} are missing");
            }
        }
    }
}

#[test]
fn a_session_is_found_by_its_sync_marks_when_its_beginning_is_lost() {
    let place = Place::new();
    let db = place.open();
    for (key, value) in entries(0..50) {
        db.insert(key, value).unwrap();
        db.flush().unwrap();
    }
    db.close().unwrap();
    let mut bytes = place.bytes();
    let frames = crate::forge::Forge::of(&bytes).frames(&bytes);
    assert_eq!(frames[0].key, b"S");
    assert!(frames.iter().filter(|f| f.kind & 7 == 6).count() > 3, "there are marks");
    bytes[frames[0].position + 20] ^= 1;
    let (damaged, target) = (Place::of(&bytes), Place::new());
    let report = Emdb::salvage(&damaged.path, &target.path, Some(raw(KEY))).unwrap();
    assert_eq!(report.records, 50, "{report:?}");
    let mut found: Vec<_> = target.open().iter().unwrap().collect();
    found.sort();
    assert_eq!(found, entries(0..50));
}

#[test]
fn a_verification_is_clean_until_something_is_damaged() {
    let place = Place::new();
    let db = place.open();
    db.insert_many(entries(0..100)).unwrap();
    db.namespace_with("n", NamespaceOptions::new().ordered(true))
        .unwrap()
        .insert("k", "v")
        .unwrap();
    let report = db.verify().unwrap();
    assert!(report.is_ok() && report.live_records == 101, "{report:?}");
    db.checkpoint().unwrap();
    db.close().unwrap();
    let mut bytes = place.bytes();
    bytes[9000] ^= 1;
    fs::write(&place.path, bytes).unwrap();
    let db = place.open();
    assert!(db.recovery().unwrap().from_checkpoint.is_some());
    let report = db.verify().unwrap();
    assert!(!report.is_ok());
}

#[test]
fn a_checkpoint_spares_the_journal_before_it() {
    for cipher in BOTH {
        let place = Place::new();
        let db = place.builder().cipher(cipher).enable_range_scans(true).build().unwrap();
        db.insert_many(entries(0..20_000)).unwrap();
        db.namespace("named").unwrap().insert("key", "value").unwrap();
        db.checkpoint().unwrap();
        db.insert("later", "1").unwrap();
        db.remove(entry(3).0).unwrap();
        let expected = read_state(&db).unwrap();
        db.flush().unwrap();
        let killed = place.copy();
        db.close().unwrap();
        for place in [&place, &killed] {
            let db = place.builder().enable_range_scans(true).build().unwrap();
            let report = db.recovery().unwrap();
            assert!(report.from_checkpoint.is_some(), "{report:?}");
            assert!(report.records_replayed < 10, "{report:?}");
            assert_eq!(read_state(&db).unwrap(), expected);
            assert_eq!(db.range(..).unwrap().len(), 20_000);
            assert!(db.verify().unwrap().is_ok());
        }
    }
}

#[test]
fn readers_share_a_database_and_write_nothing() {
    let place = Place::new();
    let db = place.open();
    db.insert_many(entries(0..50)).unwrap();
    let killed = place.copy();
    db.close().unwrap();
    for place in [&place, &killed] {
        let before = place.files();
        let readers: Vec<_> =
            (0..3).map(|_| place.builder().read_only(true).build().unwrap()).collect();
        for db in &readers {
            assert_eq!(db.get(entry(7).0).unwrap(), Some(entry(7).1));
            assert_eq!(db.iter().unwrap().count(), 50);
            assert!(matches!(db.insert("key", "value"), Err(Error::ReadOnly)));
        }
        drop(readers);
        assert!(place.files() == before);
    }
}

#[test]
fn every_flush_policy_and_unverified_reads_work() {
    for policy in [FlushPolicy::OnEachFlush, FlushPolicy::Group, FlushPolicy::WriteThrough] {
        let place = Place::new();
        let db = place.builder().flush_policy(policy).verify_reads(false).build().unwrap();
        db.insert_many(entries(0..100)).unwrap();
        db.insert("key", "value").unwrap();
        db.flush().unwrap();
        let killed = place.copy();
        let db = killed.open();
        assert_eq!(db.len().unwrap(), 101);
        assert_eq!(db.get("key").unwrap().as_deref(), Some(&b"value"[..]));
    }
}

#[test]
fn compaction_by_itself_keeps_a_file_small() {
    let place = Place::new();
    let db = place.builder().auto_compact(0.5, 1 << 16).build().unwrap();
    let began = Instant::now();
    let mut round = 0u8;
    while db.stats().unwrap().compactions == 0 {
        for n in 0..200u32 {
            db.insert(n.to_be_bytes(), vec![round; 500]).unwrap();
        }
        round = round.wrapping_add(1);
        assert!(began.elapsed() < Duration::from_secs(60), "no compaction: {:?}", db.stats());
    }
    let last = round.wrapping_sub(1);
    db.close().unwrap();
    let db = place.open();
    for n in 0..200u32 {
        assert_eq!(db.get(n.to_be_bytes()).unwrap(), Some(vec![last; 500]));
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[emdb(namespace = "users")]
struct User {
    #[emdb(key)]
    id: u64,
    #[emdb(unique)]
    email: String,
    #[emdb(index)]
    org: Option<u64>,
}

#[test]
fn typed_tables_and_their_indexes_work() {
    for cipher in BOTH {
        let place = Place::new();
        let user = |id: u64| User {
            id,
            email: format!("{id}@x"),
            org: [None, Some(1), Some(2)][id as usize % 3],
        };
        let db = place.builder().cipher(cipher).build().unwrap();
        let users = Table::<User>::open(&db).unwrap();
        for id in 0..100 {
            users.insert(&user(id)).unwrap();
        }
        assert!(users.try_insert(&User { id: 1000, ..user(5) }).is_err());
        users.remove(&50).unwrap();
        drop(users);
        db.close().unwrap();
        let db = place.open();
        let users = Table::<User>::open(&db).unwrap();
        assert_eq!(users.by(User::EMAIL).get("7@x").unwrap(), Some(user(7)));
        assert_eq!(users.by(User::EMAIL).get("50@x").unwrap(), None);
        assert_eq!(users.range(90..).unwrap().rev().count(), 10);
        assert_eq!(users.last().unwrap(), Some(user(99)));
        db.compact().unwrap();
        let report = users.verify().unwrap();
        assert!(report.is_ok() && report.rows == 99, "{report:?}");
    }
}
