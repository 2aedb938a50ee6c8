//! Copying live records from one engine to another: what compaction, backup and salvage share.

use std::collections::HashMap;
use std::sync::Arc;

use crate::crypto::ReplayAuthenticator;
use crate::engine::Engine;
use crate::engine::commit::Access;
use crate::engine::decoded::DecodedRecord;
use crate::engine::read::{ReadView, Reader};
use crate::engine::repair::for_each_slot;
use crate::engine::write_op::WriteOp;
use crate::error::{Error, Result};
use crate::format::JOURNAL_START;
use crate::format::options::Options;
use crate::format::record::{Record, Verb};
use crate::index::ordered::{Keys, Run};
use crate::mvcc::names::{Incarnation, NamespaceState};
use crate::os::sync::lock;
use crate::progress::ProgressMeter;
use crate::storage::memory::Memory;

/// A chunk is written at once. It is large enough to go by one positional write.
const CHUNK_BYTES: usize = 512 << 10;
const CHUNK_RECORDS: usize = 4096;

/// How many records ahead, in the order of keys, memory is asked for, and for how many bytes.
const AHEAD: usize = 12;
const USUAL: usize = 256;

/// Puts records of one journal into a new namespace of an engine, each as a commit of its own. No
/// key comes twice.
pub(crate) struct Copier<'r, 'm, 't> {
    pub(crate) target: &'r Arc<Engine>,
    meter: &'m mut ProgressMeter<'t>,
    chunk: Vec<DecodedRecord<'r>>,
    bytes: usize,
}

impl<'r, 'm, 't> Copier<'r, 'm, 't> {
    pub(crate) fn new(
        target: &'r Arc<Engine>,
        meter: &'m mut ProgressMeter<'t>,
    ) -> Copier<'r, 'm, 't> {
        Copier { target, meter, chunk: Vec::new(), bytes: 0 }
    }

    /// Takes in a record that is whole. What has been taken in goes to `namespace` now and
    /// then.
    pub(crate) fn put(
        &mut self,
        namespace: &Arc<NamespaceState>,
        entry: DecodedRecord<'r>,
    ) -> Result<()> {
        self.bytes += entry.record().len();
        self.chunk.push(entry);
        if self.bytes < CHUNK_BYTES && self.chunk.len() < CHUNK_RECORDS {
            return Ok(());
        }
        self.finish(namespace)
    }

    /// Writes what is left.
    pub(crate) fn finish(&mut self, namespace: &Arc<NamespaceState>) -> Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let guard = crossbeam_epoch::pin();
        let mut ops = Vec::with_capacity(self.chunk.len());
        for entry in &self.chunk {
            let put = (entry.key(), entry.value());
            let expiry = entry.expiry();
            let op = WriteOp::write_in(&guard, namespace, Verb::Put, put, expiry, true)?;
            ops.push(op.of_new_key());
        }
        drop(guard);
        self.target.commit(&mut ops, Access::Plain)?;
        self.meter.advance(self.bytes as u64)?;
        self.chunk.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// Copies what is live in the state `view`: its namespaces, `states`, with their options and
/// expiries, the records of ordered ones in the order of their keys, the others as they lie.
/// Every checksum is verified. Gives the copies by the ids of what they were copied from.
pub(crate) fn copy_all(
    view: &ReadView,
    states: &[(Arc<NamespaceState>, Options)],
    target: &Arc<Engine>,
    meter: &mut ProgressMeter<'_>,
) -> Result<HashMap<u32, Arc<NamespaceState>>> {
    let mut copies = HashMap::new();
    for (state, options) in states {
        let Some(incarnation) = view.incarnation(state) else { continue };
        let copy = target.open_or_begin(&state.name, *options)?;
        copy_one(view, &incarnation, &mut Copier::new(target, meter), &copy)?;
        target.put_in_order(&copy)?;
        copies.insert(incarnation.id, copy);
    }
    Ok(copies)
}

impl Engine {
    /// Holds what is committed now, with all namespaces and their options as they are there.
    pub(crate) fn read_view_of_all(&self) -> (ReadView, Vec<(Arc<NamespaceState>, Options)>) {
        // A namespace is listed, and its options are set, after the commit that says so is visible,
        // but under the same lock.
        let _tail = lock(&self.tail);
        let view = self.read_view();
        let states = view.namespaces(self).into_iter();
        let with_options = states.map(|state| {
            let options = Options { ordered: state.is_ordered() };
            (state, options)
        });
        let states = with_options.collect();
        (view, states)
    }

    /// Reads back what was copied here, before it is relied on.
    pub(crate) fn reread(&self) -> Result<()> {
        let handle = self.generation(&crossbeam_epoch::pin()).clone();
        let (generation, end) = (&handle.generation, handle.generation.watermark());
        let whole =
            |r: &Record<'_>| r.verify_head(generation.place) && r.verify_value(generation.place);
        let mut authenticator =
            generation.vault.as_ref().map(|vault| ReplayAuthenticator::new(vault, None));
        if matches!(generation.memory, Memory::Regions(_)) {
            // There is no medium that could have changed it.
            return Ok(());
        }
        let mut at = JOURNAL_START;
        while at < end {
            let record = generation.memory.record(at).filter(whole);
            let record = record.ok_or_else(|| {
                Error::corrupted(at, "the copy is not what was written; try again")
            })?;
            if let Some(authenticator) = &mut authenticator {
                authenticator.authenticate(&record)?;
            }
            at = record.end();
        }
        Ok(())
    }
}

/// What an error of a copy is to the one who asked for it: that the copy could not be synced says
/// nothing of the database.
pub(crate) fn of_copy(error: Error) -> Error {
    match error {
        Error::Poisoned => {
            std::io::Error::other("the new file could not be written or synced").into()
        }
        other => other,
    }
}

fn copy_one<'r>(
    view: &'r ReadView,
    incarnation: &Arc<Incarnation>,
    copier: &mut Copier<'r, '_, '_>,
    namespace: &Arc<NamespaceState>,
) -> Result<()> {
    // Whether lookups verify or not.
    let reader = Reader { verify: true, ..view.reader() };
    let mut put = |record: Record<'r>| copier.put(namespace, reader.entry(record)?);
    if let Some(order) = incarnation.order.get() {
        let keys = view.anchors(incarnation);
        let mut anchors = Vec::new();
        Run::walk_all(&order.levels(keys)?.all_runs(), keys, |_, position| {
            anchors.push(position);
            Ok(())
        })?;
        for (at, &position) in anchors.iter().enumerate() {
            if let Some(&later) = anchors.get(at + AHEAD) {
                keys.prefetch(later, USUAL);
            }
            if let Some(record) = view.resolve(incarnation, reader.record(position)?)? {
                put(record)?;
            }
        }
    } else {
        // As they lie in the journal, which is read from front to back then.
        let mut positions = Vec::new();
        for_each_slot(reader, &incarnation.table, |slot| {
            if !slot.is_tombstone() || slot.position() >= view.watermark() {
                positions.push(slot.position());
            }
            Ok(())
        })?;
        positions.sort_unstable();
        for position in positions {
            if let Some(record) = view.seen_by(reader, position)? {
                put(record)?;
            }
        }
    }
    copier.finish(namespace)
}
