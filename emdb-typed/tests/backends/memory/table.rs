//! A table by itself.

use std::sync::Arc;
use std::time::Duration;

use emdb_typed::TableError;
use emdb_typed::backend::{
    Autocommit, Changes, Keyspace, Keyspaces, SchemaEpoch, Store, StoreMut, WriteGuard,
};

use super::database::{Memory, MemoryLock};
use super::error::{MemoryError, Result};
use super::view::MemoryView;

/// A table by itself.
#[derive(Debug, Clone)]
pub(crate) struct MemoryTable {
    pub(crate) db: Memory,
    pub(crate) keyspaces: Arc<Keyspaces<String>>,
    pub(crate) epoch: Arc<SchemaEpoch>,
}

impl MemoryTable {
    pub(crate) fn new(
        db: Memory,
        keyspaces: Keyspaces<String>,
        epoch: Arc<SchemaEpoch>,
    ) -> MemoryTable {
        MemoryTable { db, keyspaces: Arc::new(keyspaces), epoch }
    }
}

impl Store for MemoryTable {
    type Error = MemoryError;
    type View = MemoryView;

    fn epoch(&self) -> Option<u64> {
        self.epoch.current()
    }

    fn entry<R>(
        &self,
        keyspace: Keyspace,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>> {
        let now = self.db.now();
        let found = self.db.with(|state| state.get(self.keyspaces.get(keyspace), key).cloned());
        let live = found.filter(|value| value.is_live(now));
        Ok(live.map(|value| take(&value.bytes, value.expiry)))
    }

    fn expiry(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<u64>> {
        let name = self.keyspaces.get(keyspace);
        Ok(self.db.with(|state| state.get(name, key).and_then(|value| value.expiry)))
    }

    fn contains(&self, keyspace: Keyspace, key: &[u8]) -> Result<bool> {
        Ok(self.entry(keyspace, key, |_, _| ())?.is_some())
    }

    fn count(&self, keyspace: Keyspace) -> Result<usize> {
        Ok(self.db.with(|state| state.len(self.keyspaces.get(keyspace))))
    }

    fn view(&self, keyspace: Keyspace) -> Result<MemoryView> {
        Ok(MemoryView::new(self.db.state(), self.keyspaces.get(keyspace), self.db.now()))
    }

    fn view_beside(&self, view: &MemoryView, keyspace: Keyspace) -> Result<MemoryView> {
        Ok(view.beside(self.keyspaces.get(keyspace)))
    }

    fn consistent<R>(
        &self,
        mut read: impl FnMut() -> std::result::Result<R, TableError>,
    ) -> std::result::Result<R, TableError> {
        loop {
            let version = self.db.with(|state| state.version);
            let read = read();
            if self.db.with(|state| state.version) == version {
                return read;
            }
        }
    }

    fn now(&self) -> u64 {
        self.db.now()
    }

    fn default_expiry(&self) -> Result<Option<u64>> {
        Ok(self.db.default_expiry())
    }

    fn expiry_after(&self, lifetime: Duration) -> Result<u64> {
        self.db.after(lifetime)
    }
}

impl StoreMut for MemoryTable {
    type Guard<'s> = MemoryGuard<'s>;

    fn lock(&self) -> Result<MemoryGuard<'_>> {
        Ok(MemoryGuard { table: self, lock: self.db.lock()? })
    }
}

impl Autocommit for MemoryTable {}

/// Exclusive write access.
#[derive(Debug)]
pub(crate) struct MemoryGuard<'s> {
    table: &'s MemoryTable,
    lock: MemoryLock,
}

impl WriteGuard for MemoryGuard<'_> {
    type Error = MemoryError;
    type View = MemoryView;
    type Reads = MemoryTable;

    fn reads(&self) -> &MemoryTable {
        self.table
    }

    fn stored<R>(
        &self,
        keyspace: Keyspace,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>, bool) -> R,
    ) -> Result<Option<R>> {
        let MemoryTable { db, keyspaces, .. } = self.table;
        let found = db.with(|state| state.get(keyspaces.get(keyspace), key).cloned());
        Ok(found.map(|value| take(&value.bytes, value.expiry, value.is_live(db.now()))))
    }

    fn commit(self, changes: &Changes) -> Result<()> {
        let MemoryTable { db, keyspaces, .. } = self.table;
        db.change(&self.lock, |state| state.apply(keyspaces, changes));
        Ok(())
    }
}
