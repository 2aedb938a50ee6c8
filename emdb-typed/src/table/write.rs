//! The writes.
//!
//! Invariant: a call gathers its changes in a [`Batch`] while it is the only writer, checks first,
//! and makes all of them at once, so that a row and its entries never part, and a call that fails
//! changes nothing.

use std::borrow::Borrow;
use std::time::Duration;

use emdb_core::internal;

use crate::batch::Batch;
use crate::build::{self, CHUNK_BYTES, CHUNK_ROWS, MARK};
use crate::error::TableError;
use crate::index::{EntryWriter as Entries, maintain};
use crate::key::{self, EncodeKey};
use crate::lifetime::Lifetime;
use crate::record::{AutoKey, AutoRecord, Record};
use crate::row;
use crate::store::{Part, StoreMut, for_each};

use super::Table;

/// A row on its way into the table: what can be made of it without looking at the table.
pub(crate) struct Prepared {
    key: Vec<u8>,
    value: Vec<u8>,
    entries: Entries,
    expiry: Option<u64>,
}

/// What was in a row's place. A row that has expired counts, for its entries are there as well: a
/// clock that is set back would show them again.
enum Former<T> {
    None,
    Row {
        row: T,
        entries: Entries,
        expiry: Option<u64>,
        live: bool,
    },
    /// It can't be read, so its entries have to be looked for; and whether it has not expired.
    Unreadable(TableError, bool),
}

impl<T: Record, S: StoreMut> Table<T, S> {
    /// Inserts the row, or replaces the one with its key, and gives the replaced one.
    ///
    /// The row's time to live begins anew.
    ///
    /// # Errors
    ///
    /// - [`TableError::Invalid`] when the type's validation refuses the row.
    /// - [`TableError::UniqueViolation`] when another row has one of its unique values.
    /// - [`TableError::Encode`] when the row can't be encoded, and [`TableError::Core`] when the
    ///   engine refuses. In all these cases nothing is written.
    /// - [`TableError::Decode`] or [`TableError::SchemaNewer`] when the row that was replaced
    ///   can't be read. The new one is in its place all the same.
    pub fn insert(&self, row: &T) -> Result<Option<T>, TableError> {
        let expiry = self.expiry_of(row)?;
        let prepared = self.prepare(row, expiry)?;
        let former = self.write(|batch| self.put(batch, prepared))?;
        former.into_row()
    }

    /// As [`insert`](Table::insert), with a time to live of its own, which comes before what the
    /// type says; [`Ttl::Default`](emdb_core::Ttl::Default) is what the type says.
    ///
    /// # Errors
    ///
    /// As [`insert`](Table::insert).
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb_core::Emdb;
    /// # use emdb_typed::{Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    /// # #[emdb(crate = "emdb_typed")]
    /// # struct Session { #[emdb(key)] token: String }
    /// # let db = Emdb::open_in_memory();
    /// use emdb_core::Ttl;
    /// use std::time::Duration;
    ///
    /// let sessions = Table::<Session>::open(&db)?;
    /// let session = Session { token: "abc".into() };
    /// sessions.insert_with_ttl(&session, Ttl::Duration(Duration::from_secs(3600)))?;
    /// assert!(sessions.expires_at("abc")?.is_some());
    /// # Ok::<(), TableError>(())
    /// ```
    #[cfg(feature = "ttl")]
    pub fn insert_with_ttl(&self, row: &T, ttl: emdb_core::Ttl) -> Result<Option<T>, TableError> {
        let expiry = match ttl {
            emdb_core::Ttl::Default => self.expiry_of(row)?,
            ttl => internal::expiry_of(&self.definition.spaces.rows, ttl)?,
        };
        let prepared = self.prepare(row, expiry)?;
        let former = self.write(|batch| self.put(batch, prepared))?;
        former.into_row()
    }

    /// Inserts the row if there is none with its key.
    ///
    /// # Errors
    ///
    /// [`TableError::Occupied`] if there is one, readable or not; otherwise as
    /// [`insert`](Table::insert).
    pub fn try_insert(&self, row: &T) -> Result<(), TableError> {
        let expiry = self.expiry_of(row)?;
        let prepared = self.prepare(row, expiry)?;
        self.write(|batch| {
            if batch.read(Part::Rows, &prepared.key, |_| ())?.is_some() {
                return Err(TableError::Occupied { table: T::NAMESPACE.to_owned() });
            }
            self.put(batch, prepared).map(|_| ())
        })
    }

    /// Gives the row the next key, inserts it, and gives it back.
    ///
    /// The first key is 1. A key is used once, also if its row is removed; larger keys that are
    /// inserted by hand advance what comes next. A transaction that is rolled back may leave a gap,
    /// and keys that were not flushed before a power cut may come again.
    ///
    /// # Errors
    ///
    /// [`TableError::Invalid`] when there is no larger key; otherwise as [`insert`](Table::insert).
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb_core::Emdb;
    /// # use emdb_typed::{Table, TableError};
    /// #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    /// # #[emdb(crate = "emdb_typed")]
    /// struct Note {
    ///     #[emdb(key, auto)]
    ///     id: u64,
    ///     text: String,
    /// }
    ///
    /// # let db = Emdb::open_in_memory();
    /// let notes = Table::<Note>::open(&db)?;
    /// let note = notes.insert_new(Note { id: 0, text: "buy milk".into() })?;
    /// assert_eq!(note.id, 1);
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn insert_new(&self, mut row: T) -> Result<T, TableError>
    where
        T: AutoRecord,
    {
        let expiry = self.expiry_of(&row)?;
        self.write(|batch| {
            row.set_key(self.next_key(batch)?);
            let prepared = self.prepare(&row, expiry)?;
            self.put(batch, prepared)
        })?;
        Ok(row)
    }

    /// Inserts the rows, or replaces those with their keys, and gives how many there were.
    ///
    /// They are committed in chunks of about a thousand rows or a megabyte, however many there
    /// are; each chunk is there as a whole or not at all. An error leaves the chunks before it in
    /// place. For all or nothing, use [`insert_all`](Table::insert_all).
    ///
    /// # Errors
    ///
    /// As [`insert`](Table::insert), but rows that are replaced are not given, and are not read
    /// unless there are indexes.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb_core::Emdb;
    /// # use emdb_typed::{Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    /// # #[emdb(crate = "emdb_typed")]
    /// # struct Item { #[emdb(key)] id: u32 }
    /// # let db = Emdb::open_in_memory();
    /// let items = Table::<Item>::open(&db)?;
    /// assert_eq!(items.insert_many((0..5000).map(|id| Item { id }))?, 5000);
    /// assert_eq!(items.insert_many(&[Item { id: 7 }])?, 1);
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn insert_many<R: Borrow<T>>(
        &self,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<usize, TableError> {
        let mut rows = rows.into_iter();
        let (mut count, mut chunk) = (0, Vec::new());
        loop {
            // The caller's iterator runs while others may write.
            let mut bytes = 0;
            while chunk.len() < CHUNK_ROWS && bytes < CHUNK_BYTES {
                let Some(row) = rows.next() else { break };
                let prepared = self.prepare(row.borrow(), self.expiry_of(row.borrow())?)?;
                bytes += prepared.key.len() + prepared.value.len();
                chunk.push(prepared);
            }
            if chunk.is_empty() {
                return Ok(count);
            }
            count += self.insert_prepared(&mut chunk)?;
        }
    }

    /// Inserts the rows, or replaces those with their keys, in one commit: all of them or none.
    /// Gives how many there were. All of them are held in memory meanwhile.
    ///
    /// They are inserted one after the other: a row that takes a unique value from another one of
    /// the call has to come after it.
    ///
    /// # Errors
    ///
    /// As [`insert_many`](Table::insert_many).
    pub fn insert_all<R: Borrow<T>>(
        &self,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<usize, TableError> {
        let prepare = |row: R| self.prepare(row.borrow(), self.expiry_of(row.borrow())?);
        let mut chunk = rows.into_iter().map(prepare).collect::<Result<Vec<_>, _>>()?;
        self.insert_prepared(&mut chunk)
    }

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
    /// # use emdb_core::Emdb;
    /// # use emdb_typed::{Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    /// # #[emdb(crate = "emdb_typed")]
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
        T::Key: Borrow<Q>,
        Q: EncodeKey + ?Sized,
    {
        let key = key::to_bytes(key);
        self.write(|batch| match self.former(batch, &key)? {
            Former::Row { row, entries, expiry, live: true } => {
                self.changed(batch, &key, (row, entries, expiry), change).map(Some)
            }
            Former::Unreadable(error, true) => Err(error),
            _ => Ok(None),
        })
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
    /// # use emdb_core::Emdb;
    /// # use emdb_typed::{Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    /// # #[emdb(crate = "emdb_typed")]
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
        T::Key: Borrow<Q>,
        Q: EncodeKey + ?Sized,
    {
        let key = key::to_bytes(key);
        self.write(|batch| match self.former(batch, &key)? {
            Former::Unreadable(error, true) => Err(error),
            Former::Row { row, entries, expiry, live: true } => {
                self.changed(batch, &key, (row, entries, expiry), modify)
            }
            _ => {
                let row = make();
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
    /// - [`TableError::Core`] when the engine refuses; nothing is removed then.
    /// - [`TableError::Decode`] or [`TableError::SchemaNewer`] when the row that was removed can't
    ///   be read. It is gone all the same, with its index entries, so this is a way to get rid of
    ///   it.
    pub fn remove<Q>(&self, key: &Q) -> Result<Option<T>, TableError>
    where
        T::Key: Borrow<Q>,
        Q: EncodeKey + ?Sized,
    {
        let key = key::to_bytes(key);
        let former = self.write(|batch| {
            let former = self.former(batch, &key)?;
            if former.is_live() {
                self.discard(batch, &key, &former)?;
            }
            Ok(former)
        })?;
        former.into_row()
    }

    /// Removes the rows for which `keep` says no, in one commit.
    ///
    /// `keep` may read the table, but a write in it is refused.
    ///
    /// # Errors
    ///
    /// As [`remove`](Table::remove); a row that can't be read is an error, and nothing is removed.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb_core::Emdb;
    /// # use emdb_typed::{Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    /// # #[emdb(crate = "emdb_typed")]
    /// # struct Item { #[emdb(key)] id: u32 }
    /// # let db = Emdb::open_in_memory();
    /// let items = Table::<Item>::open(&db)?;
    /// items.insert_many((0..10).map(|id| Item { id }))?;
    /// items.retain(|item| item.id % 2 == 0)?;
    /// assert_eq!(items.len()?, 5);
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn retain(&self, mut keep: impl FnMut(&T) -> bool) -> Result<(), TableError> {
        self.write(|batch| {
            for_each(self.store.view(Part::Rows)?.scan()?, |key, value| {
                let row = row::decode::<T>(key, value)?;
                if !keep(&row) {
                    let entries = maintain::all_entries(&self.definition, &row, key);
                    let former = Former::Row { row, entries, expiry: None, live: true };
                    self.discard(batch, key, &former)?;
                }
                Ok(())
            })
        })
    }

    /// Removes all rows, at the cost of a few records. Automatic keys go on where they were.
    ///
    /// # Errors
    ///
    /// [`TableError::Core`] when the engine refuses; nothing is removed then.
    pub fn clear(&self) -> Result<(), TableError> {
        let turn = self.store.begin()?;
        self.definition.admit()?;
        let mut batch = Batch::new(&self.store, &self.definition.spaces);
        if T::AUTO
            && let Some(mark) = self.store.read(Part::Mark, MARK, <[u8]>::to_vec)?
        {
            batch.put(Part::Mark, MARK, &mark, None);
        }
        Ok(self.store.clear(turn, &batch.changes)?)
    }

    /// Runs `body` as the only writer, then makes the changes that it gathered.
    pub(super) fn write<R>(
        &self,
        body: impl FnOnce(&mut Batch<'_, S>) -> Result<R, TableError>,
    ) -> Result<R, TableError> {
        let turn = self.store.begin()?;
        self.definition.admit()?;
        let mut batch = Batch::new(&self.store, &self.definition.spaces);
        let result = body(&mut batch)?;
        self.store.apply(turn, &batch.changes)?;
        Ok(result)
    }

    pub(crate) fn prepare(&self, row: &T, expiry: Option<u64>) -> Result<Prepared, TableError> {
        row.check().map_err(|reason| invalid::<T>(reason))?;
        let (key, value) = (key::to_bytes(&row.key()), row::encode(row)?);
        let entries = maintain::all_entries(&self.definition, row, &key);
        Ok(Prepared { key, value, entries, expiry })
    }

    pub(crate) fn insert_prepared(&self, chunk: &mut Vec<Prepared>) -> Result<usize, TableError> {
        let count = chunk.len();
        self.write(|batch| {
            for prepared in chunk.drain(..) {
                if self.definition.indexes.is_empty() {
                    self.advance(batch, &prepared)?;
                    batch.put(Part::Rows, &prepared.key, &prepared.value, prepared.expiry);
                } else {
                    self.put(batch, prepared)?;
                }
            }
            Ok(count)
        })
    }

    /// What the batch would replace under this key.
    fn former(&self, batch: &Batch<'_, S>, key: &[u8]) -> Result<Former<T>, TableError> {
        let decode = |bytes: &[u8], expiry, live| (row::decode::<T>(key, bytes), expiry, live);
        Ok(match batch.stored(Part::Rows, key, decode)? {
            None => Former::None,
            Some((Err(error), _, live)) => Former::Unreadable(error, live),
            Some((Ok(row), expiry, live)) => {
                let entries = maintain::all_entries(&self.definition, &row, key);
                Former::Row { row, entries, expiry, live }
            }
        })
    }

    /// Stages the row with its entries; gives what was in its place.
    fn put(&self, batch: &mut Batch<'_, S>, prepared: Prepared) -> Result<Former<T>, TableError> {
        let former = self.former(batch, &prepared.key)?;
        self.replace(batch, &prepared, &former)?;
        Ok(former)
    }

    fn replace(
        &self,
        batch: &mut Batch<'_, S>,
        prepared: &Prepared,
        former: &Former<T>,
    ) -> Result<(), TableError> {
        let Prepared { key, value, entries, expiry } = prepared;
        let known = match former {
            Former::Row { entries, expiry, live: true, .. } => Some((entries, *expiry)),
            Former::Row { entries, .. } => {
                maintain::remove_expired(batch, &self.definition, entries, key)?;
                None
            }
            Former::None => None,
            Former::Unreadable(..) => {
                maintain::remove_by_key(batch, &self.store, &self.definition, key)?;
                None
            }
        };
        maintain::replace(batch, &self.definition, key, known, (entries, *expiry))?;
        self.advance(batch, prepared)?;
        batch.put(Part::Rows, key, value, *expiry);
        Ok(())
    }

    /// Stages the changed row.
    fn changed(
        &self,
        batch: &mut Batch<'_, S>,
        key: &[u8],
        (mut row, entries, expiry): (T, Entries, Option<u64>),
        change: impl FnOnce(&mut T),
    ) -> Result<T, TableError> {
        change(&mut row);
        let until = match row.lifetime() {
            Lifetime::At(at) => at,
            Lifetime::Default | Lifetime::After(_) => expiry,
        };
        let prepared = self.prepare(&row, until)?;
        check_key::<T>(&prepared, key)?;
        maintain::replace(
            batch,
            &self.definition,
            key,
            Some((&entries, expiry)),
            (&prepared.entries, until),
        )?;
        batch.put(Part::Rows, key, &prepared.value, until);
        Ok(row)
    }

    /// Stages the removal of a row with its entries.
    fn discard(
        &self,
        batch: &mut Batch<'_, S>,
        key: &[u8],
        former: &Former<T>,
    ) -> Result<(), TableError> {
        match former {
            Former::None => {}
            Former::Row { entries, .. } => maintain::remove(batch, entries, |_, _| true),
            Former::Unreadable(..) => {
                maintain::remove_by_key(batch, &self.store, &self.definition, key)?;
            }
        }
        batch.remove(Part::Rows, key);
        Ok(())
    }

    /// The key that `insert_new` gives.
    fn next_key(&self, batch: &Batch<'_, S>) -> Result<T::Key, TableError>
    where
        T: AutoRecord,
    {
        let highest = batch.read(Part::Mark, MARK, row::decode_key::<T>)?.transpose()?;
        let next = match highest {
            None => Some(T::Key::FIRST),
            Some(highest) => highest.next(),
        };
        let taken = |key: &T::Key| batch.read(Part::Rows, &key::to_bytes(key), |_| ());
        match next {
            // Rows that came through `raw`, or by a type without automatic keys, left no mark.
            Some(key) if taken(&key)?.is_some() => {
                let highest = build::highest_key(&self.store)?;
                let highest = highest.map(|bytes| row::decode_key::<T>(&bytes)).transpose()?;
                highest.and_then(T::Key::next).ok_or_else(exhausted::<T>)
            }
            next => next.ok_or_else(exhausted::<T>),
        }
    }

    /// Stages the highest key that was used, if the row's is higher.
    fn advance(&self, batch: &mut Batch<'_, S>, prepared: &Prepared) -> Result<(), TableError> {
        // Keys of the same width sort as their bytes.
        if !T::AUTO {
            return Ok(());
        }
        let is_higher = |mark: &[u8]| prepared.key.as_slice() > mark;
        if batch.read(Part::Mark, MARK, is_higher)? != Some(false) {
            batch.put(Part::Mark, MARK, &prepared.key, None);
        }
        Ok(())
    }
}

impl<T: Record, S> Table<T, S> {
    /// When the row expires, as its type says.
    pub(crate) fn expiry_of(&self, row: &T) -> Result<Option<u64>, TableError> {
        let rows = &self.definition.spaces.rows;
        Ok(match row.lifetime() {
            Lifetime::Default => internal::default_expiry(rows)?,
            Lifetime::After(ms) => Some(internal::expiry_after(rows, Duration::from_millis(ms))?),
            Lifetime::At(at) => at,
        })
    }
}

impl<T> Former<T> {
    fn is_live(&self) -> bool {
        matches!(self, Former::Row { live: true, .. } | Former::Unreadable(_, true))
    }

    fn into_row(self) -> Result<Option<T>, TableError> {
        match self {
            Former::Row { row, live: true, .. } => Ok(Some(row)),
            Former::Unreadable(error, true) => Err(error),
            _ => Ok(None),
        }
    }
}

fn exhausted<T: Record>() -> TableError {
    invalid::<T>("all keys of its type have been used; give the key a wider type")
}

fn check_key<T: Record>(prepared: &Prepared, key: &[u8]) -> Result<(), TableError> {
    if prepared.key == key {
        return Ok(());
    }
    Err(invalid::<T>("it has another key than the one it was asked for; insert it instead"))
}

fn invalid<T: Record>(reason: impl Into<String>) -> TableError {
    TableError::Invalid { table: T::NAMESPACE.to_owned(), reason: reason.into() }
}
