//! Transactions of both databases: the same steps in each, committed or rolled back.

use super::*;

/// One step of a transaction.
enum Staged {
    Put(Vec<u8>, Vec<u8>, Option<u64>),
    Remove(Vec<u8>),
    Clear,
    Look(Vec<u8>),
    Walk,
}

/// The bytes that one step gave.
type Seen = Vec<Vec<u8>>;

impl Twins {
    pub(super) fn transaction(&mut self) {
        let steps = self.staged();
        let rolls_back = self.rng.below(4) == 0;
        let handles: Vec<_> = NAMES.iter().map(|name| self.handles(name)).collect();
        let mut seen: [Vec<Seen>; 2] = [Vec::new(), Vec::new()];
        for (which, (db, seen)) in self.dbs.iter().zip(&mut seen).enumerate() {
            let done: Result<(), Error> = db.transaction(|tx| {
                for (name, step) in &steps {
                    let at = NAMES.iter().position(|n| n == name).unwrap();
                    let handle = &handles[at][which];
                    let is_ordered = handle.is_ordered();
                    seen.extend(step.take(tx.namespace(handle), is_ordered)?);
                }
                if rolls_back { Err(Error::KeyNotFound) } else { Ok(()) }
            });
            assert_eq!(done.is_err(), rolls_back, "{done:?}");
        }
        let mut model = self.model.clone();
        let mut expected = Vec::new();
        for (name, step) in steps {
            expected.extend(step.foresee(model.entry(name.to_owned()).or_default()));
        }
        assert!(seen[0] == expected, "the encrypted one differs in a transaction");
        assert!(seen[1] == expected, "the plain one differs in a transaction");
        if !rolls_back {
            self.model = model;
        }
    }

    fn staged(&mut self) -> Vec<(&'static str, Staged)> {
        let mut steps = Vec::new();
        for _ in 0..self.rng.below(12) {
            let name = self.name();
            let step = match self.rng.below(20) {
                0..10 => Staged::Put(self.key(), self.value(), self.expiry()),
                10..14 => Staged::Remove(self.key()),
                14..16 => Staged::Clear,
                16..18 => Staged::Look(self.key()),
                _ => Staged::Walk,
            };
            steps.push((name, step));
        }
        steps
    }
}

impl Staged {
    /// Takes the step, and gives its result if it has one.
    fn take(&self, tx: &mut TransactionNamespace, is_ordered: bool) -> Result<Option<Seen>, Error> {
        match self {
            Staged::Put(key, value, expiry) => {
                tx.insert_with_ttl(key, value, Twins::ttl(*expiry))?;
                Ok(None)
            }
            Staged::Remove(key) => Ok(Some(tx.remove(key)?.into_iter().collect())),
            Staged::Clear => tx.clear().map(|()| None),
            Staged::Look(key) => Ok(Some(tx.get(key)?.into_iter().collect())),
            Staged::Walk => {
                let mut found: Pairs = tx.iter()?.results().collect::<Result<_, _>>()?;
                found.sort();
                if is_ordered {
                    assert_eq!(tx.range(..)?, found);
                    let mut back: Pairs = tx.range_iter(..)?.rev().collect();
                    back.reverse();
                    assert_eq!(back, found);
                }
                Ok(Some(found.into_iter().flat_map(|(k, v)| [k, v]).collect()))
            }
        }
    }

    /// Takes the step on the model, and gives the result that it has to have.
    fn foresee(self, records: &mut Records) -> Option<Seen> {
        match self {
            Staged::Put(key, value, expiry) => {
                Twins::put(records, &key, &value, expiry);
                None
            }
            Staged::Remove(key) => Some(records.remove(&key).map(|r| r.0).into_iter().collect()),
            Staged::Clear => {
                records.clear();
                None
            }
            Staged::Look(key) => Some(records.get(&key).map(|r| r.0.clone()).into_iter().collect()),
            Staged::Walk => Some(pairs(records).into_iter().flat_map(|(k, v)| [k, v]).collect()),
        }
    }
}
