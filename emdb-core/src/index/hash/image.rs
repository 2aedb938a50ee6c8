//! A table as an image of it holds it: its segments, each as of one position of the journal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crossbeam_epoch::{Atomic, Guard};

use crate::format::JOURNAL_START;
use crate::index::hash::buckets::{BUCKET_SLOTS, Buckets};
use crate::index::hash::segment::{Segment, SlotEntry};
use crate::index::hash::slot::{FULL_BITS, Slot, TAG_BITS, home_of};
use crate::index::hash::source::{Damaged, ImageSource, PageSums, behind, hash_of};
use crate::index::hash::table::{Directory, Table, unshared};
use crate::os::sync::lock;
use crate::storage::Map;

/// A segment, as of one position.
#[derive(Debug)]
pub(crate) enum Portion {
    /// One below full size, the only one of its table: slots and home bits.
    Small { bucket_bits: u32, slots: Vec<(u64, u16)> },
    /// The number of slots in use, and all of them.
    Full { depth: u32, used: u32, words: Vec<u64> },
}

impl Portion {
    /// The first tag behind the segment that holds `from`; none if it is the last.
    pub(crate) fn next(&self, from: u32) -> Option<u32> {
        match self {
            Portion::Small { .. } => None,
            Portion::Full { depth, .. } => behind(from, *depth),
        }
    }
}

/// The live keys of a segment that is made again: their hashes and positions.
pub(crate) type Found = Vec<(u64, u64)>;

fn entries(found: &[(u64, u64)]) -> Vec<SlotEntry> {
    let entry =
        |&(hash, at): &(u64, u64)| SlotEntry::new(Slot::new(hash, at, false), home_of(hash));
    let mut entries: Vec<_> = found.iter().map(entry).collect();
    in_order(&mut entries);
    entries
}

/// Sorts entries of a full-size segment by their home buckets, which needs the least displacement: so
/// what a segment held fits in one of its size.
fn in_order(entries: &mut [SlotEntry]) {
    let mut homes = [0usize; 1 << FULL_BITS];
    for entry in &*entries {
        homes[entry.buckets_behind(0)] += 1;
    }
    // Beginning behind the bucket with the least surplus up to it, no key of the buckets before the
    // beginning is displaced past it.
    let surplus = homes.iter().scan(0, |sum, keys| {
        *sum += *keys as i64 - BUCKET_SLOTS as i64;
        Some(*sum)
    });
    let first = surplus.enumerate().min_by_key(|&(_, sum)| sum).map_or(0, |(bucket, _)| bucket + 1);
    entries.sort_unstable_by_key(|entry| entry.buckets_behind(first));
}

/// The slots of keys found again.
pub(crate) fn slots(found: &[(u64, u64)]) -> impl Iterator<Item = Slot> + '_ {
    found.iter().map(|&(hash, at)| Slot::new(hash, at, false))
}

/// Why [`Table::portion`] has nothing to give.
#[derive(Debug)]
pub(crate) enum Unfit<E> {
    Damaged(Damaged),
    /// There is no room for the slots in a segment as images have them.
    Full,
    Other(E),
}

impl Table {
    /// The segment that holds the tag `from`, with the slots for which `resolve` names an earlier
    /// position and kind. `resolve` is asked about positions from `below` on; a slot for which it
    /// gives none is left out.
    pub(crate) fn portion<E>(
        &self,
        from: u32,
        below: u64,
        mut resolve: impl FnMut(u64) -> Result<Option<(u64, bool)>, E>,
        guard: &Guard,
    ) -> Result<Portion, Unfit<E>> {
        let segment = self.segment(hash_of(from), guard);
        let mut words = Vec::with_capacity(BUCKET_SLOTS << segment.bucket_bits());
        segment.read(&mut words).map_err(Unfit::Damaged)?;
        let mut lost = false;
        for word in words.iter_mut().filter(|word| **word != 0) {
            let slot = Slot(*word);
            if slot.position() >= below {
                let found = resolve(slot.position()).map_err(Unfit::Other)?;
                lost |= found.is_none();
                *word = found.map_or(0, |(at, removed)| slot.pointing(at, removed).0);
            }
        }
        let (depth, bucket_bits) = (segment.depth(), segment.bucket_bits());
        let used = words.iter().filter(|word| **word != 0).count() as u32;
        if bucket_bits == FULL_BITS && !segment.is_wide() && !lost {
            return Ok(Portion::Full { depth, used, words });
        }
        let live = |slot: Slot| !slot.is_empty() && !slot.is_tombstone();
        let mut entries = segment.entries_of(&words, live);
        if segment.is_wide() {
            in_order(&mut entries);
        }
        if bucket_bits < FULL_BITS {
            let slots = entries.iter().map(SlotEntry::parts).collect();
            return Ok(Portion::Small { bucket_bits, slots });
        }
        let filled = Segment::filled(depth, FULL_BITS, &entries).ok_or(Unfit::Full)?;
        words.clear();
        filled.read(&mut words).map_err(Unfit::Damaged)?;
        Ok(Portion::Full { depth, used: entries.len() as u32, words })
    }

    /// As [`Table::portion`], of a damaged segment whose keys were found again.
    pub(crate) fn portion_of(found: &[(u64, u64)], depth: u32) -> Option<Portion> {
        let filled = Segment::filled(depth, FULL_BITS, &entries(found))?;
        let mut words = Vec::new();
        filled.read(&mut words).ok()?;
        Some(Portion::Full { depth, used: found.len() as u32, words })
    }

    /// Whether the segment of `hash` may be written to. Called by the one writer alone.
    #[inline]
    pub(crate) fn is_ready(&self, hash: u64, guard: &Guard) -> Result<(), Damaged> {
        if self.image.is_none() {
            return Ok(());
        }
        let segment = self.segment(hash, guard);
        segment.verify_all().inspect_err(|_| {
            // Else there are changes to be made first.
            if segment.is_bad() {
                self.note_damage();
            }
        })
    }

    /// Sees to it that what a reader found damaged is put right.
    #[cold]
    pub(crate) fn note_damage(&self) {
        if let Some(source) = &self.image
            && !source.damaged.swap(true, Ordering::AcqRel)
            && let Some(tell) = source.alarm.0.get()
        {
            tell();
        }
    }

    /// The tags at which segments with pages that were found damaged begin, and their depths.
    pub(crate) fn damaged_segments(&self, guard: &Guard) -> Vec<(u32, u32)> {
        let mut damaged = Vec::new();
        let mut tag = Some(0);
        while let Some(from) = tag {
            let segment = self.segment(hash_of(from), guard);
            if segment.is_bad() {
                damaged.push((from, segment.depth()));
            }
            tag = behind(from, segment.depth());
        }
        damaged
    }

    /// Puts the keys found again in the place of the damaged segment that holds `from`. Nothing
    /// has been written to it. Called by the one writer alone; tells whether it was done.
    pub(crate) fn repair(&self, from: u32, found: &[(u64, u64)], guard: &Guard) -> bool {
        let _changing = lock(&self.changing);
        let hash = hash_of(from);
        let segment = self.segment(hash, guard);
        if !segment.is_bad() {
            return true;
        }
        let entries = entries(found);
        let one = Segment::filled(segment.depth(), FULL_BITS, &entries);
        self.renew(hash, one, &entries, guard).is_some()
    }

    /// A table of these segments, whose tags follow each other and cover all.
    pub(crate) fn of(source: ImageSource, segments: Vec<Segment>) -> Table {
        let depth = segments.iter().map(Segment::depth).max().unwrap_or(0);
        let mut bytes = 0;
        let mut directory = Vec::with_capacity(1 << depth);
        for segment in segments {
            bytes += segment.bytes();
            let copies = 1 << (depth - segment.depth());
            let shared = crossbeam_epoch::Owned::new(segment).into_shared(unshared());
            directory.extend((0..copies).map(|_| Atomic::from(shared)));
        }
        let directory = Directory { depth, entries: directory.into() };
        Table::with(directory, bytes, Some(source))
    }
}

/// Checks that segments follow each other and cover all tags.
#[derive(Debug, Default)]
pub(crate) struct Cover(u64);

impl Cover {
    /// Adds a segment; false if it can't come next.
    pub(crate) fn add(&mut self, depth: u32) -> bool {
        let whole = 1 << TAG_BITS;
        if depth > TAG_BITS || self.0 >= whole {
            return false;
        }
        let span = 1u64 << (TAG_BITS - depth);
        let fits = self.0.is_multiple_of(span);
        self.0 += span;
        fits
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.0 == 1 << TAG_BITS
    }
}

impl Segment {
    /// A small segment of stored slots. None if they don't fit, or point nowhere.
    pub(crate) fn stored(bucket_bits: u32, slots: &[(u64, u16)], below: u64) -> Option<Segment> {
        let sane = |&(word, home): &(u64, u16)| {
            let at = Slot(word).position();
            at >= JOURNAL_START && at < below && home >> FULL_BITS == 0
        };
        if !slots.iter().all(sane) {
            return None;
        }
        let entries: Vec<_> =
            slots.iter().map(|&(w, home)| SlotEntry::new(Slot(w), home)).collect();
        // Of what was in the segment, little may be left. With a fifth of the slots in use the rest
        // fits, unless it was forged: what an image says must not take any amount of memory.
        let least = (1..=FULL_BITS).find(|&bits| slots.len() <= Segment::limit_of(bits))?;
        let most = FULL_BITS.min(least + 2);
        (bucket_bits.clamp(least, most)..=most).find_map(|bits| Segment::filled(0, bits, &entries))
    }

    /// A full-size segment whose slots lie in an image, each page verified when it is first used.
    pub(crate) fn mapped(
        depth: u32,
        used: u32,
        (map, offset): (&Arc<Map>, usize),
        proof: Box<dyn PageSums>,
    ) -> Option<Segment> {
        let buckets = Buckets::mapped(map, offset, 1 << FULL_BITS)?;
        (used as usize <= BUCKET_SLOTS << FULL_BITS).then(|| {
            let (used, verified) = (AtomicU32::new(used), AtomicU64::new(0));
            Segment::over(depth, buckets, used, verified, Some(proof))
        })
    }
}
