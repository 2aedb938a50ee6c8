//! The committed states that are being looked at.
//!
//! A view is a watermark: it sees the records below it. While one is registered, nothing that it
//! can see is dropped from memory. Registering loads the watermark under the same lock that the
//! writer asks for the oldest one, so no view appears below what the writer was told.

use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex};

use crate::os::fork::Process;
use crate::os::sync::lock;

#[derive(Debug)]
pub(crate) struct ViewRegistry {
    process: Process,
    /// The watermarks that are looked at, in order, and how many views there are of each. Seldom
    /// many.
    registered: Mutex<Vec<(u64, usize)>>,
    /// How many watermarks have lost their last view.
    gone: AtomicU64,
    /// The newest watermark that was ever looked at; the largest number while that changes.
    newest: AtomicU64,
}

impl Default for ViewRegistry {
    fn default() -> ViewRegistry {
        ViewRegistry {
            process: Process::current(),
            registered: Mutex::default(),
            gone: AtomicU64::default(),
            newest: AtomicU64::default(),
        }
    }
}

impl ViewRegistry {
    /// A view of what is committed now.
    pub(crate) fn register(self: &Arc<ViewRegistry>, committed: &AtomicU64) -> RegisteredView {
        let mut registered = lock(&self.registered);
        // Either this sees the writer's latest watermark, or the writer, in `any_in`, sees that
        // somebody may be about to look at a former one.
        self.newest.store(u64::MAX, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let watermark = committed.load(Ordering::Acquire);
        debug_assert!(
            registered.last().is_none_or(|(newest, _)| *newest <= watermark),
            "the watermark only grows"
        );
        match registered.last_mut() {
            Some((newest, count)) if *newest == watermark => *count += 1,
            _ => registered.push((watermark, 1)),
        }
        self.newest.store(watermark, Ordering::Release);
        RegisteredView { views: self.clone(), watermark }
    }

    /// The oldest watermark that anybody looks at, or the largest number.
    pub(crate) fn oldest(&self) -> u64 {
        lock(&self.registered).first().map_or(u64::MAX, |(watermark, _)| *watermark)
    }

    /// Below this no view looks, neither a present one nor one to come.
    pub(crate) fn floor(&self, committed: &AtomicU64) -> u64 {
        // In this order: a view that registers in between has this watermark or a later one.
        let watermark = committed.load(Ordering::Acquire);
        self.oldest().min(watermark)
    }

    /// Whether anybody looks at a watermark behind `start` and not behind `end`.
    pub(crate) fn any_between(&self, start: u64, end: u64) -> bool {
        self.any_in(start.saturating_add(1), end.saturating_add(1))
    }

    /// Whether anybody looks at a watermark from `from` on and below `until`, which has been
    /// passed. Costs little while nobody looks back so far.
    #[inline]
    pub(crate) fn any_in(&self, from: u64, until: u64) -> bool {
        fence(Ordering::SeqCst);
        self.newest.load(Ordering::Acquire) >= from && from < until && {
            let registered = lock(&self.registered);
            let first = registered.partition_point(|(watermark, _)| *watermark < from);
            registered.get(first).is_some_and(|(watermark, _)| *watermark < until)
        }
    }

    /// Grows whenever a view goes that may have been the last of its watermark.
    pub(crate) fn gone(&self) -> u64 {
        self.gone.load(Ordering::Acquire)
    }
}

/// A registered view; gone when dropped.
#[derive(Debug)]
pub(crate) struct RegisteredView {
    views: Arc<ViewRegistry>,
    watermark: u64,
}

impl RegisteredView {
    pub(crate) fn watermark(&self) -> u64 {
        self.watermark
    }
}

impl Drop for RegisteredView {
    fn drop(&mut self) {
        if self.views.process.is_forked_child() {
            // In a forked child the lock may be held by a thread that isn't there.
            return;
        }
        let mut registered = lock(&self.views.registered);
        if let Ok(at) =
            registered.binary_search_by_key(&self.watermark, |(watermark, _)| *watermark)
        {
            registered[at].1 -= 1;
            if registered[at].1 == 0 {
                registered.remove(at);
                self.views.gone.fetch_add(1, Ordering::Release);
            }
        }
    }
}
