//! Locks that are taken in one order alone, which debug builds assert.
//!
//! Each lock has a [`Rank`] and belongs to a [`Family`]: those of one database, or of one order of
//! keys. A thread that holds a lock takes only locks of a higher rank of the same family. What
//! two families do to each other is for the few places to say that lock two of them: a compaction
//! locks its copy while it has the locks of what it copies, and never the other way round.
//!
//! In a release build a ranked lock is a mutex, and nothing is kept.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, TryLockError};
use std::time::Duration;

use crate::os::sync::{lock, wait, wait_timeout};

/// The place of a lock in the order, the first one to be taken first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// The right to rewrite what lies on the disk.
    Maintenance,
    /// The right to sync.
    Sync,
    /// The header slot that was written last.
    HeaderSlot,
    /// The append lock.
    Append,
    /// The namespaces by their names.
    Names,
    /// The levels of an order.
    Levels,
    /// The anchors that are in no level yet.
    Fresh,
}

/// The locks among which the order holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Family {
    #[cfg(debug_assertions)]
    id: u64,
}

impl Family {
    /// One that no other lock belongs to so far.
    pub(crate) fn new() -> Family {
        #[cfg(debug_assertions)]
        {
            use std::sync::atomic::{AtomicU64, Ordering};
            static NEXT: AtomicU64 = AtomicU64::new(0);
            Family { id: NEXT.fetch_add(1, Ordering::Relaxed) }
        }
        #[cfg(not(debug_assertions))]
        Family {}
    }

    /// Asserts that the thread may take a lock of this rank now, and notes that it has it.
    #[inline]
    pub(crate) fn enter(self, rank: Rank) -> Entered {
        #[cfg(debug_assertions)]
        {
            noted::enter(self.id, rank);
            Entered { noted: Some((self.id, rank)) }
        }
        #[cfg(not(debug_assertions))]
        {
            let _ = rank;
            Entered {}
        }
    }
}

/// A note that the thread has a lock. It stays on its thread.
#[derive(Debug)]
pub(crate) struct Entered {
    #[cfg(debug_assertions)]
    noted: Option<(u64, Rank)>,
}

impl Entered {
    /// For a lock that is taken without waiting, and so in any order.
    pub(crate) fn unordered() -> Entered {
        Entered {
            #[cfg(debug_assertions)]
            noted: None,
        }
    }
}

#[cfg(debug_assertions)]
impl Drop for Entered {
    fn drop(&mut self) {
        if let Some((family, rank)) = self.noted {
            noted::leave(family, rank);
        }
    }
}

#[cfg(debug_assertions)]
mod noted {
    use std::cell::RefCell;

    use crate::os::ranked::Rank;

    thread_local! {
        static HELD: RefCell<Vec<(u64, Rank)>> = const { RefCell::new(Vec::new()) };
    }

    /// A thread that is ending has no locals any more, and asserts nothing.
    pub(super) fn enter(family: u64, rank: Rank) {
        let _ = HELD.try_with(|held| {
            let mut held = held.borrow_mut();
            let highest = held.iter().filter(|held| held.0 == family).map(|held| held.1).max();
            assert!(
                highest.is_none_or(|highest| highest < rank),
                "a thread that has {highest:?} must not take {rank:?}"
            );
            held.push((family, rank));
        });
    }

    pub(super) fn leave(family: u64, rank: Rank) {
        let _ = HELD.try_with(|held| {
            let mut held = held.borrow_mut();
            if let Some(at) = held.iter().rposition(|held| *held == (family, rank)) {
                held.remove(at);
            }
        });
    }
}

/// A mutex with a rank.
#[derive(Debug)]
pub(crate) struct RankedMutex<T> {
    mutex: Mutex<T>,
    family: Family,
    rank: Rank,
}

/// The lock of a [`RankedMutex`], until it is dropped.
#[derive(Debug)]
pub(crate) struct RankedGuard<'a, T> {
    guard: MutexGuard<'a, T>,
    _entered: Entered,
}

impl<T> RankedMutex<T> {
    pub(crate) fn new(family: Family, rank: Rank, value: T) -> RankedMutex<T> {
        RankedMutex { mutex: Mutex::new(value), family, rank }
    }

    /// Takes the lock.
    #[inline]
    pub(crate) fn lock(&self) -> RankedGuard<'_, T> {
        let entered = self.family.enter(self.rank);
        RankedGuard { guard: lock(&self.mutex), _entered: entered }
    }

    /// Takes the lock if nobody has it.
    #[inline]
    pub(crate) fn try_lock(&self) -> Option<RankedGuard<'_, T>> {
        let entered = self.family.enter(self.rank);
        let guard = match self.mutex.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(RankedGuard { guard, _entered: entered })
    }
}

impl<'a, T> RankedGuard<'a, T> {
    /// Waits for a notification, with the lock let go meanwhile.
    pub(crate) fn wait(self, told: &Condvar) -> RankedGuard<'a, T> {
        let RankedGuard { guard, _entered } = self;
        RankedGuard { guard: wait(told, guard), _entered }
    }

    /// The same for `limit` at most.
    pub(crate) fn wait_timeout(self, told: &Condvar, limit: Duration) -> RankedGuard<'a, T> {
        let RankedGuard { guard, _entered } = self;
        RankedGuard { guard: wait_timeout(told, guard, limit), _entered }
    }
}

impl<T> Deref for RankedGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for RankedGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;

    #[test]
    fn locks_are_taken_upwards() {
        let family = Family::new();
        let (low, high) =
            (RankedMutex::new(family, Rank::Append, 1), RankedMutex::new(family, Rank::Names, 2));
        {
            let low = low.lock();
            assert_eq!(*low + *high.lock(), 3);
        }
        let other = RankedMutex::new(Family::new(), Rank::Append, 3);
        let _high = high.lock();
        // Another family has an order of its own.
        assert_eq!(*other.lock(), 3);
    }

    #[test]
    #[should_panic(expected = "must not take Append")]
    fn a_lock_that_is_taken_downwards_is_found() {
        let family = Family::new();
        let (low, high) =
            (RankedMutex::new(family, Rank::Append, 1), RankedMutex::new(family, Rank::Names, 2));
        let _high = high.lock();
        let _low = low.lock();
    }
}
