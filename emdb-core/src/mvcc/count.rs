//! A number of records as each view of it sees it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::mvcc::views::ViewRegistry;
use crate::os::sync::lock;

/// A number at the two latest watermarks that changed it and at those that are looked at, so that
/// a reader finds the one that goes with its own.
#[derive(Debug, Default)]
pub(super) struct Count {
    /// How often it changed. The latest number is in the slot of its parity.
    changes: AtomicU64,
    /// From which watermark on, and the number.
    slots: [(AtomicU64, AtomicU64); 2],
    /// Earlier ones that a view can see: from which watermark on, up to which, and the number.
    seen: Mutex<Vec<(u64, u64, u64)>>,
}

impl Count {
    /// Has views from the watermark `from` on see `number`. Called by the one writer alone, before the
    /// watermark moves there.
    pub(super) fn show(&self, from: u64, number: u64, views: &ViewRegistry) {
        let latest = self.changes.load(Ordering::Relaxed);
        let slot = &self.slots[latest as usize % 2];
        if slot.0.load(Ordering::Relaxed) == from {
            // The same commit once more. The other slot has what there is until then, which a view
            // can still begin to look at.
            slot.1.store(number, Ordering::Release);
            return;
        }
        let changes = latest + 1;
        let slot = &self.slots[changes as usize % 2];
        // The slot's former content. No view of it can come any more.
        let former = slot.0.load(Ordering::Relaxed);
        let until = self.slots[(changes as usize + 1) % 2].0.load(Ordering::Relaxed);
        if views.any_in(former, until) {
            let mut seen = lock(&self.seen);
            seen.retain(|&(from, until, _)| views.any_in(from, until));
            seen.push((former, until, slot.1.load(Ordering::Relaxed)));
        }
        // Whoever reads the new number finds its watermark, too, and that it is too late.
        slot.0.store(from, Ordering::Relaxed);
        slot.1.store(number, Ordering::Release);
        self.changes.store(changes, Ordering::Release);
    }

    /// The number at `watermark`; none if that is not registered as a view and two commits have
    /// changed it since.
    #[inline]
    pub(super) fn at(&self, watermark: u64) -> Option<u64> {
        let latest = self.changes.load(Ordering::Acquire);
        let recent = [latest, latest + 1].into_iter().find_map(|change| {
            let slot = &self.slots[change as usize % 2];
            let number = slot.1.load(Ordering::Acquire);
            (slot.0.load(Ordering::Relaxed) <= watermark).then_some(number)
        });
        recent.or_else(|| {
            let seen = lock(&self.seen);
            let mut fitting = seen.iter().filter(|s| s.0 <= watermark && watermark < s.1);
            fitting.next().map(|s| s.2)
        })
    }
}
