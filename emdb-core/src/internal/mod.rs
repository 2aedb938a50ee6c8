//! What the typed layer needs beside the public API. Not for users: it may change at any time.

mod view;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

pub use crate::clock::ManualClock;
use crate::db::Emdb;
use crate::error::Result;
use crate::format::record::Verb;
use crate::format::{MAX_KEY, MAX_VALUE};
use crate::namespace::Namespace;
use crate::options::EmdbBuilder;
use crate::settings::NamespaceOptions;
pub use crate::staged::{KeyspaceId, WriteRef, WriteSet};
use crate::store::commit::Access;
use crate::store::names::{CATALOGUE, child_prefix};
use crate::store::step::{Step, check_len};
use crate::store::transact::Exclusive;
pub use crate::transaction::Writes;
use crate::transaction::{Transaction, TransactionNamespace};
pub use view::{Scan, View};

/// The namespace that keeps one entry for each namespace that is a table. Dropping a namespace
/// takes its entry along.
pub fn catalogue(db: &Emdb) -> Result<Namespace> {
    db.open_namespace(CATALOGUE, NamespaceOptions::new())
}

/// An internal, ordered child of `parent`: dropped and cleared with it, and seen by nobody else.
pub fn child(db: &Emdb, parent: &Namespace, name: &str) -> Result<Namespace> {
    db.open_namespace(&child_name(parent.name(), name), NamespaceOptions::new().ordered(true))
}

fn child_name(parent: &str, name: &str) -> String {
    format!("{}{name}", child_prefix(parent))
}

/// What is attached to the namespace, for as long as it is not dropped; made by the first caller.
pub fn attached<A: Any + Send + Sync>(namespace: &Namespace, make: fn() -> A) -> Arc<A> {
    let attached = namespace.state.attached.0.get_or_init(|| Arc::new(make()));
    // One layer is above this one, and attaches one type.
    attached.clone().downcast().unwrap_or_else(|_| Arc::new(make()))
}

/// The value of `key`, lent, and when it expires.
#[inline(always)]
pub fn read<R>(
    ns: &Namespace,
    key: &[u8],
    take: impl FnOnce(&[u8], Option<u64>) -> R,
) -> Result<Option<R>> {
    let guard = crossbeam_epoch::pin();
    let found = ns.store().get(&ns.state, key, &guard)?;
    Ok(found.map(|(entry, _)| take(entry.value(), entry.expiry())))
}

/// What is stored under `key`, expired or not: the value, lent, when it expires, and whether it
/// has not yet.
pub fn read_stored<R>(
    ns: &Namespace,
    key: &[u8],
    take: impl FnOnce(&[u8], Option<u64>, bool) -> R,
) -> Result<Option<R>> {
    let store = ns.store();
    let guard = crossbeam_epoch::pin();
    let Some((record, era)) = store.find(&ns.state, key, &guard)? else { return Ok(None) };
    let entry = store.reader(era).entry(record)?;
    Ok(Some(take(entry.value(), entry.expiry(), !store.is_expired(&record))))
}

/// The database's time, in milliseconds since 1970.
pub fn now(ns: &Namespace) -> u64 {
    ns.store().clock.now()
}

/// When `key`, if it is there, expires.
pub fn expiry(ns: &Namespace, key: &[u8]) -> Result<Option<u64>> {
    ns.store().expires_at(&ns.state, key)
}

/// The expiry of what is written to the namespace now without one of its own.
pub fn default_expiry(ns: &Namespace) -> Result<Option<u64>> {
    ns.store().default_expiry(&ns.state)
}

/// The expiry of what lives so long from now on.
pub fn expiry_after(ns: &Namespace, lifetime: Duration) -> Result<u64> {
    ns.store().clock.after(lifetime)
}

/// The expiry that a time to live means now.
#[cfg(feature = "ttl")]
pub fn expiry_of(ns: &Namespace, ttl: crate::Ttl) -> Result<Option<u64>> {
    ns.store().expiry(&ns.state, ttl)
}

/// Changes with every commit to the database: what is read between two equal ones is one state.
#[inline]
pub fn watermark(ns: &Namespace) -> (u64, u64) {
    let guard = crossbeam_epoch::pin();
    let generation = &ns.state.line(&guard).era.generation;
    (generation.number, generation.watermark())
}

/// Reads inside of a transaction, whatever its scope.
pub fn writes<'tx>(transaction: &'tx mut Transaction<'_>) -> &'tx mut Writes {
    &mut transaction.writes
}

/// The namespace in a transaction.
pub fn staged<'tx>(writes: &'tx mut Writes, ns: &Namespace) -> &'tx mut TransactionNamespace {
    writes.namespace(ns)
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

/// The value of `key` in a transaction, lent, and when it expires.
pub fn read_staged<R>(
    namespace: &TransactionNamespace,
    key: &[u8],
    take: impl FnOnce(&[u8], Option<u64>) -> R,
) -> Result<Option<R>> {
    namespace.read(key, take)
}

/// As [`read_stored`], in a transaction.
pub fn read_stored_staged<R>(
    namespace: &TransactionNamespace,
    key: &[u8],
    take: impl FnOnce(&[u8], Option<u64>, bool) -> R,
) -> Result<Option<R>> {
    namespace.read_stored(key, take)
}

/// When `key`, if it is there, expires.
pub fn expiry_staged(namespace: &TransactionNamespace, key: &[u8]) -> Result<Option<u64>> {
    namespace.stored_expiry(key)
}

/// Whether this thread has the write lock: it is in a transaction, or a callback of one.
pub fn is_writer(db: &Emdb) -> bool {
    db.store().is_owner()
}

/// A write of [`WriteLock::commit`]: a put, or a removal if there is no value.
#[derive(Debug, Clone, Copy)]
pub struct Write<'a> {
    /// Where.
    pub namespace: &'a Namespace,
    /// The key.
    pub key: &'a [u8],
    /// What is put.
    pub value: Option<&'a [u8]>,
    /// When that expires.
    pub expiry: Option<u64>,
}

impl Write<'_> {
    /// Whether its lengths are within the limits.
    pub fn check(&self) -> Result<()> {
        check_len("a key", self.key, MAX_KEY)?;
        check_len("a value", self.value.unwrap_or_default(), MAX_VALUE)
    }
}

/// Exclusive write access. Other writers wait until it is dropped; a second one on the same
/// thread, and any plain write there, is `TransactionActive`.
#[derive(Debug)]
pub struct WriteLock(Exclusive);

impl WriteLock {
    /// Waits for other writers.
    pub fn begin(ns: &Namespace) -> Result<WriteLock> {
        Exclusive::begin(ns.store()).map(WriteLock)
    }

    /// Commits all of it as one. No key may be there twice.
    pub fn commit<'a>(self, writes: impl ExactSizeIterator<Item = Write<'a>>) -> Result<()> {
        let store = self.0.store.clone();
        let total = writes.len();
        if total == 0 {
            return Ok(());
        }
        let guard = crossbeam_epoch::pin();
        let mut steps = Vec::with_capacity(total);
        for (at, write) in writes.enumerate() {
            let (verb, value) = match write.value {
                Some(value) => (Verb::Put, value),
                None => (Verb::Remove, &[][..]),
            };
            let (target, record) = (&write.namespace.state, (write.key, value));
            let (expiry, last) = (write.expiry, at + 1 == total);
            steps.push(Step::write_in(&guard, target, verb, record, expiry, last)?);
        }
        drop(guard);
        let mut tail = store.enter(Access::Owner)?;
        let linked = store.commit_linked(&mut tail, &mut steps);
        // Others may write while this waits for the disk, and share its sync.
        drop((tail, self));
        linked.finish(&store)
    }

    /// Empties the namespaces and their children, and makes the writes, all as one commit.
    pub fn clear_and_commit<'a>(
        self,
        cleared: impl Iterator<Item = &'a Namespace>,
        writes: impl Iterator<Item = Write<'a>>,
    ) -> Result<()> {
        crate::transaction::run_in(self.0, |transaction| {
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
