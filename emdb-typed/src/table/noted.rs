//! Rows that a transaction reads and puts again, which keep when they expire.
//!
//! To read a row, change it and insert it is an update that is written out. So it does what `update`
//! does: the expiry stays. A transaction alone has both halves, and notes the first; by itself a table
//! can't tell one program's insert from another's.

use super::handle::Table;
use super::write::Prepared;
use crate::backend::{Keyspace, Store, StoreMut};
use crate::error::TableError;
use crate::lifetime::Lifetime;
use crate::record::Record;
use crate::write::Batch;

impl<T: Record, S: Store> Table<T, S> {
    /// Notes that a row was read, if it would expire at another time as a new one.
    #[inline]
    pub(super) fn note(
        &self,
        key: &[u8],
        row: &T,
        expiry: impl FnOnce() -> Result<Option<u64>, S::Error>,
    ) -> Result<(), TableError> {
        if !S::NOTES || says_when(row) || self.expiry_of(row)?.is_none() && expiry()?.is_none() {
            return Ok(());
        }
        Ok(self.store.note(key)?)
    }
}

impl<T: Record, S: StoreMut> Table<T, S> {
    /// A row that is on its way in the place of one that may have been read.
    pub(super) fn prepare_insert(&self, row: &T) -> Result<Prepared, TableError> {
        let mut prepared = self.prepare(row, self.expiry_of(row)?)?;
        prepared.keeps = S::NOTES && !says_when(row);
        Ok(prepared)
    }

    /// When the row expires: with the one whose place it takes, if that was read.
    #[inline]
    pub(super) fn expiry_in_place(
        &self,
        batch: &Batch<S::Guard<'_>>,
        prepared: &Prepared,
    ) -> Result<Option<u64>, TableError> {
        let Prepared { key, expiry, keeps, .. } = prepared;
        if !*keeps || !batch.reads().is_noted(key)? {
            return Ok(*expiry);
        }
        let live = |_: &[u8], expiry, live: bool| live.then_some(expiry);
        Ok(batch.stored(Keyspace::Rows, key, live)?.flatten().unwrap_or(*expiry))
    }
}

/// Whether a field of the row says when it expires.
fn says_when<T: Record>(row: &T) -> bool {
    matches!(row.lifetime(), Lifetime::At(_))
}
