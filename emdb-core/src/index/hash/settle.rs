//! Making the changes that an open has left beside a segment (`deferred`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_epoch::Guard;

use crate::index::hash::buckets::PAGE_BUCKETS;
use crate::index::hash::deferred::{Change, Waiting};
use crate::index::hash::segment::{Placed, Segment, SlotEntry};
use crate::index::hash::slot::{FULL_BITS, TAG_BITS};
use crate::index::hash::source::ALL;
use crate::index::hash::table::{ALIKE_MAX_KEYS, Table};
use crate::os::sync::{lock, try_lock};

/// Keys of one home bucket among the changes of a segment, with more of which the changes are not left to
/// others: somebody may have made them to lie there. By chance a bucket has two dozen at the most.
const ALIKE_MAX_CHANGES: u8 = 48;
/// Slots that stay free in each half of a segment whose changes are left to others, who divide it once.
const SPARE_SLOTS: usize = 1024;

impl Segment {
    /// Whether it lies in an image, and nobody has looked into it.
    fn is_untouched(&self) -> bool {
        self.is_stored() && self.verified.load(Ordering::Acquire) == 0 && !self.is_bad()
    }

    /// Whether all changes find room here or in two halves, as far as their number tells.
    fn has_room(&self, changes: &[Change]) -> bool {
        let (depth, mut homes, mut added) = (self.depth(), [0u8; 1 << FULL_BITS], [0, 0]);
        if depth == TAG_BITS {
            return false;
        }
        for change in changes.iter().filter(|change| change.old().is_none()) {
            added[usize::from(change.slot.bit(depth))] += 1;
            let home = &mut homes[usize::from(change.home())];
            *home += 1;
            if *home > ALIKE_MAX_CHANGES {
                return false;
            }
        }
        let most = Segment::limit_of(FULL_BITS) - SPARE_SLOTS;
        added.iter().all(|added| self.used() / 2 + added <= most)
    }

    /// Makes the changes that wait.
    fn settle(&self, mut same: impl FnMut(u64, u64) -> Option<bool>) -> Settled {
        let plain = || if self.is_bad() { Settled::Lost } else { Settled::Done };
        let Some(waiting) = self.deferred.given.get() else { return plain() };
        let mut changes = lock(&waiting.changes);
        if !self.deferred.is_waiting() || self.is_bad() {
            return plain();
        }
        let mut pages = (0..self.buckets.len()).step_by(PAGE_BUCKETS);
        let is_whole = pages.all(|bucket| self.is_as_stored(bucket / PAGE_BUCKETS));
        let settled = match is_whole.then(|| self.make_all(&changes, &mut same)) {
            Some(Made::All) => Settled::Done,
            // Some have been made: they are made again in vain.
            Some(Made::Some) => self.roomier(&changes, &mut same),
            Some(Made::Untold) | None => Settled::Lost,
        };
        match settled {
            Settled::Done => {
                *changes = Vec::new();
                self.verified.store(ALL, Ordering::Release);
                waiting.are_there.store(false, Ordering::Release);
            }
            // The journal has all of it, and a whole segment takes the place of this one.
            Settled::Lost => self.bad.store(true, Ordering::Release),
            Settled::Divided(_) => {}
        }
        settled
    }

    /// Its slots, all changes made, where they found no room, or none close enough to their homes.
    fn roomier(
        &self,
        changes: &[Change],
        same: &mut impl FnMut(u64, u64) -> Option<bool>,
    ) -> Settled {
        let (depth, mut entries) = (self.depth(), Vec::new());
        for half in [false, true] {
            let own = self.entries(|slot| slot.bit(depth) == half);
            let Some(wide) = Segment::wide(depth + 1, &own) else { return Settled::Lost };
            let changes: Vec<_> =
                changes.iter().filter(|change| change.slot.bit(depth) == half).copied().collect();
            match wide.make_all(&changes, same) {
                Made::All => entries.append(&mut wide.entries(|_| true)),
                Made::Some | Made::Untold => return Settled::Lost,
            }
        }
        Settled::Divided(entries)
    }

    /// Makes changes in turn, until one finds no room. `same` tells whether two records have the same key,
    /// none if that can't be told.
    fn make_all(
        &self,
        changes: &[Change],
        same: &mut impl FnMut(u64, u64) -> Option<bool>,
    ) -> Made {
        for change in changes {
            let mut is_told = true;
            let is_same = &mut |position| {
                position == change.position()
                    || same(position, change.position()).unwrap_or_else(|| {
                        is_told = false;
                        false
                    })
            };
            let placed =
                self.put(change.hash(), change.old(), change.slot, ALIKE_MAX_KEYS, is_same);
            if !is_told {
                return Made::Untold;
            }
            if matches!(placed, Placed::Full | Placed::Crowded) {
                return Made::Some;
            }
        }
        Made::All
    }
}

/// The outcome of making changes.
enum Made {
    All,
    /// One found no room.
    Some,
    /// Of one it can't be told which key's slot it is for.
    Untold,
}

/// The outcome for a segment whose changes were to be made.
enum Settled {
    /// It can be looked at.
    Done,
    /// These slots are to be divided.
    Divided(Vec<SlotEntry>),
    /// Only the journal tells what it holds.
    Lost,
}

impl Table {
    /// Whether changes can be left to whoever looks at their segments: those lie in an image as a whole.
    /// Called before anybody else knows the table.
    pub(crate) fn can_defer(&self, guard: &Guard) -> bool {
        self.image.is_some() && self.segment(0, guard).is_stored()
    }

    /// How many bits of a hash tell which changes can be of one segment.
    pub(crate) fn depth(&self, guard: &Guard) -> u32 {
        self.directory(guard).depth
    }

    /// Leaves changes to whoever looks at the segment of `hash` first, to which all of them belong, in the
    /// order in which they are to be made. Gives them back if they are to be made now. Called before
    /// anybody else knows the table.
    pub(crate) fn defer(
        &self,
        hash: u64,
        changes: Vec<Change>,
        guard: &Guard,
    ) -> Result<(), Vec<Change>> {
        let segment = self.segment(hash, guard);
        if !segment.is_untouched() || !segment.has_room(&changes) {
            return Err(changes);
        }
        let waiting = Waiting { are_there: AtomicBool::new(true), changes: Mutex::new(changes) };
        segment.deferred.given.set(Box::new(waiting)).map_err(|waiting| {
            let Waiting { changes, .. } = *waiting;
            changes.into_inner().unwrap_or_else(PoisonError::into_inner)
        })
    }

    /// Notes that with the changes that were left to others it holds the state of the journal up to `end`.
    pub(crate) fn holds_below(&self, end: u64) {
        if let Some(source) = &self.image {
            source.below.store(end, Ordering::Release);
        }
    }

    /// The right to change segments. None in a forked child where a thread of the parent had it, which may
    /// have left a segment half changed, and gives it back to nobody here.
    fn to_settle(&self) -> Option<MutexGuard<'_, ()>> {
        match &self.image {
            Some(source) if source.process.is_forked_child() => try_lock(&self.changing),
            _ => Some(lock(&self.changing)),
        }
    }

    /// Makes the changes that wait for somebody to look at the segment of `hash`. Tells whether it can be
    /// looked at then: if not, the journal has what it holds.
    #[cold]
    pub(crate) fn settle(
        &self,
        hash: u64,
        same: impl FnMut(u64, u64) -> Option<bool>,
        guard: &Guard,
    ) -> bool {
        let Some(_changing) = self.to_settle() else { return false };
        match self.segment(hash, guard).settle(same) {
            Settled::Done => true,
            Settled::Lost => false,
            Settled::Divided(entries) => self.renew(hash, None, &entries, guard).is_some(),
        }
    }
}
