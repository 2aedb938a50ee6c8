//! A part of the table: buckets of eight slots, a cache line each.
//!
//! A key lies in its home bucket or in one of the buckets behind it, and the buckets before its own are
//! full from its home on; within a bucket slots fill from the front. So a search ends at the first
//! empty slot. Slots are never emptied.
//!
//! A segment begins small and doubles until it has [`FULL_BITS`] bits of buckets; then it is split.
//! Home buckets are the top bits of 12 hash bits apart from the tag. Slots of a full-size segment
//! imply all 12 (bucket and displacement); smaller ones keep them aside for the writer. So do wide
//! ones, in which keys may lie further from home: keys that somebody who knows the hash has made to
//! lie together take no more room than others so.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering};

use crate::index::hash::buckets::{BUCKET_SLOTS, Bucket, Buckets, PAGE_BUCKETS, PAGE_BYTES};
use crate::index::hash::deferred::Deferred;
use crate::index::hash::slot::{FULL_BITS, HOME_SHIFT, Likely, REACH_BUCKETS, Slot, home_of};
use crate::index::hash::source::{ALL, Damaged, PageSums};
use crate::storage::memory::prefetch_line;

pub(crate) const SMALLEST_BITS: u32 = 1;

#[derive(Debug)]
pub(crate) struct Segment {
    /// Top bits of the hash that all keys here share.
    depth: u32,
    bucket_bits: u32,
    pub(super) buckets: Buckets,
    /// A bit for each page of buckets that is known to be as it was stored. Buckets of a page without
    /// it are not looked at. Nothing is written before all bits are set.
    pub(super) verified: AtomicU64,
    /// Of each slot, the key's home bits; empty where the slots imply them.
    homes: Box<[AtomicU16]>,
    /// Buckets that a key can lie behind its home, its home among them.
    reach: usize,
    used: AtomicU32,
    /// Whether a page is not as it was stored.
    pub(super) bad: AtomicBool,
    /// The checksums that pages are verified by, if they come from an image.
    proof: Option<Box<dyn PageSums>>,
    /// Changes to be made before anybody looks at the buckets.
    pub(super) deferred: Deferred,
}

/// A slot on its way to another segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SlotEntry {
    slot: Slot,
    home: u16,
}

pub(crate) enum Placed {
    New,
    /// The slot pointed to this position.
    Replaced(u64),
    /// No room.
    Full,
    /// Too many keys that are like it.
    Crowded,
}

impl SlotEntry {
    pub(crate) fn new(slot: Slot, home: u16) -> SlotEntry {
        SlotEntry { slot, home }
    }

    pub(crate) fn parts(&self) -> (u64, u16) {
        (self.slot.0, self.home)
    }

    /// The number of buckets of a full-size segment by which the home bucket lies behind `bucket`,
    /// going round.
    pub(crate) fn buckets_behind(&self, bucket: usize) -> usize {
        usize::from(self.home).wrapping_sub(bucket) & ((1 << FULL_BITS) - 1)
    }
}

impl Segment {
    fn new(depth: u32, bucket_bits: u32) -> Segment {
        let buckets = Buckets::empty(1 << bucket_bits);
        let segment = Segment::over(depth, buckets, AtomicU32::new(0), AtomicU64::new(ALL), None);
        if bucket_bits == FULL_BITS { segment } else { segment.widened() }
    }

    /// Keeps homes aside. Nothing is in it yet.
    fn widened(mut self) -> Segment {
        let slots = self.buckets.len() * BUCKET_SLOTS;
        self.homes = std::iter::repeat_with(AtomicU16::default).take(slots).collect();
        self.reach = self.buckets.len();
        self
    }

    /// Whether it is of full size, and its slots don't imply the homes of their keys.
    pub(crate) fn is_wide(&self) -> bool {
        self.bucket_bits == FULL_BITS && !self.homes.is_empty()
    }

    pub(crate) fn over(
        depth: u32,
        buckets: Buckets,
        used: AtomicU32,
        verified: AtomicU64,
        proof: Option<Box<dyn PageSums>>,
    ) -> Segment {
        Segment {
            depth,
            bucket_bits: buckets.len().trailing_zeros(),
            buckets,
            verified,
            homes: Box::default(),
            reach: REACH_BUCKETS,
            used,
            bad: AtomicBool::new(false),
            proof,
            deferred: Deferred::default(),
        }
    }

    pub(crate) fn smallest() -> Segment {
        Segment::new(0, SMALLEST_BITS)
    }

    pub(crate) fn of_full_size(depth: u32) -> Segment {
        Segment::new(depth, FULL_BITS)
    }

    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    pub(crate) fn bucket_bits(&self) -> u32 {
        self.bucket_bits
    }

    /// Whether a page was found damaged.
    pub(crate) fn is_bad(&self) -> bool {
        self.bad.load(Ordering::Acquire)
    }

    /// Whether the page of `bucket` may be looked at.
    #[inline]
    fn is_verified(&self, bucket: usize) -> bool {
        let page = bucket / PAGE_BUCKETS;
        self.verified.load(Ordering::Acquire) >> page & 1 != 0 || self.verify(page)
    }

    /// Looks at a page for the first time. A reader that comes late can see what a writer has
    /// changed: then the bit is set, before the change was made.
    #[cold]
    fn verify(&self, page: usize) -> bool {
        if self.deferred.is_waiting() {
            return false;
        }
        if self.is_as_stored(page) {
            self.verified.fetch_or(1 << page, Ordering::AcqRel);
            return true;
        }
        let changed = self.verified.load(Ordering::Acquire) >> page & 1 != 0;
        if !changed {
            self.bad.store(true, Ordering::Release);
        }
        changed
    }

    /// Whether a page is as the image had it.
    pub(super) fn is_as_stored(&self, page: usize) -> bool {
        let Some(proof) = &self.proof else { return true };
        let mut copy = [0; PAGE_BYTES];
        let words = self.buckets[page * PAGE_BUCKETS..][..PAGE_BUCKETS].iter().flat_map(|l| &l.0);
        for (word, out) in words.zip(copy.as_chunks_mut::<8>().0) {
            *out = word.load(Ordering::Acquire).to_le_bytes();
        }
        proof.holds(page, &copy)
    }

    /// Whether its buckets are those of an image.
    pub(super) fn is_stored(&self) -> bool {
        self.proof.is_some()
    }

    fn damaged(&self) -> Damaged {
        Damaged { depth: self.depth }
    }

    /// Verifies what has not been yet, as a writer must before it changes anything.
    #[inline]
    pub(crate) fn verify_all(&self) -> Result<(), Damaged> {
        if self.verified.load(Ordering::Acquire) == ALL {
            return Ok(());
        }
        let mut pages = (0..self.buckets.len()).step_by(PAGE_BUCKETS);
        if pages.all(|bucket| self.is_verified(bucket)) { Ok(()) } else { Err(self.damaged()) }
    }

    /// Appends all slots, empty ones too, each as it is at one moment.
    pub(crate) fn read(&self, words: &mut Vec<u64>) -> Result<(), Damaged> {
        for (number, bucket) in self.buckets.iter().enumerate() {
            if number.is_multiple_of(PAGE_BUCKETS) && !self.is_verified(number) {
                return Err(self.damaged());
            }
            words.extend(bucket.0.iter().map(|word| word.load(Ordering::Acquire)));
        }
        Ok(())
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of::<Segment>() + size_of_val(&*self.buckets) + size_of_val(&*self.homes)
    }

    /// Slots that may be in use: four in five.
    pub(crate) const fn limit_of(bucket_bits: u32) -> usize {
        (BUCKET_SLOTS << bucket_bits) * 4 / 5
    }

    fn limit(&self) -> usize {
        Segment::limit_of(self.bucket_bits)
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed) as usize
    }

    /// Whether so few keys are in a segment of full size: that they lie too close does not happen
    /// by chance (once in 10^14 segments).
    pub(crate) fn is_sparse(keys: usize) -> bool {
        keys < (BUCKET_SLOTS << FULL_BITS) / 4
    }

    #[inline]
    fn bucket(&self, home: u16, displacement: usize) -> usize {
        let first = usize::from(home) >> (FULL_BITS - self.bucket_bits);
        (first + displacement) & (self.buckets.len() - 1)
    }

    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        let bucket: *const Bucket = &self.buckets[self.bucket(home_of(hash), 0)];
        prefetch_line(bucket.cast());
    }

    /// As [`super::Table::likely`].
    #[inline(always)]
    pub(crate) fn likely(&self, hash: u64) -> Likely {
        let number = self.bucket(home_of(hash), 0);
        let bucket = &self.buckets[number];
        if self.verified.load(Ordering::Acquire) >> (number / PAGE_BUCKETS) & 1 == 0 {
            return Likely::Elsewhere;
        }
        let matching = bucket.matching(hash);
        if matching != 0 {
            let first = matching.trailing_zeros() as usize;
            let slot = Slot(bucket.0[first].load(Ordering::Acquire));
            if !slot.is_empty() {
                return Likely::At(slot.position());
            }
        } else if bucket.0[BUCKET_SLOTS - 1].load(Ordering::Acquire) == 0 {
            return Likely::Absent;
        }
        Likely::Elsewhere
    }

    /// As [`super::Table::probe`].
    #[inline]
    pub(crate) fn probe<R>(
        &self,
        hash: u64,
        mut visit: impl FnMut(Slot) -> ControlFlow<R>,
    ) -> Result<Option<R>, Damaged> {
        let home = home_of(hash);
        for displacement in 0..self.reach {
            let number = self.bucket(home, displacement);
            if !self.is_verified(number) {
                return Err(self.damaged());
            }
            let bucket = &self.buckets[number];
            let mut matching = bucket.matching(hash);
            while matching != 0 {
                // A slot in use stays in use, with this tag: it can only point further meanwhile.
                let slot =
                    Slot(bucket.0[matching.trailing_zeros() as usize].load(Ordering::Acquire));
                matching &= matching - 1;
                // An empty one looks like the tag zero.
                if slot.is_empty() {
                    continue;
                }
                if let ControlFlow::Break(found) = visit(slot) {
                    return Ok(Some(found));
                }
            }
            // Buckets fill from the front.
            if bucket.0[BUCKET_SLOTS - 1].load(Ordering::Acquire) == 0 {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Puts `slot` into the key's slot or an empty one; see [`super::Table::publish`].
    #[inline]
    pub(crate) fn place(
        &self,
        hash: u64,
        old: Option<u64>,
        slot: Slot,
        most_alike: usize,
        same: &mut impl FnMut(u64) -> bool,
    ) -> Placed {
        debug_assert!(self.verified.load(Ordering::Relaxed) == ALL);
        self.put(hash, old, slot, most_alike, same)
    }

    /// [`Segment::place`], also where nobody else may look yet.
    #[inline]
    pub(super) fn put(
        &self,
        hash: u64,
        old: Option<u64>,
        slot: Slot,
        most_alike: usize,
        same: &mut impl FnMut(u64) -> bool,
    ) -> Placed {
        let (home, mut alike) = (home_of(hash), 0);
        for displacement in 0..self.reach {
            let number = self.bucket(home, displacement);
            let bucket = &self.buckets[number];
            let (mut matching, mut empty) = (0u32, 0u32);
            for (i, word) in bucket.0.iter().enumerate() {
                let present = Slot(word.load(Ordering::Relaxed));
                matching |= u32::from(present.has_tag_of(hash)) << i;
                empty |= u32::from(present.is_empty()) << i;
            }
            matching &= !empty;
            while matching != 0 {
                let i = matching.trailing_zeros() as usize;
                let word = &bucket.0[i];
                matching &= matching - 1;
                let present = Slot(word.load(Ordering::Relaxed)).position();
                if old == Some(present) || same(present) {
                    word.store(slot.displaced(displacement).0, Ordering::Release);
                    return Placed::Replaced(present);
                }
                // As many as there are, in whatever order they came.
                let kept = self.homes.get(number * BUCKET_SLOTS + i);
                alike += usize::from(kept.is_some_and(|kept| kept.load(Ordering::Relaxed) == home));
            }
            if alike >= most_alike {
                return Placed::Crowded;
            }
            if empty != 0 {
                return self.take(
                    number,
                    empty.trailing_zeros() as usize,
                    home,
                    slot.displaced(displacement),
                );
            }
        }
        Placed::Full
    }

    /// Puts `slot` into an empty one, unless too many are in use.
    fn take(&self, bucket: usize, i: usize, home: u16, slot: Slot) -> Placed {
        let used = self.used.load(Ordering::Relaxed) + 1;
        if used as usize > self.limit() {
            return Placed::Full;
        }
        self.used.store(used, Ordering::Relaxed);
        if let Some(kept) = self.homes.get(bucket * BUCKET_SLOTS + i) {
            kept.store(home, Ordering::Relaxed);
        }
        // Publishes the record: its bytes were written before.
        self.buckets[bucket].0[i].store(slot.0, Ordering::Release);
        Placed::New
    }

    /// Appends all slots in use; or those of its first pages, as soon as they are `enough`.
    pub(crate) fn slots(&self, slots: &mut Vec<Slot>, enough: usize) -> Result<(), Damaged> {
        let before = slots.len();
        for (number, bucket) in self.buckets.iter().enumerate() {
            if number.is_multiple_of(PAGE_BUCKETS) {
                if slots.len() - before >= enough {
                    break;
                }
                if !self.is_verified(number) {
                    slots.truncate(before);
                    return Err(self.damaged());
                }
            }
            let words = bucket.0.iter().map(|word| Slot(word.load(Ordering::Acquire)));
            slots.extend(words.filter(|slot| !slot.is_empty()));
        }
        Ok(())
    }

    /// The slots for which `keep` holds, with their homes.
    pub(crate) fn entries(&self, keep: impl Fn(Slot) -> bool) -> Vec<SlotEntry> {
        let words = self.buckets.iter().flat_map(|bucket| &bucket.0);
        let words: Vec<_> = words.map(|word| word.load(Ordering::Relaxed)).collect();
        self.entries_of(&words, keep)
    }

    /// The same, of slots as they were read from this segment.
    ///
    /// They come in the order of their buckets, which begins behind a bucket that is not full: so no
    /// key was displaced from before the first one to behind it. Put in this order into a segment
    /// of this size, each finds a place at its own or before, whichever of them are left out:
    /// those that were put before it take none that lies further back than theirs.
    pub(crate) fn entries_of(&self, words: &[u64], keep: impl Fn(Slot) -> bool) -> Vec<SlotEntry> {
        let mut entries = Vec::with_capacity(self.used.load(Ordering::Relaxed) as usize);
        let roomy = |bucket: &Bucket| bucket.0[BUCKET_SLOTS - 1].load(Ordering::Relaxed) == 0;
        let first = self.buckets.iter().position(roomy).map_or(0, |bucket| bucket + 1);
        let buckets = words.chunks(BUCKET_SLOTS).enumerate();
        for (number, bucket) in buckets.clone().skip(first).chain(buckets.take(first)) {
            for (i, word) in bucket.iter().enumerate() {
                let slot = Slot(*word);
                if slot.is_empty() || !keep(slot) {
                    continue;
                }
                let home = match self.homes.get(number * BUCKET_SLOTS + i) {
                    Some(home) => home.load(Ordering::Relaxed),
                    None => {
                        (number.wrapping_sub(slot.displacement()) & (self.buckets.len() - 1)) as u16
                    }
                };
                entries.push(SlotEntry { slot, home });
            }
        }
        entries
    }

    /// A segment of the same or the double size that holds `entries` with room to spare; `None`
    /// when this one has to be split.
    pub(crate) fn rebuilt(&self, entries: &[SlotEntry]) -> Option<Segment> {
        // Only if something was left out: else what had no room still has none.
        let roomy = entries.len() * 2 <= self.limit()
            && entries.len() < self.used.load(Ordering::Relaxed) as usize;
        let same = roomy.then(|| Segment::filled(self.depth, self.bucket_bits, entries)).flatten();
        let bits = self.bucket_bits + 1..=FULL_BITS;
        same.or_else(|| bits.into_iter().find_map(|b| Segment::filled(self.depth, b, entries)))
    }

    /// Two segments of full size, for hashes whose next bit is 0 and 1.
    pub(crate) fn split(&self, entries: &[SlotEntry]) -> Option<[Segment; 2]> {
        let (high, low): (Vec<SlotEntry>, Vec<SlotEntry>) =
            entries.iter().copied().partition(|e| e.slot.bit(self.depth));
        let half = |entries: &[SlotEntry]| {
            let usual = Segment::filled(self.depth + 1, FULL_BITS, entries);
            usual.or_else(|| Segment::wide(self.depth + 1, entries))
        };
        Some([half(&low)?, half(&high)?])
    }

    pub(crate) fn filled(depth: u32, bucket_bits: u32, entries: &[SlotEntry]) -> Option<Segment> {
        Segment::new(depth, bucket_bits).with(entries)
    }

    /// A segment of what has no room in another of full size.
    #[cold]
    pub(crate) fn wide(depth: u32, entries: &[SlotEntry]) -> Option<Segment> {
        Segment::new(depth, FULL_BITS).widened().with(entries)
    }

    fn with(self, entries: &[SlotEntry]) -> Option<Segment> {
        let segment = self;
        for entry in entries {
            // The tag is in the slot; the home bits alone are missing from its hash.
            let hash = entry.slot.0 >> 46 << 46 | u64::from(entry.home) << HOME_SHIFT;
            // Each entry is another key, so none is the same.
            match segment.place(hash, None, entry.slot, usize::MAX, &mut |_| false) {
                Placed::New => {}
                Placed::Replaced(_) | Placed::Full | Placed::Crowded => return None,
            }
        }
        Some(segment)
    }
}
