//! All that can go on at once in one database, for a while.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::tests::*;
use crate::{Emdb, Namespace, NamespaceOptions, Snapshot};

/// The parts of a database that its threads write to and read from.
#[derive(Clone, Copy)]
struct Shared<'a> {
    db: &'a Emdb,
    ordered: &'a Namespace,
    stop: &'a AtomicBool,
}

impl<'a> Shared<'a> {
    fn goes_on(self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    /// The namespace of the record `id`.
    fn namespace(self, id: u32) -> &'a Namespace {
        if id.is_multiple_of(3) { self.ordered } else { self.db }
    }
}

/// Writes the records of `writer`, and knows what it wrote.
fn write_own(shared: Shared<'_>, writer: u32) {
    let db = shared.db;
    let mut random = Random(u64::from(writer) + 1);
    let mut last = BTreeMap::<u32, Option<u64>>::new();
    let mut n = 0u64;
    while shared.goes_on() {
        n += 1;
        let id = random.below(300) as u32 * 2 + writer;
        let key = id.to_be_bytes();
        let ns = shared.namespace(id);
        let value = [n.to_le_bytes().to_vec(), vec![7; random.below(900) as usize]];
        let value = value.concat();
        let gone = random.below(4) == 0;
        match random.below(3) {
            0 if gone => drop(ns.remove(key).unwrap()),
            0 => ns.insert(key, &value).unwrap(),
            _ => {
                let done: Result<()> = db.transaction(|tx| {
                    let tx = tx.namespace(ns);
                    if gone {
                        tx.remove(key)?;
                    } else {
                        tx.insert(key, &value)?;
                    }
                    if random.below(8) == 0 {
                        db.flush()?;
                    }
                    Ok(())
                });
                done.unwrap();
            }
        }
        last.insert(id, (!gone).then_some(n));
        let id = random.below(300) as u32 * 2 + writer;
        let found = shared.namespace(id).get(id.to_be_bytes()).unwrap();
        let found = found.map(|v| u64::from_le_bytes(v[..8].try_into().unwrap()));
        assert_eq!(found, last.get(&id).copied().flatten());
        if random.below(50) == 0 {
            db.flush().unwrap();
        }
    }
    let all = last.iter().filter(|(_, v)| v.is_some()).count();
    let own = |ns: &Namespace| {
        let keys = ns.keys().unwrap();
        keys.filter(|k| u32::from(k[3] % 2) == writer).count()
    };
    assert_eq!(own(db) + own(shared.ordered), all);
}

/// Reads, and keeps values and snapshots for a while: they stay as they were.
fn read_and_keep(shared: Shared<'_>, reader: u64) {
    let mut random = Random(reader + 77);
    let mut kept = Vec::new();
    let mut snapshots = Vec::new();
    while shared.goes_on() {
        let id = random.below(600) as u32;
        let ns = shared.namespace(id);
        if let Some(value) = ns.get_zerocopy(id.to_be_bytes()).unwrap() {
            kept.push((value.to_vec(), value));
        }
        if kept.len() > 200 {
            assert!(kept.iter().all(|(copy, value)| value == copy));
            kept.clear();
        }
        match random.below(40) {
            0 => {
                let mut iter = ns.iter().unwrap();
                let n = iter.by_ref().count();
                iter.status().unwrap();
                assert!(n <= 600);
            }
            1 => {
                let snapshot = shared.db.snapshot();
                let all = |s: &Snapshot| -> Vec<_> {
                    s.namespace("ordered").unwrap().iter().unwrap().collect()
                };
                let seen = all(&snapshot);
                snapshots.push((snapshot, seen));
                if snapshots.len() > 3 {
                    let at = random.below(3) as usize;
                    let (snapshot, seen) = snapshots.swap_remove(at);
                    assert_eq!(all(&snapshot), seen);
                }
            }
            _ => {}
        }
    }
}

/// Lets namespaces come and go.
fn change_namespaces(shared: Shared<'_>) {
    let mut random = Random(5);
    while shared.goes_on() {
        let name = format!("n{}", random.below(3));
        let options = NamespaceOptions::new().ordered(random.below(2) == 0);
        let ns = shared.db.namespace_with(&name, options).unwrap();
        ns.insert_many((0..random.below(200)).map(|n| (n.to_be_bytes(), [1; 30]))).unwrap();
        match random.below(4) {
            0 => drop(shared.db.drop_namespace(&name).unwrap()),
            1 => {
                ns.clear().unwrap();
                ns.insert("one", "1").unwrap();
                assert_eq!(ns.len().unwrap(), 1);
            }
            _ => assert_eq!(ns.iter().unwrap().count(), ns.len().unwrap()),
        }
    }
}

/// Writers that know what they wrote, readers who keep what they found, compactions, checkpoints,
/// namespaces that come and go.
fn stress(db: &Emdb, time: Duration) {
    let stop = AtomicBool::new(false);
    let rounds = AtomicU64::new(0);
    let ordered = db.namespace_with("ordered", NamespaceOptions::new().ordered(true)).unwrap();
    let shared = Shared { db, ordered: &ordered, stop: &stop };
    std::thread::scope(|s| {
        for writer in 0..2 {
            s.spawn(move || write_own(shared, writer));
        }
        for reader in 0..2 {
            s.spawn(move || read_and_keep(shared, reader));
        }
        s.spawn(move || change_namespaces(shared));
        s.spawn(|| {
            while shared.goes_on() {
                db.compact().unwrap();
                rounds.fetch_add(1, Ordering::Relaxed);
                db.checkpoint().unwrap();
            }
        });
        s.spawn(|| {
            while shared.goes_on() {
                let report = db.verify().unwrap();
                assert!(report.is_ok(), "{:?}", report.problems);
            }
        });
        std::thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
    });
    assert!(rounds.load(Ordering::Relaxed) > 0);
}

fn time() -> Duration {
    Duration::from_millis(
        std::env::var("EMDB_STRESS_MS").ok().and_then(|t| t.parse().ok()).unwrap_or(400),
    )
}

#[test]
fn stress_in_memory() {
    stress(&Emdb::open_in_memory(), time());
}

#[test]
fn stress_on_disk() {
    for policy in [FlushPolicy::Group, FlushPolicy::WriteThrough, FlushPolicy::OnEachFlush] {
        for uring in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("db.emdb");
            let mut builder = Emdb::builder().path(&path).flush_policy(policy);
            if uring {
                builder = builder.iouring_sqpoll(50);
            }
            let db = builder.build().unwrap();
            stress(&db, time());
            let mut expected: Vec<_> = db.iter().unwrap().collect();
            expected.sort();
            drop(db);
            let db = Emdb::open(&path).unwrap();
            let mut found: Vec<_> = db.iter().unwrap().collect();
            found.sort();
            assert_eq!(found, expected);
        }
    }
}
