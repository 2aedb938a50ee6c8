//! What all types that open one table share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use emdb_core::{Emdb, Error, Namespace, internal};

use crate::error::TableError;

/// What a database keeps for all types that open one table.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Odd while the table's entry in the catalogue changes, and another number after that.
    epoch: AtomicU64,
    /// One change at a time.
    opening: Mutex<()>,
    opener: Mutex<Option<ThreadId>>,
}

/// The right to change a table's entry.
pub(crate) struct Opening<'s> {
    shared: &'s Shared,
    _turn: MutexGuard<'s, ()>,
}

/// The entry is being changed.
pub(crate) struct Change<'s>(&'s Shared);

impl Shared {
    pub(crate) fn of(rows: &Namespace) -> Arc<Shared> {
        internal::attached(rows, Shared::default)
    }

    /// A number that is the same as long as the entry is. `None` while it changes.
    #[inline]
    pub(crate) fn epoch(&self) -> Option<u64> {
        let epoch = self.epoch.load(Ordering::Acquire);
        epoch.is_multiple_of(2).then_some(epoch)
    }

    /// Waits for others who change the entry; but not where they may wait for this thread.
    pub(crate) fn begin(&self, db: &Emdb) -> Result<Opening<'_>, TableError> {
        if internal::is_sole(db) {
            return Err(Error::TransactionActive.into());
        }
        let opener =
            |shared: &Shared| *shared.opener.lock().unwrap_or_else(PoisonError::into_inner);
        if opener(self) == Some(thread::current().id()) {
            let reason = "this thread is opening the table already: a callback can't do so again";
            return Err(Error::InvalidConfig(reason.to_owned()).into());
        }
        let turn = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        self.set_opener(Some(thread::current().id()));
        Ok(Opening { shared: self, _turn: turn })
    }

    fn set_opener(&self, opener: Option<ThreadId>) {
        *self.opener.lock().unwrap_or_else(PoisonError::into_inner) = opener;
    }
}

impl Opening<'_> {
    /// Until the end of the change every handle looks at the entry with each call, and after it
    /// once more: whoever has seen the former one does not know what comes.
    pub(crate) fn change(&self) -> Change<'_> {
        self.shared.epoch.fetch_add(1, Ordering::AcqRel);
        Change(self.shared)
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.shared.set_opener(None);
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        self.0.epoch.fetch_add(1, Ordering::AcqRel);
    }
}
