//! The door for the typed layer, beside the public API. Not for users: it may change at any time.

mod view;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use crate::api::builder::EmdbBuilder;
use crate::api::db::Emdb;
use crate::api::namespace::Namespace;
pub use crate::api::transaction::{Gathering, Writes};
use crate::api::transaction::{Transaction, TransactionNamespace};
use crate::engine::append_lock::Access;
use crate::engine::settings::NamespaceOptions;
use crate::engine::write_op::{Change, WriteOp, check_len};
use crate::error::Result;
use crate::format::options::Options;
use crate::format::{KEY_MAX_BYTES, VALUE_MAX_BYTES};
use crate::mvcc::names::{CATALOGUE, check_name, child_name};
pub use crate::mvcc::write_set::{KeyspaceId, WriteRef, WriteSet};
pub use crate::os::clock::ManualClock;
pub use view::{Scan, View};

/// The namespace that keeps one entry for each namespace that is a table. Dropping a namespace
/// takes its entry along.
pub fn catalogue(db: &Emdb) -> Result<Namespace> {
    open(db, CATALOGUE, NamespaceOptions::new())
}

/// The namespace that a user gave this name.
pub fn keyspace(db: &Emdb, name: &str, options: NamespaceOptions) -> Result<Namespace> {
    check_name(name)?;
    open(db, name, options)
}

/// An internal, ordered child of `parent`: dropped and cleared with it, and seen by nobody else.
pub fn child(db: &Emdb, parent: &Namespace, name: &str) -> Result<Namespace> {
    open(db, &child_name(parent.name(), name), NamespaceOptions::new().ordered(true))
}

/// Opens the namespace, or begins it. In a database that is only read, one that isn't there is empty.
fn open(db: &Emdb, name: &str, options: NamespaceOptions) -> Result<Namespace> {
    let engine = db.engine();
    if !engine.read_only || engine.existing(name).is_some() {
        return db.open_namespace(name, options);
    }
    let state = engine.absent_namespace(name, Options { ordered: options.ordered });
    Ok(Namespace { handle: db.handle().clone(), state })
}

/// Whether the database was opened for reading alone.
pub fn is_read_only(db: &Emdb) -> bool {
    db.engine().read_only
}

/// The value that is attached to the namespace, for as long as that is not dropped; the first
/// caller makes it.
pub fn attached<A: Any + Send + Sync>(namespace: &Namespace, make: fn() -> A) -> Arc<A> {
    let attached = namespace.state.attached.0.get_or_init(|| Arc::new(make()));
    // One layer is above this one, and attaches one type.
    attached.clone().downcast().unwrap_or_else(|_| Arc::new(make()))
}

/// The value of `key`, borrowed, and when it expires.
#[inline(always)]
pub fn read<R>(
    ns: &Namespace,
    key: &[u8],
    take: impl FnOnce(&[u8], Option<u64>) -> R,
) -> Result<Option<R>> {
    let guard = crossbeam_epoch::pin();
    let found = ns.engine().get(&ns.state, key, &guard)?;
    Ok(found.map(|(entry, _)| take(entry.value(), entry.expiry())))
}

/// The record that is stored under `key`, expired or not: its value, borrowed, when it expires, and
/// whether it has not yet.
pub fn read_stored<R>(
    ns: &Namespace,
    key: &[u8],
    take: impl FnOnce(&[u8], Option<u64>, bool) -> R,
) -> Result<Option<R>> {
    let engine = ns.engine();
    let guard = crossbeam_epoch::pin();
    let Some((record, handle)) = engine.find(&ns.state, key, &guard)? else { return Ok(None) };
    let entry = engine.reader(handle).decode(record)?;
    Ok(Some(take(entry.value(), entry.expiry(), !engine.is_expired(&record))))
}

/// The database's time, in milliseconds since 1970.
pub fn now(ns: &Namespace) -> u64 {
    ns.engine().clock.now()
}

/// When `key`, if it is there, expires.
pub fn expiry(ns: &Namespace, key: &[u8]) -> Result<Option<u64>> {
    ns.engine().expires_at(&ns.state, key)
}

/// The expiry of what is written to the namespace now without one of its own.
pub fn default_expiry(ns: &Namespace) -> Result<Option<u64>> {
    ns.engine().default_expiry(&ns.state)
}

/// The expiry of what lives so long from now on.
pub fn expiry_after(ns: &Namespace, lifetime: Duration) -> Result<u64> {
    ns.engine().clock.after(lifetime)
}

/// The expiry that a time to live means now.
#[cfg(feature = "ttl")]
pub fn expiry_of(ns: &Namespace, ttl: crate::Ttl) -> Result<Option<u64>> {
    ttl.expiry(ns.engine(), &ns.state)
}

/// Changes with every commit to the database: what is read between two equal ones is one state.
#[inline]
pub fn watermark(ns: &Namespace) -> (u64, u64) {
    let guard = crossbeam_epoch::pin();
    let generation = &ns.state.versions(&guard).handle.generation;
    (generation.journal.number, generation.watermark())
}

/// The number of the state that is committed now: later states have larger ones, whatever is compacted
/// meanwhile. [`View::named_beside`] asks for it.
pub fn sequence(ns: &Namespace) -> u64 {
    let guard = crossbeam_epoch::pin();
    let generation = &ns.state.versions(&guard).handle.generation;
    generation.journal.sequence(generation.watermark())
}

/// The writes of a transaction, whatever its scope.
pub fn writes<'tx>(transaction: &'tx Transaction<'_>) -> &'tx Writes {
    &transaction.writes
}

/// Calls `body` with the namespace in a transaction. No code of a user may run in it.
pub fn staged<R>(
    writes: &Writes,
    ns: &Namespace,
    body: impl FnOnce(&mut TransactionNamespace) -> Result<R>,
) -> Result<R> {
    writes.with(ns, body)
}

/// Notes a key, for as long as the transaction is open.
pub fn note(namespace: &mut TransactionNamespace, key: &[u8]) {
    if !namespace.noted.contains(key) {
        namespace.noted.insert(key.into());
    }
}

/// Whether a key was noted.
pub fn is_noted(namespace: &TransactionNamespace, key: &[u8]) -> bool {
    namespace.noted.contains(key)
}

/// The right of one call to gather its changes in a transaction; `TransactionActive` within another
/// one.
pub fn gather(writes: &Writes) -> Result<Gathering<'_>> {
    writes.gather()
}

/// Stages a put, or a removal. Unlike the public calls it reads no value.
pub fn stage(
    namespace: &mut TransactionNamespace,
    key: &[u8],
    value: Option<&[u8]>,
    expiry: Option<u64>,
) -> Result<()> {
    match value {
        Some(value) => namespace.stage(key, value, expiry),
        None => namespace.stage_removal(key),
    }
}

/// The value of `key` in a transaction, borrowed, and when it expires.
pub fn read_staged<R>(
    namespace: &TransactionNamespace,
    key: &[u8],
    take: impl FnOnce(&[u8], Option<u64>) -> R,
) -> Result<Option<R>> {
    namespace.view()?.read(key, take)
}

/// As [`read_stored`], in a transaction.
pub fn read_stored_staged<R>(
    namespace: &TransactionNamespace,
    key: &[u8],
    take: impl FnOnce(&[u8], Option<u64>, bool) -> R,
) -> Result<Option<R>> {
    namespace.view()?.read_stored(key, take)
}

/// When `key`, if it is there, expires.
pub fn expiry_staged(namespace: &TransactionNamespace, key: &[u8]) -> Result<Option<u64>> {
    namespace.stored_expiry(key)
}

/// Whether this thread has the write lock: it is in a transaction, or a callback of one.
pub fn is_writer(db: &Emdb) -> bool {
    db.engine().append_lock.is_owner()
}

/// A write of [`WriteLock::commit`]: a put, or a removal if there is no value.
#[derive(Debug, Clone, Copy)]
pub struct Write<'a> {
    /// Where.
    pub namespace: &'a Namespace,
    /// The key.
    pub key: &'a [u8],
    /// The value that is put.
    pub value: Option<&'a [u8]>,
    /// When that expires.
    pub expiry: Option<u64>,
}

impl Write<'_> {
    /// Whether its lengths are within the limits.
    pub fn check(&self) -> Result<()> {
        check_len("a key", self.key, KEY_MAX_BYTES)?;
        check_len("a value", self.value.unwrap_or_default(), VALUE_MAX_BYTES)
    }
}

/// Writes of which all is computed that can be before they are committed.
#[derive(Debug)]
pub struct PreparedWrites<'a>(Vec<WriteOp<'a>>);

impl<'a> PreparedWrites<'a> {
    /// Those of one commit. No key may be there twice.
    pub fn new(writes: impl ExactSizeIterator<Item = Write<'a>>) -> Result<PreparedWrites<'a>> {
        let total = writes.len();
        let guard = crossbeam_epoch::pin();
        let mut ops = Vec::with_capacity(total);
        for (at, write) in writes.enumerate() {
            let change = Change::write(write.key, write.value, write.expiry);
            let change = change.ending_commit(at + 1 == total);
            ops.push(WriteOp::write_in(&guard, &write.namespace.state, change)?);
        }
        Ok(PreparedWrites(ops))
    }
}

/// Exclusive write access. Other writers wait until it is dropped; a second one on the same
/// thread, and any plain write there, is `TransactionActive`.
#[derive(Debug)]
pub struct WriteLock(crate::engine::write_lock::WriteLock);

impl WriteLock {
    /// Waits for other writers.
    pub fn begin(ns: &Namespace) -> Result<WriteLock> {
        crate::engine::write_lock::WriteLock::acquire(ns.engine()).map(WriteLock)
    }

    /// Commits all of it as one. No key may be there twice.
    pub fn commit<'a>(self, writes: impl ExactSizeIterator<Item = Write<'a>>) -> Result<()> {
        self.commit_prepared(PreparedWrites::new(writes)?)
    }

    /// The same of what was prepared, perhaps before others had to wait.
    pub fn commit_prepared(self, mut writes: PreparedWrites<'_>) -> Result<()> {
        if writes.0.is_empty() {
            return Ok(());
        }
        let engine = self.0.engine.clone();
        let mut commit = engine.begin_commit(Access::Owner)?;
        commit.write(&mut writes.0)?;
        // Others may write while this waits for the disk, and share its sync.
        commit.finish_after(|| drop(self))
    }

    /// Empties the namespaces and their children, and makes the writes, all as one commit.
    pub fn clear_and_commit<'a>(
        self,
        cleared: impl Iterator<Item = &'a Namespace>,
        writes: impl Iterator<Item = Write<'a>>,
    ) -> Result<()> {
        crate::api::transaction::run_in(self.0, |transaction| {
            for namespace in cleared {
                transaction.namespace(namespace).clear()?;
            }
            for write in writes {
                let namespace = transaction.namespace(write.namespace);
                stage(namespace, write.key, write.value, write.expiry)?;
            }
            Ok(())
        })
    }
}

/// Lets a test set the time.
pub fn with_clock(mut builder: EmdbBuilder, clock: ManualClock) -> EmdbBuilder {
    builder.settings.manual_clock = Some(clock);
    builder
}
