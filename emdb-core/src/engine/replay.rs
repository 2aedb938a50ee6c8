//! Applying the commits of a journal in their order: to nothing, or to what a checkpoint gave.
//!
//! Records are applied some way behind where they are read, when the bucket of the index that they
//! change has come from memory.

use std::collections::VecDeque;
use std::sync::Arc;

use crossbeam_epoch::Guard;

use crate::engine::apply::{NamespaceChange, Refusal, apply_replayed};
use crate::engine::baseline::Baseline;
use crate::engine::namespace_table::{NamespaceTable, Trust, UNKNOWN};
use crate::engine::reader::Reader;
use crate::error::{Error, Result};
use crate::format::record::{Record, Verb};
use crate::journal::recovery::CommitSink;
use crate::mvcc::generation::Generation;
use crate::mvcc::incarnation::Incarnation;

/// The distance between reading a record and applying it, in records.
const AHEAD_RECORDS: usize = 16;

/// Records after which memory that the index has given up can go.
const REPIN_RECORDS: usize = 4096;

/// A journal on its way into an index.
pub(crate) struct Replay<'g> {
    generation: &'g Generation,
    pub(crate) namespaces: NamespaceTable,
    /// Records of whole commits, with their namespaces and the hashes of their keys.
    waiting: VecDeque<(Record<'g>, u32, u64)>,
    /// The incarnation that a record was last for.
    latest: Option<Arc<Incarnation>>,
    guard: Guard,
    applied: usize,
    /// The position of the record that the index had no room for.
    pub(crate) refused: Option<u64>,
}

impl<'g> Replay<'g> {
    /// Begins with nothing but the default namespace.
    pub(crate) fn new(generation: &'g Generation) -> Replay<'g> {
        Replay::with(generation, NamespaceTable::new(Trust::Whole))
    }

    /// Begins with what a checkpoint gave.
    pub(crate) fn of(generation: &'g Generation, baseline: Baseline) -> Replay<'g> {
        Replay::with(generation, NamespaceTable::of(baseline))
    }

    /// Begins with these namespaces.
    pub(crate) fn with(generation: &'g Generation, namespaces: NamespaceTable) -> Replay<'g> {
        Replay {
            generation,
            namespaces,
            waiting: VecDeque::new(),
            latest: None,
            guard: crossbeam_epoch::pin(),
            applied: 0,
            refused: None,
        }
    }

    /// Applies one record as it is, with all that was taken in before.
    pub(crate) fn apply(&mut self, record: Record<'g>) -> Result<()> {
        let namespace = self.reader().decode_key(record)?.namespace();
        self.push(record, namespace);
        self.finish()
    }

    fn reader(&self) -> Reader<'g> {
        Reader { generation: self.generation, verify: true }
    }

    /// Applies what is left.
    pub(crate) fn finish(&mut self) -> Result<()> {
        while !self.waiting.is_empty() {
            let done = self.apply_next();
            if done.is_err() {
                self.waiting.clear();
                return done;
            }
        }
        Ok(())
    }

    #[inline]
    fn push(&mut self, record: Record<'g>, namespace: u32) {
        let is_write = matches!(record.verb(), Verb::Put | Verb::Remove);
        let hash = if is_write { self.generation.hash(record.key()) } else { 0 };
        self.waiting.push_back((record, namespace, hash));
    }

    #[inline]
    fn apply_next(&mut self) -> Result<()> {
        if let (Some(later), Some(latest)) = (self.waiting.get(AHEAD_RECORDS), &self.latest) {
            // Most records are for the namespace of the one before them.
            latest.table.prefetch(later.2, &self.guard);
        }
        let Some((record, id, hash)) = self.waiting.pop_front() else { return Ok(()) };
        self.applied += 1;
        if self.applied.is_multiple_of(REPIN_RECORDS) {
            self.guard.repin();
        }
        let bad = |reason| Error::corrupted(record.position(), reason);
        if matches!(record.verb(), Verb::Put | Verb::Remove) {
            if self.latest.as_ref().is_none_or(|latest| latest.id != id) {
                let found = self.namespaces.incarnation(id).ok_or_else(|| bad(UNKNOWN))?;
                self.latest = Some(found.clone());
            }
            let Some(incarnation) = &self.latest else { return Ok(()) };
            self.reader().make_ready(&incarnation.table, hash, &self.guard)?;
            let done = apply_replayed(self.generation, incarnation, &record, hash, &self.guard);
            if done == Err(Refusal::Crowded) {
                self.refused = Some(record.position());
            }
            return done.map_err(|refusal| bad(refusal.reason()));
        }
        self.latest = None;
        let decoded = self.reader().decode(record)?;
        match NamespaceChange::read(record.verb(), decoded.key(), decoded.value()) {
            Some(change) => self.namespaces.apply(id, change).map_err(bad),
            None => Ok(()),
        }
    }
}

impl<'g> CommitSink<'g> for Replay<'g> {
    #[inline]
    fn record(&mut self, record: Record<'g>, namespace: u32) {
        self.push(record, namespace);
    }

    #[inline]
    fn commit(&mut self) -> Result<()> {
        while self.waiting.len() > AHEAD_RECORDS {
            self.apply_next()?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Replay::finish(self)
    }
}
