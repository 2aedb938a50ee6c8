//! A walk in the order of keys, from either end.
//!
//! The order gives anchors. A few at a time are resolved to the versions that the walk's state
//! sees, where there is one, and verified; few at first, so that who wants little pays for little.

#![allow(unsafe_code)]

use std::cmp::Ordering;
use std::sync::Arc;

use crate::cursor::end::End;
use crate::cursor::merged::Merged;
use crate::cursor::pinned::PinnedRecord;
use crate::cursor::range::Bounds;
use crate::cursor::single::Single;
use crate::engine::read_view::ReadView;
use crate::error::{Error, Result};
use crate::format::sealed::Decrypted;
use crate::index::ordered::{Keys, Levels};
use crate::mvcc::incarnation::Incarnation;

/// Records that are made ready at a time, at most: one at first, then three, six, and so on.
const BATCH_MAX_RECORDS: usize = 16;
/// The number that there is room for from the first on: ten records, say, take one allocation.
const FIRST_CAPACITY_RECORDS: usize = 6;
/// Bytes of decrypted records with which no more are made ready: they lie in memory of their own.
const DECRYPTED_MAX_BYTES: usize = 256 << 10;

#[derive(Debug)]
pub(crate) struct Ordered {
    view: ReadView,
    incarnation: Arc<Incarnation>,
    levels: Arc<Levels>,
    bounds: Bounds,
    anchors: AnchorSource,
    /// Whether values are wanted, and so verified.
    values: bool,
    sides: [Side; 2],
    /// The end that the walk is at.
    at: End,
    /// The length of the last record: the next ones are taken to be like it.
    len: usize,
}

#[derive(Debug)]
enum AnchorSource {
    Single(Single),
    Merged(Box<Merged>),
    None,
}

/// The records that are ready at one end.
#[derive(Debug, Default)]
struct Side {
    /// In the order of this end.
    ready: Vec<PinnedRecord>,
    /// How many of them have been given. The last of those is where the walk is.
    given: usize,
    batch: usize,
    /// The error that comes behind them.
    failed: Option<Error>,
}

impl Ordered {
    pub(crate) fn new(
        view: ReadView,
        incarnation: Arc<Incarnation>,
        levels: Arc<Levels>,
        bounds: Bounds,
    ) -> Ordered {
        let anchors = match &levels.runs[..] {
            _ if bounds.is_empty() => AnchorSource::None,
            [run] if levels.recent.is_empty() => AnchorSource::Single(Single::new(run.clone())),
            _ => AnchorSource::Merged(Box::new(Merged::new(levels.clone()))),
        };
        let sides = Default::default();
        let (values, at) = (true, End::Front);
        Ordered { view, incarnation, levels, bounds, anchors, values, sides, at, len: 128 }
    }

    /// Lets values unverified, for a walk over keys.
    pub(crate) fn without_values(&mut self) {
        self.values = false;
    }

    /// Goes to the next record from this end, its value verified if that is wanted; tells whether
    /// there is one.
    #[inline]
    pub(crate) fn go(&mut self, end: End) -> Result<bool> {
        if self.give(end) { Ok(true) } else { self.go_further(end) }
    }

    /// Goes to the next record from this end, if that is ready.
    #[inline]
    pub(crate) fn give(&mut self, end: End) -> bool {
        self.at = end;
        let side = &mut self.sides[end as usize];
        let is_ready = side.given < side.ready.len();
        side.given += usize::from(is_ready);
        is_ready
    }

    /// Where the last step went to.
    #[inline]
    pub(crate) fn here(&self) -> Option<&PinnedRecord> {
        let side = &self.sides[self.at as usize];
        side.ready.get(side.given.checked_sub(1)?)
    }

    /// The same, to keep it.
    pub(crate) fn take(&mut self) -> Option<PinnedRecord> {
        let side = &mut self.sides[self.at as usize];
        side.ready.get_mut(side.given.checked_sub(1)?).map(PinnedRecord::take)
    }

    #[inline(never)]
    fn go_further(&mut self, end: End) -> Result<bool> {
        let side = &mut self.sides[end as usize];
        if let Some(failed) = side.failed.take() {
            return Err(failed);
        }
        side.ready.clear();
        side.given = 0;
        side.batch = (2 * side.batch + usize::from(side.batch < 2)).min(BATCH_MAX_RECORDS);
        side.ready.reserve(side.batch.max(FIRST_CAPACITY_RECORDS));
        if let Err(e) = self.prepare(end) {
            self.anchors = AnchorSource::None;
            self.sides[end as usize].failed = Some(e);
        }
        let [front, back] = &mut self.sides;
        let (side, other) = match end {
            End::Front => (front, back),
            End::Back => (back, front),
        };
        if side.ready.is_empty() {
            // When an end finds nothing more, the other one may have made ready what is left; what
            // failed there lies before that.
            if let Some(failed) = side.failed.take().or_else(|| other.failed.take()) {
                return Err(failed);
            }
            if other.given < other.ready.len() {
                side.ready.extend(other.ready.pop());
            }
        }
        side.given = side.ready.len().min(1);
        Ok(side.given > 0)
    }

    /// Makes a batch of records ready.
    fn prepare(&mut self, end: End) -> Result<()> {
        let keys = self.view.anchors(&self.incarnation);
        let (bounds, len) = (&self.bounds, &mut self.len);
        let batch = Batch {
            view: &self.view,
            incarnation: &self.incarnation,
            levels: &self.levels,
            bounds,
            values: self.values,
            side: &mut self.sides[end as usize],
        };
        let behind = match &mut self.anchors {
            AnchorSource::Single(single) => {
                single.place(end, bounds, keys)?;
                match end {
                    End::Front => {
                        batch.fill(end, len, |len| Ok(single.next(End::Front, keys, len)))
                    }
                    End::Back => batch.fill(end, len, |len| Ok(single.next(End::Back, keys, len))),
                }
            }
            AnchorSource::Merged(merged) => {
                batch.fill(end, len, |_| merged.next(end, bounds, keys))
            }
            AnchorSource::None => Ok(false),
        }?;
        if behind {
            // All that is left, to either end, lies behind the range as well.
            self.anchors = AnchorSource::None;
        }
        Ok(())
    }
}

/// The parts of a walk that it takes to make records ready.
struct Batch<'a> {
    view: &'a ReadView,
    incarnation: &'a Incarnation,
    levels: &'a Levels,
    bounds: &'a Bounds,
    values: bool,
    side: &'a mut Side,
}

impl Batch<'_> {
    /// Resolves what `anchors` gives; tells whether it has left the range.
    #[inline]
    fn fill(
        self,
        end: End,
        len: &mut usize,
        anchors: impl FnMut(usize) -> Result<Option<u64>>,
    ) -> Result<bool> {
        // Compiled twice, as the loop is short where there is nothing to open.
        if self.view.reader().generation.journal.vault.is_some() {
            self.fill_by::<true>(end, len, anchors)
        } else {
            self.fill_by::<false>(end, len, anchors)
        }
    }

    #[inline]
    fn fill_by<const SEALED: bool>(
        self,
        end: End,
        len: &mut usize,
        mut anchors: impl FnMut(usize) -> Result<Option<u64>>,
    ) -> Result<bool> {
        let reader = self.view.reader();
        let open = |record, value| match SEALED {
            true => reader.decrypt(record, value),
            false if value => reader.verify_value(record).map(|()| None),
            false => Ok(None),
        };
        let mut bytes = 0;
        while self.side.ready.len() < self.side.batch {
            let Some(anchor) = anchors(*len)? else { break };
            // In one step, as nearly all records are whole, the newest of their keys, and in the range.
            let whole = if !SEALED && self.values { reader.whole(anchor) } else { None };
            let record = whole.map_or_else(|| reader.record(anchor), Ok)?;
            let decrypted = open(record, false)?;
            let key = decrypted.as_ref().map_or(record.key(), |decrypted| decrypted.key());
            match (self.bounds.place(key), end) {
                (Ordering::Equal, _) => {}
                (Ordering::Greater, End::Front) | (Ordering::Less, End::Back) => return Ok(true),
                // Not there yet.
                _ => continue,
            }
            *len = record.len();
            if let Some(version) = self.view.resolve(self.incarnation, record)? {
                let decrypted = match decrypted {
                    Some(decrypted) if version.position() == anchor => Some(decrypted),
                    _ if whole.is_some() && version.position() == anchor => None,
                    _ => open(version, self.values)?,
                };
                bytes += decrypted.as_ref().map_or(0, Decrypted::len);
                // SAFETY: `view` keeps the memory as long as the walk, which has what it found.
                self.side.ready.push(unsafe { PinnedRecord::new(version, decrypted) });
                if bytes > DECRYPTED_MAX_BYTES {
                    break;
                }
            } else {
                self.pass_over(anchor, key)?;
            }
        }
        Ok(false)
    }

    /// Spares later walks an anchor that nobody can see anything of any more: the keys that left
    /// the front of a queue would otherwise be looked up by each.
    #[cold]
    fn pass_over(&self, anchor: u64, key: &[u8]) -> Result<()> {
        let keys = self.view.anchors(self.incarnation);
        match (keys.newest(anchor)?, self.incarnation.order.get()) {
            (None, Some(order)) => order.bury(self.levels, key, anchor, keys),
            _ => Ok(()),
        }
    }
}
