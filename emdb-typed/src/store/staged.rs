//! A table inside a transaction.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use emdb_core::internal::{self, View, Writes};
use emdb_core::{Error, Transaction};

use super::{Part, Result, Spaces, Store, StoreMut};
use crate::batch::Changes;
use crate::error::TableError;

/// A table inside a transaction: reads see what the transaction wrote, writes are staged in it.
///
/// The transaction is borrowed for as long as this lives. The cell only spares callers a `mut`:
/// no call holds it while code of the caller runs.
#[derive(Debug)]
pub struct Staged<'tx> {
    spaces: Arc<Spaces>,
    writes: RefCell<&'tx mut Writes>,
    /// A call is gathering its changes, on what it has read.
    writing: Rc<Cell<bool>>,
}

/// While it lives, no other call of the same handle writes: one in a callback would change what the
/// outer one has read.
#[doc(hidden)]
#[derive(Debug)]
pub struct Turn(Rc<Cell<bool>>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl<'tx> Staged<'tx> {
    pub(crate) fn new(tx: &'tx mut Transaction<'_>, spaces: &Arc<Spaces>) -> Self {
        let (spaces, writes) = (spaces.clone(), RefCell::new(internal::writes(tx)));
        Staged { spaces, writes, writing: Rc::default() }
    }
}

impl Store for Staged<'_> {
    fn entry<R>(
        &self,
        part: Part,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>> {
        let mut writes = self.writes.borrow_mut();
        let namespace = internal::staged(&mut writes, self.spaces.get(part));
        let found = internal::read_staged(namespace, key, |value, at| (value.to_vec(), at))?;
        // The caller's code may come back here.
        drop(writes);
        Ok(found.map(|(value, expiry)| take(&value, expiry)))
    }

    fn expiry(&self, part: Part, key: &[u8]) -> Result<Option<u64>> {
        let mut writes = self.writes.borrow_mut();
        internal::expiry_staged(internal::staged(&mut writes, self.spaces.get(part)), key)
    }

    fn contains(&self, part: Part, key: &[u8]) -> Result<bool> {
        let mut writes = self.writes.borrow_mut();
        internal::staged(&mut writes, self.spaces.get(part)).contains_key(key)
    }

    fn count(&self, part: Part) -> Result<usize> {
        let mut writes = self.writes.borrow_mut();
        internal::staged(&mut writes, self.spaces.get(part)).len()
    }

    fn view(&self, part: Part) -> Result<View> {
        let mut writes = self.writes.borrow_mut();
        View::staged(internal::staged(&mut writes, self.spaces.get(part)))
    }

    fn views(&self, first: Part, second: Part) -> Result<(View, View)> {
        Ok((self.view(first)?, self.view(second)?))
    }

    fn consistent<R>(
        &self,
        mut read: impl FnMut() -> std::result::Result<R, TableError>,
    ) -> std::result::Result<R, TableError> {
        // Nobody else writes in a transaction.
        read()
    }
}

impl StoreMut for Staged<'_> {
    type Turn = Turn;

    fn begin(&self) -> Result<Turn> {
        if self.writing.replace(true) {
            return Err(Error::TransactionActive);
        }
        Ok(Turn(self.writing.clone()))
    }

    fn stored<R>(
        &self,
        part: Part,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>, bool) -> R,
    ) -> Result<Option<R>> {
        let mut writes = self.writes.borrow_mut();
        let namespace = internal::staged(&mut writes, self.spaces.get(part));
        let keep = |value: &[u8], expiry, live| (value.to_vec(), expiry, live);
        let found = internal::read_stored_staged(namespace, key, keep)?;
        drop(writes);
        Ok(found.map(|(value, expiry, live)| take(&value, expiry, live)))
    }

    fn apply(&self, _turn: Turn, changes: &Changes) -> Result<()> {
        // Before any of them is made: it is all or nothing here, too.
        self.spaces.writes(changes).try_for_each(|write| write.check())?;
        let mut writes = self.writes.borrow_mut();
        for write in self.spaces.writes(changes) {
            let namespace = internal::staged(&mut writes, write.namespace);
            internal::stage(namespace, write.key, write.value, write.expiry)?;
        }
        Ok(())
    }

    fn clear(&self, turn: Turn, changes: &Changes) -> Result<()> {
        let mut writes = self.writes.borrow_mut();
        let spaces = &self.spaces;
        for space in std::iter::once(&spaces.rows).chain(&spaces.indexes).chain(&spaces.mark) {
            internal::staged(&mut writes, space).clear()?;
        }
        drop(writes);
        self.apply(turn, changes)
    }
}
