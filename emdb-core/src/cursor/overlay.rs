//! The writes that a transaction has staged, over the committed state.

use std::ops::Bound;
use std::sync::Arc;

use crate::cursor::base::Base;
use crate::cursor::end::End;
use crate::cursor::pinned::PinnedRecord;
use crate::cursor::range::Bounds;
use crate::error::Result;
use crate::mvcc::sorted_writes::{SortedWrite, SortedWrites};

/// The item that a walk with an overlay came to.
pub(super) enum Found {
    /// A record, its head verified, in memory that the walk's base holds.
    Record(PinnedRecord),
    /// A value that the transaction has written.
    Staged(Arc<SortedWrite>),
}

/// So many records in a row that are hidden are told to later walks.
const HIDDEN_MIN_RECORDS: usize = 16;

pub(crate) struct Overlay {
    staged: SortedWrites,
    /// The range of the walk, as it began.
    all: Bounds,
    /// For each end how many committed records it has passed over from there; none once it gave one.
    passed: [Option<usize>; 2],
    /// The range that is left of the staged keys.
    bounds: Bounds,
    /// For each end a committed record that was come to too early.
    peeked: [Option<PinnedRecord>; 2],
    /// For each end the next staged write with a live value, once looked for.
    upcoming: [Option<Arc<SortedWrite>>; 2],
}

impl Overlay {
    pub(crate) fn new(staged: SortedWrites, bounds: Bounds) -> Overlay {
        let all = bounds.clone();
        let (peeked, upcoming) = ([None, None], [None, None]);
        Overlay { staged, all, passed: [Some(0), Some(0)], bounds, peeked, upcoming }
    }

    pub(super) fn next(&mut self, base: Option<&mut Base>, end: End) -> Result<Option<Found>> {
        let staged = self.staged(end);
        if let Some(base) = base {
            // Records without order come before staged ones.
            let limit = staged.as_ref().filter(|_| matches!(base, Base::Ordered(_)));
            let limit = limit.map(|staged| &*staged.key);
            if let Some(record) = self.committed(base, end, limit)? {
                return Ok(Some(Found::Record(record)));
            }
        }
        let Some(staged) = staged else { return Ok(None) };
        self.upcoming[end as usize] = None;
        match end {
            End::Front => self.bounds.low = Bound::Excluded(staged.key.to_vec()),
            End::Back => self.bounds.high = Bound::Excluded(staged.key.to_vec()),
        }
        Ok(Some(Found::Staged(staged)))
    }

    /// The next committed record that nothing staged hides, if it comes before `limit`. Records
    /// behind that are looked at later, or a walk would begin by passing over all that the
    /// transaction has overwritten.
    fn committed(
        &mut self,
        base: &mut Base,
        end: End,
        limit: Option<&[u8]>,
    ) -> Result<Option<PinnedRecord>> {
        let mut hidden = None;
        let found = loop {
            let next = match self.peeked[end as usize].take() {
                Some(record) => Some(record),
                None => base.next(end)?,
            };
            // The other end may have looked at the last one.
            let Some(record) = next.or_else(|| self.peeked[1 - end as usize].take()) else {
                break None;
            };
            let key = record.0.key();
            let behind = limit.is_some_and(|limit| match end {
                End::Front => key >= limit,
                End::Back => key <= limit,
            });
            if behind {
                self.peeked[end as usize] = Some(record);
                break None;
            }
            if self.staged.get(key).is_none() {
                break Some(record);
            }
            // Without an order, what was passed over is no stretch of keys.
            if let (Base::Ordered(_), Some(passed)) = (&*base, &mut self.passed[end as usize]) {
                *passed += 1;
                hidden = Some(record);
            }
        };
        if let Some(last) = hidden {
            self.tell_hidden(end, last.0.key());
        }
        if found.is_some() {
            self.passed[end as usize] = None;
        }
        Ok(found)
    }

    /// Lets later walks jump over what this one has passed over from its beginning up to `last`.
    fn tell_hidden(&mut self, end: End, last: &[u8]) {
        if self.passed[end as usize].is_some_and(|passed| passed >= HIDDEN_MIN_RECORDS) {
            self.passed[end as usize] = Some(0);
            let mut hidden = self.staged.hidden();
            match end {
                End::Front => hidden.add_from(&self.all.low, last),
                End::Back => hidden.add_to(&self.all.high, last),
            }
        }
    }

    /// The next staged write with a live value.
    fn staged(&mut self, end: End) -> Option<Arc<SortedWrite>> {
        // The other end may have given it meanwhile.
        let upcoming = self.upcoming[end as usize].take();
        let upcoming = upcoming.filter(|write| self.bounds.place(&write.key).is_eq());
        let staged = upcoming.or_else(|| self.find_staged(end));
        if staged.is_none() {
            // No key lies between a bound and itself: there is nothing more to look for.
            self.bounds.low = Bound::Excluded(Vec::new());
            self.bounds.high = Bound::Excluded(Vec::new());
        }
        self.upcoming[end as usize].clone_from(&staged);
        staged
    }

    fn find_staged(&self, end: End) -> Option<Arc<SortedWrite>> {
        let found = match end {
            End::Front => self.staged.first(self.bounds.low.as_ref().map(Vec::as_slice)),
            End::Back => self.staged.last(self.bounds.high.as_ref().map(Vec::as_slice)),
        };
        found.filter(|write| self.bounds.place(&write.key).is_eq()).cloned()
    }
}
