//! A walk in the order of keys, from either end.
//!
//! Each end collects anchors some way ahead, asking the processor for their records, and resolves
//! them one by one when they are wanted: to the version that its state sees, if any. Where the
//! ends meet, each takes what the other has collected.

use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;

use super::End;
use crate::error::Result;
use crate::order::{Keys, Levels};
use crate::range::Bounds;
use crate::store::names::Incarnation;
use crate::store::read::Held;

/// Anchors that an end collects at first, so that who wants few pays for few.
const FIRST: usize = 4;
/// And at a time later on.
const MORE: usize = 16;

#[derive(Debug)]
pub(super) struct Ordered {
    pub(super) held: Held,
    incarnation: Arc<Incarnation>,
    levels: Arc<Levels>,
    /// Whether the skip list held anything of this state.
    recent: bool,
    bounds: Bounds,
    ends: [Side; 2],
    /// Whether there is nothing left between the ends.
    met: bool,
}

/// One end of the walk.
#[derive(Debug, Default)]
struct Side {
    started: bool,
    /// For each run how many entries lie before what is left: before its first or behind its last.
    at: Vec<usize>,
    /// Anchors collected, in the order of this end.
    ahead: VecDeque<u64>,
    /// The last anchor collected.
    edge: Option<u64>,
}

impl Ordered {
    pub(super) fn new(
        held: Held,
        incarnation: Arc<Incarnation>,
        levels: Arc<Levels>,
        bounds: Bounds,
    ) -> Ordered {
        let recent = !levels.recent.is_empty();
        let met = bounds.is_empty();
        Ordered { held, incarnation, levels, recent, bounds, ends: Default::default(), met }
    }

    /// The position of the next record from this end.
    #[inline]
    pub(super) fn next(&mut self, end: End) -> Result<Option<u64>> {
        loop {
            let side = &self.ends[end as usize];
            let few = if side.started { MORE / 2 } else { 1 };
            if side.ahead.len() < few && !self.met {
                let more = if side.started { MORE } else { FIRST };
                self.collect(end, more)?;
            }
            let own = self.ends[end as usize].ahead.pop_front();
            // When an end finds nothing more, the other one may have collected what is left.
            let taken = own.or_else(|| self.ends[end.other() as usize].ahead.pop_back());
            let Some(anchor) = taken else { return Ok(None) };
            let record = self.held.reader().record(anchor)?;
            if !self.bounds.contain(record.key()) {
                if own.is_some() {
                    // Past the other bound; so is all that it would collect.
                    self.met = true;
                    self.ends[end as usize].ahead.clear();
                }
                continue;
            }
            if let Some(version) = self.held.resolve(&self.incarnation, record)? {
                return Ok(Some(version));
            }
        }
    }

    fn collect(&mut self, end: End, more: usize) -> Result<()> {
        if !self.ends[end as usize].started {
            self.start(end)?;
        }
        if let ([_], false) = (&self.levels.runs[..], self.recent) {
            self.collect_from_one(end, more);
            return Ok(());
        }
        self.collect_merged(end, more)
    }

    /// Finds where the range begins in each run.
    fn start(&mut self, end: End) -> Result<()> {
        let keys = self.held.anchors(&self.incarnation);
        let bound = match end {
            End::Front => &self.bounds.low,
            End::Back => &self.bounds.high,
        };
        let mut at = Vec::with_capacity(self.levels.runs.len());
        for run in &self.levels.runs {
            let before = match (bound, end) {
                (Bound::Unbounded, End::Front) => 0,
                (Bound::Unbounded, End::Back) => run.len(),
                (Bound::Included(key), End::Front) | (Bound::Excluded(key), End::Back) => {
                    run.search(key, false, keys)?
                }
                (Bound::Excluded(key), End::Front) | (Bound::Included(key), End::Back) => {
                    run.search(key, true, keys)?
                }
            };
            at.push(before);
        }
        let side = &mut self.ends[end as usize];
        side.at = at;
        side.started = true;
        Ok(())
    }

    /// The most frequent case: one run holds all keys.
    fn collect_from_one(&mut self, end: End, more: usize) {
        let run = &self.levels.runs[0];
        let limit = match &self.ends[end.other() as usize] {
            other if other.started => other.at[0],
            _ if end == End::Front => run.len(),
            _ => 0,
        };
        let memory = &self.held.reader().generation.memory;
        let side = &mut self.ends[end as usize];
        let at = &mut side.at[0];
        for _ in 0..more {
            let index = match end {
                End::Front if *at < limit => {
                    *at += 1;
                    *at - 1
                }
                End::Back if *at > limit => {
                    *at -= 1;
                    *at
                }
                _ => {
                    self.met = true;
                    return;
                }
            };
            if let Some(anchor) = run.position(index) {
                memory.prefetch(anchor);
                side.ahead.push_back(anchor);
            }
        }
    }

    fn collect_merged(&mut self, end: End, more: usize) -> Result<()> {
        let keys = self.held.anchors(&self.incarnation);
        let other = self.ends[end.other() as usize].edge.map(|p| keys.key(p)).transpose()?;
        let side = &mut self.ends[end as usize];
        let edge = side.edge.map(|p| keys.key(p)).transpose()?;
        let mut recent = None;
        if self.recent {
            let begin = match (edge, end) {
                (Some(edge), _) => Bound::Excluded(edge),
                (None, End::Front) => self.bounds.low.as_ref().map(Vec::as_slice),
                (None, End::Back) => self.bounds.high.as_ref().map(Vec::as_slice),
            };
            recent = match end {
                End::Front => self.levels.recent.lower_bound::<[u8]>(begin),
                End::Back => self.levels.recent.upper_bound::<[u8]>(begin),
            };
        }
        let mut heads = Vec::with_capacity(side.at.len());
        for (run, at) in self.levels.runs.iter().zip(&side.at) {
            heads.push(match run.position(end.index(*at)) {
                Some(anchor) => Some((keys.key(anchor)?, anchor)),
                None => None,
            });
        }
        for _ in 0..more {
            let mut best = recent.as_ref().map(|entry| (&**entry.key(), *entry.value()));
            for head in heads.iter().flatten() {
                if best.is_none_or(|(key, _)| end.precedes(head.0, key)) {
                    best = Some(*head);
                }
            }
            let Some((key, anchor)) = best.filter(|b| other.is_none_or(|o| end.precedes(b.0, o)))
            else {
                self.met = true;
                return Ok(());
            };
            // An owned key, since the skip list's entry moves on.
            let stands_for_key = |k: &[u8]| k == key;
            for (i, run) in self.levels.runs.iter().enumerate() {
                while heads[i].is_some_and(|(k, _)| stands_for_key(k)) {
                    let at = &mut side.at[i];
                    *at = end.advance(*at);
                    let far = match end {
                        End::Front => at.checked_add(MORE),
                        End::Back => at.checked_sub(MORE),
                    };
                    if let Some(later) = far.and_then(|far| run.position(far)) {
                        keys.prefetch(later);
                    }
                    heads[i] = match run.position(end.index(*at)) {
                        Some(anchor) => Some((keys.key(anchor)?, anchor)),
                        None => None,
                    };
                }
            }
            let moved =
                recent.as_ref().filter(|e| stands_for_key(e.key())).map(|entry| match end {
                    End::Front => entry.next(),
                    End::Back => entry.prev(),
                });
            side.ahead.push_back(anchor);
            side.edge = Some(anchor);
            if let Some(moved) = moved {
                recent = moved;
            }
        }
        Ok(())
    }
}

impl End {
    fn other(self) -> End {
        match self {
            End::Front => End::Back,
            End::Back => End::Front,
        }
    }

    /// Whether this end meets `a` before `b`.
    fn precedes(self, a: &[u8], b: &[u8]) -> bool {
        match self {
            End::Front => a < b,
            End::Back => a > b,
        }
    }

    /// The entry next to a boundary; none for the back's at 0.
    fn index(self, at: usize) -> usize {
        match self {
            End::Front => at,
            End::Back => at.wrapping_sub(1),
        }
    }

    fn advance(self, at: usize) -> usize {
        match self {
            End::Front => at + 1,
            End::Back => at - 1,
        }
    }
}
