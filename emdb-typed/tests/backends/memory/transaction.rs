//! Transactions, and tables inside of one.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use emdb_core::Error;
use emdb_typed::TableError;
use emdb_typed::backend::{Changes, Keyspace, Keyspaces, SchemaEpoch, Store, StoreMut, WriteGuard};

use super::database::Memory;
use super::error::{MemoryError, Result};
use super::state::{State, Value};
use super::table::MemoryTable;
use super::view::MemoryView;

/// A state of its own, that replaces the database's at the end.
#[derive(Debug)]
pub(crate) struct MemoryTransaction {
    state: RefCell<State>,
    writing: Cell<bool>,
    /// Rows that were read, by their keyspaces and keys.
    noted: RefCell<HashSet<(String, Vec<u8>)>>,
}

impl Memory {
    /// Commits what `body` does if it succeeds.
    pub(crate) fn transaction<R>(
        &self,
        body: impl FnOnce(&mut MemoryTransaction) -> std::result::Result<R, TableError>,
    ) -> std::result::Result<R, TableError> {
        let lock = self.lock()?;
        let mut transaction = MemoryTransaction {
            state: RefCell::new(self.state()),
            writing: Cell::new(false),
            noted: RefCell::default(),
        };
        let done = body(&mut transaction)?;
        self.change(&lock, |state| *state = transaction.state.into_inner());
        Ok(done)
    }
}

/// A table inside of a transaction.
#[derive(Debug)]
pub(crate) struct MemoryStaged<'tx> {
    db: Memory,
    keyspaces: Arc<Keyspaces<String>>,
    epoch: Arc<SchemaEpoch>,
    transaction: &'tx MemoryTransaction,
}

impl<'tx> MemoryStaged<'tx> {
    pub(crate) fn new(table: &MemoryTable, transaction: &'tx MemoryTransaction) -> Self {
        let MemoryTable { db, keyspaces, epoch } = table.clone();
        MemoryStaged { db, keyspaces, epoch, transaction }
    }

    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Option<Value> {
        self.transaction.state.borrow().get(self.keyspaces.get(keyspace), key).cloned()
    }
}

impl Store for MemoryStaged<'_> {
    type Error = MemoryError;
    type View = MemoryView;

    const NOTES: bool = true;

    fn note(&self, key: &[u8]) -> Result<()> {
        let rows = self.keyspaces.rows.clone();
        self.transaction.noted.borrow_mut().insert((rows, key.to_vec()));
        Ok(())
    }

    fn is_noted(&self, key: &[u8]) -> Result<bool> {
        let row = (self.keyspaces.rows.clone(), key.to_vec());
        Ok(self.transaction.noted.borrow().contains(&row))
    }

    fn epoch(&self) -> Option<u64> {
        self.epoch.current()
    }

    fn entry<R>(
        &self,
        keyspace: Keyspace,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>> {
        let live = self.get(keyspace, key).filter(|value| value.is_live(self.db.now()));
        Ok(live.map(|value| take(&value.bytes, value.expiry)))
    }

    fn expiry(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<u64>> {
        Ok(self.get(keyspace, key).and_then(|value| value.expiry))
    }

    fn contains(&self, keyspace: Keyspace, key: &[u8]) -> Result<bool> {
        Ok(self.entry(keyspace, key, |_, _| ())?.is_some())
    }

    fn count(&self, keyspace: Keyspace) -> Result<usize> {
        Ok(self.transaction.state.borrow().len(self.keyspaces.get(keyspace)))
    }

    fn view(&self, keyspace: Keyspace) -> Result<MemoryView> {
        let state = self.transaction.state.borrow().clone();
        Ok(MemoryView::new(state, self.keyspaces.get(keyspace), self.db.now()))
    }

    fn view_beside(&self, _view: &MemoryView, keyspace: Keyspace) -> Result<MemoryView> {
        self.view(keyspace)
    }

    fn consistent<R>(
        &self,
        mut read: impl FnMut() -> std::result::Result<R, TableError>,
    ) -> std::result::Result<R, TableError> {
        read()
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

impl<'tx> StoreMut for MemoryStaged<'tx> {
    type Guard<'s>
        = MemoryStagedGuard<'s, 'tx>
    where
        Self: 's;

    fn lock(&self) -> Result<MemoryStagedGuard<'_, 'tx>> {
        if self.transaction.writing.replace(true) {
            return Err(Error::TransactionActive.into());
        }
        Ok(MemoryStagedGuard(self))
    }
}

/// The one call of the transaction that writes.
#[derive(Debug)]
pub(crate) struct MemoryStagedGuard<'s, 'tx>(&'s MemoryStaged<'tx>);

impl Drop for MemoryStagedGuard<'_, '_> {
    fn drop(&mut self) {
        self.0.transaction.writing.set(false);
    }
}

impl<'tx> WriteGuard for MemoryStagedGuard<'_, 'tx> {
    type Error = MemoryError;
    type View = MemoryView;
    type Reads = MemoryStaged<'tx>;

    fn reads(&self) -> &MemoryStaged<'tx> {
        self.0
    }

    fn stored<R>(
        &self,
        keyspace: Keyspace,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>, bool) -> R,
    ) -> Result<Option<R>> {
        let now = self.0.db.now();
        let found = self.0.get(keyspace, key);
        Ok(found.map(|value| take(&value.bytes, value.expiry, value.is_live(now))))
    }

    fn commit(self, changes: &Changes) -> Result<()> {
        self.0.transaction.state.borrow_mut().apply(&self.0.keyspaces, changes);
        Ok(())
    }
}
