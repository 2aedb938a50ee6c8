//! What all types that open one table share.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use emdb_core::{Emdb, Error, Namespace, internal};

use crate::error::TableError;

/// What a database keeps for all types that open one table.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Odd while the table's entry in the catalogue changes, and another number after that.
    epoch: AtomicU64,
    /// One change at a time.
    opening: Mutex<()>,
}

thread_local! {
    /// Whether this thread is changing an entry. It may not wait for another change then, for that
    /// may wait for this one.
    static CHANGING: Cell<bool> = const { Cell::new(false) };
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
        if internal::is_writer(db) {
            return Err(Error::TransactionActive.into());
        }
        if CHANGING.get() {
            let reason = "this thread is opening a table: a callback of that can't open one that \
                          has to be made, changed or indexed";
            return Err(Error::InvalidConfig(reason.to_owned()).into());
        }
        let turn = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        CHANGING.set(true);
        Ok(Opening { shared: self, _turn: turn })
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
        CHANGING.set(false);
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        self.0.epoch.fetch_add(1, Ordering::AcqRel);
    }
}
