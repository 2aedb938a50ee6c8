//! Which committed states are being looked at.
//!
//! A view is a watermark: it sees the records below it. While one is registered, nothing that it
//! can see is dropped from memory. Registering loads the watermark under the same lock that the
//! writer asks for the oldest one, so no view appears below what the writer was told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::sync::lock;

#[derive(Debug, Default)]
pub(crate) struct Views {
    /// How many views there are of each watermark.
    held: Mutex<BTreeMap<u64, usize>>,
    /// How many watermarks have lost their last view.
    gone: AtomicU64,
    /// The newest watermark that was ever looked at.
    newest: AtomicU64,
}

impl Views {
    /// A view of what is committed now.
    pub(crate) fn register(self: &Arc<Views>, committed: &AtomicU64) -> View {
        let mut held = lock(&self.held);
        let watermark = committed.load(Ordering::Acquire);
        *held.entry(watermark).or_default() += 1;
        self.newest.store(watermark, Ordering::Release);
        View { views: self.clone(), watermark }
    }

    /// The oldest watermark that anybody looks at, or the largest number.
    pub(crate) fn oldest(&self) -> u64 {
        lock(&self.held).keys().next().copied().unwrap_or(u64::MAX)
    }

    /// Whether anybody looks at a watermark behind `start` and not behind `end`.
    pub(crate) fn any_between(&self, start: u64, end: u64) -> bool {
        start < end && lock(&self.held).range(start + 1..=end).next().is_some()
    }

    /// Whether anybody looks at a watermark from `from` on and below `until`. Costs little while
    /// nobody looks back so far.
    #[inline]
    pub(crate) fn any_in(&self, from: u64, until: u64) -> bool {
        self.newest.load(Ordering::Acquire) >= from
            && from < until
            && lock(&self.held).range(from..until).next().is_some()
    }

    /// Grows whenever a view goes that may have been the last of its watermark.
    pub(crate) fn gone(&self) -> u64 {
        self.gone.load(Ordering::Acquire)
    }
}

/// A registered view; gone when dropped.
#[derive(Debug)]
pub(crate) struct View {
    views: Arc<Views>,
    watermark: u64,
}

impl View {
    pub(crate) fn watermark(&self) -> u64 {
        self.watermark
    }

    /// The oldest watermark that anybody looks at.
    pub(crate) fn oldest_of_all(&self) -> u64 {
        self.views.oldest()
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let mut held = lock(&self.views.held);
        if let Some(count) = held.get_mut(&self.watermark) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.watermark);
                self.views.gone.fetch_add(1, Ordering::Release);
            }
        }
    }
}
