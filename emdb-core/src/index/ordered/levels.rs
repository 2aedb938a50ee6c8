//! The sorted levels of an order: a skip list, and runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_skiplist::SkipMap;

use crate::error::Result;
use crate::index::ordered::keys::Keys;
use crate::index::ordered::run::Run;

/// Up to so many fresh anchors go to the skip list one by one; more are sorted at once.
pub(super) const SKIP_LIST_MAX_FRESH_KEYS: usize = 128;
/// Anchors that the skip list holds before it becomes a run.
pub(super) const SKIP_LIST_MAX_KEYS: usize = 512;

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

impl Levels {
    /// All anchors in runs.
    pub(crate) fn all_runs(&self) -> Vec<Arc<Run>> {
        let mut all = self.clone();
        if !all.recent.is_empty() {
            all.turn_recent();
        }
        all.runs
    }

    /// These levels with more anchors.
    pub(super) fn with<'k>(&self, anchors: &[u64], keys: impl Keys<'k>) -> Result<Levels> {
        let mut more = self.clone();
        if anchors.len() > SKIP_LIST_MAX_FRESH_KEYS {
            more.runs.push(Arc::new(Run::sort(anchors, keys)?));
            return Ok(more);
        }
        for &position in anchors {
            let key = keys.key(position)?;
            let entry = more.recent.get_or_insert(key.into(), AtomicU64::new(position));
            // If the key has gone and come again: who found it gone must see that.
            entry.value().store(position, Ordering::Release);
        }
        if more.recent.len() > SKIP_LIST_MAX_KEYS {
            more.turn_recent();
        }
        Ok(more)
    }

    pub(super) fn turn_recent(&mut self) {
        let recent = std::mem::take(&mut self.recent);
        let entries: Vec<_> = recent.iter().collect();
        let anchor = |e: &RecentEntry<'_>| e.value().load(Ordering::Acquire);
        let run = Run::of_sorted(entries.iter().map(|e| (&**e.key(), anchor(e))));
        self.runs.push(Arc::new(run));
    }

    /// From which run on the runs should be merged: those that are together not much smaller than
    /// the one before them; with `all` also much smaller ones, and any up to `patience` anchors.
    pub(super) fn mergeable(&self, all: bool, patience: usize) -> Option<usize> {
        let mut start = self.runs.len().checked_sub(1)?;
        let mut sum = self.runs[start].len();
        let ratio = if all { 64 } else { 2 };
        while start > 0 {
            let before = self.runs[start - 1].len();
            if before / ratio > sum && before + sum > patience {
                break;
            }
            start -= 1;
            sum += before;
        }
        (start + 1 < self.runs.len()).then_some(start)
    }
}
