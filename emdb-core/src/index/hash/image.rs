//! A table as an image of it holds it: its segments, each as of one position of the journal.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crossbeam_epoch::{Atomic, Guard};

use crate::index::hash::lines::{LINE, Lines, PAGE};
use crate::index::hash::segment::{Entry, FULL_BITS, Segment, home_of};
use crate::index::hash::slot::{Slot, TAG_BITS};
use crate::index::hash::{Directory, Table};
use crate::storage::Map;

/// Pages of a full-size segment.
pub(crate) const PAGES: usize = 64;
/// Bytes of one.
pub(crate) const SEGMENT_BYTES: usize = PAGES * PAGE;
/// All bits: every page is known to be right.
pub(crate) const ALL: u64 = u64::MAX;

/// Tells whether a page of a mapped segment is as it was stored.
pub(crate) trait PageSums: Send + Sync + std::fmt::Debug {
    fn holds(&self, page: usize, bytes: &[u8; PAGE]) -> bool;
}

/// Where a table that was loaded from an image comes from.
#[derive(Debug)]
pub(crate) struct ImageSource {
    /// The incarnation whose keys it holds.
    pub(crate) id: u32,
    /// What it held is what the journal says up to here.
    pub(crate) below: u64,
    /// Whether a page was found damaged that is still there.
    pub(crate) damaged: AtomicBool,
    pub(crate) alarm: Arc<DamageAlarm>,
}

/// Whom to tell of a damaged page.
#[derive(Default)]
pub(crate) struct DamageAlarm(pub(crate) OnceLock<Box<dyn Fn() + Send + Sync>>);

impl fmt::Debug for DamageAlarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DamageAlarm").finish_non_exhaustive()
    }
}

/// A page of the image is damaged: what it held is to be looked up in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damaged {
    /// Of the segment: how many top bits its hashes share.
    pub(crate) depth: u32,
}

/// A segment, as of one position.
#[derive(Debug)]
pub(crate) enum Portion {
    /// One below full size, the only one of its table: slots and home bits.
    Small { line_bits: u32, slots: Vec<(u64, u16)> },
    /// How many slots are in use, and all of them.
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

/// The first tag behind a segment of `depth` that holds the tag `from`.
pub(crate) fn behind(from: u32, depth: u32) -> Option<u32> {
    let span = 1 << (TAG_BITS - depth);
    let next = from / span * span + span;
    (next < 1 << TAG_BITS).then_some(next)
}

/// Whether `hash` belongs to a segment of `depth` that holds the tag `from`.
pub(crate) fn covers(from: u32, depth: u32, hash: u64) -> bool {
    let top = |tag: u64| tag.checked_shr(TAG_BITS - depth).unwrap_or(0);
    top(u64::from(from)) == top(hash >> (64 - TAG_BITS))
}

/// What a segment is made from again: hashes and positions of its live keys.
pub(crate) type Found = Vec<(u64, u64)>;

fn entries(found: &[(u64, u64)]) -> Vec<Entry> {
    let entry = |&(hash, at): &(u64, u64)| Entry::new(Slot::new(hash, at, false), home_of(hash));
    let mut entries: Vec<_> = found.iter().map(entry).collect();
    in_order(&mut entries);
    entries
}

/// Sorts entries of a full-size segment by their home lines, which needs the least displacement: so
/// what a segment held fits in one of its size.
fn in_order(entries: &mut [Entry]) {
    let mut homes = [0usize; 1 << FULL_BITS];
    for entry in &*entries {
        homes[entry.lines_behind(0)] += 1;
    }
    // Beginning behind the line with the least surplus up to it, no key of the lines before the
    // beginning is displaced past it.
    let surplus = homes.iter().scan(0, |sum, keys| {
        *sum += *keys as i64 - LINE as i64;
        Some(*sum)
    });
    let first = surplus.enumerate().min_by_key(|&(_, sum)| sum).map_or(0, |(line, _)| line + 1);
    entries.sort_unstable_by_key(|entry| entry.lines_behind(first));
}

/// The slots of keys found again.
pub(crate) fn slots(found: &[(u64, u64)]) -> impl Iterator<Item = Slot> + '_ {
    found.iter().map(|&(hash, at)| Slot::new(hash, at, false))
}

/// What [`Table::portion`] could not do.
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
        let segment = self.segment(u64::from(from) << (64 - TAG_BITS), guard);
        let mut words = Vec::with_capacity(LINE << segment.line_bits());
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
        let (depth, line_bits) = (segment.depth(), segment.line_bits());
        let used = words.iter().filter(|word| **word != 0).count() as u32;
        if line_bits == FULL_BITS && !segment.is_wide() && !lost {
            return Ok(Portion::Full { depth, used, words });
        }
        let live = |slot: Slot| !slot.is_empty() && !slot.is_tombstone();
        let mut entries = segment.entries_of(&words, live);
        if segment.is_wide() {
            in_order(&mut entries);
        }
        if line_bits < FULL_BITS {
            let slots = entries.iter().map(Entry::parts).collect();
            return Ok(Portion::Small { line_bits, slots });
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
        self.segment(hash, guard).verify_all().inspect_err(|_| self.note_damage())
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
            let segment = self.segment(u64::from(from) << (64 - TAG_BITS), guard);
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
        let hash = u64::from(from) << (64 - TAG_BITS);
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
            let shared = crossbeam_epoch::Owned::new(segment).into_shared(super::unshared());
            directory.extend((0..copies).map(|_| Atomic::from(shared)));
        }
        let directory = Directory { depth, entries: directory.into() };
        Table { directory: Atomic::new(directory), bytes: bytes.into(), image: Some(source) }
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
    pub(crate) fn stored(line_bits: u32, slots: &[(u64, u16)], below: u64) -> Option<Segment> {
        let sane = |&(word, home): &(u64, u16)| {
            let at = Slot(word).position();
            at >= crate::format::JOURNAL_START && at < below && home >> FULL_BITS == 0
        };
        if !slots.iter().all(sane) {
            return None;
        }
        let entries: Vec<_> = slots.iter().map(|&(w, home)| Entry::new(Slot(w), home)).collect();
        // Of what was in the segment, little may be left. With a fifth of the slots in use the rest
        // fits, unless it was forged: what an image says must not take any amount of memory.
        let least = (1..=FULL_BITS).find(|&bits| slots.len() <= Segment::limit_of(bits))?;
        let most = FULL_BITS.min(least + 2);
        (line_bits.clamp(least, most)..=most).find_map(|bits| Segment::filled(0, bits, &entries))
    }

    /// A full-size segment whose slots lie in an image, each page verified when it is first used.
    pub(crate) fn mapped(
        depth: u32,
        used: u32,
        (map, offset): (&Arc<Map>, usize),
        proof: Box<dyn PageSums>,
    ) -> Option<Segment> {
        let lines = Lines::mapped(map, offset, 1 << FULL_BITS)?;
        (used as usize <= LINE << FULL_BITS).then(|| {
            let (used, verified) = (AtomicU32::new(used), AtomicU64::new(0));
            Segment::over(depth, lines, used, verified, Some(proof))
        })
    }
}
