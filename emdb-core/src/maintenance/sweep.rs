//! Removing what has expired, at the cost of what has expired.
//!
//! Expired records are looked for without a lock. The append lock is taken for a batch of removals,
//! behind all writers who wait by then, and a record that was replaced meanwhile is left alone.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_epoch::Guard;

use crate::engine::Engine;
use crate::engine::append_lock::Access;
use crate::engine::apply::PriorRecord;
use crate::engine::decoded::DecodedRecord;
use crate::engine::reader::Reader;
use crate::engine::write_op::{Change, WriteOp};
use crate::error::Result;
use crate::index::expiry::Expiry;
use crate::maintenance::pace::Pace;
use crate::mvcc::generation::GenerationHandle;
use crate::mvcc::incarnation::Incarnation;
use crate::mvcc::namespace::NamespaceState;
use crate::os::sync::lock;

/// The distance ahead at which buckets of the index are asked for; at twice that, records.
const AHEAD_RECORDS: usize = 8;

/// Removes the expired records of the namespace and counts them into `swept`.
pub(crate) fn sweep(
    engine: &Engine,
    namespace: &Arc<NamespaceState>,
    swept: &mut usize,
) -> Result<()> {
    let now = engine.clock.now();
    let mut pace = Pace::new();
    load(engine, namespace);
    let mut due = {
        let _append = engine.lock_for_writing(Access::Plain)?;
        Due::next(engine, namespace, now, &pace)
    };
    while !due.expiries.is_empty() {
        due = due.remove(engine, namespace, now, &mut pace, swept)?;
    }
    if *swept > 0 {
        engine.growth.tell();
    }
    Ok(())
}

/// Reads those of an image, if nobody has yet, before a lock is taken that writers wait for.
fn load(engine: &Engine, namespace: &NamespaceState) {
    let (handle, incarnation) = namespace.now();
    let Some(stored) = lock(&incarnation.expiries).unread() else { return };
    let loaded = stored.load();
    let again = || engine.reader(&handle).expiries_of(&incarnation.table);
    let found = if loaded.is_none() { again() } else { Vec::new() };
    lock(&incarnation.expiries).take_read(loaded, found);
}

/// Expiries that are due, of one incarnation in one generation.
struct Due {
    handle: GenerationHandle,
    incarnation: Arc<Incarnation>,
    expiries: Vec<Expiry>,
}

impl Due {
    /// The next ones; none if there are no more. For whoever has the append lock, so that no commit
    /// is in the making.
    fn next(engine: &Engine, namespace: &NamespaceState, now: u64, pace: &Pace) -> Due {
        let (handle, incarnation) = namespace.now();
        let again = || engine.reader(&handle).expiries_of(&incarnation.table);
        let watermark = handle.generation.watermark();
        let mut all = lock(&incarnation.expiries);
        let mut due = all.due(now, pace.records(), again);
        // A forged image could name what will be written there.
        while due.iter().any(|(_, position)| *position >= watermark) {
            due.retain(|(_, position)| *position >= watermark);
            due.drain(..).for_each(|expiry| all.forget(expiry));
            due = all.due(now, pace.records(), again);
        }
        drop(all);
        Due { handle, incarnation, expiries: due }
    }

    /// Removes their records, and gives the next ones.
    fn remove(
        self,
        engine: &Engine,
        namespace: &Arc<NamespaceState>,
        now: u64,
        pace: &mut Pace,
        swept: &mut usize,
    ) -> Result<Due> {
        let expired = self.records(engine.reader(&self.handle));
        let mut ops = Vec::with_capacity(expired.len());
        for (i, record) in expired.iter().enumerate() {
            let remove = Change::remove(record.key()).ending_commit(i + 1 == expired.len());
            let op = WriteOp::write(namespace, remove)?;
            ops.push(op.of_record(PriorRecord::of(record.record())));
        }
        let mut commit = engine.begin_batch()?;
        let began = Instant::now();
        // After a compaction records lie elsewhere: the same ones are due again.
        if commit.is_in(&self.handle) {
            if !ops.is_empty() {
                // What belongs to these rows is removed by other commits.
                engine.clock.note_passed(now);
            }
            commit.write(&mut ops)?;
            *swept += ops.iter().filter(|op| !op.void).count();
            let mut all = lock(&self.incarnation.expiries);
            self.expiries.iter().for_each(|expiry| all.forget(*expiry));
        }
        let next = Due::next(engine, namespace, now, pace);
        commit.finish_after(|| pace.note(began.elapsed()))?;
        Ok(next)
    }

    /// The records that are live. A damaged one is left out: whoever reads it gets the error.
    fn records<'g>(&self, reader: Reader<'g>) -> Vec<DecodedRecord<'g>> {
        let guard = crossbeam_epoch::pin();
        let table = &self.incarnation.table;
        let read = |(number, &(at, position)): (usize, &Expiry)| {
            self.look_ahead(number, reader, &guard);
            let record = reader.record(position).and_then(|r| {
                // The way that a commit would find it.
                let hash = reader.generation.hash(r.key());
                let newest = reader.newest(table, r.key(), hash, &guard)?;
                newest.map(|record| reader.decode_key(record)).transpose()
            });
            // Otherwise it was replaced, or removed, or the image was forged.
            record.ok().flatten().filter(|record| is_it(record, at, position))
        };
        self.expiries.iter().enumerate().filter_map(read).collect()
    }

    /// Asks for what the lookups of those behind number `number` will read: for a record first, and when
    /// that is there for the bucket that leads to its key's newest one.
    fn look_ahead(&self, number: usize, reader: Reader<'_>, guard: &Guard) {
        let (generation, at) = (reader.generation, |ahead| self.expiries.get(number + ahead));
        if let Some((_, position)) = at(2 * AHEAD_RECORDS) {
            generation.journal.memory.prefetch_head(*position);
        }
        let soon = at(AHEAD_RECORDS).and_then(|(_, soon)| generation.journal.memory.record(*soon));
        if let Some(record) = soon {
            self.incarnation.table.prefetch(generation.hash(record.key()), guard);
        }
    }
}

/// Whether the record is the put at `position` with this expiry.
fn is_it(decoded: &DecodedRecord<'_>, at: u64, position: u64) -> bool {
    let record = decoded.record();
    record.position() == position && record.expiry() == Some(at) && record.is_put()
}
