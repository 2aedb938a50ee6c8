//! The hash index of one namespace: an extendible hash table of 8-byte slots.
//!
//! A slot holds some bits of the key's hash and the position of the key's newest record; keys are
//! compared in the journal, so the table is exact and holds no keys. It knows no files.
//!
//! - The top bits of the hash choose a [`Segment`] through the directory (Fagin et al.,
//!   "Extendible hashing", 1979); other bits choose a bucket of eight slots in it; the stored tag
//!   tells most other keys of the bucket apart.
//! - One writer at a time (the append lock). Readers take no lock: a slot is one atomic word that
//!   is never cleared, so a key once published is found until its segment is replaced, and the
//!   replacement holds it too.
//! - A segment that is full is replaced by a larger one or by two halves, from the tags and home
//!   buckets that it stores; no key is read back. Epochs (crossbeam-epoch) keep the former one until
//!   no reader is in it.
//! - A removed key keeps its slot, marked as a tombstone, so that older views still find what it
//!   was; replacing a segment leaves out tombstones that no view needs.
//! - Where little is left of two neighbours, they are joined again (`shrink`). Whoever walks passes over
//!   what it has met before.

#![allow(unsafe_code)]

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_epoch::{Atomic, Guard, Owned, Shared};

use crate::index::hash::buckets::BUCKET_SLOTS;
use crate::index::hash::segment::{Placed, Segment, SlotEntry};
use crate::index::hash::slot::{Likely, REACH_BUCKETS, Slot, TAG_BITS};
use crate::index::hash::source::{Damaged, ImageSource, begins_at, behind};
use crate::os::sync::lock;

/// Records that one namespace takes. Beyond, segments could run out of hash bits to split by.
pub(crate) const MAX_RECORDS: u64 = 1 << 30;

/// Keys that find a place of those whose hashes are alike in all bits that the index goes by, tag
/// and home. By chance there are a few.
pub(crate) const ALIKE_MAX_KEYS: usize = 4096;

/// The same in an image.
pub(crate) const STORED_ALIKE_MAX_KEYS: u64 = (REACH_BUCKETS * BUCKET_SLOTS) as u64;

/// Bytes of replaced segments that don't wait until this thread has replaced more.
const LARGE_BYTES: usize = 64 << 10;

/// The outcome of [`Table::publish`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Published {
    /// The key had no slot.
    New,
    /// The key's slot pointed to this record.
    Replaced(u64),
}

impl Published {
    /// The record that the key's slot pointed to.
    #[inline]
    pub(crate) fn replaced(self) -> Option<u64> {
        match self {
            Published::New => None,
            Published::Replaced(position) => Some(position),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Table {
    pub(super) directory: Atomic<Directory>,
    pub(super) bytes: AtomicUsize,
    /// Held while segments take the place of others: by the one writer, and by a reader who divides one
    /// that an open has left changes to.
    pub(crate) changing: Mutex<()>,
    /// Of a table that was loaded.
    pub(crate) image: Option<ImageSource>,
}

#[derive(Debug)]
pub(super) struct Directory {
    /// How many top bits of a hash choose the entry.
    pub(super) depth: u32,
    pub(super) entries: Box<[Atomic<Segment>]>,
}

impl Directory {
    pub(super) fn index(&self, hash: u64) -> usize {
        // A shift by 64 would overflow; with no bits there is one entry.
        (hash.checked_shr(64 - self.depth)).unwrap_or(0) as usize
    }
}

impl Table {
    pub(crate) fn new() -> Table {
        let segment = Segment::smallest();
        let bytes = segment.bytes();
        let entries = Box::new([Atomic::new(segment)]);
        Table::with(Directory { depth: 0, entries }, bytes, None)
    }

    /// A table with this directory, whose segments take so many bytes.
    pub(super) fn with(directory: Directory, bytes: usize, image: Option<ImageSource>) -> Table {
        let bytes = AtomicUsize::new(bytes + size_of_val(&*directory.entries));
        Table { directory: Atomic::new(directory), bytes, changing: Mutex::default(), image }
    }

    /// Bytes of memory that the table takes, its directory among them.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn directory<'g>(&self, guard: &'g Guard) -> &'g Directory {
        // SAFETY: never null, and a directory that is replaced is destroyed only when no guard
        // that could have loaded it is left.
        unsafe { self.directory.load(Ordering::Acquire, guard).deref() }
    }

    #[inline]
    pub(super) fn segment<'g>(&self, hash: u64, guard: &'g Guard) -> &'g Segment {
        let directory = self.directory(guard);
        deref(directory.entries[directory.index(hash)].load(Ordering::Acquire, guard))
    }

    /// Whether one segment holds what belongs to either hash.
    pub(crate) fn is_one_segment(&self, one: u64, other: u64, guard: &Guard) -> bool {
        std::ptr::eq(self.segment(one, guard), self.segment(other, guard))
    }

    /// Asks the processor for the bucket where `hash` belongs.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64, guard: &Guard) {
        self.segment(hash, guard).prefetch(hash);
    }

    /// The place that a search for `hash` would look at first, as far as one bucket tells.
    #[inline(always)]
    pub(crate) fn likely(&self, hash: u64, guard: &Guard) -> Likely {
        self.segment(hash, guard).likely(hash)
    }

    /// Shows each slot that `hash` could be in to `visit`, until that breaks. Meeting a damaged
    /// page it ends, and the answer is in the journal.
    #[inline]
    pub(crate) fn probe<R>(
        &self,
        hash: u64,
        guard: &Guard,
        visit: impl FnMut(Slot) -> ControlFlow<R>,
    ) -> Result<Option<R>, Damaged> {
        self.segment(hash, guard).probe(hash, visit)
    }

    /// Whether the record at `position`, a put, is the newest of its key, whose hash is this. The
    /// segment is ready (see [`Table::is_ready`]).
    #[inline]
    pub(crate) fn leads_to(&self, hash: u64, position: u64, guard: &Guard) -> bool {
        let found = self.probe(hash, guard, |slot| {
            let is_it = slot.position() == position && !slot.is_tombstone();
            if is_it { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        matches!(found, Ok(Some(())))
    }

    /// Points the key's slot to the record at `new`, a tombstone if `removed`.
    ///
    /// The key's slot is the one that points to `old`, or one for which `same` says that its
    /// record, which an earlier step of the same commit wrote, has the same key. `oldest` is
    /// asked for the oldest view's watermark when a segment is replaced. Called by the one writer
    /// alone, when the segment is ready (see [`Table::is_ready`]). `None` when there are too many
    /// keys whose hashes are alike.
    pub(crate) fn publish(
        &self,
        hash: u64,
        old: Option<u64>,
        (new, removed): (u64, bool),
        oldest: impl Fn() -> u64,
        mut same: impl FnMut(u64) -> bool,
        guard: &Guard,
    ) -> Option<Published> {
        let slot = Slot::new(hash, new, removed);
        loop {
            let segment = self.segment(hash, guard);
            match segment.place(hash, old, slot, ALIKE_MAX_KEYS, &mut same) {
                Placed::New => return Some(Published::New),
                Placed::Replaced(position) => return Some(Published::Replaced(position)),
                Placed::Full => self.grow(hash, oldest(), guard)?,
                Placed::Crowded => self.shed(hash, oldest(), guard)?,
            }
        }
    }

    /// Replaces the segment of `hash` by what is needed of it. None if that is all: how many keys
    /// are alike must not depend on when tombstones went, which an open decides anew.
    #[cold]
    fn shed(&self, hash: u64, oldest: u64, guard: &Guard) -> Option<()> {
        let segment = self.segment(hash, guard);
        let is_less = segment.entries(|slot| slot.is_needed(oldest)).len() < segment.used();
        if is_less { self.grow(hash, oldest, guard) } else { None }
    }

    /// Replaces the full segment of `hash`.
    fn grow(&self, hash: u64, oldest: u64, guard: &Guard) -> Option<()> {
        let _changing = lock(&self.changing);
        let segment = self.segment(hash, guard);
        let entries = segment.entries(|slot| slot.is_needed(oldest));
        let mut one = segment.rebuilt(&entries);
        // Keys that lie too close by somebody's doing: to divide them helps little, or can't be done.
        let is_crowded = Segment::is_sparse(entries.len()) || segment.depth() == TAG_BITS;
        let is_news = !segment.is_wide() || entries.len() < segment.used();
        if one.is_none() && is_crowded && is_news {
            one = Segment::wide(segment.depth(), &entries);
        }
        self.renew(hash, one, &entries, guard)
    }

    /// Puts `one` in the place of the segment of `hash`, or two halves made of `entries`. The caller has
    /// `changing`.
    pub(super) fn renew(
        &self,
        hash: u64,
        one: Option<Segment>,
        entries: &[SlotEntry],
        guard: &Guard,
    ) -> Option<()> {
        let directory = self.directory(guard);
        let shared = directory.entries[directory.index(hash)].load(Ordering::Acquire, guard);
        let segment = deref(shared);
        let (low, high) = match one {
            Some(one) => (one, None),
            None => {
                if segment.depth() == TAG_BITS {
                    return None;
                }
                let [low, high] = segment.split(entries)?;
                if segment.depth() == directory.depth {
                    self.double(guard);
                }
                (low, Some(high))
            }
        };
        self.replace(hash, (low, high), &[shared], guard);
        Some(())
    }

    /// Puts `low` and `high`, or `low` alone, in the place of `former`: a segment, or two
    /// neighbours.
    pub(super) fn replace(
        &self,
        hash: u64,
        (low, high): (Segment, Option<Segment>),
        former: &[Shared<'_, Segment>],
        guard: &Guard,
    ) {
        let added = low.bytes() + high.as_ref().map_or(0, Segment::bytes);
        let gone: usize = former.iter().map(|shared| deref(*shared).bytes()).sum();
        let depth = low.depth() - u32::from(high.is_some());
        self.install(hash, depth, low, high, guard);
        self.bytes.fetch_add(added, Ordering::Relaxed);
        former.iter().for_each(|shared| self.forget(*shared, guard));
        if gone >= LARGE_BYTES {
            // Or this thread would keep it until it has replaced many more, which may be never.
            guard.flush();
        }
    }

    /// Lets a segment go to which no entry of the directory points any more.
    pub(super) fn forget(&self, former: Shared<'_, Segment>, guard: &Guard) {
        self.bytes.fetch_sub(deref(former).bytes(), Ordering::Relaxed);
        // SAFETY: the caller has replaced it, and readers that loaded it hold guards.
        unsafe { guard.defer_destroy(former) };
    }

    /// Points the entries of the former segments, which together cover what one of local depth
    /// `depth` with `hash` in it does, to the new ones. A reader meets a former or a new one; both hold
    /// all keys.
    fn install(&self, hash: u64, depth: u32, low: Segment, high: Option<Segment>, guard: &Guard) {
        let directory = self.directory(guard);
        let span = 1usize << (directory.depth - depth);
        let first = directory.index(hash) / span * span;
        let low = Owned::new(low).into_shared(guard);
        let high = high.map_or(low, |high| Owned::new(high).into_shared(guard));
        for (i, entry) in directory.entries[first..first + span].iter().enumerate() {
            let segment = if i < span.div_ceil(2) { low } else { high };
            entry.store(segment, Ordering::Release);
        }
    }

    /// Doubles the directory.
    fn double(&self, guard: &Guard) {
        let directory = self.directory(guard);
        let entries: Box<[Atomic<Segment>]> = directory
            .entries
            .iter()
            .flat_map(|entry| {
                let segment = entry.load(Ordering::Acquire, guard);
                [Atomic::from(segment), Atomic::from(segment)]
            })
            .collect();
        self.exchange(Directory { depth: directory.depth + 1, entries }, guard);
    }

    /// Puts another directory of the same segments in the place of the present one.
    pub(super) fn exchange(&self, directory: Directory, guard: &Guard) {
        let added = size_of_val(&*directory.entries);
        let former = self.directory.swap(Owned::new(directory), Ordering::AcqRel, guard);
        // SAFETY: replaced just now; readers that loaded it hold guards. Its segments live on in
        // the new one.
        let gone = size_of_val(&*unsafe { former.deref() }.entries);
        self.bytes.fetch_add(added.wrapping_sub(gone), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { guard.defer_destroy(former) };
    }

    /// Appends the slots of the first pages of the index, as soon as they are `enough`, or of its first
    /// segment.
    pub(crate) fn read_front(
        &self,
        slots: &mut Vec<Slot>,
        enough: usize,
        guard: &Guard,
    ) -> Result<(), Damaged> {
        self.segment(0, guard).slots(slots, enough)
    }

    /// Appends the slots of the segment that holds the tag `from`, as they are at one moment, and
    /// gives the first tag behind that segment; `None` when it was the last.
    ///
    /// A walk from tag 0 meets each key once: a key that was published before the walk began is in the
    /// segment that covers its tag, whenever that is loaded. One that two have been joined to since
    /// `from` was given also holds keys below that tag, which were met.
    pub(crate) fn read_segment(
        &self,
        from: u32,
        slots: &mut Vec<Slot>,
        guard: &Guard,
    ) -> Result<Option<u32>, Damaged> {
        let segment = self.segment(u64::from(from) << (64 - TAG_BITS), guard);
        let before = slots.len();
        segment.slots(slots, usize::MAX)?;
        if !begins_at(from, segment.depth()) {
            let mut at = 0;
            slots.retain(|slot| {
                at += 1;
                at <= before || slot.tag() >= from
            });
        }
        Ok(behind(from, segment.depth()))
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: nobody else holds the table, so nobody reads or replaces in it.
        let guard = unsafe { crossbeam_epoch::unprotected() };
        let directory = self.directory.load(Ordering::Relaxed, guard);
        // SAFETY: as above; a segment stands in a run of neighbouring entries, and is destroyed
        // with the first of them.
        unsafe {
            let mut last = Shared::null();
            for entry in &directory.deref().entries {
                let segment = entry.load(Ordering::Relaxed, guard);
                if segment != last {
                    last = segment;
                    drop(segment.into_owned());
                }
            }
            drop(directory.into_owned());
        }
    }
}

/// A guard for what nobody else has seen yet.
pub(super) fn unshared() -> &'static Guard {
    // SAFETY: whoever asks for it reaches nothing that another thread can reach.
    unsafe { crossbeam_epoch::unprotected() }
}

#[inline]
fn deref<'g>(segment: Shared<'g, Segment>) -> &'g Segment {
    // SAFETY: entries are never null, and a segment that is replaced is destroyed only when no
    // guard that could have loaded it is left.
    unsafe { segment.deref() }
}
