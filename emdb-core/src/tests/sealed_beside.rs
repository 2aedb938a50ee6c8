//! An encrypted database under all that can go on at once. Sessions are short in unit tests, so many
//! begin meanwhile.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::api::db::Emdb;
use crate::tests::*;

const WRITERS: u32 = 3;
const ROUNDS: u32 = 48;

fn builder(path: &Path) -> crate::EmdbBuilder {
    Emdb::builder().path(path).encryption_key([7; 32])
}

fn content(db: &Emdb, name: &str) -> BTreeMap<Vec<u8>, Vec<u8>> {
    db.namespace(name).unwrap().iter().unwrap().results().map(Result::unwrap).collect()
}

/// Writes to its own namespace, in every way that there is; gives what that then holds.
fn write(db: &Emdb, writer: u32) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let name = format!("ns{writer}");
    let mut model = BTreeMap::new();
    let mut random = Random(u64::from(writer) + 1);
    let options = crate::NamespaceOptions::new().ordered(writer == 1);
    let mut ns = db.namespace_with(&name, options).unwrap();
    for round in 0..ROUNDS {
        let mut pair = || {
            let key = (random.below(3000) as u32).to_be_bytes().to_vec();
            let len = if random.below(400) == 0 { 300_000 } else { random.below(100) };
            (key, vec![random.next() as u8; len as usize])
        };
        match round % 6 {
            0 | 3 => {
                let items: Vec<_> = (0..400).map(|_| pair()).collect();
                ns.insert_many(items.iter().map(|(k, v)| (k, v))).unwrap();
                model.extend(items);
            }
            1 => {
                for _ in 0..200 {
                    let (key, value) = pair();
                    ns.insert(&key, &value).unwrap();
                    model.insert(key, value);
                }
            }
            2 => {
                for _ in 0..100 {
                    let (key, _) = pair();
                    assert_eq!(ns.remove(&key).unwrap(), model.remove(&key));
                }
            }
            4 => db
                .transaction(|tx| {
                    let inner = tx.namespace(&ns);
                    if round % 12 == 4 {
                        inner.clear()?;
                        model.clear();
                    }
                    for _ in 0..150 {
                        let (key, value) = pair();
                        inner.insert(&key, &value)?;
                        model.insert(key, value);
                    }
                    Ok::<_, Error>(())
                })
                .unwrap(),
            _ => {
                if round % 24 == 23 {
                    assert!(db.drop_namespace(&name).unwrap());
                    ns = db.namespace_with(&name, options).unwrap();
                    model.clear();
                }
                db.flush().unwrap();
            }
        }
        for _ in 0..20 {
            let key = pair().0;
            assert_eq!(ns.get(&key).unwrap().as_ref(), model.get(&key));
        }
        let snapshot = db.snapshot();
        let seen = snapshot.namespace(&name).unwrap();
        assert_eq!(seen.iter().unwrap().results().map(Result::unwrap).count(), model.len());
    }
    model
}

fn life(policy: FlushPolicy) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let db = builder(&path).flush_policy(policy).build().unwrap();
    let stop = AtomicBool::new(false);
    let going = || !stop.load(Ordering::Relaxed);
    let models: Vec<_> = std::thread::scope(|s| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|w| {
                s.spawn({
                    let db = &db;
                    move || write(db, w)
                })
            })
            .collect();
        s.spawn(|| {
            while going() {
                db.compact().unwrap();
                std::thread::sleep(std::time::Duration::from_millis(3));
            }
        });
        s.spawn(|| {
            while going() {
                for care in
                    [CheckpointKind::Durable, CheckpointKind::Passing, CheckpointKind::Closing]
                {
                    db.database().checkpoint(care, || false).unwrap();
                }
            }
        });
        s.spawn(|| {
            let target = folder.path().join("copy");
            while going() {
                let report = db.verify().unwrap();
                assert!(report.is_ok(), "{:?}", report.problems);
                db.backup_to(&target).unwrap();
                assert!(builder(&target).build().unwrap().verify().unwrap().is_ok());
            }
        });
        let models = writers.into_iter().map(|w| w.join().unwrap()).collect();
        stop.store(true, Ordering::Relaxed);
        models
    });
    let check = |db: &Emdb, when: &str| {
        for (writer, model) in models.iter().enumerate() {
            assert!(content(db, &format!("ns{writer}")) == *model, "{when}, {writer}");
        }
    };
    check(&db, "at once");
    // As a kill leaves it, with whatever checkpoint lies there.
    let killed = folder.path().join("killed");
    for end in [".meta", ".hot.meta", ""] {
        let from = crate::os::paths::sibling(&path, end);
        if from.exists() {
            std::fs::copy(from, crate::os::paths::sibling(&killed, end)).unwrap();
        }
    }
    check(&builder(&killed).build().unwrap(), "after a kill");
    db.close().unwrap();
    let db = builder(&path).build().unwrap();
    check(&db, "after a reopen");
    assert!(db.verify().unwrap().is_ok());
}

#[test]
fn everything_at_once_gives_what_was_written_on_each_flush() {
    life(FlushPolicy::OnEachFlush);
}

#[test]
fn everything_at_once_gives_what_was_written_with_durable_writes() {
    life(FlushPolicy::WriteThrough);
}
