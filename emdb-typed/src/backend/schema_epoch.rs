//! The epoch of a table, which all of its handles share: it tells when the entry in the catalogue
//! changes.

use std::any::TypeId;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::vocabulary::Error;

/// Which entry of the catalogue a table has, as a number, and the lock on changing it.
///
/// A backend keeps one for each table, for as long as the table is not dropped.
#[derive(Debug, Default)]
pub struct SchemaEpoch {
    /// Odd while the entry changes, and another number after that.
    epoch: AtomicU64,
    /// One change at a time.
    changing: Mutex<()>,
    /// The types with which entry and indexes were found to agree. It is asked once for each entry: a program
    /// doesn't become another one while it has the database open.
    agreeing: Mutex<Agreeing>,
}

/// The types that agree with the entry of an epoch.
#[derive(Debug, Default)]
struct Agreeing {
    epoch: u64,
    types: Vec<TypeId>,
}

thread_local! {
    /// Whether this thread is changing an entry. It may not wait for another change then, for that
    /// may wait for this one.
    static CHANGING: Cell<bool> = const { Cell::new(false) };
}

/// The right to change a table's entry.
pub(crate) struct SchemaLock<'s> {
    epoch: &'s SchemaEpoch,
    _guard: MutexGuard<'s, ()>,
}

/// The entry is being changed.
pub(crate) struct SchemaChange<'s>(&'s SchemaEpoch);

impl SchemaEpoch {
    /// A number that is the same as long as the entry is. `None` while it changes.
    #[inline]
    pub fn current(&self) -> Option<u64> {
        let epoch = self.epoch.load(Ordering::Acquire);
        epoch.is_multiple_of(2).then_some(epoch)
    }

    /// Whether a type was found to agree with the entry that the table has at `epoch`, and its indexes with the
    /// rows.
    pub(crate) fn agrees<T: 'static>(&self, epoch: u64) -> bool {
        let agreeing = self.agreeing();
        agreeing.epoch == epoch && agreeing.types.contains(&TypeId::of::<T>())
    }

    /// Notes that they do.
    pub(crate) fn note_agreement<T: 'static>(&self, epoch: u64) {
        let mut agreeing = self.agreeing();
        if agreeing.epoch < epoch {
            *agreeing = Agreeing { epoch, types: Vec::new() };
        }
        if agreeing.epoch == epoch && !agreeing.types.contains(&TypeId::of::<T>()) {
            agreeing.types.push(TypeId::of::<T>());
        }
    }

    fn agreeing(&self) -> MutexGuard<'_, Agreeing> {
        self.agreeing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for others who change the entry; but not where they may wait for this thread: inside
    /// of a transaction, and of a change.
    pub(crate) fn lock(&self, in_transaction: bool) -> Result<SchemaLock<'_>, Error> {
        if in_transaction {
            return Err(Error::TransactionActive);
        }
        if CHANGING.get() {
            let reason = "this thread is opening a table: a callback of that can't open one that \
                          has to be made, changed or indexed";
            return Err(Error::InvalidConfig(reason.to_owned()));
        }
        let guard = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        CHANGING.set(true);
        Ok(SchemaLock { epoch: self, _guard: guard })
    }
}

impl SchemaLock<'_> {
    /// Until the end of the change every handle looks at the entry with each call, and after it
    /// once more: whoever has seen the former one does not know what comes.
    pub(crate) fn change(&self) -> SchemaChange<'_> {
        self.epoch.epoch.fetch_add(1, Ordering::AcqRel);
        SchemaChange(self.epoch)
    }
}

impl Drop for SchemaLock<'_> {
    fn drop(&mut self) {
        CHANGING.set(false);
    }
}

impl Drop for SchemaChange<'_> {
    fn drop(&mut self) {
        self.0.epoch.fetch_add(1, Ordering::AcqRel);
    }
}
