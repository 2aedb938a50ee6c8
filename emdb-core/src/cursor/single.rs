//! The anchors of one run, from both ends: the most frequent case.

use std::ops::Bound;
use std::sync::Arc;

use crate::cursor::end::End;
use crate::cursor::range::Bounds;
use crate::error::Result;
use crate::index::ordered::{Keys, Run};

/// How many anchors ahead of the walk the rest of a record is asked for, at most.
const AHEAD_MAX_RECORDS: usize = 9;
/// The same of a walk that has just begun, so that who wants few pays for few.
const AHEAD_MIN_RECORDS: usize = 4;

#[derive(Debug)]
pub(crate) struct Single {
    run: Arc<Run>,
    /// The entries that are left.
    low: usize,
    high: usize,
    /// Whether `low` and `high` are where the range begins and ends, or thereabouts.
    placed: [bool; 2],
    /// Up to where each end has asked for records.
    asked: [usize; 2],
    ahead: usize,
}

impl Single {
    pub(crate) fn new(run: Arc<Run>) -> Single {
        let high = run.len();
        Single { run, low: 0, high, placed: [false; 2], asked: [0, high], ahead: AHEAD_MIN_RECORDS }
    }

    /// Asks for what a batch of `size` records, of about `len` bytes, will read, with another of
    /// `next_size` behind it.
    ///
    /// The heads of a long walk in one go: a prefetch waits until its page is found, and only where the
    /// next ones are a few instructions away does the processor look for several pages at once. The rest
    /// of a record, in a page that is known by then, is asked for step by step, while others are verified.
    #[inline(always)]
    pub(crate) fn ask<'k>(
        &mut self,
        end: End,
        (size, next_size): (usize, usize),
        keys: impl Keys<'k>,
        len: usize,
    ) {
        self.ahead = size.clamp(AHEAD_MIN_RECORDS, AHEAD_MAX_RECORDS);
        let is_long = size > AHEAD_MAX_RECORDS;
        let (count, len) = if is_long { (size + next_size, 0) } else { (self.ahead, len) };
        // One end may have passed over removed keys to before the range, where the other begins it.
        let count = count.min(self.high.saturating_sub(self.low));
        let asked = &mut self.asked[end as usize];
        let wanted = match end {
            End::Front => {
                let from = (*asked).max(self.low);
                *asked = from.max(self.low + count);
                from..*asked
            }
            End::Back => {
                let to = (*asked).min(self.high);
                *asked = to.min(self.high - count);
                *asked..to
            }
        };
        wanted.for_each(|at| keys.prefetch(self.run.at(at), len));
    }

    /// The next anchor. Some at the start may lie before the range, and all behind it follow.
    #[inline(always)]
    pub(crate) fn next<'k>(&mut self, end: End, keys: impl Keys<'k>, len: usize) -> Option<u64> {
        match end {
            End::Front => self.low = self.run.skip(self.low, self.high),
            End::Back => self.high = self.run.skip_back(self.high, self.low),
        }
        if self.low >= self.high {
            return None;
        }
        let later = match end {
            End::Front => self.low + self.ahead,
            End::Back => self.high.wrapping_sub(self.ahead + 1),
        };
        if (self.low..self.high).contains(&later) {
            keys.prefetch(self.run.at(later), len);
        }
        let at = match end {
            End::Front => {
                self.low += 1;
                self.low - 1
            }
            End::Back => {
                self.high -= 1;
                self.high
            }
        };
        Some(self.run.at(at))
    }

    /// Finds where the range begins; before the first `next` of each end.
    pub(crate) fn place<'k>(
        &mut self,
        end: End,
        bounds: &Bounds,
        keys: impl Keys<'k>,
    ) -> Result<()> {
        use Bound::{Excluded, Included};
        if self.placed[end as usize] {
            return Ok(());
        }
        self.placed[end as usize] = true;
        match end {
            End::Front => {
                if let Included(key) | Excluded(key) = &bounds.low {
                    self.low = self.run.search_near(key, false, keys)?.max(self.low);
                }
                self.asked[0] = self.low;
            }
            End::Back => {
                if let Included(key) | Excluded(key) = &bounds.high {
                    self.high = self.run.search_near(key, true, keys)?.min(self.high);
                }
                self.asked[1] = self.high;
            }
        }
        Ok(())
    }
}
