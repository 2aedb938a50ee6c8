//! Copying live records from one engine to another: what compaction, backup and salvage share.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::crypto::ReplayAuthenticator;
use crate::engine::Engine;
use crate::engine::append_lock::Access;
use crate::engine::decoded::DecodedRecord;
use crate::engine::read_view::ReadView;
use crate::engine::write_op::{Change, WriteOp};
use crate::error::{Error, Result};
use crate::format::JOURNAL_START;
use crate::format::record::Record;
use crate::index::ordered::RunBuilder;
use crate::journal::commits::{Commits, JournalItem};
use crate::maintenance::live::Live;
use crate::mvcc::incarnation::Incarnation;
use crate::mvcc::namespace::NamespaceState;
use crate::mvcc::retired::SeenNamespace;
use crate::progress::ProgressMeter;
use crate::storage::memory::Memory;

/// A chunk is written at once. It is large enough to go by one positional write.
const CHUNK_BYTES: usize = 512 << 10;
const CHUNK_RECORDS: usize = 4096;

/// Bytes of the copy that are read back at a time.
const REREAD_BYTES: u64 = 4 << 20;

/// Puts records of one journal into a new namespace of an engine, each as a commit of its own. No
/// key comes twice.
pub(crate) struct Copier<'r, 'm, 't> {
    pub(crate) target: &'r Arc<Engine>,
    meter: &'m mut ProgressMeter<'t>,
    chunk: Vec<DecodedRecord<'r>>,
    bytes: usize,
    /// The order of the copy, where records come in that of their keys.
    run: Option<RunBuilder>,
}

impl<'r, 'm, 't> Copier<'r, 'm, 't> {
    pub(crate) fn new(
        target: &'r Arc<Engine>,
        meter: &'m mut ProgressMeter<'t>,
    ) -> Copier<'r, 'm, 't> {
        Copier { target, meter, chunk: Vec::new(), bytes: 0, run: None }
    }

    /// Takes in a record that is whole. Records that have been taken in go to `namespace` now and
    /// then.
    pub(crate) fn put(
        &mut self,
        namespace: &Arc<NamespaceState>,
        record: DecodedRecord<'r>,
    ) -> Result<()> {
        self.bytes += record.record().len();
        self.chunk.push(record);
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
        for record in &self.chunk {
            let put = Change::put(record.key(), record.value(), record.expiry());
            ops.push(WriteOp::write_in(&guard, namespace, put)?.of_new_key());
        }
        drop(guard);
        self.target.commit(&mut ops, Access::Plain)?;
        if let Some(run) = &mut self.run {
            ops.iter().for_each(|op| run.push_position(op.position));
        }
        self.meter.advance(self.bytes as u64)?;
        self.chunk.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// Copies what is live in the state `view`: its namespaces, `states`, with their options and
/// expiries, the records of ordered ones in the order of their keys, the others as they lie.
/// Gives the copies by the ids of what they were copied from.
pub(crate) fn copy_all(
    view: &ReadView,
    namespaces: &[SeenNamespace],
    target: &Arc<Engine>,
    meter: &mut ProgressMeter<'_>,
) -> Result<HashMap<u32, Arc<NamespaceState>>> {
    let mut copies = HashMap::new();
    for SeenNamespace { name, stored_options, incarnation, .. } in namespaces {
        let copy = target.open_or_begin(name, *stored_options)?;
        copy_one(view, incarnation, &mut Copier::new(target, meter), &copy)?;
        target.put_in_order(&copy)?;
        copies.insert(incarnation.id, copy);
    }
    Ok(copies)
}

/// A view of what is committed now, every checksum verified whether lookups do or not, with all namespaces and
/// their options as they are there.
pub(super) fn read_view_of_all(engine: &Engine) -> (ReadView, Vec<SeenNamespace>) {
    // A namespace is listed, and its options are set, after the commit that says so is visible,
    // but under the same lock.
    let _append = engine.append_lock.lock();
    let view = engine.read_view().verified();
    let namespaces = view.namespaces(engine);
    (view, namespaces)
}

/// Reads back what was copied to `engine`, before it is relied on.
pub(super) fn reread(engine: &Engine) -> Result<()> {
    let handle = engine.generation(&crossbeam_epoch::pin()).clone();
    let journal = &handle.generation.journal;
    if matches!(journal.memory, Memory::Regions(_)) {
        // There is no medium that could have changed it.
        return Ok(());
    }
    let vault = journal.vault.as_ref();
    let mut authenticator = vault.map(|vault| ReplayAuthenticator::new(vault, None));
    let mut authenticate = |record: &Record<'_>| match &mut authenticator {
        Some(authenticator) => authenticator.authenticate(record).map(drop),
        None => Ok(()),
    };
    let end = journal.watermark();
    let mut commits = Commits::of_whole(journal.place, &journal.memory, JOURNAL_START, end);
    let mut passed = JOURNAL_START;
    while let Some(item) = commits.next() {
        let damaged_at = match item {
            JournalItem::Commit(records) => {
                records.iter().try_for_each(&mut authenticate)?;
                // The page cache has it; to have it mapped too before anybody reads it is for nothing.
                if let Some(last) = records.last().filter(|r| r.end() - passed >= REREAD_BYTES) {
                    journal.memory.let_go(&*journal.medium, passed, last.position());
                    passed = last.position();
                }
                continue;
            }
            JournalItem::Mark(record) => {
                authenticate(&record)?;
                continue;
            }
            // What should follow its last record is missing.
            JournalItem::Incomplete(records) => records.last().map_or(end, Record::end),
            JournalItem::Value(record) => record.position(),
            JournalItem::Gap { from, .. } => from,
        };
        return Err(Error::corrupted(damaged_at, "the copy is not what was written; try again"));
    }
    Ok(())
}

/// The error of a copy, for the one who asked for it: that the copy could not be synced says nothing of
/// the database.
pub(crate) fn of_copy(error: Error) -> Error {
    match error {
        Error::Poisoned => {
            std::io::Error::other("the new file could not be written or synced").into()
        }
        other => other,
    }
}

/// Copies what is live of a namespace. The keys that it has in order come in that order, so they become
/// the one run of the copy's order as they are written, and walks over the copy go forward in its file.
fn copy_one<'r>(
    view: &'r ReadView,
    incarnation: &'r Incarnation,
    copier: &mut Copier<'r, '_, '_>,
    namespace: &Arc<NamespaceState>,
) -> Result<()> {
    let live = Live::new(view, incarnation);
    let guard = crossbeam_epoch::pin();
    let copy = namespace.current(&guard).clone();
    copy.table.make_room(incarnation.records.load(Ordering::Relaxed), &guard);
    drop(guard);
    let Some(order) = incarnation.order.get() else {
        live.as_they_lie(|record| copier.put(namespace, record))?;
        return copier.finish(namespace);
    };
    let runs = live.runs(order)?;
    let order = copy.order.get();
    if let Some(order) = order {
        order.expect_run();
        copier.run = Some(RunBuilder::with_capacity(runs.iter().map(|run| run.len()).sum()));
    }
    let common = live.in_order(&runs, |window, record| {
        if let Some(run) = &mut copier.run {
            run.push_window(window);
        }
        copier.put(namespace, record)
    })?;
    copier.finish(namespace)?;
    if let (Some(order), Some(run)) = (order, copier.run.take()) {
        order.take_in(run.finish(common));
    }
    Ok(())
}
