//! A walk in the order of keys, from either end.
//!
//! The order gives anchors. A few at a time are resolved to the versions that the walk's state
//! sees, where there is one, and verified; few at first, so that who wants little pays for little.

use std::sync::Arc;

use crate::cursor::batch::Batch;
use crate::cursor::end::End;
use crate::cursor::merged::Merged;
use crate::cursor::pinned::PinnedRecord;
use crate::cursor::range::Bounds;
use crate::cursor::single::Single;
use crate::engine::read_view::ReadView;
use crate::error::{Error, Result};
use crate::index::ordered::Levels;
use crate::mvcc::incarnation::Incarnation;

/// Records that are made ready at a time, at most: one at first, then three, six, and so on.
const BATCH_MAX_RECORDS: usize = 16;
/// The number that there is room for from the first on: ten records, say, take one allocation.
const FIRST_CAPACITY_RECORDS: usize = 6;

/// How many records are made ready behind a batch of `size`.
#[inline]
fn next_size(size: usize) -> usize {
    (2 * size + usize::from(size < 2)).min(BATCH_MAX_RECORDS)
}

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
    /// Whether this end is in the range.
    begun: bool,
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
        if self.give(end).is_some() { Ok(true) } else { self.go_further(end) }
    }

    /// Whether the next record from this end is ready.
    #[inline(always)]
    pub(crate) fn is_ready(&self, end: End) -> bool {
        let side = &self.sides[end as usize];
        side.given < side.ready.len()
    }

    /// Goes to the next record from this end, if that is ready.
    #[inline(always)]
    pub(crate) fn give(&mut self, end: End) -> Option<&PinnedRecord> {
        self.at = end;
        let side = &mut self.sides[end as usize];
        let found = side.ready.get(side.given)?;
        side.given += 1;
        Some(found)
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
        side.batch = next_size(side.batch);
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
        let side = &mut self.sides[end as usize];
        let batch = Batch {
            view: &self.view,
            incarnation: &self.incarnation,
            levels: &self.levels,
            bounds,
            values: self.values,
            end,
            size: side.batch,
            begun: &mut side.begun,
            ready: &mut side.ready,
        };
        let behind = match &mut self.anchors {
            AnchorSource::Single(single) => {
                single.place(end, bounds, keys)?;
                single.ask(end, (batch.size, next_size(batch.size)), keys, *len);
                batch.fill(len, |len| Ok(single.next(end, keys, len)))
            }
            AnchorSource::Merged(merged) => batch.fill(len, |_| merged.next(end, bounds, keys)),
            AnchorSource::None => Ok(false),
        }?;
        if behind {
            // All that is left, to either end, lies behind the range as well.
            self.anchors = AnchorSource::None;
        }
        Ok(())
    }
}
