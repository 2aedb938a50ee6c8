//! A call that is due once the journal has grown up to a point, or has come to hold much less.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Somebody who waits for the journal to grow.
pub(crate) struct GrowthWatch {
    /// The end of the journal, as a sequence number, from which on it is told.
    due_at: AtomicU64,
    call: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Default for GrowthWatch {
    fn default() -> GrowthWatch {
        GrowthWatch { due_at: AtomicU64::new(u64::MAX), call: OnceLock::new() }
    }
}

impl fmt::Debug for GrowthWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrowthWatch").field("due_at", &self.due_at).finish_non_exhaustive()
    }
}

impl GrowthWatch {
    /// Sets whom to tell, once.
    pub(crate) fn set_call(&self, call: impl Fn() + Send + Sync + 'static) {
        let _ = self.call.set(Box::new(call));
    }

    /// Waits for the journal to end at `due_at`.
    pub(crate) fn wait_until(&self, due_at: u64) {
        self.due_at.store(due_at, Ordering::Release);
    }

    /// Tells that it is due, once, if the journal ends at `end` and that is enough.
    #[inline]
    pub(crate) fn check(&self, end: u64) {
        if end >= self.due_at.load(Ordering::Relaxed) {
            self.due_at.store(u64::MAX, Ordering::Release);
            self.tell();
        }
    }

    /// Tells however long the journal is: much of what it holds has gone at once.
    #[cold]
    pub(crate) fn tell(&self) {
        if let Some(call) = self.call.get() {
            call();
        }
    }
}
