//! Where a query reads: a table by itself, or what a writer sees while nobody else writes.

use crate::backend::Store;
use crate::catalogue::Definition;
use crate::error::TableError;
use crate::record::Record;
use crate::table::Table;

/// A type's table, and a store of it.
pub(super) struct Reads<'a, T, S> {
    pub(super) definition: &'a Definition<T>,
    pub(super) store: &'a S,
}

impl<'a, T: Record, S: Store> Reads<'a, T, S> {
    pub(super) fn of(table: &'a Table<T, S>) -> Self {
        Reads { definition: table.definition(), store: table.store() }
    }

    /// Refuses a handle whose type is not that of the table.
    pub(super) fn admit(self) -> Result<(), TableError> {
        self.definition.admit(self.store)?;
        self.store.refused()
    }
}

impl<T, S> Clone for Reads<'_, T, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, S> Copy for Reads<'_, T, S> {}
