//! Repairing indexes.

use std::ops::ControlFlow;

use super::owner::{Owner, Owners};
use super::reporter::{Reporter, silent};
use super::state::TableState;
use crate::backend::{Autocommit, Cursor, Keyspace, ReadView, WriteGuard};
use crate::catalogue::{CHUNK_MAX_ROWS, Definition};
use crate::error::TableError;
use crate::record::Record;
use crate::row;
use crate::table::Table;
use crate::vocabulary::Progress;
use crate::write::{Batch, entries};

impl<T: Record, S: Autocommit> Table<T, S> {
    /// Repairs the indexes: puts the entries that rows lack, and removes those that no row has.
    /// Gives how many there were.
    ///
    /// It is the call to make after the meaning of a function has changed that an index is made by: one that
    /// gives what is indexed (`with`), or that tells which rows are (`filter`). The catalogue knows the
    /// function's name and type alone, so a table whose function was renamed builds its index anew when it is
    /// opened, and one whose function does something else under the same name doesn't, unless the sample of rows that
    /// is looked at then shows it. Until it is rebuilt such an index lacks rows, and refuses others with
    /// [`TableError::StaleIndex`].
    ///
    /// It goes in chunks, each a commit of its own, while others read and write. Entries that are
    /// right are not written again.
    ///
    /// # Errors
    ///
    /// [`TableError::UniqueViolation`] when two rows have the same value in a unique index, and
    /// [`TableError::Decode`] for a row that can't be read: change or remove it first. The work
    /// until then stays done.
    pub fn rebuild_indexes(&self) -> Result<u64, TableError> {
        self.rebuild_indexes_with(silent)
    }

    /// As [`rebuild_indexes`](Table::rebuild_indexes); `progress` counts rows and entries.
    /// Breaking ends the call; what was done stays done.
    ///
    /// # Errors
    ///
    /// As [`rebuild_indexes`](Table::rebuild_indexes), and [`TableError::Core`] with
    /// [`Cancelled`](emdb_core::Error::Cancelled).
    pub fn rebuild_indexes_with(
        &self,
        progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<u64, TableError> {
        self.definition().admit(self.store())?;
        let state = TableState::of(self)?;
        let mut report = Reporter::new(state.count()?, progress);
        let mut repaired = 0;
        each_chunk(state.rows.scan()?, |keys| {
            repaired += self.write(|batch| {
                let mut put = 0;
                for key in keys {
                    put += repair_row(self.definition(), batch, key)?;
                }
                Ok(put)
            })?;
            report.step(keys.len())
        })?;
        for (index, view) in state.indexes.iter().enumerate() {
            each_chunk(view.scan()?, |entries| {
                repaired += self.write(|batch| {
                    // The right to write alone holds for the chunk: a row stays what it is.
                    let (mut removed, mut owners) = (0, Owners::new(self.definition(), index));
                    for entry in entries {
                        removed += repair_entry(batch, &mut owners, index, entry)?;
                    }
                    Ok(removed)
                })?;
                report.step(entries.len())
            })?;
        }
        Ok(repaired)
    }
}

/// Stages the entries that a row lacks; gives how many.
fn repair_row<T: Record, G: WriteGuard>(
    definition: &Definition<T>,
    batch: &mut Batch<G>,
    key: &[u8],
) -> Result<u64, TableError> {
    let specs = &*definition.indexes;
    let row = batch.read(Keyspace::Rows, key, |bytes| row::decode::<T>(key, bytes))?;
    let Some(row) = row.transpose()? else { return Ok(0) };
    let expiry = batch.expiry(Keyspace::Rows, key)?;
    let mut put = 0;
    for (index, entry) in entries::all(specs, &row, key).iter() {
        let (keyspace, kind) = (Keyspace::Index(index), specs[index].kind);
        let expected = kind.entry_value(key);
        let value = batch.read(keyspace, entry, <[u8]>::to_vec)?;
        if value.as_ref() == Some(&expected) && batch.expiry(keyspace, entry)? == expiry {
            continue;
        }
        if kind.is_unique() {
            let rows = |key: &[u8]| batch.read(Keyspace::Rows, key, <[u8]>::to_vec);
            let is_nobodys = match value.filter(|value| *value != expected) {
                Some(value) => {
                    Owners::new(definition, index).of(entry, &value, rows)? == Owner::None
                }
                None => false,
            };
            if !is_nobodys {
                entries::make_way(batch, specs, (index, entry), key)?;
            }
        }
        entries::put(batch, specs, index, entry, key, expiry);
        put += 1;
    }
    Ok(put)
}

/// Stages the removal of an entry if no row has it; gives how many that are.
fn repair_entry<T: Record, G: WriteGuard>(
    batch: &mut Batch<G>,
    owners: &mut Owners<'_, T>,
    index: usize,
    entry: &[u8],
) -> Result<u64, TableError> {
    let Some(value) = batch.read(Keyspace::Index(index), entry, <[u8]>::to_vec)? else {
        return Ok(0);
    };
    let rows = |key: &[u8]| batch.read(Keyspace::Rows, key, <[u8]>::to_vec);
    if owners.of(entry, &value, rows)? != Owner::None {
        return Ok(0);
    }
    batch.remove(Keyspace::Index(index), entry);
    Ok(1)
}

/// Calls `each` with the keys of a scan, some at a time.
fn each_chunk(
    scan: impl Cursor,
    mut each: impl FnMut(&[Vec<u8>]) -> Result<(), TableError>,
) -> Result<(), TableError> {
    let mut scan = scan.without_values();
    loop {
        let mut keys = Vec::new();
        while keys.len() < CHUNK_MAX_ROWS {
            let Some(next) = scan.forward() else { break };
            keys.push(next?.0.to_vec());
        }
        if keys.is_empty() {
            return Ok(());
        }
        each(&keys)?;
    }
}
