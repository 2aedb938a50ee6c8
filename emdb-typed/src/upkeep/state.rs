//! One state of a table with its indexes.

use crate::backend::{Autocommit, Keyspace, ReadView};
use crate::error::TableError;
use crate::record::Record;
use crate::table::Table;

/// Views of all keyspaces of a table, in one state.
pub(super) struct TableState<V> {
    pub(super) rows: V,
    pub(super) indexes: Vec<V>,
}

impl<V: ReadView> TableState<V> {
    /// The state of now.
    pub(super) fn of<T: Record, S: Autocommit<View = V>>(
        table: &Table<T, S>,
    ) -> Result<Self, TableError> {
        let store = table.store();
        let rows = store.view(Keyspace::Rows)?;
        let indexes = 0..table.definition().indexes.len();
        let indexes = indexes.map(|at| store.view_beside(&rows, Keyspace::Index(at)));
        let indexes = indexes.collect::<Result<_, _>>()?;
        table.definition().admit(store)?;
        Ok(TableState { rows, indexes })
    }

    /// How many rows and entries there are.
    pub(super) fn count(&self) -> Result<usize, TableError> {
        let mut count = self.rows.count()?;
        for index in &self.indexes {
            count += index.count()?;
        }
        Ok(count)
    }
}
