//! Repair: answers from the journal where a page of the checkpoint's image is damaged.
//!
//! A writer verifies a segment before it writes to it, so one with a damaged page holds just what
//! the journal says up to the image's position: the newest records of its keys. They are searched
//! for there, which is slow, until the background has put a whole segment in the place.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use crossbeam_epoch::Guard;

use crate::engine::Engine;
use crate::engine::reader::Reader;
use crate::error::{Error, Result};
use crate::format::JOURNAL_START;
use crate::format::record::{Record, Verb};
use crate::index::expiry::Expiry;
use crate::index::hash::image;
use crate::index::hash::source::{Damaged, behind, covers, hash_of};
use crate::index::hash::{Slot, Table};
use crate::journal::commits::{Commits, JournalItem};
use crate::journal::scan::Scanner;
use crate::mvcc::incarnation::Incarnation;

/// The distance ahead, in the order of the index, at which records are asked for.
const AHEAD_RECORDS: usize = 12;

/// Segments that one search finds again.
const TOGETHER_SEGMENTS: usize = 16;

/// The newest records of keys: hash, position, and whether it is a put.
type Newest<'k> = HashMap<&'k [u8], (u64, u64, bool)>;

/// A segment: the first tag of its hashes, and how many top bits they share.
type SegmentTags = (u32, u32);

impl<'g> Reader<'g> {
    /// The records of an incarnation's keys up to a position. A damaged value is one all the same: its
    /// key is whole, and whoever reads the value is told.
    fn history(self, id: u32, below: u64, mut visit: impl FnMut(Record<'g>)) -> Result<()> {
        let journal = &self.generation.journal;
        let mut visit = |record: &Record<'g>| -> Result<()> {
            let is_write = matches!(record.verb(), Verb::Put | Verb::Remove);
            if is_write && self.decode_key(*record)?.namespace() == id {
                visit(*record);
            }
            Ok(())
        };
        let scanner = Scanner::new(journal.place, &journal.memory, JOURNAL_START, below);
        // Lookups and writers wait for this: values, most of the bytes, are left alone.
        let mut commits = Commits::new(scanner.ending_at_damage().by_heads_alone());
        while let Some(item) = commits.next() {
            match item {
                JournalItem::Commit(records) | JournalItem::Incomplete(records) => {
                    records.iter().try_for_each(&mut visit)?;
                }
                JournalItem::Value(record) => visit(&record)?,
                JournalItem::Mark(_) => {}
                JournalItem::Gap { from, .. } => {
                    return Err(Error::corrupted(from, "a record's head fails its checksum"));
                }
            }
        }
        Ok(())
    }

    /// The newest record with this stored key in what the image held.
    #[cold]
    pub(crate) fn newest_in_journal(self, table: &Table, key: &[u8]) -> Result<Option<Record<'g>>> {
        let Some(source) = &table.image else { return Ok(None) };
        table.note_damage();
        let mut newest = None;
        self.history(source.id, source.below.load(Ordering::Acquire), |record| {
            if record.key() == key {
                newest = Some(record);
            }
        })?;
        Ok(newest)
    }

    /// The hashes and positions of the live keys of some segments that the image held.
    pub(crate) fn rebuild_segments(
        self,
        table: &Table,
        of: &[SegmentTags],
    ) -> Result<Vec<image::Found>> {
        let Some(source) = &table.image else { return Ok(vec![Vec::new(); of.len()]) };
        let mut newest: Vec<Newest<'_>> = vec![HashMap::new(); of.len()];
        self.history(source.id, source.below.load(Ordering::Acquire), |record| {
            let hash = self.generation.hash(record.key());
            let found = of.iter().position(|&(from, depth)| covers(from, depth, hash));
            if let Some(at) = found {
                newest[at].insert(record.key(), (hash, record.position(), record.is_put()));
            }
        })?;
        let live = |keys: Newest<'_>| {
            keys.into_values().filter(|k| k.2).map(|(hash, at, _)| (hash, at)).collect()
        };
        Ok(newest.into_iter().map(live).collect())
    }

    /// The same of one segment.
    pub(crate) fn rebuild_segment(
        self,
        table: &Table,
        from: u32,
        damaged: Damaged,
    ) -> Result<image::Found> {
        table.note_damage();
        Ok(self.rebuild_segments(table, &[(from, damaged.depth)])?.pop().unwrap_or_default())
    }

    /// Appends the slots of the segment that holds the tag `from`, and gives the first tag behind
    /// it.
    pub(crate) fn slots(
        self,
        table: &Table,
        from: u32,
        slots: &mut Vec<Slot>,
        guard: &Guard,
    ) -> Result<Option<u32>> {
        match table.read_segment(from, slots, guard) {
            Ok(next) => Ok(next),
            Err(_) if self.settle(table, hash_of(from), guard) => {
                self.slots(table, from, slots, guard)
            }
            Err(damaged) => {
                let found = self.rebuild_segment(table, from, damaged)?;
                slots.extend(image::slots(&found));
                Ok(behind(from, damaged.depth))
            }
        }
    }

    /// Sees to it that the segment of `hash` may be written to. Called by the one writer alone.
    #[inline]
    pub(crate) fn make_ready(self, table: &Table, hash: u64, guard: &Guard) -> Result<()> {
        match table.is_ready(hash, guard) {
            Ok(()) => Ok(()),
            Err(_) if self.settle(table, hash, guard) => Ok(()),
            Err(_) => self.repair_all(table, guard),
        }
    }

    /// Makes the changes that an open has left to whoever looks at the segment of `hash` first. Tells
    /// whether it can be looked at then, and was changed or put right meanwhile.
    #[cold]
    pub(crate) fn settle(self, table: &Table, hash: u64, guard: &Guard) -> bool {
        // Whatever reads verify otherwise: a damaged key would pass for another.
        let reader = Reader { verify: true, ..self };
        let key = |position| {
            let record = reader.record(position).and_then(|record| reader.authentic(record));
            record.ok().map(|record| record.key())
        };
        table.image.is_some() && table.settle(hash, |a, b| Some(key(a)? == key(b)?), guard)
    }

    /// Puts whole segments in the place of those that were found damaged. Called by the one
    /// writer alone.
    #[cold]
    fn repair_all(self, table: &Table, guard: &Guard) -> Result<()> {
        let damaged = table.damaged_segments(guard);
        for some in damaged.chunks(TOGETHER_SEGMENTS) {
            let found = self.rebuild_segments(table, some)?;
            self.repair(table, some, &found, guard)?;
        }
        Ok(())
    }

    fn repair(
        self,
        table: &Table,
        of: &[SegmentTags],
        found: &[image::Found],
        guard: &Guard,
    ) -> Result<()> {
        for (&(from, _), found) in of.iter().zip(found) {
            if !table.repair(from, found, guard) {
                return Err(forged());
            }
        }
        Ok(())
    }
}

impl Reader<'_> {
    /// The expiries of all live records of a table, as far as they can be read.
    pub(crate) fn expiries_of(self, table: &Table) -> Vec<Expiry> {
        let (mut found, mut slots, mut tag) = (Vec::new(), Vec::new(), Some(0));
        while let Some(from) = tag {
            slots.clear();
            let Ok(next) = self.slots(table, from, &mut slots, &crossbeam_epoch::pin()) else {
                break;
            };
            tag = next;
            for slot in slots.iter().filter(|slot| !slot.is_tombstone()) {
                let record = self.record(slot.position()).ok();
                found.extend(record.and_then(|r| Some((r.expiry()?, r.position()))));
            }
        }
        found
    }
}

/// The slots of an image don't fit in the segments that it says they were in.
#[cold]
pub(crate) fn forged() -> Error {
    let what = "a part of the index can't be built again; open the database without its checkpoint";
    Error::corrupted(JOURNAL_START, what)
}

/// Shows each slot of the table to `visit`.
pub(crate) fn for_each_slot(
    reader: Reader<'_>,
    table: &Table,
    mut visit: impl FnMut(&Slot) -> Result<()>,
) -> Result<()> {
    for_each_segment(reader, table, |slots| slots.iter().try_for_each(&mut visit))
}

/// The same for whoever reads the record that each leads to: those of the next ones are asked for.
pub(crate) fn for_each_slot_read(
    reader: Reader<'_>,
    table: &Table,
    mut visit: impl FnMut(&Slot) -> Result<()>,
) -> Result<()> {
    let memory = &reader.generation.journal.memory;
    for_each_segment(reader, table, |slots| {
        for (at, slot) in slots.iter().enumerate() {
            if let Some(later) = slots.get(at + AHEAD_RECORDS) {
                memory.prefetch_head(later.position());
            }
            visit(slot)?;
        }
        Ok(())
    })
}

fn for_each_segment(
    reader: Reader<'_>,
    table: &Table,
    mut visit: impl FnMut(&[Slot]) -> Result<()>,
) -> Result<()> {
    let (mut tag, mut slots) = (Some(0), Vec::new());
    while let Some(from) = tag {
        slots.clear();
        tag = reader.slots(table, from, &mut slots, &crossbeam_epoch::pin())?;
        visit(&slots)?;
    }
    Ok(())
}

impl Engine {
    /// Puts whole segments in the place of those that readers found damaged. The journal is
    /// searched without a lock: what is found can't change before it is in place.
    pub(crate) fn repair_damaged(&self) -> Result<()> {
        let states: Vec<_> = self.names.lock().live.values().cloned().collect();
        for state in states {
            let (handle, incarnation) = {
                let guard = crossbeam_epoch::pin();
                let versions = state.versions(&guard);
                (versions.handle.clone(), versions.current.clone())
            };
            self.repair_namespace(self.reader(&handle), &incarnation)?;
        }
        Ok(())
    }

    fn repair_namespace(&self, reader: Reader<'_>, incarnation: &Incarnation) -> Result<()> {
        let table = &incarnation.table;
        let Some(source) = &table.image else { return Ok(()) };
        while source.damaged.swap(false, Ordering::AcqRel) {
            let damaged = table.damaged_segments(&crossbeam_epoch::pin());
            for some in damaged.chunks(TOGETHER_SEGMENTS) {
                let found = reader.rebuild_segments(table, some)?;
                // Whoever has the right to write: what is only read is repaired as well.
                let _append = self.append_lock.lock();
                reader.repair(table, some, &found, &crossbeam_epoch::pin())?;
            }
        }
        Ok(())
    }
}
