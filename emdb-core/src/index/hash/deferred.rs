//! Changes of a segment that wait until somebody looks at it (`settle`).
//!
//! An open that reads what a journal has behind a checkpoint would touch every page of the index, for
//! keys that nobody may ask for. Instead it leaves the changes of each segment that lies in an image
//! beside it, and whoever comes first makes them. Until then no page of the segment counts as verified,
//! so nobody looks into it; afterwards all do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};

use crate::index::hash::slot::{FULL_BITS, HOME_SHIFT, Slot, TAG_BITS, home_of};

/// A record that a key's slot is to lead to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(super) slot: Slot,
    /// The position of the record that it replaces, 0 if none, and below it the home bits.
    old_and_home: u64,
}

impl Change {
    pub(crate) fn new(hash: u64, old: Option<u64>, (position, removed): (u64, bool)) -> Change {
        let old_and_home = old.unwrap_or(0) << FULL_BITS | u64::from(home_of(hash));
        Change { slot: Slot::new(hash, position, removed), old_and_home }
    }

    pub(super) fn home(self) -> u16 {
        self.old_and_home as u16 & ((1 << FULL_BITS) - 1)
    }

    /// The bits of the key's hash that the index goes by.
    pub(crate) fn hash(self) -> u64 {
        u64::from(self.slot.tag()) << (64 - TAG_BITS) | u64::from(self.home()) << HOME_SHIFT
    }

    pub(crate) fn old(self) -> Option<u64> {
        Some(self.old_and_home >> FULL_BITS).filter(|old| *old != 0)
    }

    pub(crate) fn position(self) -> u64 {
        self.slot.position()
    }

    pub(crate) fn removes(self) -> bool {
        self.slot.is_tombstone()
    }
}

/// The changes of a segment, left to whoever looks at it first.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    pub(super) given: OnceLock<Box<Waiting>>,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) are_there: AtomicBool,
    pub(super) changes: Mutex<Vec<Change>>,
}

impl Deferred {
    /// Whether there are changes that have not been made.
    #[inline]
    pub(super) fn is_waiting(&self) -> bool {
        self.given.get().is_some_and(|waiting| waiting.are_there.load(Ordering::Acquire))
    }
}
