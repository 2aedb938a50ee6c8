//! The changes of one call, gathered before any of them is made.
//!
//! Invariant: until [`StoreMut::apply`] nothing has happened, so a
//! call that fails on the way leaves nothing behind, inside a transaction too. Reads through the
//! batch see its changes.

use emdb_core::Error;
use emdb_core::internal::{self, KeyspaceId, WriteSet};

use crate::store::{Part, Spaces, Store, StoreMut};

/// The changes.
pub(crate) type Changes = WriteSet<Part>;

impl KeyspaceId for Part {
    #[inline]
    fn number(self) -> u64 {
        match self {
            Part::Rows => 0,
            Part::Mark => 1,
            Part::Catalogue => 2,
            Part::Index(index) => 3 + index as u64,
        }
    }
}

/// Changes over what is stored.
pub(crate) struct Batch<'s, S> {
    store: &'s S,
    spaces: &'s Spaces,
    pub(crate) changes: Changes,
}

impl<'s, S: Store> Batch<'s, S> {
    pub(crate) fn new(store: &'s S, spaces: &'s Spaces) -> Self {
        Batch { store, spaces, changes: Changes::default() }
    }

    /// The database's time, for a change that expires.
    fn now(&self) -> u64 {
        internal::now(&self.spaces.rows)
    }

    /// The value of a key, lent.
    pub(crate) fn read<R>(
        &self,
        part: Part,
        key: &[u8],
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, Error> {
        self.entry(part, key, |value, _| take(value))
    }

    /// The value of a key, lent, and when it expires.
    pub(crate) fn entry<R>(
        &self,
        part: Part,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>, Error> {
        match self.changes.get(part, key) {
            Some(change) => Ok(change.live(|| self.now()).map(|value| take(value, change.expiry))),
            None => self.store.entry(part, key, take),
        }
    }

    /// What is there, expired or not, and whether it is not.
    pub(crate) fn stored<R>(
        &self,
        part: Part,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>, bool) -> R,
    ) -> Result<Option<R>, Error>
    where
        S: StoreMut,
    {
        match self.changes.get(part, key) {
            Some(change) => {
                let live = change.live(|| self.now()).is_some();
                Ok(change.value.map(|value| take(value, change.expiry, live)))
            }
            None => self.store.stored(part, key, take),
        }
    }

    /// When a key, if it is there, expires.
    pub(crate) fn expiry(&self, part: Part, key: &[u8]) -> Result<Option<u64>, Error> {
        match self.changes.get(part, key) {
            Some(change) => Ok(change.value.and(change.expiry)),
            None => self.store.expiry(part, key),
        }
    }

    pub(crate) fn put(&mut self, part: Part, key: &[u8], value: &[u8], expiry: Option<u64>) {
        self.changes.set(part, key, Some(value), expiry);
    }

    pub(crate) fn remove(&mut self, part: Part, key: &[u8]) {
        self.changes.set(part, key, None, None);
    }
}
