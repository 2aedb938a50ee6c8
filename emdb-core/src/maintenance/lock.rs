//! The maintenance lock: the right to rewrite what lies on the disk: the journal or its checkpoint, one at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread::ThreadId;

use crate::error::{Error, Result};
use crate::os::ranked::{Entered, Family, Rank};
use crate::os::sync::{lock, wait};

/// The lock of maintenance: the thread that has the right, and those that wait for it.
#[derive(Debug, Default)]
pub(crate) struct MaintenanceLock {
    thread: Mutex<Option<ThreadId>>,
    ended: Condvar,
    /// How many wait for it.
    waiting: AtomicUsize,
}

/// The right, until this is dropped.
#[derive(Debug)]
pub(crate) struct MaintenanceGuard<'a> {
    lock: &'a MaintenanceLock,
    _entered: Entered,
}

impl MaintenanceLock {
    /// Waits for the right. Refused to a thread that has it, which is in a callback of the call that
    /// took it.
    pub(crate) fn acquire(&self, family: Family) -> Result<MaintenanceGuard<'_>> {
        let this = std::thread::current().id();
        let mut thread = lock(&self.thread);
        while let Some(other) = *thread {
            if other == this {
                return Err(Error::config(
                    "a callback of a compaction can't compact or checkpoint the same database",
                ));
            }
            self.waiting.fetch_add(1, Ordering::Relaxed);
            thread = wait(&self.ended, thread);
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        *thread = Some(this);
        Ok(MaintenanceGuard { lock: self, _entered: family.enter(Rank::Maintenance) })
    }
}

impl MaintenanceLock {
    /// Takes the right if nobody has it.
    pub(crate) fn try_acquire(&self, family: Family) -> Option<MaintenanceGuard<'_>> {
        let mut thread = lock(&self.thread);
        if thread.is_some() {
            return None;
        }
        *thread = Some(std::thread::current().id());
        Some(MaintenanceGuard { lock: self, _entered: family.enter(Rank::Maintenance) })
    }

    /// Whether somebody waits, for whom what the background does can make room.
    pub(crate) fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }
}

impl Drop for MaintenanceGuard<'_> {
    fn drop(&mut self) {
        *lock(&self.lock.thread) = None;
        self.lock.ended.notify_one();
    }
}
