//! The order of a namespace's keys, beside its hash index.
//!
//! It holds *anchors*: for each key the position of some record of it. Which version of the key a
//! reader sees is found from there, through links or the hash index, so an overwrite or removal
//! changes nothing here. Only a key that was absent gets an anchor. There may be anchors of keys
//! that are gone and two for one key; there is always one for a key that a view can see.
//!
//! Three levels, each cheaper to read and dearer to change than the one before:
//!
//! - `fresh`: positions as the writer appended them, 8 bytes each. No reader looks here: whoever
//!   wants the order first moves them on.
//! - `recent`: a skip list (Pugh, "Skip Lists: A Probabilistic Alternative to Balanced Trees",
//!   1990) of a few thousand keys. Nothing is ever inserted over a key that is present.
//! - [`Run`]s: sorted arrays, merged when two are of like size.
//!
//! A reader takes the levels as they are at one moment and keeps them. What is added later can't
//! be of its state, or is there already under another record.

mod run;
mod superseded;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crossbeam_skiplist::SkipMap;

use crate::error::Result;
use crate::sync::lock;
pub(crate) use run::Run;
pub(crate) use superseded::Superseded;

/// Up to so many fresh anchors go to the skip list one by one; more are sorted at once.
const FEW: usize = 256;
/// Anchors that the skip list holds before it becomes a run.
const RECENT: usize = 2048;
/// Anchors that come between two looks when too much is written for putting all in order.
const BUSY: usize = 2048;
/// Fresh anchors at which the writer asks for help.
pub(crate) const MANY: usize = 1 << 15;

/// Where the order finds keys and what has become of them.
pub(crate) trait Keys<'k>: Copy {
    /// The key of the record at `position`, verified.
    fn key(self, position: u64) -> Result<&'k [u8]>;

    /// Asks the processor for the record at `position`, which is taken to have `len` bytes.
    fn prefetch(self, position: u64, len: usize);

    /// The newest record of the key whose record `position` is; none if no view, present or to
    /// come, can see the key.
    fn newest(self, position: u64) -> Result<Option<u64>>;

    /// A record of each key that any view can see, in no particular order.
    fn all(self) -> Vec<u64>;
}

/// The skip list: keys, and the position of a record of each.
pub(crate) type Recent = SkipMap<Box<[u8]>, AtomicU64>;

pub(crate) type RecentEntry<'l> = crossbeam_skiplist::map::Entry<'l, Box<[u8]>, AtomicU64>;

/// The sorted levels at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Levels {
    pub(crate) recent: Arc<Recent>,
    /// Oldest and largest first.
    pub(crate) runs: Vec<Arc<Run>>,
}

#[derive(Debug)]
pub(crate) struct Order {
    /// None until the order is first asked for, if the namespace held keys before it had one.
    fresh: Mutex<Option<Vec<u64>>>,
    /// Anchors that aren't in the levels yet, or one if the order isn't built. Zero only when a
    /// reader of what is committed finds all of it in the levels.
    waiting: AtomicUsize,
    /// Held while fresh anchors are moved in.
    levels: Mutex<Arc<Levels>>,
    /// Held by whoever merges runs.
    merging: Mutex<()>,
    /// How many were waiting when a call with `all` last looked.
    looked: AtomicUsize,
    /// Anchors in runs, when those were last replaced.
    sorted: AtomicUsize,
    /// Anchors whose record was replaced or removed since the runs were last gone through.
    stale: AtomicUsize,
}

impl Order {
    fn new(fresh: Option<Vec<u64>>) -> Order {
        Order {
            waiting: AtomicUsize::new(usize::from(fresh.is_none())),
            fresh: Mutex::new(fresh),
            levels: Mutex::default(),
            merging: Mutex::default(),
            looked: AtomicUsize::new(0),
            sorted: AtomicUsize::new(0),
            stale: AtomicUsize::new(0),
        }
    }

    /// The order of a namespace that holds nothing yet.
    pub(crate) fn empty() -> Order {
        Order::new(Some(Vec::new()))
    }

    /// The order of a namespace that may hold keys: built when it is first asked for.
    pub(crate) fn unbuilt() -> Order {
        Order::new(None)
    }

    /// Takes in the record of a key that was absent, before the watermark moves past it. Tells
    /// when many have come together. Called by the one writer alone, as is the following.
    pub(crate) fn note(&self, position: u64) -> bool {
        match &mut *lock(&self.fresh) {
            Some(fresh) => {
                fresh.push(position);
                let waiting = self.waiting.fetch_add(1, Ordering::Release) + 1;
                waiting.is_multiple_of(MANY)
            }
            None => false,
        }
    }

    /// Counts a record that has got a successor.
    pub(crate) fn note_stale(&self) {
        self.stale.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether a reader has more work than it would after a call of `settle`.
    pub(crate) fn is_behind(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0 || self.stale() > 0
    }

    /// The stale anchors, if they are a good part of all.
    fn stale(&self) -> usize {
        let stale = self.stale.load(Ordering::Relaxed);
        let many = FEW + self.sorted.load(Ordering::Relaxed) / 8;
        if stale > many { stale } else { 0 }
    }

    /// Bytes of memory that the order takes.
    pub(crate) fn bytes(&self) -> usize {
        let fresh = lock(&self.fresh).as_ref().map_or(0, Vec::capacity) * size_of::<u64>();
        let levels = lock(&self.levels).clone();
        let recent = levels.recent.len() * 96;
        fresh + recent + levels.runs.iter().map(|r| r.bytes()).sum::<usize>()
    }

    /// The levels, with all in them that was committed before the call.
    pub(crate) fn levels<'k>(&self, keys: impl Keys<'k>) -> Result<Arc<Levels>> {
        let mut levels = lock(&self.levels);
        if self.waiting.load(Ordering::Acquire) > 0 {
            self.absorb(&mut levels, keys)?;
        }
        Ok(levels.clone())
    }

    /// Moves the fresh anchors into the levels.
    fn absorb<'k>(&self, levels: &mut Arc<Levels>, keys: impl Keys<'k>) -> Result<()> {
        let taken = match &mut *lock(&self.fresh) {
            Some(fresh) => Some(std::mem::take(fresh)),
            unbuilt => {
                // What comes from now on is noted; what came before is in the hash index.
                *unbuilt = Some(Vec::new());
                None
            }
        };
        let (anchors, weight) = match taken {
            Some(fresh) => {
                let weight = fresh.len();
                (fresh, weight)
            }
            None => (keys.all(), 1),
        };
        match Levels::with(levels, &anchors, keys) {
            Ok(more) => *levels = Arc::new(more),
            Err(e) => {
                // A key is damaged. The next reader meets it again: nothing is skipped silently.
                let mut fresh = lock(&self.fresh);
                self.waiting.fetch_add(anchors.len().wrapping_sub(weight), Ordering::Release);
                let later = fresh.take().unwrap_or_default();
                *fresh = Some(anchors.into_iter().chain(later).collect());
                return Err(e);
            }
        }
        self.waiting.fetch_sub(weight, Ordering::Release);
        Ok(())
    }

    /// Lets walks over `levels` pass over the record at `position`, whose key has gone for every
    /// view, unless it has come again meanwhile.
    pub(crate) fn bury<'k>(
        &self,
        levels: &Levels,
        key: &[u8],
        position: u64,
        keys: impl Keys<'k>,
    ) -> Result<()> {
        {
            // Against one who moves the key in again.
            let _levels = lock(&self.levels);
            let found = levels.recent.get(key);
            if let Some(entry) = found.filter(|e| e.value().load(Ordering::Acquire) == position) {
                entry.remove();
            }
        }
        levels.runs.iter().try_for_each(|run| run.bury(key, position, keys))
    }

    /// Does what readers would otherwise pay for: moves fresh anchors on if there are at least
    /// `from`, merges runs of like size, and with `all` merges all of them. Tells whether there
    /// is more to do for a call with `all`.
    pub(crate) fn settle<'k>(&self, from: usize, all: bool, keys: impl Keys<'k>) -> Result<bool> {
        let waiting = self.waiting.load(Ordering::Acquire);
        if all && waiting.abs_diff(self.looked.swap(waiting, Ordering::Relaxed)) > BUSY {
            return Ok(true);
        }
        if waiting >= from.max(1) {
            self.levels(keys)?;
        }
        let Ok(_merging) = self.merging.try_lock() else { return Ok(true) };
        loop {
            let levels = lock(&self.levels).clone();
            let stale = if all { self.stale() } else { 0 };
            let start = if stale > 0 { Some(0) } else { levels.mergeable(all) };
            let Some(start) = start.filter(|_| !levels.runs.is_empty()) else { break };
            let mut merged = Run::default();
            for run in levels.runs[start..].iter().rev() {
                merged = run.merge(&merged, keys, |p| keys.newest(p))?;
            }
            self.stale.fetch_sub(stale, Ordering::Relaxed);
            self.replace(start, levels.runs.len(), merged);
        }
        Ok(lock(&self.levels).mergeable(true).is_some() || self.waiting.load(Ordering::Relaxed) > 0)
    }

    /// Puts `merged` in the place of the runs from `start` to `end`. Runs are only added behind
    /// those meanwhile.
    fn replace(&self, start: usize, end: usize, merged: Run) {
        let mut levels = lock(&self.levels);
        let mut runs = levels.runs.clone();
        runs.splice(start..end, Some(Arc::new(merged)).filter(|m| m.len() > 0));
        self.sorted.store(runs.iter().map(|r| r.len()).sum(), Ordering::Relaxed);
        *levels = Arc::new(Levels { recent: levels.recent.clone(), runs });
    }
}

impl Levels {
    /// These levels with more anchors.
    fn with<'k>(&self, anchors: &[u64], keys: impl Keys<'k>) -> Result<Levels> {
        let mut more = self.clone();
        if anchors.len() > FEW {
            more.runs.push(Arc::new(Run::sort(anchors, keys)?));
            return Ok(more);
        }
        for &position in anchors {
            let key = keys.key(position)?;
            let entry = more.recent.get_or_insert(key.into(), AtomicU64::new(position));
            // If the key has gone and come again: who found it gone must see that.
            entry.value().store(position, Ordering::Release);
        }
        if more.recent.len() > RECENT {
            let recent = std::mem::take(&mut more.recent);
            let entries: Vec<_> = recent.iter().collect();
            let anchor = |e: &RecentEntry<'_>| e.value().load(Ordering::Acquire);
            let run = Run::of_sorted(entries.iter().map(|e| (&**e.key(), anchor(e))));
            more.runs.push(Arc::new(run));
        }
        Ok(more)
    }

    /// From which run on the runs should be merged: those that are together not much smaller than
    /// the one before them. With `all` also those that are a good part of everything.
    fn mergeable(&self, all: bool) -> Option<usize> {
        let mut start = self.runs.len().checked_sub(1)?;
        let mut sum = self.runs[start].len();
        let enough =
            |before: usize, sum: usize| if all { before / 64 <= sum } else { before / 2 <= sum };
        while start > 0 && enough(self.runs[start - 1].len(), sum) {
            start -= 1;
            sum += self.runs[start].len();
        }
        (start + 1 < self.runs.len()).then_some(start)
    }
}
