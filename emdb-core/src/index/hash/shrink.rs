//! Giving memory back when keys have gone.
//!
//! Two neighbours of which little is left become one again, and what is below full size is made anew in
//! the size that it needs. The new segment is at most half as full as one may be, so that a
//! table that loses and gains keys by turns is not joined and divided again and again.

use std::sync::atomic::Ordering;

use crossbeam_epoch::{Atomic, Guard};

use crate::index::hash::segment::{SMALLEST_BITS, Segment};
use crate::index::hash::slot::FULL_BITS;
use crate::index::hash::source::{begins_at, behind, hash_of};
use crate::index::hash::table::{Directory, Table};
use crate::os::sync::lock;

/// Bytes of a table that are not worth looking at.
const SMALL_BYTES: usize = 4 << 10;
/// Bytes for each record with which a table has room to spare: an eighth of the slots are in use then.
const ROOMY_RECORD_BYTES: usize = 64;

/// Whether so many entries fill at most half of what a segment of this size takes.
fn has_ample_room(entries: usize, bucket_bits: u32) -> bool {
    entries * 2 <= Segment::limit_of(bucket_bits)
}

impl Table {
    /// Whether it takes much more memory than `records` need: tombstones that a view needs may be the
    /// reason.
    pub(crate) fn is_roomy(&self, records: u64) -> bool {
        let bytes = self.bytes();
        bytes > SMALL_BYTES && records.saturating_mul(ROOMY_RECORD_BYTES as u64) < bytes as u64
    }

    /// Reads what [`Table::shrink_at`] will look at, if that lies in an image and has not been read yet:
    /// that is better done without a lock. Damage is met there.
    pub(crate) fn read_ahead(&self, from: u32, guard: &Guard) {
        let mut tag = Some(from);
        for _ in 0..2 {
            let Some(at) = tag else { return };
            let _ = self.is_ready(hash_of(at), guard);
            tag = behind(at, self.segment(hash_of(at), guard).depth());
        }
    }

    /// Makes what holds the tag `from` smaller if that can be done: joins two segments, or replaces the
    /// only one. Leaves out what no view needs, of which none is older than `oldest`. Gives the
    /// first tag behind. Called by the one writer alone.
    pub(crate) fn shrink_at(&self, from: u32, oldest: u64, guard: &Guard) -> Option<u32> {
        let _changing = lock(&self.changing);
        let directory = self.directory(guard);
        let hash = hash_of(from);
        let at = |hash| directory.entries[directory.index(hash)].load(Ordering::Acquire, guard);
        let segment = self.segment(hash, guard);
        let depth = segment.depth();
        let next = behind(from, depth);
        if self.is_ready(hash, guard).is_err() {
            return next;
        }
        let needed = |segment: &Segment| segment.entries(|slot| slot.is_needed(oldest));
        if depth == 0 {
            let entries = needed(segment);
            let fits = |bits: &u32| has_ample_room(entries.len(), *bits);
            let least = (SMALLEST_BITS..segment.bucket_bits()).find(fits);
            let one = least.and_then(|bits| Segment::filled(0, bits, &entries));
            if let Some(one) = one {
                self.replace(hash, (one, None), &[at(hash)], guard);
            }
            return None;
        }
        // The neighbour that it was divided from, or could have been.
        let Some(other) = next.filter(|_| begins_at(from, depth - 1)) else { return next };
        let neighbour = self.segment(hash_of(other), guard);
        if neighbour.depth() != depth || self.is_ready(hash_of(other), guard).is_err() {
            return next;
        }
        let mut entries = needed(segment);
        entries.append(&mut needed(neighbour));
        if has_ample_room(entries.len(), FULL_BITS)
            && let Some(one) = Segment::filled(depth - 1, FULL_BITS, &entries)
        {
            self.replace(hash, (one, None), &[at(hash), at(hash_of(other))], guard);
        }
        behind(from, depth - 1)
    }

    /// Lets the directory be no larger than the segments need. Called by the one writer alone.
    pub(crate) fn shrink_directory(&self, guard: &Guard) {
        let _changing = lock(&self.changing);
        let directory = self.directory(guard);
        let (mut depth, mut tag) = (0, Some(0));
        while let Some(from) = tag {
            let segment = self.segment(hash_of(from), guard);
            depth = depth.max(segment.depth());
            tag = behind(from, segment.depth());
        }
        if depth < directory.depth {
            let kept = directory.entries.iter().step_by(1 << (directory.depth - depth));
            let entries = kept.map(|e| Atomic::from(e.load(Ordering::Acquire, guard))).collect();
            self.exchange(Directory { depth, entries }, guard);
        }
    }
}
