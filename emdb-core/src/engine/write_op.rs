//! One record on its way into a commit.
//!
//! It is made outside the lock: lengths are checked, the key's hash and the checksums computed.
//! What it replaces and where it lies is found out under the lock, by the commit.

use std::sync::Arc;

use crossbeam_epoch::Guard;

use crate::error::{Error, Result};
use crate::format::prepared::Prepared;
use crate::format::record::{Record, Verb};
use crate::format::{MAX_KEY, MAX_VALUE};
use crate::mvcc::generation::Generation;
use crate::mvcc::names::{Incarnation, NamespaceState};

/// One record of a commit.
#[derive(Debug)]
pub(crate) struct WriteOp<'a> {
    pub(crate) target: &'a Arc<NamespaceState>,
    pub(crate) verb: Verb,
    pub(crate) expiry: Option<u64>,
    pub(crate) commit: bool,
    /// The incarnation that the record was prepared for.
    pub(crate) id: u32,
    /// The incarnation that this commit begins, if the record goes into that.
    pub(crate) fresh: Option<Arc<Incarnation>>,
    pub(crate) prepared: Prepared<'a>,
    pub(crate) hash: u64,
    /// It is known that the key isn't there.
    pub(crate) absent: bool,
    /// The caller asks for the value that is replaced.
    pub(crate) wants_value: bool,
    /// A removal of what isn't there: nothing is written for it.
    pub(crate) void: bool,
    pub(crate) prior: Option<PriorRecord>,
    pub(crate) position: u64,
}

/// The record that an operation replaces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PriorRecord {
    pub(crate) position: u64,
    /// A put, expired or not.
    pub(crate) put: bool,
    /// A put whose value was asked for, is whole, and is not expired.
    pub(crate) live: bool,
    pub(crate) expiry: Option<u64>,
    pub(crate) len: usize,
}

impl PriorRecord {
    pub(crate) fn of(record: &Record<'_>) -> PriorRecord {
        PriorRecord {
            position: record.position(),
            put: record.is_put(),
            live: false,
            expiry: record.expiry(),
            len: record.len(),
        }
    }
}

impl<'a> WriteOp<'a> {
    /// A put (of `value`) or removal of `key`; `last` on the last of its commit. Steps that are
    /// committed together may be several commits, which end as these say.
    pub(crate) fn write(
        target: &'a Arc<NamespaceState>,
        verb: Verb,
        (key, value): (&'a [u8], &'a [u8]),
        expiry: Option<u64>,
        last: bool,
    ) -> Result<WriteOp<'a>> {
        WriteOp::write_in(&crossbeam_epoch::pin(), target, verb, (key, value), expiry, last)
    }

    /// As [`WriteOp::write`], for a caller that makes many under one guard.
    pub(crate) fn write_in(
        guard: &Guard,
        target: &'a Arc<NamespaceState>,
        verb: Verb,
        (key, value): (&'a [u8], &'a [u8]),
        expiry: Option<u64>,
        last: bool,
    ) -> Result<WriteOp<'a>> {
        check_len("a key", key, MAX_KEY)?;
        check_len("a value", value, MAX_VALUE)?;
        let versions = target.versions(guard);
        let (generation, incarnation) = (&versions.handle.generation, &versions.current);
        let op =
            WriteOp::new(target, generation, (verb, expiry, last), incarnation.id, (key, value));
        incarnation.table.prefetch(op.hash, guard);
        Ok(op)
    }

    /// A record that begins, ends or replaces the incarnation `id`.
    pub(crate) fn control(
        target: &'a Arc<NamespaceState>,
        verb: Verb,
        id: u32,
        (key, value): (&'a [u8], &'a [u8]),
        fresh: Option<Arc<Incarnation>>,
        last: bool,
    ) -> WriteOp<'a> {
        let generation = &target.versions(&crossbeam_epoch::pin()).handle.generation.clone();
        let mut op = WriteOp::new(target, generation, (verb, None, last), id, (key, value));
        op.fresh = fresh;
        op
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
        what: (Verb, Option<u64>, bool),
        id: u32,
        put: (&'a [u8], &'a [u8]),
    ) -> WriteOp<'a> {
        // Apart, so that what is not sealed is made where it stays.
        if generation.vault.is_some() {
            return WriteOp::sealed(target, generation, what, id, put);
        }
        let (verb, expiry, commit) = what;
        let hash = if is_write(verb) { generation.hash(put.0) } else { 0 };
        let prepared = Prepared::new(verb, commit, id, put.0, put.1, expiry);
        WriteOp::of(target, what, id, prepared, hash)
    }

    #[inline(never)]
    fn sealed(
        target: &'a Arc<NamespaceState>,
        generation: &Generation,
        what: (Verb, Option<u64>, bool),
        id: u32,
        (key, value): (&'a [u8], &'a [u8]),
    ) -> WriteOp<'a> {
        let (verb, expiry, commit) = what;
        let stored_key = is_write(verb).then(|| generation.stored_key(id, key));
        let fingerprint = stored_key.and_then(|stored_key| stored_key.fingerprint);
        let prepared = Prepared::sealed(verb, commit, (key, value), expiry, fingerprint);
        WriteOp::of(target, what, id, prepared, stored_key.map_or(0, |stored_key| stored_key.hash))
    }

    #[inline(always)]
    fn of(
        target: &'a Arc<NamespaceState>,
        (verb, expiry, commit): (Verb, Option<u64>, bool),
        id: u32,
        prepared: Prepared<'a>,
        hash: u64,
    ) -> WriteOp<'a> {
        WriteOp {
            target,
            verb,
            expiry,
            commit,
            id,
            fresh: None,
            prepared,
            hash,
            absent: false,
            wants_value: false,
            void: false,
            prior: None,
            position: 0,
        }
    }

    /// Makes the record again, for another incarnation or with another end.
    pub(crate) fn prepare(&mut self, id: u32) {
        let Prepared { key, value, .. } = self.prepared;
        let what = (self.verb, self.expiry, self.commit);
        let guard = crossbeam_epoch::pin();
        let generation = &self.target.versions(&guard).handle.generation;
        let WriteOp { prepared, hash, .. } =
            WriteOp::new(self.target, generation, what, id, (key, value));
        (self.id, self.prepared, self.hash) = (id, prepared, hash);
    }

    pub(crate) fn is_write(&self) -> bool {
        is_write(self.verb)
    }

    /// Spares the search for what is replaced: the key has never been in the namespace.
    pub(crate) fn of_new_key(mut self) -> WriteOp<'a> {
        self.absent = true;
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
