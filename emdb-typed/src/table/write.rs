//! The one way of all writes.
//!
//! Invariant: a call gathers its changes in a [`Batch`] while it is the only writer, checks first,
//! and makes all of them at once, so that a row and its entries never part, and a call that fails
//! changes nothing.

use std::time::Duration;

use super::former::Former;
use super::handle::Table;
use crate::backend::{Keyspace, Store, StoreMut};
use crate::error::TableError;
use crate::index::EntryWriter as Entries;
use crate::key;
use crate::lifetime::Lifetime;
use crate::record::Record;
use crate::revision;
use crate::row;
use crate::write::{Batch, auto_key, entries};

/// A row on its way into the table: what can be made of it without looking at the table.
pub(crate) struct Prepared {
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
    pub(super) entries: Entries,
    pub(super) expiry: Option<u64>,
    /// Whether it keeps the expiry of a row that was read, and whose place it takes.
    pub(super) keeps: bool,
    /// The revision that the row has in these bytes, if its type counts its writes.
    pub(super) revision: u64,
}

impl<T: Record, S: StoreMut> Table<T, S> {
    /// Runs `body` as the only writer, then makes the changes that it gathered.
    pub(crate) fn write<'s, R>(
        &'s self,
        body: impl FnOnce(&mut Batch<S::Guard<'s>>) -> Result<R, TableError>,
    ) -> Result<R, TableError> {
        self.try_write(body)
    }

    /// The same for a body that has errors of its own.
    pub(super) fn try_write<'s, R, E: From<TableError>>(
        &'s self,
        body: impl FnOnce(&mut Batch<S::Guard<'s>>) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut batch = Batch::new(self.store.lock().map_err(TableError::from)?);
        self.definition.admit(batch.reads())?;
        let result = body(&mut batch)?;
        batch.commit_rows(&self.definition.indexes)?;
        Ok(result)
    }

    pub(crate) fn prepare(&self, row: &T, expiry: Option<u64>) -> Result<Prepared, TableError> {
        row.check().map_err(|reason| invalid::<T>(reason))?;
        let key = key::to_bytes(&row.key());
        let value = row::encode_to_store(row, self.definition.findings)?;
        let entries = entries::all(&self.definition.indexes, row, &key);
        Ok(Prepared { key, value, entries, expiry, keeps: false, revision: row.revision() })
    }

    pub(crate) fn insert_prepared(&self, chunk: &mut Vec<Prepared>) -> Result<usize, TableError> {
        let count = chunk.len();
        self.write(|batch| {
            for prepared in chunk.drain(..) {
                if self.definition.indexes.is_empty() && !T::REVISED {
                    auto_key::advance::<T, _>(batch, &prepared.key)?;
                    let expiry = self.expiry_in_place(batch, &prepared)?;
                    batch.put(Keyspace::Rows, &prepared.key, &prepared.value, expiry);
                } else {
                    self.put(batch, prepared)?;
                }
            }
            Ok(count)
        })
    }

    /// The row that the batch would replace under this key.
    pub(super) fn former(
        &self,
        batch: &Batch<S::Guard<'_>>,
        key: &[u8],
    ) -> Result<Former<T>, TableError> {
        let decode = |bytes: &[u8], expiry, live| (row::decode::<T>(key, bytes), expiry, live);
        Ok(match batch.stored(Keyspace::Rows, key, decode)? {
            None => Former::None,
            Some((Err(error), _, live)) => Former::Unreadable(error, live),
            Some((Ok(row), expiry, live)) => {
                let entries = entries::all(&self.definition.indexes, &row, key);
                Former::Row { row, entries, expiry, live }
            }
        })
    }

    /// Stages the row with its entries; gives what was in its place.
    pub(super) fn put(
        &self,
        batch: &mut Batch<S::Guard<'_>>,
        mut prepared: Prepared,
    ) -> Result<Former<T>, TableError> {
        let former = self.former(batch, &prepared.key)?;
        self.revise(&mut prepared, &former)?;
        self.replace(batch, &prepared, &former)?;
        Ok(former)
    }

    /// Stages rows, each of another key, that come together: before one takes a unique value, all have
    /// given theirs up, so that they can go round among the rows.
    pub(super) fn put_together<'p>(
        &self,
        batch: &mut Batch<S::Guard<'_>>,
        rows: impl Iterator<Item = &'p mut Prepared>,
    ) -> Result<(), TableError> {
        let mut released = Vec::new();
        for prepared in rows {
            let former = self.former(batch, &prepared.key)?;
            self.revise(prepared, &former)?;
            self.release(batch, prepared, &former)?;
            released.push((&*prepared, former));
        }
        for (prepared, former) in &released {
            self.claim(batch, prepared, former)?;
        }
        Ok(())
    }

    /// Counts the write of the row, whatever the row says: one more than what is in its place, or the first one.
    fn revise(&self, prepared: &mut Prepared, former: &Former<T>) -> Result<(), TableError> {
        if !T::REVISED {
            return Ok(());
        }
        let next = match former {
            Former::Row { row, live: true, .. } => revision::after(row, &prepared.key)?,
            _ => revision::FIRST,
        };
        if prepared.revision != next {
            let mut row = row::decode::<T>(&prepared.key, &prepared.value)?;
            row.set_revision(next);
            let (expiry, keeps) = (prepared.expiry, prepared.keeps);
            *prepared = Prepared { keeps, ..self.prepare(&row, expiry)? };
        }
        Ok(())
    }

    fn replace(
        &self,
        batch: &mut Batch<S::Guard<'_>>,
        prepared: &Prepared,
        former: &Former<T>,
    ) -> Result<(), TableError> {
        self.release(batch, prepared, former)?;
        self.claim(batch, prepared, former)
    }

    /// Stages the removal of the entries that the row has no more.
    fn release(
        &self,
        batch: &mut Batch<S::Guard<'_>>,
        Prepared { key, entries, .. }: &Prepared,
        former: &Former<T>,
    ) -> Result<(), TableError> {
        let specs = &*self.definition.indexes;
        match former {
            Former::None => Ok(()),
            Former::Row { entries: known, live: true, .. } => {
                entries::release(batch, specs, key, known, entries)
            }
            Former::Row { entries: known, .. } => entries::remove_expired(batch, specs, known, key),
            Former::Unreadable(..) => entries::remove_by_key(batch, specs, key),
        }
    }

    /// Stages the row and the entries that it has from now on.
    fn claim(
        &self,
        batch: &mut Batch<S::Guard<'_>>,
        prepared: &Prepared,
        former: &Former<T>,
    ) -> Result<(), TableError> {
        let expiry = self.expiry_in_place(batch, prepared)?;
        let Prepared { key, value, entries, .. } = prepared;
        let known = match former {
            Former::Row { entries, expiry, live: true, .. } => Some((entries, *expiry)),
            _ => None,
        };
        entries::claim(batch, &self.definition.indexes, key, known, (entries, expiry))?;
        auto_key::advance::<T, _>(batch, key)?;
        batch.put(Keyspace::Rows, key, value, expiry);
        Ok(())
    }

    /// Stages the removal of a row with its entries.
    pub(super) fn discard(
        &self,
        batch: &mut Batch<S::Guard<'_>>,
        key: &[u8],
        former: &Former<T>,
    ) -> Result<(), TableError> {
        let specs = &*self.definition.indexes;
        match former {
            Former::None => {}
            Former::Row { entries, live: true, .. } => {
                entries::remove(batch, specs, entries, key, |_, _| true)?;
            }
            Former::Row { entries, .. } => entries::remove_expired(batch, specs, entries, key)?,
            Former::Unreadable(..) => {
                entries::remove_by_key(batch, specs, key)?;
            }
        }
        batch.remove(Keyspace::Rows, key);
        Ok(())
    }
}

impl<T: Record, S: Store> Table<T, S> {
    /// When the row expires, as its type says.
    pub(crate) fn expiry_of(&self, row: &T) -> Result<Option<u64>, TableError> {
        Ok(match row.lifetime() {
            Lifetime::Default => self.store.default_expiry()?,
            Lifetime::After(ms) => Some(self.store.expiry_after(Duration::from_millis(ms))?),
            Lifetime::At(at) => at,
        })
    }
}

pub(super) fn invalid<T: Record>(reason: impl Into<String>) -> TableError {
    TableError::Invalid { table: T::NAMESPACE.to_owned(), reason: reason.into() }
}
