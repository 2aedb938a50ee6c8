//! The changes of one call, over what is stored.
//!
//! Invariant: until [`Batch::commit`] nothing has happened, so a call that fails on the way leaves
//! nothing behind, inside a transaction too. Reads through the batch see its changes.

use super::limits;
use crate::backend::{Changes, Keyspace, Store, WriteGuard};
use crate::error::TableError;
use crate::index::IndexSpec;
use crate::record::Record;

/// Changes that are gathered with exclusive write access.
pub(crate) struct Batch<G> {
    guard: G,
    changes: Changes,
}

impl<G: WriteGuard> Batch<G> {
    pub(crate) fn new(guard: G) -> Self {
        Batch { guard, changes: Changes::default() }
    }

    /// The table below the changes.
    #[inline]
    pub(crate) fn reads(&self) -> &G::Reads {
        self.guard.reads()
    }

    /// The bytes that the changes take.
    pub(crate) fn size_bytes(&self) -> usize {
        self.changes.writes.size_bytes()
    }

    /// The value of a key, borrowed.
    pub(crate) fn read<R>(
        &self,
        keyspace: Keyspace,
        key: &[u8],
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, G::Error> {
        match self.changes.get(keyspace, key) {
            Some(change) => Ok(change.live(|| self.reads().now()).map(take)),
            None => self.reads().read(keyspace, key, take),
        }
    }

    /// The value that is there, expired or not, and whether it has not.
    pub(crate) fn stored<R>(
        &self,
        keyspace: Keyspace,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>, bool) -> R,
    ) -> Result<Option<R>, G::Error> {
        match self.changes.get(keyspace, key) {
            Some(change) => {
                let live = change.live(|| self.reads().now()).is_some();
                Ok(change.value.map(|value| take(value, change.expiry, live)))
            }
            None => self.guard.stored(keyspace, key, take),
        }
    }

    /// When a key, if it is there, expires.
    pub(crate) fn expiry(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<u64>, G::Error> {
        match self.changes.get(keyspace, key) {
            Some(change) => Ok(change.value.and(change.expiry)),
            None => self.reads().expiry(keyspace, key),
        }
    }

    pub(crate) fn put(
        &mut self,
        keyspace: Keyspace,
        key: &[u8],
        value: &[u8],
        expiry: Option<u64>,
    ) {
        self.changes.writes.set(keyspace, key, Some(value), expiry);
    }

    pub(crate) fn remove(&mut self, keyspace: Keyspace, key: &[u8]) {
        self.changes.writes.set(keyspace, key, None, None);
    }

    /// Empties a keyspace before the other changes are made. Reads through the batch don't see it.
    pub(crate) fn clear(&mut self, keyspace: Keyspace) {
        self.changes.cleared.push(keyspace);
    }

    /// Makes the changes.
    pub(crate) fn commit(self) -> Result<(), G::Error> {
        self.guard.commit(&self.changes)
    }

    /// The same for rows of `T` and their entries: what is too large for the engine is named.
    pub(crate) fn commit_rows<T: Record>(self, specs: &[IndexSpec<T>]) -> Result<(), TableError> {
        let Batch { guard, changes } = self;
        guard.commit(&changes).map_err(|error| limits::named(error.into(), specs, &changes))
    }
}
