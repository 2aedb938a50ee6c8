//! Rows that go because a function says so.
//!
//! All of them go in one commit. They are looked for without a lock, on a view; what others write
//! meanwhile is looked at again, and they have to wait for the commit alone.

use std::collections::HashMap;

use super::handle::Table;
use crate::backend::{Changes, Keyspace, ReadView, Store, StoreMut, Written, for_each};
use crate::error::TableError;
use crate::index::EntryWriter as Entries;
use crate::record::Record;
use crate::row;
use crate::write::{Batch, entries};

/// How often rows that were written meanwhile are looked at again before their writers have to wait.
const MAX_ATTEMPTS: usize = 3;

/// The rows that are to go, by their keys, with their entries.
type Unwanted = HashMap<Vec<u8>, Entries>;

impl<T: Record, S: StoreMut> Table<T, S> {
    /// Removes the rows for which `keep` says no, in one commit.
    ///
    /// Other writers go on while the rows are looked at, and wait for the commit alone; rows that
    /// they write until then are looked at again. The rows that go are held in memory meanwhile.
    /// `keep` may read the table. It must not write: a write in it is refused, or a commit of its
    /// own that comes before this one.
    ///
    /// # Errors
    ///
    /// As [`remove`](Table::remove); a row that can't be read is an error, and nothing is removed.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Item { #[emdb(key)] id: u32 }
    /// # let db = Emdb::open_in_memory();
    /// let items = Table::<Item>::open(&db)?;
    /// items.insert_many((0..10).map(|id| Item { id }))?;
    /// items.retain(|item| item.id % 2 == 0)?;
    /// assert_eq!(items.len()?, 5);
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn retain(&self, mut keep: impl FnMut(&T) -> bool) -> Result<(), TableError> {
        self.definition.admit(&self.store)?;
        let mut written = Written::since(self.store.view(Keyspace::Rows)?);
        // Where it can't be told what others write, they have to wait.
        if !self.store.written_since(Keyspace::Rows, &mut written)? {
            return self.write(|batch| self.retain_as_only_writer(batch, &mut keep));
        }
        let mut unwanted = Unwanted::new();
        for_each(written.view.scan()?, |key, value| {
            self.judge(&mut unwanted, key, value, &mut keep)
        })?;
        for _ in 0..MAX_ATTEMPTS {
            if self.remove_unless_written(&unwanted, &mut written)? {
                return Ok(());
            }
            let now = self.store.view(Keyspace::Rows)?;
            if !self.store.written_since(Keyspace::Rows, &mut written)? {
                break;
            }
            self.judge_again(&mut unwanted, &now, &written.keys, &mut keep)?;
            written = Written::since(now);
        }
        self.write(|batch| {
            if !batch.reads().written_since(Keyspace::Rows, &mut written)? {
                return self.retain_as_only_writer(batch, &mut keep);
            }
            let now = batch.reads().view(Keyspace::Rows)?;
            self.judge_again(&mut unwanted, &now, &written.keys, &mut keep)?;
            unwanted.iter().try_for_each(|(key, entries)| self.discard_row(batch, key, entries))
        })
    }

    /// Removes the rows, unless one has been written since they were looked at; tells whether it
    /// did.
    fn remove_unless_written(
        &self,
        unwanted: &Unwanted,
        written: &mut Written<S::View>,
    ) -> Result<bool, TableError> {
        let specs = &*self.definition.indexes;
        let beside = |index| self.store.view_beside(&written.view, Keyspace::Index(index));
        let views = (0..specs.len()).map(beside).collect::<Result<Vec<_>, _>>()?;
        let mut changes = Changes::default();
        for (key, entries) in unwanted {
            for (index, entry) in entries.iter() {
                entries::check_owned_in(&views[index], &specs[index], entry, key)?;
                changes.writes.set(Keyspace::Index(index), entry, None, None);
            }
            changes.writes.set(Keyspace::Rows, key, None, None);
        }
        self.store.commit_if(&changes, |reads| {
            self.definition.admit(reads)?;
            Ok(reads.written_since(Keyspace::Rows, written)? && written.keys.is_empty())
        })
    }

    /// Notes the row if it is to go.
    fn judge(
        &self,
        unwanted: &mut Unwanted,
        key: &[u8],
        value: &[u8],
        keep: &mut impl FnMut(&T) -> bool,
    ) -> Result<(), TableError> {
        let row = row::decode::<T>(key, value)?;
        if !keep(&row) {
            let entries = entries::all(&self.definition.indexes, &row, key);
            unwanted.insert(key.to_vec(), entries);
        }
        Ok(())
    }

    /// Brings what is to go to the state of `now`, before which these keys were written. A row that
    /// has expired by then stays for the next sweep: another one may have taken its unique values.
    fn judge_again(
        &self,
        unwanted: &mut Unwanted,
        now: &S::View,
        written: &[Vec<u8>],
        keep: &mut impl FnMut(&T) -> bool,
    ) -> Result<(), TableError> {
        for key in written {
            unwanted.remove(key);
            if let Some(value) = now.read(key, <[u8]>::to_vec)? {
                self.judge(unwanted, key, &value, keep)?;
            }
        }
        let mut expired = Vec::new();
        for key in unwanted.keys() {
            if !now.contains(key)? {
                expired.push(key.clone());
            }
        }
        expired.iter().for_each(|key| drop(unwanted.remove(key)));
        Ok(())
    }

    fn retain_as_only_writer(
        &self,
        batch: &mut Batch<S::Guard<'_>>,
        keep: &mut impl FnMut(&T) -> bool,
    ) -> Result<(), TableError> {
        for_each(batch.reads().view(Keyspace::Rows)?.scan()?, |key, value| {
            let row = row::decode::<T>(key, value)?;
            if keep(&row) {
                return Ok(());
            }
            self.discard_row(batch, key, &entries::all(&self.definition.indexes, &row, key))
        })
    }

    /// Stages the removal of a live row that has these entries.
    fn discard_row(
        &self,
        batch: &mut Batch<S::Guard<'_>>,
        key: &[u8],
        entries: &Entries,
    ) -> Result<(), TableError> {
        entries::remove(batch, &self.definition.indexes, entries, key, |_, _| true)?;
        batch.remove(Keyspace::Rows, key);
        Ok(())
    }
}
