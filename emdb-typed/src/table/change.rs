//! Rows that change in place, or go.

use super::former::Former;
use super::handle::Table;
use super::write::{Prepared, invalid};
use crate::backend::{Keyspace, StoreMut};
use crate::error::TableError;
use crate::index::EntryWriter as Entries;
use crate::key::{self, AsKey};
use crate::lifetime::Lifetime;
use crate::record::Record;
use crate::revision;
use crate::write::{Batch, auto_key, entries};

impl<T: Record, S: StoreMut> Table<T, S> {
    /// Changes the row with this key, and gives the changed one; `None` if there is none.
    ///
    /// No other write comes in between. When the row expires stays as it is, unless a field of the
    /// type says it. `change` may read the table, but a write in it is refused.
    ///
    /// # Errors
    ///
    /// [`TableError::Invalid`] when `change` changes the key; [`TableError::Decode`] when the row
    /// can't be read; otherwise as [`insert`](Table::insert). Nothing is written then.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Counter { #[emdb(key)] name: String, count: u64 }
    /// # let db = Emdb::open_in_memory();
    /// let counters = Table::<Counter>::open(&db)?;
    /// counters.insert(&Counter { name: "hits".into(), count: 0 })?;
    /// let hits = counters.update("hits", |counter| counter.count += 1)?;
    /// assert_eq!(hits.map(|counter| counter.count), Some(1));
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn update<Q>(&self, key: &Q, change: impl FnOnce(&mut T)) -> Result<Option<T>, TableError>
    where
        Q: AsKey<T::Key> + ?Sized,
    {
        let keep = |row: &mut T| -> Result<(), TableError> {
            change(row);
            Ok(())
        };
        let changed = self.try_change(&key::final_form::<T::Key>(key), keep)?;
        Ok(changed.map(|(row, ())| row))
    }

    /// As [`update`](Table::update), and gives what `change` returns: what the row had before, for
    /// one.
    ///
    /// # Errors
    ///
    /// As [`update`](Table::update).
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Queue { #[emdb(key)] name: String, next: u64 }
    /// # let db = Emdb::open_in_memory();
    /// let queues = Table::<Queue>::open(&db)?;
    /// queues.insert(&Queue { name: "mail".into(), next: 7 })?;
    /// let ticket = queues.update_with("mail", |queue| {
    ///     queue.next += 1;
    ///     queue.next - 1
    /// })?;
    /// assert_eq!(ticket, Some(7));
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn update_with<Q, R>(
        &self,
        key: &Q,
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<Option<R>, TableError>
    where
        Q: AsKey<T::Key> + ?Sized,
    {
        self.try_update(key, |row| Ok(change(row)))
    }

    /// As [`update_with`](Table::update_with), for a `change` that can refuse: its error comes back,
    /// and nothing is written. In a transaction what was written before stays, and goes on.
    ///
    /// # Errors
    ///
    /// That of `change`; otherwise as [`update`](Table::update), as an `E`.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Account { #[emdb(key)] owner: String, cents: u64 }
    /// #[derive(Debug)]
    /// enum Refusal {
    ///     Overdrawn { cents: u64 },
    ///     Table(TableError),
    /// }
    ///
    /// impl From<TableError> for Refusal {
    ///     fn from(error: TableError) -> Self {
    ///         Refusal::Table(error)
    ///     }
    /// }
    ///
    /// # let db = Emdb::open_in_memory();
    /// let accounts = Table::<Account>::open(&db)?;
    /// accounts.insert(&Account { owner: "ada".into(), cents: 500 })?;
    /// let withdraw = |wanted: u64| {
    ///     accounts.try_update("ada", |account| {
    ///         let cents = account.cents;
    ///         account.cents = cents.checked_sub(wanted).ok_or(Refusal::Overdrawn { cents })?;
    ///         Ok(account.cents)
    ///     })
    /// };
    /// assert!(matches!(withdraw(200), Ok(Some(300))));
    /// assert!(matches!(withdraw(400), Err(Refusal::Overdrawn { cents: 300 })));
    /// assert_eq!(accounts.get("ada")?.map(|account| account.cents), Some(300));
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn try_update<Q, R, E>(
        &self,
        key: &Q,
        change: impl FnOnce(&mut T) -> Result<R, E>,
    ) -> Result<Option<R>, E>
    where
        Q: AsKey<T::Key> + ?Sized,
        E: From<TableError>,
    {
        let changed = self.try_change(&key::final_form::<T::Key>(key), change)?;
        Ok(changed.map(|(_, made)| made))
    }

    /// Changes the row with this key, or makes it if there is none; gives what is there then.
    ///
    /// # Errors
    ///
    /// [`TableError::Invalid`] when what is made or changed has another key; otherwise as
    /// [`update`](Table::update).
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Counter { #[emdb(key)] name: String, count: u64 }
    /// # let db = Emdb::open_in_memory();
    /// let counters = Table::<Counter>::open(&db)?;
    /// for _ in 0..3 {
    ///     counters.upsert(
    ///         "hits",
    ///         || Counter { name: "hits".into(), count: 1 },
    ///         |counter| counter.count += 1,
    ///     )?;
    /// }
    /// assert_eq!(counters.get("hits")?.map(|counter| counter.count), Some(3));
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn upsert<Q>(
        &self,
        key: &Q,
        make: impl FnOnce() -> T,
        modify: impl FnOnce(&mut T),
    ) -> Result<T, TableError>
    where
        Q: AsKey<T::Key> + ?Sized,
    {
        let key = key::final_form::<T::Key>(key);
        self.write(|batch| match self.former(batch, &key)? {
            Former::Unreadable(error, true) => Err(error),
            Former::Row { row, entries, expiry, live: true } => {
                let keep = |row: &mut T| -> Result<(), TableError> {
                    modify(row);
                    Ok(())
                };
                self.changed(batch, &key, (row, entries, expiry), keep).map(|(row, ())| row)
            }
            _ => {
                let mut row = make();
                row.set_revision(revision::FIRST);
                let prepared = self.prepare(&row, self.expiry_of(&row)?)?;
                check_key::<T>(&prepared, &key)?;
                self.put(batch, prepared)?;
                Ok(row)
            }
        })
    }

    /// Removes the row with this key, and gives it.
    ///
    /// # Errors
    ///
    /// - [`TableError::Core`] when the engine refuses, and [`TableError::StaleIndex`] when a unique
    ///   index has not what the row says; nothing is removed then.
    /// - [`TableError::Decode`] or [`TableError::SchemaNewer`] when the row that was removed can't
    ///   be read. It is gone all the same, with its index entries, so this is a way to get rid of
    ///   it.
    pub fn remove<Q>(&self, key: &Q) -> Result<Option<T>, TableError>
    where
        Q: AsKey<T::Key> + ?Sized,
    {
        let key = key::final_form::<T::Key>(key);
        let former = self.write(|batch| {
            let former = self.former(batch, &key)?;
            if former.is_live() {
                self.discard(batch, &key, &former)?;
            }
            Ok(former)
        })?;
        former.into_row()
    }

    /// Removes all rows, at the cost of a few records. Automatic keys go on where they were; when the
    /// last one of their type has been used, they begin again at 1.
    ///
    /// # Errors
    ///
    /// [`TableError::Core`] when the engine refuses; nothing is removed then.
    pub fn clear(&self) -> Result<(), TableError> {
        self.write(|batch| {
            batch.clear(Keyspace::Rows);
            (0..self.definition.indexes.len()).for_each(|at| batch.clear(Keyspace::Index(at)));
            if T::AUTO {
                auto_key::clear(batch)?;
            }
            Ok(())
        })
    }

    /// Changes the row with this key, and gives it with what `change` makes.
    fn try_change<R, E: From<TableError>>(
        &self,
        key: &[u8],
        change: impl FnOnce(&mut T) -> Result<R, E>,
    ) -> Result<Option<(T, R)>, E> {
        self.try_write(|batch| match self.former(batch, key)? {
            Former::Row { row, entries, expiry, live: true } => {
                self.changed(batch, key, (row, entries, expiry), change).map(Some)
            }
            Former::Unreadable(error, true) => Err(error.into()),
            _ => Ok(None),
        })
    }

    /// Stages what `change` makes of the rows with these keys. They change together: before one takes a unique value,
    /// all have given theirs up.
    pub(crate) fn change_together(
        &self,
        batch: &mut Batch<S::Guard<'_>>,
        keys: &[Vec<u8>],
        mut change: impl FnMut(&mut T),
    ) -> Result<(), TableError> {
        let specs = &self.definition.indexes;
        let mut released = Vec::with_capacity(keys.len());
        for key in keys {
            let (mut row, entries, expiry) = match self.former(batch, key)? {
                Former::Row { row, entries, expiry, live: true } => (row, entries, expiry),
                Former::Unreadable(error, true) => return Err(error),
                _ => continue,
            };
            let next = if T::REVISED { revision::after(&row, key)? } else { 0 };
            change(&mut row);
            row.set_revision(next);
            let until = match row.lifetime() {
                Lifetime::At(at) => at,
                Lifetime::Default | Lifetime::After(_) => expiry,
            };
            let prepared = self.prepare(&row, until)?;
            check_key::<T>(&prepared, key)?;
            entries::release(batch, specs, key, &entries, &prepared.entries)?;
            released.push((prepared, entries, expiry));
        }
        for (Prepared { key, value, entries, expiry, .. }, former, until) in &released {
            entries::claim(batch, specs, key, Some((former, *until)), (entries, *expiry))?;
            batch.put(Keyspace::Rows, key, value, *expiry);
        }
        Ok(())
    }

    /// Stages the removal of the rows with these keys.
    pub(crate) fn discard_together(
        &self,
        batch: &mut Batch<S::Guard<'_>>,
        keys: &[Vec<u8>],
    ) -> Result<(), TableError> {
        keys.iter().try_for_each(|key| {
            let former = self.former(batch, key)?;
            self.discard(batch, key, &former)
        })
    }

    /// Stages the changed row.
    pub(super) fn changed<R, E: From<TableError>>(
        &self,
        batch: &mut Batch<S::Guard<'_>>,
        key: &[u8],
        (mut row, entries, expiry): (T, Entries, Option<u64>),
        change: impl FnOnce(&mut T) -> Result<R, E>,
    ) -> Result<(T, R), E> {
        let next = if T::REVISED { revision::after(&row, key)? } else { 0 };
        let made = change(&mut row)?;
        row.set_revision(next);
        let until = match row.lifetime() {
            Lifetime::At(at) => at,
            Lifetime::Default | Lifetime::After(_) => expiry,
        };
        let prepared = self.prepare(&row, until)?;
        check_key::<T>(&prepared, key)?;
        let specs = &self.definition.indexes;
        entries::release(batch, specs, key, &entries, &prepared.entries)?;
        let former = Some((&entries, expiry));
        entries::claim(batch, specs, key, former, (&prepared.entries, until))?;
        batch.put(Keyspace::Rows, key, &prepared.value, until);
        Ok((row, made))
    }
}

fn check_key<T: Record>(prepared: &Prepared, key: &[u8]) -> Result<(), TableError> {
    if prepared.key == key {
        return Ok(());
    }
    Err(invalid::<T>("it has another key than the one it was asked for; insert it instead"))
}
