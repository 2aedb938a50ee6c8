//! Writers, readers and whoever looks after the file, all beside each other.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use emdb::{Emdb, Error, FlushPolicy, Snapshot, Ttl};
use emdb_testing::Random;
use emdb_testing::number;

use crate::common::memory_folder;

const WRITERS: u64 = 3;
const KEYS: u64 = 40;
const ACCOUNTS: u64 = 12;
const EACH: u64 = 1000;
/// How long nothing may come to an end before it counts as a deadlock.
const PATIENCE: Duration = Duration::from_secs(60);

/// A value says which key it is of and how new it is, and has a checksum.
fn value(key: &[u8], number: u64, len: usize) -> Vec<u8> {
    let mut value = number.to_be_bytes().to_vec();
    value.resize(8 + len, number as u8);
    let sum = sum(key, &value);
    value.extend(sum.to_be_bytes());
    value
}

fn sum(key: &[u8], value: &[u8]) -> u64 {
    // FNV-1a.
    let bytes = key.iter().chain(value);
    bytes.fold(0xCBF2_9CE4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01B3))
}

/// The number in the value, which must be whole.
fn read(key: &[u8], value: &[u8]) -> u64 {
    let (body, stored) = value.split_at(value.len() - 8);
    assert_eq!(sum(key, body).to_be_bytes(), stored, "a value of another key, or a torn one");
    u64::from_be_bytes(body[..8].try_into().unwrap())
}

fn key(writer: u64, n: u64) -> Vec<u8> {
    format!("{writer}/{n}").into_bytes()
}

fn account(n: u64) -> Vec<u8> {
    format!("account {n}").into_bytes()
}

struct Scene<'a> {
    db: &'a Emdb,
    folder: &'a Path,
    /// The newest number that each writer has been told is there.
    acknowledged: [AtomicU64; WRITERS as usize],
    stop: AtomicBool,
    seed: u64,
}

/// Checks what has to hold in every state of the database.
fn check(snapshot: &Snapshot, least: [u64; WRITERS as usize]) {
    let mut total = 0;
    let bank = snapshot.namespace("bank").unwrap();
    let mut iter = bank.iter().unwrap();
    for (_, amount) in iter.by_ref() {
        total += u64::from_be_bytes(amount.try_into().unwrap());
    }
    iter.status().unwrap();
    assert_eq!(total, ACCOUNTS * EACH, "a transfer was seen by half");
    let mut newest = [0; WRITERS as usize];
    let mut iter = snapshot.iter().unwrap();
    let mut count = 0;
    for (key, value) in iter.by_ref() {
        let number = read(&key, &value);
        let writer = (key[0] - b'0') as usize;
        newest[writer] = number.max(newest[writer]);
        count += 1;
    }
    iter.status().unwrap();
    assert_eq!(snapshot.len().unwrap(), count);
    for (newest, least) in newest.into_iter().zip(least) {
        assert!(newest >= least, "{least} was acknowledged, {newest} is there");
    }
    let log = snapshot.namespace("log").unwrap();
    assert!(log.range(..).unwrap().iter().all(|(key, value)| read(key, value) > 0));
}

impl Scene<'_> {
    fn acknowledged(&self) -> [u64; WRITERS as usize] {
        std::array::from_fn(|n| self.acknowledged[n].load(Ordering::Acquire))
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Acquire)
    }

    fn write(&self, writer: u64) {
        let (db, mut rng) = (self.db, Random(self.seed + writer));
        let bank = db.namespace("bank").unwrap();
        // What this thread's keys hold; nobody else writes them.
        let mut mine = BTreeMap::<Vec<u8>, u64>::new();
        let mut held: Option<(Snapshot, BTreeMap<Vec<u8>, u64>)> = None;
        let mut number = 0;
        while self.goes_on() {
            number += 1;
            let key = key(writer, rng.below(KEYS));
            let len = if rng.below(200) == 0 { 300_000 } else { rng.below(300) as usize };
            match rng.below(20) {
                0..8 => {
                    db.insert(&key, value(&key, number, len)).unwrap();
                    mine.insert(key.clone(), number);
                    self.acknowledged[writer as usize].store(number, Ordering::Release);
                }
                8 | 9 => {
                    // The newest number must not go with it.
                    let other = self::key(writer, KEYS);
                    db.insert(&other, value(&other, number, 0)).unwrap();
                    mine.insert(other, number);
                    self.acknowledged[writer as usize].store(number, Ordering::Release);
                    let found = db.remove(&key).unwrap();
                    assert_eq!(found.map(|v| read(&key, &v)), mine.remove(&key));
                }
                10..14 => self.transfer(&mut rng, &bank),
                14 => {
                    let many: Vec<_> = (0..KEYS).map(|n| self::key(writer, n)).collect();
                    let items = many.iter().map(|key| (key, value(key, number, 20)));
                    db.insert_many(items).unwrap();
                    mine.extend(many.into_iter().map(|key| (key, number)));
                    self.acknowledged[writer as usize].store(number, Ordering::Release);
                }
                15 => db.flush().unwrap(),
                16 => self.passing(&mut rng, writer, number),
                17 => match held.take() {
                    Some((snapshot, then)) => {
                        for n in 0..=KEYS {
                            let key = self::key(writer, n);
                            let found = snapshot.get(&key).unwrap().map(|v| read(&key, &v));
                            assert_eq!(found, then.get(&key).copied(), "in a held snapshot");
                        }
                    }
                    None => held = Some((db.snapshot(), mine.clone())),
                },
                18 => {
                    let least = self.acknowledged();
                    check(&db.snapshot(), least);
                }
                _ => {
                    let found = db.get(&key).unwrap().map(|v| read(&key, &v));
                    assert_eq!(found, mine.get(&key).copied(), "what this thread has written");
                }
            }
        }
        for (key, number) in &mine {
            assert_eq!(db.get(key).unwrap().map(|v| read(key, &v)), Some(*number));
        }
        assert_eq!(
            (0..=KEYS).filter(|n| mine.contains_key(&self::key(writer, *n))).count(),
            mine.len()
        );
    }

    fn transfer(&self, rng: &mut Random, bank: &emdb::Namespace) {
        let (from, to, amount) = (rng.below(ACCOUNTS), rng.below(ACCOUNTS), rng.below(20));
        let fails = rng.below(5) == 0;
        let done = self.db.transaction(|tx| {
            let bank = tx.namespace(bank);
            let held =
                |found: Option<Vec<u8>>| u64::from_be_bytes(found.unwrap().try_into().unwrap());
            let (a, b) = (held(bank.get(account(from))?), held(bank.get(account(to))?));
            if a >= amount && from != to {
                bank.insert(account(from), (a - amount).to_be_bytes())?;
                if fails {
                    return Err(Error::KeyNotFound);
                }
                bank.insert(account(to), (b + amount).to_be_bytes())?;
            }
            Ok(())
        });
        assert!(matches!(done, Ok(()) | Err(Error::KeyNotFound)), "{done:?}");
    }

    /// Namespaces and records that come and go.
    fn passing(&self, rng: &mut Random, writer: u64, number: u64) {
        let name = format!("passing {}", rng.below(3));
        let dropped = |done: emdb::Result<()>| match done {
            Ok(()) | Err(Error::NamespaceDropped) => {}
            Err(error) => panic!("{error}"),
        };
        let passing = self.db.namespace(&name).unwrap();
        let key = key(writer, rng.below(100));
        match rng.below(6) {
            0 => drop(self.db.drop_namespace(&name).unwrap()),
            1 => dropped(passing.clear()),
            2 => dropped(passing.get(&key).map(|v| assert!(v.is_none_or(|v| read(&key, &v) > 0)))),
            _ => dropped(passing.insert(&key, value(&key, number, 10))),
        }
        let log = self.db.namespace("log").unwrap();
        let ttl = Ttl::Duration(Duration::from_millis(rng.below(30)));
        log.insert_with_ttl(&key, value(&key, number, 10), ttl).unwrap();
        if rng.below(10) == 0 {
            self.db.sweep_expired();
        }
    }

    fn look_after(&self) {
        let mut rng = Random(self.seed + 99);
        while self.goes_on() {
            let least = self.acknowledged();
            match rng.below(8) {
                0..3 => self.db.compact().unwrap(),
                3..5 => self.db.checkpoint().unwrap(),
                5 => {
                    let report = self.db.verify().unwrap();
                    assert!(report.is_ok(), "{:?}", report.problems);
                }
                _ => {
                    let target = self.folder.join("backup");
                    self.db.backup_to(&target).unwrap();
                    let backup = Emdb::builder().path(&target).read_only(true).build().unwrap();
                    check(&backup.snapshot(), least);
                    assert!(backup.verify().unwrap().is_ok());
                }
            }
        }
    }

    fn play(&self, time: Duration) {
        std::thread::scope(|scope| {
            let mut threads = Vec::new();
            for writer in 0..WRITERS {
                threads.push(scope.spawn(move || self.write(writer)));
            }
            threads.push(scope.spawn(|| self.look_after()));
            let began = Instant::now();
            while began.elapsed() < time && threads.iter().all(|thread| !thread.is_finished()) {
                std::thread::sleep(Duration::from_millis(10));
            }
            self.stop.store(true, Ordering::Release);
        });
    }
}

fn scene(policy: FlushPolicy, ring: bool, seed: u64, time: Duration) {
    let folder = memory_folder();
    let path = folder.path().join("db");
    let mut builder = Emdb::builder().path(&path).flush_policy(policy);
    if ring {
        builder = builder.iouring_sqpoll(20);
    }
    if seed.is_multiple_of(2) {
        builder = builder.auto_compact(0.3, 64 << 10);
    }
    let db = builder.build().unwrap();
    let log = emdb::NamespaceOptions::new().ordered(true);
    db.namespace_with("log", log).unwrap();
    let bank = db.namespace("bank").unwrap();
    bank.insert_many((0..ACCOUNTS).map(|n| (account(n), EACH.to_be_bytes()))).unwrap();
    drop(bank);
    let scene = Scene {
        db: &db,
        folder: folder.path(),
        acknowledged: Default::default(),
        stop: AtomicBool::new(false),
        seed,
    };
    scene.play(time);
    let least = scene.acknowledged();
    check(&db.snapshot(), least);
    let stats = db.stats().unwrap();
    assert_eq!((stats.background_failures, stats.checkpoint_failures), (0, 0));
    assert_eq!(stats.compaction_failures, 0);
    assert!(db.verify().unwrap().is_ok());
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    check(&db.snapshot(), least);
    let report = db.verify().unwrap();
    assert!(report.is_ok(), "{:?}", report.problems);
}

#[test]
fn writers_beside_compactions_checkpoints_and_backups_lose_and_tear_nothing() {
    let seed = emdb_testing::seed();
    let time = Duration::from_secs(number("EMDB_SECONDS", 3)) / 6;
    for (n, policy) in (0..).zip([
        FlushPolicy::OnEachFlush,
        FlushPolicy::Group,
        FlushPolicy::WriteThrough,
        FlushPolicy::OnEachFlush,
        FlushPolicy::Group,
        FlushPolicy::WriteThrough,
    ]) {
        let (told, done) = mpsc::channel();
        let played = std::thread::spawn(move || {
            scene(policy, n >= 3, seed + n, time);
            let _ = told.send(());
        });
        if let Err(mpsc::RecvTimeoutError::Timeout) = done.recv_timeout(time + PATIENCE) {
            panic!("EMDB_SEED={seed}, {policy:?}, ring {}: everybody waits", n >= 3);
        }
        if let Err(panic) = played.join() {
            let what = super::machine::text(&*panic);
            panic!("EMDB_SEED={seed}, {policy:?}, ring {}: {what}", n >= 3);
        }
    }
}

/// It compared the header of the new file with that of the old one.
#[test]
fn a_verification_beside_compactions_finds_nothing() {
    let folder = memory_folder();
    let db = Emdb::open(folder.path().join("db")).unwrap();
    db.insert("k", "v").unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let compacting = scope.spawn(|| {
            while !stop.load(Ordering::Acquire) {
                db.compact().unwrap();
            }
        });
        let began = Instant::now();
        let mut found = Vec::new();
        while found.is_empty() && began.elapsed() < Duration::from_millis(500) {
            found = db.verify().unwrap().problems;
        }
        stop.store(true, Ordering::Release);
        compacting.join().unwrap();
        assert!(found.is_empty(), "{found:?}");
    });
}
