//! The expiries of an incarnation's records: those that an image holds, and those that came since.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use crate::format::image::Array;
use crate::format::place::Place;
use crate::format::{JOURNAL_START, image};
use crate::index::ordered::Words;
use crate::storage::Map;

/// An expiry, and the position of the record that has it.
pub(crate) type Expiry = (u64, u64);

/// Expiries in order. Those of the image stay in its mapping, unread until they are asked for,
/// also when their record is replaced: whoever takes one looks whether it still counts.
#[derive(Debug, Default)]
pub(crate) struct Expiries {
    base: Base,
    /// How many of the base are done with.
    done: usize,
    since: BTreeSet<Expiry>,
    /// How many came since when that was last asked for.
    noted: usize,
}

/// Bytes of memory that one of those that came since takes, about.
const EXPIRY_BYTES: usize = 32;

#[derive(Debug, Default)]
enum Base {
    #[default]
    None,
    Stored(Stored),
    Loaded(Words),
}

/// Their place in an image.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) map: Arc<Map>,
    pub(crate) place: Place,
    pub(crate) below: u64,
    pub(crate) array: Array,
}

impl Stored {
    pub(crate) fn load(&self) -> Option<Words> {
        let words = Words::mapped(&self.map, self.array.at as usize, self.array.count as usize)?;
        let (pairs, rest) = words.as_chunks::<2>();
        let right = image::words_sum(&words, self.place, self.array.at) == self.array.sum
            && rest.is_empty()
            && pairs.is_sorted()
            && pairs.iter().all(|[_, at]| (JOURNAL_START..self.below).contains(at));
        right.then_some(words)
    }
}

impl Expiries {
    pub(crate) fn stored(stored: Stored) -> Expiries {
        let base = if stored.array.count == 0 { Base::None } else { Base::Stored(stored) };
        Expiries { base, ..Expiries::default() }
    }

    pub(crate) fn insert(&mut self, at: u64, position: u64) {
        self.since.insert((at, position));
    }

    /// Forgets an expiry whose record is replaced, if it came since the image.
    pub(crate) fn remove(&mut self, at: u64, position: u64) {
        self.since.remove(&(at, position));
    }

    /// How many there are, those of replaced records among them.
    pub(crate) fn len(&self) -> usize {
        let base = match &self.base {
            Base::None => 0,
            Base::Stored(stored) => stored.array.count as usize / 2,
            Base::Loaded(words) => words.len() / 2 - self.done,
        };
        base + self.since.len()
    }

    /// Bytes of memory of those that came since.
    pub(crate) fn bytes(&self) -> usize {
        self.since.len() * EXPIRY_BYTES
    }

    /// By how much that is less than when this was last asked for.
    pub(crate) fn take_gone_bytes(&mut self) -> usize {
        let noted = std::mem::replace(&mut self.noted, self.since.len());
        noted.saturating_sub(self.noted) * EXPIRY_BYTES
    }

    /// The place of the base, if that hasn't been read yet.
    pub(crate) fn unread(&self) -> Option<Stored> {
        match &self.base {
            Base::Stored(stored) => Some(stored.clone()),
            Base::None | Base::Loaded(_) => None,
        }
    }

    /// Takes the base as it was read; none if it is damaged, and what was `found` of all live
    /// records instead. If somebody else has done so, nothing changes.
    pub(crate) fn take_read(&mut self, loaded: Option<Words>, found: Vec<Expiry>) {
        if matches!(self.base, Base::Stored(_)) {
            self.base = loaded.map_or(Base::None, Base::Loaded);
            self.since.extend(found);
        }
    }

    /// The base; if it is damaged, `again` finds the expiries of all live records.
    fn base(&mut self, again: impl FnOnce() -> Vec<Expiry>) -> &[[u64; 2]] {
        if let Some(stored) = self.unread() {
            let loaded = stored.load();
            let found = if loaded.is_none() { again() } else { Vec::new() };
            self.take_read(loaded, found);
        }
        let Base::Loaded(words) = &self.base else { return &[] };
        words.as_chunks::<2>().0.get(self.done..).unwrap_or_default()
    }

    /// Some that are due at `now`, about `limit` of them: of the base in order.
    #[cfg(feature = "ttl")]
    pub(crate) fn due(
        &mut self,
        now: u64,
        limit: usize,
        again: impl FnOnce() -> Vec<Expiry>,
    ) -> Vec<Expiry> {
        let base = self.base(again).iter().take(limit).take_while(|[at, _]| *at <= now);
        let mut due: Vec<_> = base.map(|&[at, position]| (at, position)).collect();
        due.extend(self.since.range(..=(now, u64::MAX)).take(limit));
        due
    }

    /// Lets go of one that was due and counts no more. Of the base it is the next one, or it is
    /// met again when it is.
    #[cfg(feature = "ttl")]
    pub(crate) fn forget(&mut self, expiry: Expiry) {
        let next = match &self.base {
            Base::Loaded(words) => words.as_chunks::<2>().0.get(self.done),
            _ => None,
        };
        if next == Some(&[expiry.0, expiry.1]) {
            self.done += 1;
        }
        self.since.remove(&expiry);
    }

    /// Up to `limit` that follow `last`, in order.
    pub(crate) fn after(
        &mut self,
        last: Option<Expiry>,
        limit: usize,
        again: impl FnOnce() -> Vec<Expiry>,
    ) -> Vec<Expiry> {
        let base = self.base(again);
        let from = base.partition_point(|&[at, position]| Some((at, position)) <= last);
        let base = base[from..].iter().take(limit).map(|&[at, position]| (at, position));
        let mut all: Vec<_> = base.collect();
        let low = last.map_or(Bound::Unbounded, Bound::Excluded);
        all.extend(self.since.range((low, Bound::Unbounded)).take(limit));
        all.sort_unstable();
        all.truncate(limit);
        all
    }
}

#[cfg(all(test, feature = "ttl"))]
mod tests {
    use super::*;

    #[test]
    fn all_follow_each_other_and_the_due_ones_go() {
        let mut expiries = Expiries::default();
        for n in 0..100 {
            expiries.insert(n % 10, 9000 + n);
        }
        let (mut all, mut last) = (Vec::new(), None);
        loop {
            let some = expiries.after(last, 7, Vec::new);
            let Some(end) = some.last() else { break };
            last = Some(*end);
            all.extend(some);
        }
        assert!(all.len() == 100 && all.is_sorted());
        let mut gone = 0;
        loop {
            let due = expiries.due(4, 8, Vec::new);
            if due.is_empty() {
                break;
            }
            gone += due.len();
            due.into_iter().for_each(|e| expiries.forget(e));
        }
        assert_eq!(gone, 50);
    }
}
