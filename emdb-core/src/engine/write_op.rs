//! One record on its way into a commit.
//!
//! It is made outside the lock: lengths are checked, the key's hash and the checksums computed. The
//! record that it replaces, and where that lies, are found out under the lock, by the commit.

use std::sync::Arc;

use crossbeam_epoch::Guard;

use crate::engine::apply::PriorRecord;
use crate::error::{Error, Result};
use crate::format::prepared::Prepared;
use crate::format::record::Verb;
use crate::format::{KEY_MAX_BYTES, VALUE_MAX_BYTES};
use crate::mvcc::generation::Generation;
use crate::mvcc::incarnation::Incarnation;
use crate::mvcc::namespace::NamespaceState;

/// The content of a record that is to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) verb: Verb,
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    pub(crate) expiry: Option<u64>,
    /// It is the last record of its commit. Records that are written together may be several
    /// commits, which end as these say.
    pub(crate) ends_commit: bool,
}

impl<'a> Change<'a> {
    /// A put, as a commit of its own.
    #[inline]
    pub(crate) fn put(key: &'a [u8], value: &'a [u8], expiry: Option<u64>) -> Change<'a> {
        Change { verb: Verb::Put, key, value, expiry, ends_commit: true }
    }

    /// A removal, as a commit of its own.
    #[inline]
    pub(crate) fn remove(key: &'a [u8]) -> Change<'a> {
        Change { verb: Verb::Remove, key, value: &[], expiry: None, ends_commit: true }
    }

    /// A put, or a removal if there is no value.
    #[inline]
    pub(crate) fn write(key: &'a [u8], value: Option<&'a [u8]>, expiry: Option<u64>) -> Change<'a> {
        match value {
            Some(value) => Change::put(key, value, expiry),
            None => Change { expiry, ..Change::remove(key) },
        }
    }

    /// The same, which ends its commit or does not.
    #[inline]
    pub(crate) fn ending_commit(self, ends_commit: bool) -> Change<'a> {
        Change { ends_commit, ..self }
    }
}

/// The way in which a commit finds what a record replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    /// By its key.
    Search,
    /// It is known that the key isn't there.
    Absent,
    /// It was found before, and only has to be the newest still.
    Known,
}

/// One record of a commit.
#[derive(Debug)]
pub(crate) struct WriteOp<'a> {
    pub(crate) target: &'a Arc<NamespaceState>,
    pub(crate) verb: Verb,
    pub(crate) expiry: Option<u64>,
    /// The record ends its commit.
    pub(crate) ends_commit: bool,
    /// The incarnation that the record was prepared for.
    pub(crate) id: u32,
    /// The incarnation that this commit begins, if the record goes into that.
    pub(crate) fresh: Option<Arc<Incarnation>>,
    pub(crate) prepared: Prepared<'a>,
    pub(crate) hash: u64,
    pub(crate) finding: Finding,
    /// The caller asks for the value that is replaced.
    pub(crate) wants_value: bool,
    /// A removal of what isn't there: nothing is written for it.
    pub(crate) void: bool,
    pub(crate) prior: Option<PriorRecord>,
    pub(crate) position: u64,
}

impl<'a> WriteOp<'a> {
    /// A put or removal.
    pub(crate) fn write(
        target: &'a Arc<NamespaceState>,
        change: Change<'a>,
    ) -> Result<WriteOp<'a>> {
        WriteOp::write_in(&crossbeam_epoch::pin(), target, change)
    }

    /// As [`WriteOp::write`], for a caller that makes many under one guard.
    #[inline]
    pub(crate) fn write_in(
        guard: &Guard,
        target: &'a Arc<NamespaceState>,
        change: Change<'a>,
    ) -> Result<WriteOp<'a>> {
        check_len("a key", change.key, KEY_MAX_BYTES)?;
        check_len("a value", change.value, VALUE_MAX_BYTES)?;
        let versions = target.versions(guard);
        let (generation, incarnation) = (&versions.handle.generation, &versions.current);
        let op = WriteOp::new(target, generation, incarnation.id, change);
        incarnation.table.prefetch(op.hash, guard);
        Ok(op)
    }

    /// A record that begins, ends or replaces the incarnation `id`.
    pub(crate) fn control(
        target: &'a Arc<NamespaceState>,
        id: u32,
        change: Change<'a>,
        fresh: Option<Arc<Incarnation>>,
    ) -> WriteOp<'a> {
        let generation = &target.versions(&crossbeam_epoch::pin()).handle.generation.clone();
        WriteOp { fresh, ..WriteOp::new(target, generation, id, change) }
    }

    /// Sends a write into the incarnation that an earlier operation of the same commit begins.
    pub(crate) fn into_fresh(mut self, fresh: &Arc<Incarnation>) -> WriteOp<'a> {
        self.prepare(fresh.id);
        self.fresh = Some(fresh.clone());
        self
    }

    #[inline(always)]
    fn new(
        target: &'a Arc<NamespaceState>,
        generation: &Generation,
        id: u32,
        change: Change<'a>,
    ) -> WriteOp<'a> {
        // Apart, so that what is not sealed is made where it stays.
        if generation.journal.vault.is_some() {
            return WriteOp::sealed(target, generation, id, change);
        }
        let Change { verb, key, value, expiry, ends_commit } = change;
        let hash = if is_write(verb) { generation.hash(key) } else { 0 };
        let prepared = Prepared::new(verb, ends_commit, id, key, value, expiry);
        WriteOp::of(target, id, change, prepared, hash)
    }

    #[inline(never)]
    fn sealed(
        target: &'a Arc<NamespaceState>,
        generation: &Generation,
        id: u32,
        change: Change<'a>,
    ) -> WriteOp<'a> {
        let Change { verb, key, value, expiry, ends_commit } = change;
        let stored_key = is_write(verb).then(|| generation.stored_key(id, key));
        let fingerprint = stored_key.and_then(|stored_key| stored_key.fingerprint);
        let prepared = Prepared::sealed(verb, ends_commit, (key, value), expiry, fingerprint);
        let hash = stored_key.map_or(0, |stored_key| stored_key.hash);
        WriteOp::of(target, id, change, prepared, hash)
    }

    #[inline(always)]
    fn of(
        target: &'a Arc<NamespaceState>,
        id: u32,
        Change { verb, expiry, ends_commit, .. }: Change<'a>,
        prepared: Prepared<'a>,
        hash: u64,
    ) -> WriteOp<'a> {
        WriteOp {
            target,
            verb,
            expiry,
            ends_commit,
            id,
            fresh: None,
            prepared,
            hash,
            finding: Finding::Search,
            wants_value: false,
            void: false,
            prior: None,
            position: 0,
        }
    }

    /// Makes the record again, for another incarnation or with another end.
    pub(crate) fn prepare(&mut self, id: u32) {
        let Prepared { key, value, .. } = self.prepared;
        let WriteOp { verb, expiry, ends_commit, .. } = *self;
        let change = Change { verb, key, value, expiry, ends_commit };
        let guard = crossbeam_epoch::pin();
        let generation = &self.target.versions(&guard).handle.generation;
        let WriteOp { prepared, hash, .. } = WriteOp::new(self.target, generation, id, change);
        (self.id, self.prepared, self.hash) = (id, prepared, hash);
    }

    /// Makes it the last record of its commit.
    pub(crate) fn end_commit(&mut self) {
        self.ends_commit = true;
        self.prepare(self.id);
    }

    pub(crate) fn is_write(&self) -> bool {
        is_write(self.verb)
    }

    /// Spares the search for what is replaced: the key has never been in the namespace.
    pub(crate) fn of_new_key(mut self) -> WriteOp<'a> {
        self.finding = Finding::Absent;
        self
    }

    /// A removal of this record and no other: if its key has a newer one by the time of the commit,
    /// or its namespace was cleared, nothing is written. The caller sees to it that the commit is in
    /// the generation of `prior`.
    #[cfg_attr(not(any(feature = "ttl", feature = "nested")), allow(dead_code))]
    pub(crate) fn of_record(mut self, prior: PriorRecord) -> WriteOp<'a> {
        debug_assert!(self.verb == Verb::Remove && prior.put);
        (self.finding, self.prior) = (Finding::Known, Some(prior));
        self
    }

    /// Verifies the value that is replaced before replacing it, for [`WriteOp::replaced`].
    pub(crate) fn wanting_value(mut self) -> WriteOp<'a> {
        self.wants_value = true;
        self
    }

    /// The position of the live put that this operation replaced, if it was wanted.
    pub(crate) fn replaced(&self) -> Option<u64> {
        self.prior.filter(|p| p.live).map(|p| p.position)
    }

    pub(crate) fn incarnation<'s>(&'s self, guard: &'s Guard) -> &'s Incarnation {
        match &self.fresh {
            Some(fresh) => fresh,
            None => self.target.current(guard),
        }
    }
}

fn is_write(verb: Verb) -> bool {
    matches!(verb, Verb::Put | Verb::Remove)
}

pub(crate) fn check_len(what: &'static str, bytes: &[u8], limit: usize) -> Result<()> {
    if bytes.len() > limit {
        return Err(Error::TooLarge { what, size: bytes.len() as u64, limit: limit as u64 });
    }
    Ok(())
}
