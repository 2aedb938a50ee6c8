//! The anchors of several runs and a skip list, merged, from both ends.
//!
//! Each end collects some way ahead. Where the ends meet, each takes what the other has collected.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::cursor::end::End;
use crate::cursor::range::Bounds;
use crate::error::{Error, Result};
use crate::index::ordered::{Keys, Levels, RecentEntry, Run};

/// Anchors that an end collects at first, so that who wants few pays for few.
const FIRST_BATCH_ANCHORS: usize = 4;
/// And at a time later on.
const BATCH_ANCHORS: usize = 16;
/// The length that a record is taken to have.
const USUAL_RECORD_BYTES: usize = 128;
/// The distance ahead at which keys are asked for, in each run.
const AHEAD_KEYS: usize = 4;

#[derive(Debug)]
pub(crate) struct Merged {
    levels: Arc<Levels>,
    /// Whether the skip list held anything of this state.
    recent: bool,
    sides: [Side; 2],
    /// Whether there is nothing left between the ends.
    met: bool,
}

/// One end of the walk.
#[derive(Debug, Default)]
struct Side {
    started: bool,
    /// For each run the boundary between what this end has passed and what is left.
    at: Vec<usize>,
    /// Anchors collected, in the order of this end.
    ahead: VecDeque<u64>,
    /// The last anchor collected.
    edge: Option<u64>,
    /// The error that comes behind those.
    failed: Option<Error>,
}

/// The next key of a run, with its anchor.
type Head<'k> = Option<(Cow<'k, [u8]>, u64)>;

impl Merged {
    pub(crate) fn new(levels: Arc<Levels>) -> Merged {
        let recent = !levels.recent.is_empty();
        Merged { levels, recent, sides: Default::default(), met: false }
    }

    /// The next anchor. Some at the start may lie before the range, and all behind it follow.
    pub(crate) fn next<'k>(
        &mut self,
        end: End,
        bounds: &Bounds,
        keys: impl Keys<'k>,
    ) -> Result<Option<u64>> {
        let side = &self.sides[end as usize];
        let (few, more) = if side.started {
            (BATCH_ANCHORS / 2, BATCH_ANCHORS)
        } else {
            (1, FIRST_BATCH_ANCHORS)
        };
        if side.ahead.len() < few && !self.met {
            if !side.started {
                self.start(end, bounds, keys)?;
            }
            if let Err(e) = self.collect(end, more, bounds, keys) {
                // Anchors collected before come first.
                self.met = true;
                self.sides[end as usize].failed = Some(e);
            }
        }
        let side = &mut self.sides[end as usize];
        if let Some(own) = side.ahead.pop_front() {
            return Ok(Some(own));
        }
        if let Some(failed) = side.failed.take() {
            return Err(failed);
        }
        // When an end finds nothing more, the other one may have collected what is left.
        let other = &mut self.sides[end.other() as usize];
        match other.failed.take() {
            Some(failed) => Err(failed),
            None => Ok(other.ahead.pop_back()),
        }
    }

    /// Finds where the range begins in each run.
    fn start<'k>(&mut self, end: End, bounds: &Bounds, keys: impl Keys<'k>) -> Result<()> {
        let bound = end.bound(bounds);
        let mut at = Vec::with_capacity(self.levels.runs.len());
        for run in &self.levels.runs {
            at.push(match (bound, end) {
                (Bound::Unbounded, End::Front) => 0,
                (Bound::Unbounded, End::Back) => run.len(),
                (Bound::Included(key) | Bound::Excluded(key), _) => {
                    run.search_near(key, end == End::Back, keys)?
                }
            });
        }
        for (run, &at) in self.levels.runs.iter().zip(&at) {
            for near in 0..AHEAD_KEYS {
                let near = match end {
                    End::Front => at + near,
                    End::Back => at.wrapping_sub(near + 1),
                };
                if let Some(later) = run.position(near) {
                    keys.prefetch(later, USUAL_RECORD_BYTES);
                }
            }
        }
        let side = &mut self.sides[end as usize];
        side.at = at;
        side.started = true;
        Ok(())
    }

    fn collect<'k>(
        &mut self,
        end: End,
        more: usize,
        bounds: &Bounds,
        keys: impl Keys<'k>,
    ) -> Result<()> {
        let limit = self.sides[end.other() as usize].edge.map(|p| keys.key(p)).transpose()?;
        let side = &mut self.sides[end as usize];
        let mut recent = None;
        if self.recent {
            let edge = side.edge.map(|edge| keys.key(edge)).transpose()?;
            let begin = match &edge {
                Some(edge) => Bound::Excluded(&**edge),
                None => end.bound(bounds),
            };
            recent = match end {
                End::Front => self.levels.recent.lower_bound::<[u8]>(begin),
                End::Back => self.levels.recent.upper_bound::<[u8]>(begin),
            };
        }
        let mut heads = Vec::with_capacity(side.at.len());
        for (run, at) in self.levels.runs.iter().zip(&mut side.at) {
            heads.push(head(run, end, at, keys)?);
        }
        let mut alike = Vec::with_capacity(heads.len());
        for _ in 0..more {
            let anchor = |e: &RecentEntry<'_>| e.value().load(Ordering::Acquire);
            let mut best = recent.as_ref().map(|entry| (&**entry.key(), anchor(entry)));
            for (key, position) in heads.iter().flatten() {
                if best.is_none_or(|(best, _)| end.precedes(key, best)) {
                    best = Some((&**key, *position));
                }
            }
            let precedes = |key| limit.as_ref().is_none_or(|limit| end.precedes(key, limit));
            let Some((key, anchor)) = best.filter(|best| precedes(best.0)) else {
                self.met = true;
                return Ok(());
            };
            // Other levels may have the same key.
            alike.clear();
            alike.extend(heads.iter().map(|h| h.as_ref().is_some_and(|(k, _)| **k == *key)));
            let same = recent.as_ref().filter(|entry| **entry.key() == *key);
            let moved = same.map(|entry| match end {
                End::Front => entry.next(),
                End::Back => entry.prev(),
            });
            let alike = alike.iter().enumerate().filter(|(_, alike)| **alike);
            for (of, _) in alike {
                let (run, at) = (&self.levels.runs[of], &mut side.at[of]);
                *at = end.advance(*at);
                heads[of] = head(run, end, at, keys)?;
            }
            side.ahead.push_back(anchor);
            side.edge = Some(anchor);
            if let Some(moved) = moved {
                recent = moved;
            }
        }
        Ok(())
    }
}

/// The next entry of a run, with `at` moved up to it.
fn head<'k>(run: &Run, end: End, at: &mut usize, keys: impl Keys<'k>) -> Result<Head<'k>> {
    let (next, far) = match end {
        End::Front => {
            *at = run.skip(*at, run.len());
            (*at, *at + AHEAD_KEYS)
        }
        End::Back => {
            *at = run.skip_back(*at, 0);
            (at.wrapping_sub(1), at.wrapping_sub(AHEAD_KEYS + 1))
        }
    };
    if let Some(later) = run.position(far) {
        keys.prefetch(later, USUAL_RECORD_BYTES);
    }
    run.position(next).map(|anchor| Ok((keys.key(anchor)?, anchor))).transpose()
}
