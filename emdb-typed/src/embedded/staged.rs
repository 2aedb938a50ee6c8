//! A table inside a transaction.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use emdb_core::internal::{self, View, Writes};
use emdb_core::{Error, Transaction, TransactionNamespace};

use super::live::{Live, LiveTable};
use crate::backend::{Changes, Keyspace, Store, StoreMut, WriteGuard};
use crate::error::TableError;

type Result<T> = std::result::Result<T, Error>;

/// A table inside a transaction: reads see what the transaction wrote, writes are staged in it.
///
/// The transaction is borrowed for as long as this lives. The cell only spares callers a `mut`:
/// no call holds it while code of the caller runs.
#[derive(Debug)]
pub struct Staged<'tx> {
    table: Arc<LiveTable>,
    writes: RefCell<&'tx mut Writes>,
    /// A call is gathering its changes, on what it has read.
    writing: Cell<bool>,
}

/// While it lives, no other call of the same handle writes: one in a callback would change what the
/// outer one has read.
#[doc(hidden)]
#[derive(Debug)]
pub struct StagedGuard<'s, 'tx>(&'s Staged<'tx>);

impl Drop for StagedGuard<'_, '_> {
    fn drop(&mut self) {
        self.0.writing.set(false);
    }
}

impl<'tx> Staged<'tx> {
    pub(crate) fn new(tx: &'tx mut Transaction<'_>, live: &Live) -> Self {
        let (table, writes) = (live.table().clone(), RefCell::new(internal::writes(tx)));
        Staged { table, writes, writing: Cell::new(false) }
    }

    /// Calls `with` with the namespace in the transaction. No code of the caller may run in it.
    fn namespace<R>(
        &self,
        keyspace: Keyspace,
        with: impl FnOnce(&mut TransactionNamespace) -> R,
    ) -> R {
        let mut writes = self.writes.borrow_mut();
        with(internal::staged(&mut writes, self.table.keyspaces.get(keyspace)))
    }
}

impl Store for Staged<'_> {
    type Error = Error;
    type View = View;

    #[inline]
    fn epoch(&self) -> Option<u64> {
        self.table.epoch.current()
    }

    fn entry<R>(
        &self,
        keyspace: Keyspace,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>> {
        let keep = |value: &[u8], expiry| (value.to_vec(), expiry);
        let found = self.namespace(keyspace, |ns| internal::read_staged(ns, key, keep))?;
        // The caller's code may come back here.
        Ok(found.map(|(value, expiry)| take(&value, expiry)))
    }

    fn expiry(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<u64>> {
        self.namespace(keyspace, |ns| internal::expiry_staged(ns, key))
    }

    fn contains(&self, keyspace: Keyspace, key: &[u8]) -> Result<bool> {
        self.namespace(keyspace, |ns| ns.contains_key(key))
    }

    fn count(&self, keyspace: Keyspace) -> Result<usize> {
        self.namespace(keyspace, |ns| ns.len())
    }

    fn view(&self, keyspace: Keyspace) -> Result<View> {
        self.namespace(keyspace, |ns| View::staged(ns))
    }

    fn view_beside(&self, _view: &View, keyspace: Keyspace) -> Result<View> {
        self.view(keyspace)
    }

    fn consistent<R>(
        &self,
        mut read: impl FnMut() -> std::result::Result<R, TableError>,
    ) -> std::result::Result<R, TableError> {
        // Nobody else writes in a transaction.
        read()
    }

    fn now(&self) -> u64 {
        internal::now(&self.table.keyspaces.rows)
    }

    fn default_expiry(&self) -> Result<Option<u64>> {
        internal::default_expiry(&self.table.keyspaces.rows)
    }

    fn expiry_after(&self, lifetime: Duration) -> Result<u64> {
        internal::expiry_after(&self.table.keyspaces.rows, lifetime)
    }
}

impl<'tx> StoreMut for Staged<'tx> {
    type Guard<'s>
        = StagedGuard<'s, 'tx>
    where
        Self: 's;

    fn lock(&self) -> Result<StagedGuard<'_, 'tx>> {
        if self.writing.replace(true) {
            return Err(Error::TransactionActive);
        }
        Ok(StagedGuard(self))
    }
}

impl<'tx> WriteGuard for StagedGuard<'_, 'tx> {
    type Error = Error;
    type View = View;
    type Reads = Staged<'tx>;

    #[inline]
    fn reads(&self) -> &Staged<'tx> {
        self.0
    }

    fn stored<R>(
        &self,
        keyspace: Keyspace,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>, bool) -> R,
    ) -> Result<Option<R>> {
        let keep = |value: &[u8], expiry, live| (value.to_vec(), expiry, live);
        let found = self.0.namespace(keyspace, |ns| internal::read_stored_staged(ns, key, keep))?;
        Ok(found.map(|(value, expiry, live)| take(&value, expiry, live)))
    }

    fn commit(self, changes: &Changes) -> Result<()> {
        let Staged { table, writes, .. } = self.0;
        // Before any of them is made: it is all or nothing here, too.
        table.writes(changes).try_for_each(|write| write.check())?;
        let mut writes = writes.borrow_mut();
        for keyspace in &changes.cleared {
            internal::staged(&mut writes, table.keyspaces.get(*keyspace)).clear()?;
        }
        for write in table.writes(changes) {
            let namespace = internal::staged(&mut writes, write.namespace);
            internal::stage(namespace, write.key, write.value, write.expiry)?;
        }
        Ok(())
    }
}
