//! Stretches of keys in which a transaction has written to all that is committed, so that walks need
//! not pass over it one by one again and again.
//!
//! A walk that has passed over many such records in a row tells it, and the next one that begins in the
//! stretch jumps to its end. So `first` and `remove` in turns cost what is new.
//!
//! Invariant: nobody else commits while a transaction is open, and its writes are never fewer, but when it
//! goes back to a savepoint; a stretch that was told before that is forgotten then.

use std::collections::BTreeMap;
use std::ops::Bound;

/// Ends of stretches, each from its first key on and before its last bound; none for all that follows.
#[derive(Debug, Default)]
pub(crate) struct HiddenRuns {
    /// By their first keys. They neither overlap nor touch.
    runs: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

/// The lower and the upper bound of a range.
type KeyBounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// The key that comes right behind another one.
fn behind(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// The first key of a range with this lower bound.
fn first_key(low: &Bound<Vec<u8>>) -> Vec<u8> {
    match low {
        Bound::Unbounded => Vec::new(),
        Bound::Included(key) => key.clone(),
        Bound::Excluded(key) => behind(key),
    }
}

/// The first key behind a range with this upper bound.
fn end_key(high: &Bound<Vec<u8>>) -> Option<Vec<u8>> {
    match high {
        Bound::Unbounded => None,
        Bound::Included(key) => Some(behind(key)),
        Bound::Excluded(key) => Some(key.clone()),
    }
}

/// Whether a stretch that ends at `end` holds all before `key`.
fn reaches(end: Option<&[u8]>, key: Option<&[u8]>) -> bool {
    match (end, key) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(end), Some(key)) => key <= end,
    }
}

impl HiddenRuns {
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Adds what a walk from the front has passed over: from its lower bound up to `last`.
    pub(crate) fn add_from(&mut self, low: &Bound<Vec<u8>>, last: &[u8]) {
        self.add(first_key(low), Some(behind(last)));
    }

    /// Adds what a walk from the back has passed over: from its upper bound down to `last`.
    pub(crate) fn add_to(&mut self, high: &Bound<Vec<u8>>, last: &[u8]) {
        self.add(last.to_vec(), end_key(high));
    }

    fn add(&mut self, mut low: Vec<u8>, mut end: Option<Vec<u8>>) {
        if let Some((before, reached)) = self.runs.range(..=low.clone()).next_back()
            && reaches(reached.as_deref(), Some(&low))
        {
            low.clone_from(before);
        }
        // All that begin in it, or right behind it, become one with it.
        while let Some((next, _)) = self.runs.range(low.clone()..).next()
            && reaches(end.as_deref(), Some(next))
        {
            let next = next.clone();
            let reached = self.runs.remove(&next).unwrap_or_default();
            if reaches(reached.as_deref(), end.as_deref()) {
                end = reached;
            }
        }
        self.runs.insert(low, end);
    }

    /// The bounds without the stretches at their ends; none if there is nothing else between them.
    pub(crate) fn narrow(&self, low: &Bound<Vec<u8>>, high: &Bound<Vec<u8>>) -> Option<KeyBounds> {
        let (mut low, mut high) = (low.clone(), high.clone());
        let first = first_key(&low);
        if let Some((_, reached)) = self.runs.range(..=first.clone()).next_back()
            && (reached.is_none() || reached.as_ref().is_some_and(|reached| first < *reached))
        {
            low = Bound::Included(reached.clone()?);
        }
        let end = end_key(&high);
        let mut before = match &end {
            Some(end) => self.runs.range::<[u8], _>((Bound::Unbounded, Bound::Excluded(&**end))),
            None => self.runs.range::<[u8], _>(..),
        };
        if let Some((begin, reached)) = before.next_back()
            && reaches(reached.as_deref(), end.as_deref())
        {
            high = Bound::Excluded(begin.clone());
        }
        Some((low, high))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn within(key: &[u8], low: &Bound<Vec<u8>>, high: &Bound<Vec<u8>>) -> bool {
        *key >= *first_key(low) && end_key(high).is_none_or(|end| *key < *end)
    }

    #[test]
    fn narrowed_bounds_lose_hidden_keys_alone() {
        let mut random = emdb_testing::Random(11);
        let key = |n: u64| match n {
            0 => Vec::new(),
            n => vec![n as u8 / 2, 0][..1 + n as usize % 2].to_vec(),
        };
        let all: BTreeSet<Vec<u8>> = (0..40).map(key).collect();
        for _ in 0..2_000 {
            let mut runs = HiddenRuns::default();
            let mut hidden = BTreeSet::new();
            for _ in 0..6 {
                let bound = |random: &mut emdb_testing::Random| match random.below(3) {
                    0 => Bound::Unbounded,
                    1 => Bound::Included(key(random.below(40))),
                    _ => Bound::Excluded(key(random.below(40))),
                };
                let (low, high) = (bound(&mut random), bound(&mut random));
                let last = key(random.below(40));
                // A walk passes over what lies within its range.
                if random.below(2) == 0 && *last >= *first_key(&low) {
                    runs.add_from(&low, &last);
                    let to = Bound::Included(last);
                    hidden.extend(all.iter().filter(|key| within(key, &low, &to)).cloned());
                } else if end_key(&high).is_none_or(|end| last < end) {
                    runs.add_to(&high, &last);
                    let from = Bound::Included(last);
                    hidden.extend(all.iter().filter(|key| within(key, &from, &high)).cloned());
                }
                let (low, high) = (bound(&mut random), bound(&mut random));
                let narrowed = runs.narrow(&low, &high);
                let left = |key: &&Vec<u8>| match &narrowed {
                    Some((low, high)) => within(key, low, high),
                    None => false,
                };
                let wanted = all.iter().filter(|key| within(key, &low, &high));
                let lost: Vec<_> = wanted.clone().filter(|key| !left(key)).collect();
                assert!(lost.iter().all(|key| hidden.contains(*key)), "{runs:?} lost {lost:?}");
                assert!(all.iter().filter(left).all(|key| within(key, &low, &high)));
            }
        }
    }

    #[test]
    fn stretches_that_touch_are_one() {
        let mut runs = HiddenRuns::default();
        for n in 0..1_000_u16 {
            let low = if n == 0 {
                Bound::Unbounded
            } else {
                Bound::Excluded((n - 1).to_be_bytes().to_vec())
            };
            runs.add_from(&low, &n.to_be_bytes());
        }
        assert_eq!(runs.runs.len(), 1);
        runs.add_to(&Bound::Unbounded, &999_u16.to_be_bytes());
        assert_eq!(runs.runs, BTreeMap::from([(Vec::new(), None)]));
        assert!(runs.narrow(&Bound::Unbounded, &Bound::Unbounded).is_none());
    }
}
