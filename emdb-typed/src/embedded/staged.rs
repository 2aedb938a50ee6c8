//! A table inside a transaction.

use std::sync::Arc;
use std::time::Duration;

use emdb_core::internal::{self, Gathering, View, Write, Writes};
use emdb_core::{Error, Transaction, TransactionNamespace};

use super::live::{Live, LiveTable};
use crate::backend::{Changes, Keyspace, Store, StoreMut, WriteGuard};
use crate::error::TableError;

type Result<T> = std::result::Result<T, Error>;

/// A table inside a transaction: reads see what the transaction wrote, writes are staged in it.
///
/// The transaction is shared for as long as this lives, with other tables if wanted.
#[derive(Debug)]
pub struct Staged<'tx> {
    table: Arc<LiveTable>,
    writes: &'tx Writes,
}

/// The right of one call to write in the transaction.
#[doc(hidden)]
#[derive(Debug)]
pub struct StagedGuard<'s, 'tx> {
    staged: &'s Staged<'tx>,
    _gathering: Gathering<'tx>,
}

impl<'tx> Staged<'tx> {
    pub(crate) fn new(tx: &'tx Transaction<'_>, live: &Live) -> Self {
        Staged { table: live.table().clone(), writes: internal::writes(tx) }
    }

    /// Calls `with` with the namespace in the transaction. No code of the caller may run in it.
    fn namespace<R>(
        &self,
        keyspace: Keyspace,
        with: impl FnOnce(&mut TransactionNamespace) -> Result<R>,
    ) -> Result<R> {
        internal::staged(self.writes, self.table.keyspaces.get(keyspace), with)
    }
}

impl Store for Staged<'_> {
    type Error = Error;
    type View = View;

    const NOTES: bool = true;

    fn note(&self, key: &[u8]) -> Result<()> {
        self.namespace(Keyspace::Rows, |ns| {
            internal::note(ns, key);
            Ok(())
        })
    }

    fn is_noted(&self, key: &[u8]) -> Result<bool> {
        self.namespace(Keyspace::Rows, |ns| Ok(internal::is_noted(ns, key)))
    }

    #[inline]
    fn epoch(&self) -> Option<u64> {
        self.table.epoch.current()
    }

    fn sequence(&self) -> Option<u64> {
        Some(internal::sequence(&self.table.keyspaces.rows))
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
        Ok(StagedGuard { staged: self, _gathering: internal::gather(self.writes)? })
    }
}

impl<'tx> WriteGuard for StagedGuard<'_, 'tx> {
    type Error = Error;
    type View = View;
    type Reads = Staged<'tx>;

    #[inline]
    fn reads(&self) -> &Staged<'tx> {
        self.staged
    }

    fn stored<R>(
        &self,
        keyspace: Keyspace,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>, bool) -> R,
    ) -> Result<Option<R>> {
        let keep = |value: &[u8], expiry, live| (value.to_vec(), expiry, live);
        let found =
            self.staged.namespace(keyspace, |ns| internal::read_stored_staged(ns, key, keep))?;
        Ok(found.map(|(value, expiry, live)| take(&value, expiry, live)))
    }

    fn commit(self, changes: &Changes) -> Result<()> {
        let Staged { table, writes } = self.staged;
        // Before any of them is made: it is all or nothing here, too.
        table.writes(changes).try_for_each(|write| write.check())?;
        for keyspace in &changes.cleared {
            internal::staged(writes, table.keyspaces.get(*keyspace), |ns| ns.clear())?;
        }
        for Write { namespace, key, value, expiry } in table.writes(changes) {
            let stage = |ns: &mut _| internal::stage(ns, key, value, expiry);
            internal::staged(writes, namespace, stage)?;
        }
        Ok(())
    }
}
