//! Applying the commits of a journal in their order: to nothing, or to what a checkpoint gave.
//!
//! Records are applied some way behind where they are read, when the bucket of the index that they
//! change has come from memory. Changes of an index that lies in a checkpoint are left to whoever
//! looks there first (`deferral`).

use std::collections::VecDeque;
use std::sync::Arc;

use crossbeam_epoch::Guard;

use crate::engine::apply::{NamespaceChange, Refusal, apply_replayed};
use crate::engine::baseline::Baseline;
use crate::engine::deferral::{self, CommitHashes, Deferral};
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

/// A record with its namespace and the hash of its key.
type Taken<'g> = (Record<'g>, u32, u64);

/// A journal on its way into an index.
pub(crate) struct Replay<'g> {
    generation: &'g Generation,
    pub(crate) namespaces: NamespaceTable,
    /// Records of whole commits.
    waiting: VecDeque<Taken<'g>>,
    /// Those of the commit that is being read, where it may have some that are left to others.
    open: Vec<Taken<'g>>,
    /// Changes that are left to others, by the ids of incarnations. Those that have ended are none.
    deferrals: Vec<(u32, Option<Deferral>)>,
    hashes: CommitHashes,
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
        let mut replay = Replay::with(generation, NamespaceTable::of(baseline));
        for (id, namespace) in replay.namespaces.iter() {
            let deferral = Deferral::new(&namespace.incarnation, &replay.guard);
            replay.deferrals.extend(deferral.map(|deferral| (id, Some(deferral))));
        }
        replay.deferrals.sort_unstable_by_key(|(id, _)| *id);
        replay
    }

    /// Begins with these namespaces.
    pub(crate) fn with(generation: &'g Generation, namespaces: NamespaceTable) -> Replay<'g> {
        Replay {
            generation,
            namespaces,
            waiting: VecDeque::new(),
            open: Vec::new(),
            deferrals: Vec::new(),
            hashes: CommitHashes::default(),
            latest: None,
            guard: crossbeam_epoch::pin(),
            applied: 0,
            refused: None,
        }
    }

    /// Applies one record as it is, with all that was taken in before.
    pub(crate) fn apply(&mut self, record: Record<'g>) -> Result<()> {
        let namespace = self.reader().decode_key(record)?.namespace();
        let taken = self.taken(record, namespace);
        self.waiting.push_back(taken);
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
        for (_, deferral) in std::mem::take(&mut self.deferrals) {
            let Some(deferral) = deferral else { continue };
            if let Some(position) = deferral.finish(self.reader(), &self.guard)? {
                self.refused = Some(position);
                return Err(Error::corrupted(position, Refusal::Crowded.reason()));
            }
        }
        Ok(())
    }

    #[inline]
    fn taken(&self, record: Record<'g>, namespace: u32) -> Taken<'g> {
        let is_write = matches!(record.verb(), Verb::Put | Verb::Remove);
        (record, namespace, if is_write { self.generation.hash(record.key()) } else { 0 })
    }

    /// Takes in the commit that was read: what is left to others apart.
    fn defer_open(&mut self) -> Result<()> {
        let open = std::mem::take(&mut self.open);
        if open.len() > 1 {
            self.hashes.begin(open.len());
        }
        for (number, taken) in open.iter().enumerate() {
            let (record, id, hash) = taken;
            let at = self.deferrals.binary_search_by_key(id, |(id, _)| *id);
            let deferral = at.ok().map(|at| &mut self.deferrals[at].1);
            match (record.verb(), deferral) {
                (Verb::Put | Verb::Remove, Some(Some(deferral))) => {
                    let is_like = |at: usize| (open[at].1, open[at].2) == (*id, *hash);
                    let earlier = (open.len() > 1)
                        .then(|| self.hashes.note(*hash, number, is_like))
                        .flatten()
                        .map(|at| open[at].0.position());
                    let reader = Reader { generation: self.generation, verify: true };
                    let done = deferral::defer(reader, deferral, (record, *hash), earlier);
                    done.map_err(|refusal| Error::corrupted(record.position(), refusal.reason()))?;
                    continue;
                }
                // Nothing comes for it any more.
                (Verb::Clear | Verb::Drop, Some(deferral)) => *deferral = None,
                _ => {}
            }
            self.waiting.push_back(*taken);
        }
        self.open = open;
        self.open.clear();
        Ok(())
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
        let taken = self.taken(record, namespace);
        if self.deferrals.is_empty() {
            self.waiting.push_back(taken);
        } else {
            self.open.push(taken);
        }
    }

    #[inline]
    fn commit(&mut self) -> Result<()> {
        self.defer_open()?;
        while self.waiting.len() > AHEAD_RECORDS {
            self.apply_next()?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Replay::finish(self)
    }
}
