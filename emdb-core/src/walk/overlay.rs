//! What a transaction has staged, over the committed state.

use std::ops::Bound;

use super::{Base, End, Found, Lasting};
use crate::error::Result;
use crate::range::Bounds;
use crate::staged::{Sorted, Staged};

#[derive(Debug)]
pub(crate) struct Overlay {
    staged: Sorted,
    now: u64,
    /// What is left of the staged keys.
    bounds: Bounds,
    /// For each end a committed record that was looked at and is still to be given.
    peeked: [Option<Lasting>; 2],
    /// For each end the next staged key with a live value, once looked for.
    upcoming: [Option<Vec<u8>>; 2],
}

impl Overlay {
    pub(crate) fn new(staged: Sorted, now: u64, bounds: Bounds) -> Overlay {
        Overlay { staged, now, bounds, peeked: [None; 2], upcoming: [None, None] }
    }

    pub(super) fn value(&self, key: &[u8]) -> Option<&[u8]> {
        self.staged.get(key)?.value.as_deref()
    }

    pub(super) fn next(&mut self, mut base: Option<&mut Base>, end: End) -> Result<Option<Found>> {
        let committed = match &mut base {
            Some(base) => self.committed(base, end)?,
            None => None,
        };
        let Some(staged) = self.staged(end) else {
            return Ok(committed.map(Found::Record));
        };
        if let (Some(record), Some(base)) = (committed, base) {
            let key = record.0.key();
            let first = match (&*base, end) {
                // What has no order comes before what is staged.
                (Base::Hashed(_), _) => true,
                (Base::Ordered(_), End::Front) => key < staged.as_slice(),
                (Base::Ordered(_), End::Back) => key > staged.as_slice(),
            };
            if first {
                return Ok(Some(Found::Record(record)));
            }
            self.peeked[end as usize] = Some(record);
        }
        self.upcoming[end as usize] = None;
        match end {
            End::Front => self.bounds.low = Bound::Excluded(staged.clone()),
            End::Back => self.bounds.high = Bound::Excluded(staged.clone()),
        }
        Ok(Some(Found::Staged(staged)))
    }

    /// The next committed record that nothing staged hides.
    fn committed(&mut self, base: &mut Base, end: End) -> Result<Option<Lasting>> {
        if let Some(record) = self.peeked[end as usize].take() {
            return Ok(Some(record));
        }
        while let Some(record) = base.next(end)? {
            if !self.staged.contains_key(record.0.key()) {
                return Ok(Some(record));
            }
        }
        // The other end may have looked at the last one.
        Ok(self.peeked[1 - end as usize].take())
    }

    /// The next staged key with a live value.
    fn staged(&mut self, end: End) -> Option<Vec<u8>> {
        // The other end may have given it meanwhile.
        let upcoming = self.upcoming[end as usize].take();
        let upcoming = upcoming.filter(|key| self.bounds.place(key).is_eq());
        let staged = upcoming.or_else(|| self.find_staged(end));
        if staged.is_none() {
            // No key lies between a bound and itself: there is nothing more to look for.
            self.bounds.low = Bound::Excluded(Vec::new());
            self.bounds.high = Bound::Excluded(Vec::new());
        }
        self.upcoming[end as usize].clone_from(&staged);
        staged
    }

    fn find_staged(&self, end: End) -> Option<Vec<u8>> {
        if self.bounds.is_empty() {
            return None;
        }
        let bounds = (
            self.bounds.low.as_ref().map(Vec::as_slice),
            self.bounds.high.as_ref().map(Vec::as_slice),
        );
        let mut left = self.staged.range::<[u8], _>(bounds);
        let live = |(_, staged): &(&Vec<u8>, &Staged)| staged.live(self.now).is_some();
        let found = match end {
            End::Front => left.find(live),
            End::Back => left.rfind(live),
        };
        found.map(|(key, _)| key.clone())
    }
}
