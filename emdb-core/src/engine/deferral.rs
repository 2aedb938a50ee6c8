//! Changes of the index that an open leaves to whoever looks first (`index/hash/deferred`).
//!
//! The link of a record tells what it replaces, so neither the index nor the key that it leads to is looked
//! at: counts, expiries and order come out as if the record had been applied. Links are of the state before
//! a commit, so what a commit has twice is found by its hash.

use std::sync::Arc;

use crossbeam_epoch::Guard;

use crate::engine::apply::{NewRecord, PriorRecord, Refusal, apply_write};
use crate::engine::reader::Reader;
use crate::error::Result;
use crate::format::record::Record;
use crate::index::hash::deferred::Change;
use crate::mvcc::incarnation::Incarnation;

/// The changes of one incarnation, on their way to their segments.
#[derive(Debug)]
pub(super) struct Deferral {
    incarnation: Arc<Incarnation>,
    /// Top bits of a hash that choose the queue.
    depth: u32,
    queues: Vec<Vec<Change>>,
}

impl Deferral {
    /// None where changes have to be made at once.
    pub(super) fn new(incarnation: &Arc<Incarnation>, guard: &Guard) -> Option<Deferral> {
        let table = &incarnation.table;
        table.can_defer(guard).then(|| {
            let depth = table.depth(guard);
            let queues = vec![Vec::new(); 1 << depth];
            Deferral { incarnation: incarnation.clone(), depth, queues }
        })
    }

    #[inline]
    fn push(&mut self, hash: u64, change: Change) {
        let queue = hash.checked_shr(64 - self.depth).unwrap_or(0);
        self.queues[queue as usize].push(change);
    }

    /// Leaves the changes to whoever looks first, and makes those that can't be left. Gives the position of
    /// the record that the index had no room for.
    pub(super) fn finish(self, reader: Reader<'_>, guard: &Guard) -> Result<Option<u64>> {
        let Deferral { incarnation, depth, queues } = self;
        let table = &incarnation.table;
        let mut queues = queues.into_iter().enumerate().peekable();
        while let Some((number, mut changes)) = queues.next() {
            let hash = (number as u64).checked_shl(64 - depth).unwrap_or(0);
            // Several queues can be of one segment.
            while let Some((_, more)) = queues.next_if(|(next, _)| {
                let next = (*next as u64).checked_shl(64 - depth).unwrap_or(0);
                table.is_one_segment(hash, next, guard)
            }) {
                changes.extend(more);
            }
            if changes.is_empty() {
                continue;
            }
            changes.shrink_to_fit();
            let Err(changes) = table.defer(hash, changes, guard) else { continue };
            for change in changes {
                if !reader.change_now(&incarnation, change, guard)? {
                    return Ok(Some(change.position()));
                }
            }
        }
        Ok(None)
    }
}

impl<'g> Reader<'g> {
    /// Makes one change of an index that nobody else knows yet; false if there is no room.
    fn change_now(self, incarnation: &Incarnation, change: Change, guard: &Guard) -> Result<bool> {
        let (table, hash) = (&incarnation.table, change.hash());
        self.make_ready(table, hash, guard)?;
        let key = self.record(change.position())?.key();
        let mut failed = None;
        let same = |position| match self.record(position).and_then(|r| self.authentic(r)) {
            Ok(record) => record.key() == key,
            Err(e) => {
                failed = Some(e);
                false
            }
        };
        let slot = (change.position(), change.removes());
        let published = table.publish(hash, change.old(), slot, || u64::MAX, same, guard);
        failed.map_or(Ok(published.is_some()), Err)
    }

    /// The record that `record` replaces, told by its link, or by the commit if it has the key twice.
    fn replaced_by(
        self,
        record: &Record<'g>,
        earlier: Option<u64>,
    ) -> Result<Option<PriorRecord>, Refusal> {
        let Some(position) = earlier.or_else(|| record.previous()) else { return Ok(None) };
        let prior = self.record(position).and_then(|prior| self.authentic(prior));
        // A link that leads to another key is none that was written.
        let is_of_key = |prior: &Record<'_>| {
            prior.key() == record.key() && prior.namespace() == record.namespace()
        };
        let prior = prior.ok().filter(is_of_key).ok_or(Refusal::Damaged)?;
        Ok(Some(PriorRecord::of(&prior)))
    }
}

/// Takes in a put or removal of a whole commit: all of its effect but that on the index, which is queued.
/// `earlier` is the record of the same commit that had a key of the same hash last.
#[inline]
pub(super) fn defer(
    reader: Reader<'_>,
    deferral: &mut Deferral,
    (record, hash): (&Record<'_>, u64),
    earlier: Option<u64>,
) -> Result<(), Refusal> {
    let prior = reader.replaced_by(record, earlier)?;
    let put = record.is_put();
    if !put && !prior.is_some_and(|prior| prior.put) {
        // A removal of what isn't there changes nothing.
        return Ok(());
    }
    let slot = (record.position(), !put);
    deferral.push(hash, Change::new(hash, prior.map(|prior| prior.position), slot));
    let new =
        NewRecord { position: record.position(), put, len: record.len(), expiry: record.expiry() };
    let incarnation = &deferral.incarnation;
    let effect = apply_write(reader.generation, incarnation, new, prior.as_ref());
    incarnation.tally(effect.tally.records, effect.tally.bytes);
    Ok(())
}

/// The records of one commit by the hashes of their keys, to tell those that it has twice.
///
/// An open-addressing table of the latest record for each: a part of the hash, and the record's number from 1
/// on, so that a slot of zeros is free.
#[derive(Debug, Default)]
pub(super) struct CommitHashes {
    slots: Vec<(u32, u32)>,
}

impl CommitHashes {
    /// Begins a commit of so many records.
    pub(super) fn begin(&mut self, records: usize) {
        self.slots.clear();
        self.slots.resize((2 * records).next_power_of_two(), (0, 0));
    }

    /// Notes the record `number` of the commit, and gives the one before it that `is_like` it: has the same hash,
    /// and is of the same incarnation.
    #[inline]
    pub(super) fn note(
        &mut self,
        hash: u64,
        number: usize,
        is_like: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let mask = self.slots.len() - 1;
        let (part, mut at) = ((hash >> 32) as u32, hash as usize & mask);
        loop {
            let slot = &mut self.slots[at];
            let earlier = slot.1 as usize;
            if earlier == 0 {
                *slot = (part, number as u32 + 1);
                return None;
            }
            if slot.0 == part && is_like(earlier - 1) {
                slot.1 = number as u32 + 1;
                return Some(earlier - 1);
            }
            at = (at + 1) & mask;
        }
    }
}
