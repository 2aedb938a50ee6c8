//! A table by itself.

use std::sync::Arc;
use std::time::Duration;

use emdb_core::internal::{self, PreparedWrites, View, Write, WriteLock};
use emdb_core::{Error, Namespace};

use crate::backend::{
    Autocommit, Changes, Keyspace, Keyspaces, SchemaEpoch, Store, StoreMut, WriteGuard, WriteRef,
    Written,
};
use crate::error::TableError;

type Result<T> = std::result::Result<T, Error>;

/// How often reads of several keyspaces are tried again when somebody wrote in between.
const MAX_ATTEMPTS: usize = 64;

/// A table by itself: every call sees the last committed state, every write is a commit.
#[derive(Debug, Clone)]
pub struct Live {
    table: Arc<LiveTable>,
}

/// The part that all handles of the table share.
#[derive(Debug)]
pub(super) struct LiveTable {
    pub(super) keyspaces: Keyspaces<Namespace>,
    pub(super) epoch: Arc<SchemaEpoch>,
}

/// A table by itself, while nobody else writes.
#[doc(hidden)]
#[derive(Debug)]
pub struct LiveGuard<'s> {
    live: &'s Live,
    lock: WriteLock,
}

impl Live {
    pub(super) fn new(keyspaces: Keyspaces<Namespace>, epoch: Arc<SchemaEpoch>) -> Live {
        Live { table: Arc::new(LiveTable { keyspaces, epoch }) }
    }

    pub(super) fn table(&self) -> &Arc<LiveTable> {
        &self.table
    }

    /// The rows.
    pub(crate) fn rows(&self) -> &Namespace {
        &self.table.keyspaces.rows
    }

    #[inline]
    fn namespace(&self, keyspace: Keyspace) -> &Namespace {
        self.table.keyspaces.get(keyspace)
    }
}

impl LiveTable {
    /// The writes as the engine takes them.
    pub(super) fn writes<'a>(
        &'a self,
        changes: &'a Changes,
    ) -> impl ExactSizeIterator<Item = Write<'a>> {
        changes.writes.iter().map(|WriteRef { keyspace, key, value, expiry }| Write {
            namespace: self.keyspaces.get(keyspace),
            key,
            value,
            expiry,
        })
    }
}

impl Store for Live {
    type Error = Error;
    type View = View;

    #[inline]
    fn epoch(&self) -> Option<u64> {
        self.table.epoch.current()
    }

    fn sequence(&self) -> Option<u64> {
        Some(internal::sequence(self.rows()))
    }

    #[inline(always)]
    fn entry<R>(
        &self,
        keyspace: Keyspace,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>> {
        internal::read(self.namespace(keyspace), key, take)
    }

    fn expiry(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<u64>> {
        internal::expiry(self.namespace(keyspace), key)
    }

    fn contains(&self, keyspace: Keyspace, key: &[u8]) -> Result<bool> {
        self.namespace(keyspace).contains_key(key)
    }

    fn count(&self, keyspace: Keyspace) -> Result<usize> {
        self.namespace(keyspace).len()
    }

    fn view(&self, keyspace: Keyspace) -> Result<View> {
        View::now(self.namespace(keyspace))
    }

    fn view_beside(&self, view: &View, keyspace: Keyspace) -> Result<View> {
        Ok(view.beside(self.namespace(keyspace)))
    }

    fn written_since(&self, keyspace: Keyspace, written: &mut Written<View>) -> Result<bool> {
        let Written { view, reached, keys } = written;
        view.written_since(self.namespace(keyspace), reached, keys)
    }

    fn consistent<R>(
        &self,
        mut read: impl FnMut() -> std::result::Result<R, TableError>,
    ) -> std::result::Result<R, TableError> {
        for _ in 0..MAX_ATTEMPTS {
            let before = internal::watermark(self.rows());
            let read = read();
            if internal::watermark(self.rows()) == before {
                return read;
            }
        }
        // Writers are too busy for that: let them wait.
        let _guard = self.lock()?;
        read()
    }

    fn now(&self) -> u64 {
        internal::now(self.rows())
    }

    fn default_expiry(&self) -> Result<Option<u64>> {
        internal::default_expiry(self.rows())
    }

    fn expiry_after(&self, lifetime: Duration) -> Result<u64> {
        internal::expiry_after(self.rows(), lifetime)
    }
}

impl StoreMut for Live {
    type Guard<'s> = LiveGuard<'s>;

    fn lock(&self) -> Result<LiveGuard<'_>> {
        Ok(LiveGuard { live: self, lock: WriteLock::begin(self.rows())? })
    }

    fn commit_if(
        &self,
        changes: &Changes,
        mut holds: impl FnMut(&Live) -> std::result::Result<bool, TableError>,
    ) -> std::result::Result<bool, TableError> {
        debug_assert!(changes.cleared.is_empty(), "what is cleared is not looked at before");
        let prepared = PreparedWrites::new(self.table.writes(changes))?;
        // Twice, since much may be written while it is asked the first time.
        if !holds(self)? || !holds(self)? {
            return Ok(false);
        }
        let guard = self.lock()?;
        if !holds(self)? {
            return Ok(false);
        }
        guard.lock.commit_prepared(prepared)?;
        Ok(true)
    }
}

impl Autocommit for Live {
    fn view_in(&self, state: &View, since: u64, keyspace: Keyspace) -> Option<View> {
        state.named_beside(self.namespace(keyspace), since)
    }
}

impl WriteGuard for LiveGuard<'_> {
    type Error = Error;
    type View = View;
    type Reads = Live;

    #[inline]
    fn reads(&self) -> &Live {
        self.live
    }

    fn stored<R>(
        &self,
        keyspace: Keyspace,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>, bool) -> R,
    ) -> Result<Option<R>> {
        internal::read_stored(self.live.namespace(keyspace), key, take)
    }

    fn commit(self, changes: &Changes) -> Result<()> {
        let writes = self.live.table.writes(changes);
        if changes.cleared.is_empty() {
            return self.lock.commit(writes);
        }
        let cleared = changes.cleared.iter().map(|keyspace| self.live.namespace(*keyspace));
        self.lock.clear_and_commit(cleared, writes)
    }
}
