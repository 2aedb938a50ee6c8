//! Savepoints: a part of a transaction is rolled back alone.

use std::collections::BTreeMap;
use std::panic::resume_unwind;

use emdb::{NamespaceOptions, TransactionNamespace};
use emdb_testing::Random;

use super::*;

#[test]
fn what_fails_is_undone_and_what_was_written_before_and_after_stays() {
    let db = with_abc();
    commit(&db, |tx| {
        tx.insert("d", "4")?;
        let failed = tx.savepoint(|tx| {
            tx.insert("d", "undone")?;
            tx.insert("e", "undone")?;
            tx.remove("a")?;
            Err::<(), _>(Error::KeyNotFound)
        });
        assert!(matches!(failed, Err(Error::KeyNotFound)));
        assert_eq!(words(tx.iter()?), "a=1 b=2 c=3 d=4");
        assert_eq!(tx.len()?, 4);
        let kept = tx.savepoint(|tx| {
            tx.remove("b")?;
            tx.len()
        })?;
        assert_eq!(kept, 3);
        tx.insert("f", "6")
    })
    .unwrap();
    assert_eq!(content(&db), "a=1 c=3 d=4 f=6");
}

#[test]
fn a_panic_undoes_the_savepoint_and_the_transaction_may_go_on() {
    let db = with_abc();
    commit(&db, |tx| {
        tx.insert("d", "4")?;
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            tx.savepoint(|tx| -> emdb::Result<()> {
                tx.clear()?;
                tx.insert("e", "5")?;
                resume_unwind(Box::new("on purpose"))
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(words(tx.iter()?), "a=1 b=2 c=3 d=4");
        Ok(())
    })
    .unwrap();
    assert_eq!(content(&db), "a=1 b=2 c=3 d=4");
}

#[test]
fn a_walk_that_was_begun_in_a_savepoint_goes_on_with_what_it_saw() {
    let db = with_abc();
    commit(&db, |tx| {
        let mut seen = None;
        let _ = tx.savepoint(|tx| {
            tx.insert("d", "4")?;
            seen = Some(tx.iter()?);
            Err::<(), _>(Error::KeyNotFound)
        });
        assert_eq!(words(seen.unwrap()), "a=1 b=2 c=3 d=4");
        assert_eq!(words(tx.iter()?), "a=1 b=2 c=3");
        Ok(())
    })
    .unwrap();
}

#[test]
fn an_outer_one_undoes_what_inner_ones_have_kept() {
    let db = with_abc();
    let log = db.namespace("log").unwrap();
    commit(&db, |tx| {
        let _ = tx.savepoint(|tx| {
            tx.savepoint(|tx| {
                tx.clear()?;
                tx.namespace(&log).insert("1", "kept by the inner one")
            })?;
            assert!(tx.is_empty()?);
            tx.savepoint(|tx| tx.insert("x", "1"))?;
            assert_eq!(words(tx.iter()?), "x=1");
            Err::<(), _>(Error::KeyNotFound)
        });
        assert_eq!(words(tx.iter()?), "a=1 b=2 c=3");
        assert!(tx.namespace(&log).is_empty()?);
        Ok(())
    })
    .unwrap();
    assert_eq!(content(&db), "a=1 b=2 c=3");
}

/// For each namespace, keys with their values and expiries.
type Model = [BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>; 3];

/// A transaction of random calls and savepoints, and what has to come of it.
struct Run {
    random: Random,
    spaces: [Namespace; 2],
    model: Model,
}

impl Run {
    fn below(&mut self, bound: u64) -> u64 {
        (self.random.next() >> 33) % bound
    }

    fn steps(&mut self, tx: &mut Transaction<'_>, depth: u32) -> emdb::Result<()> {
        for _ in 0..self.below(24) {
            if depth < 4 && self.below(8) == 0 {
                self.savepoint(tx, depth)?;
                self.check(tx)?;
            } else {
                self.write(tx)?;
            }
        }
        Ok(())
    }

    fn savepoint(&mut self, tx: &mut Transaction<'_>, depth: u32) -> emdb::Result<()> {
        let before = self.model.clone();
        let ending = self.below(4);
        let ended = catch_unwind(AssertUnwindSafe(|| {
            tx.savepoint(|tx| {
                self.steps(tx, depth + 1)?;
                match ending {
                    0 => Err(Error::KeyNotFound),
                    1 => resume_unwind(Box::new("on purpose")),
                    _ => Ok(()),
                }
            })
        }));
        match (ending, ended) {
            (0, Ok(Err(Error::KeyNotFound))) => self.model = before,
            (1, Err(panic)) if panic.downcast_ref() == Some(&"on purpose") => self.model = before,
            (_, Ok(done)) => done?,
            (_, Err(panic)) => resume_unwind(panic),
        }
        Ok(())
    }

    fn write(&mut self, tx: &mut Transaction<'_>) -> emdb::Result<()> {
        let at = self.below(3) as usize;
        let part = match at {
            0 => &mut **tx,
            at => tx.namespace(&self.spaces[at - 1]),
        };
        let key = vec![b'k', (self.random.next() >> 33) as u8 % 32];
        let value =
            vec![(self.random.next() >> 33) as u8; (self.random.next() >> 40) as usize % 40];
        let records = &mut self.model[at];
        match (self.random.next() >> 33) % 32 {
            0 => {
                part.clear()?;
                records.clear();
            }
            1..10 => {
                let former = part.remove(&key)?;
                assert_eq!(former, records.remove(&key).map(|(value, _)| value));
            }
            10..16 => {
                let expiry = 4_102_444_800_000 + (self.random.next() >> 40);
                let expiry = insert_until(part, &key, &value, expiry)?;
                records.insert(key, (value, expiry));
            }
            _ => {
                part.insert(&key, &value)?;
                records.insert(key, (value, None));
            }
        }
        Ok(())
    }

    fn check(&self, tx: &mut Transaction<'_>) -> emdb::Result<()> {
        for (at, records) in self.model.iter().enumerate() {
            let part = match at {
                0 => &mut **tx,
                at => tx.namespace(&self.spaces[at - 1]),
            };
            assert_eq!(part.len()?, records.len());
            let shown: BTreeMap<_, _> = part.iter()?.collect();
            assert!(shown.iter().eq(records.iter().map(|(key, (value, _))| (key, value))));
            for key in (0..32).map(|key| [b'k', key]) {
                let expected = records.get(&key[..]);
                assert_eq!(part.get(key)?.as_ref(), expected.map(|(value, _)| value));
                #[cfg(feature = "ttl")]
                assert_eq!(part.expires_at(key)?, expected.and_then(|(_, expiry)| *expiry));
            }
            if at == 2 {
                assert!(part.range(..)?.iter().map(|(key, _)| key).eq(records.keys()));
                assert!(
                    part.range_iter(..)?
                        .rev()
                        .map(|(key, _)| key)
                        .eq(records.keys().rev().cloned())
                );
            }
        }
        Ok(())
    }
}

/// Inserts a record that expires, where there are such; gives when it does.
#[cfg(feature = "ttl")]
fn insert_until(
    part: &mut TransactionNamespace,
    key: &[u8],
    value: &[u8],
    expiry: u64,
) -> emdb::Result<Option<u64>> {
    part.insert_with_ttl(key, value, emdb::Ttl::ExpiresAt(expiry)).map(|()| Some(expiry))
}

#[cfg(not(feature = "ttl"))]
fn insert_until(
    part: &mut TransactionNamespace,
    key: &[u8],
    value: &[u8],
    _: u64,
) -> emdb::Result<Option<u64>> {
    part.insert(key, value).map(|()| None)
}

fn spaces(db: &Emdb) -> [Namespace; 2] {
    let ordered = NamespaceOptions::new().ordered(true);
    [db.namespace("hashed").unwrap(), db.namespace_with("ordered", ordered).unwrap()]
}

#[test]
fn random_ones_do_as_copies_of_maps_do_and_what_is_committed_outlives_a_crash() {
    let seed = emdb_testing::seed();
    println!("EMDB_SEED={seed}");
    let (folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    let mut run = Run { random: Random(seed), spaces: spaces(&db), model: Model::default() };
    for round in 0..60 {
        let before = run.model.clone();
        let is_kept = run.below(4) > 0;
        let ended = db.transaction(|tx| {
            run.steps(tx, 0)?;
            run.check(tx)?;
            if is_kept { Ok(()) } else { Err(Error::KeyNotFound) }
        });
        assert_eq!(ended.is_ok(), is_kept, "{ended:?}");
        if !is_kept {
            run.model = before;
        }
        db.transaction(|tx| run.check(tx)).unwrap();
        if round % 10 == 9 {
            // The file as a kill of the process would leave it.
            let copy = folder.path().join(format!("copy-{round}"));
            std::fs::copy(&path, &copy).unwrap();
            let copy = Emdb::open(&copy).unwrap();
            let here = std::mem::replace(&mut run.spaces, spaces(&copy));
            copy.transaction(|tx| run.check(tx)).unwrap();
            run.spaces = here;
        }
    }
}

#[test]
fn one_costs_what_is_written_in_it() {
    // If one copied, counted or sorted what was staged before it, this would take minutes.
    let db = Emdb::builder().enable_range_scans(true).build().unwrap();
    commit(&db, |tx| {
        for key in 0..20_000_u32 {
            tx.insert(key.to_be_bytes(), [7; 64])?;
        }
        for key in 0..20_000_u32 {
            let key = key.to_be_bytes();
            let _ = tx.savepoint(|tx| {
                tx.insert(key, "undone")?;
                tx.insert([&key[..], b"x"].concat(), "undone")?;
                assert_eq!(tx.len()?, 20_001);
                assert!(tx.range_iter(key..)?.next().is_some());
                Err::<(), _>(Error::KeyNotFound)
            });
        }
        assert_eq!(tx.get(7_u32.to_be_bytes())?, Some(vec![7; 64]));
        assert_eq!(tx.len()?, 20_000);
        Ok(())
    })
    .unwrap();
    assert_eq!(db.len().unwrap(), 20_000);
}
