//! The anchors of one run, from both ends: the most frequent case.

use std::ops::Bound;
use std::sync::Arc;

use crate::cursor::end::End;
use crate::cursor::range::Bounds;
use crate::error::Result;
use crate::index::ordered::{Keys, Run};

/// Anchors ahead of the walk whose records are asked for, so that who wants few pays for few.
const AHEAD_MIN_RECORDS: usize = 4;
/// The same once the walk has gone on for a while.
const AHEAD_MAX_RECORDS: usize = 8;
/// The number of anchors that it takes to ask for one more ahead.
const AHEAD_STEP_ANCHORS: usize = 8;

#[derive(Debug)]
pub(crate) struct Single {
    run: Arc<Run>,
    /// The entries that are left.
    low: usize,
    high: usize,
    /// Whether `low` and `high` are where the range begins and ends, or thereabouts.
    placed: [bool; 2],
    /// How many anchors each end has given, and up to where it has asked for records.
    given: [usize; 2],
    asked: [usize; 2],
}

impl Single {
    pub(crate) fn new(run: Arc<Run>) -> Single {
        let high = run.len();
        Single { run, low: 0, high, placed: [false; 2], given: [0; 2], asked: [0, high] }
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
        let given = self.given[end as usize];
        self.given[end as usize] = given + 1;
        let ahead = (AHEAD_MIN_RECORDS + given / AHEAD_STEP_ANCHORS).min(AHEAD_MAX_RECORDS);
        let ahead = ahead.min(self.high - self.low);
        let run = &*self.run;
        let mut asked = self.asked[end as usize];
        let at = match end {
            End::Front => {
                let target = self.low + ahead;
                asked = asked.max(self.low);
                while asked < target {
                    keys.prefetch(run.at(asked), len);
                    asked += 1;
                }
                self.low += 1;
                self.low - 1
            }
            End::Back => {
                let target = self.high - ahead;
                asked = asked.min(self.high);
                while asked > target {
                    asked -= 1;
                    keys.prefetch(run.at(asked), len);
                }
                self.high -= 1;
                self.high
            }
        };
        self.asked[end as usize] = asked;
        Some(run.at(at))
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
