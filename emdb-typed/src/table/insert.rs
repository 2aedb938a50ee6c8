//! Rows that come into a table.

use std::borrow::Borrow;
use std::collections::HashMap;

use super::handle::Table;
use super::write::{Prepared, invalid};
use crate::backend::{Keyspace, StoreMut};
use crate::catalogue::{CHUNK_MAX_BYTES, CHUNK_MAX_ROWS};
use crate::error::TableError;
use crate::record::{AutoRecord, Record};
use crate::revision;
#[cfg(feature = "ttl")]
use crate::vocabulary::Ttl;
use crate::write::auto_key;

impl<T: Record, S: StoreMut> Table<T, S> {
    /// Inserts the row, or replaces the one with its key, and gives the replaced one.
    ///
    /// The row's time to live begins anew. In a transaction that has read the row before, by
    /// [`get`](Table::get), [`get_many`](Table::get_many) or through a unique index, the two are an
    /// [`update`](Table::update) that is written out, and as there the row keeps when it expires,
    /// unless a field of its type says it. ([`insert_with_ttl`](Table::insert_with_ttl) with
    /// `Ttl::Default` begins it anew there, too.) Rows that a walk has given begin anew.
    ///
    /// # Errors
    ///
    /// - [`TableError::Invalid`] when the type's validation refuses the row.
    /// - [`TableError::UniqueViolation`] when another row has one of its unique values, and
    ///   [`TableError::StaleIndex`] when a unique index has not what the replaced row says.
    /// - [`TableError::Encode`] when the row can't be encoded, and [`TableError::Core`] when the
    ///   engine refuses. In all these cases nothing is written.
    /// - [`TableError::Decode`] or [`TableError::SchemaNewer`] when the row that was replaced
    ///   can't be read. The new one is in its place all the same.
    pub fn insert(&self, row: &T) -> Result<Option<T>, TableError> {
        let prepared = self.prepare_insert(row)?;
        let former = self.write(|batch| self.put(batch, prepared))?;
        former.into_row()
    }

    /// As [`insert`](Table::insert), with a time to live of its own, which comes before what the
    /// type says; [`Ttl::Default`] is what the type says.
    ///
    /// # Errors
    ///
    /// As [`insert`](Table::insert).
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Session { #[emdb(key)] token: String }
    /// # let db = Emdb::open_in_memory();
    /// use emdb::Ttl;
    /// use std::time::Duration;
    ///
    /// let sessions = Table::<Session>::open(&db)?;
    /// let session = Session { token: "abc".into() };
    /// sessions.insert_with_ttl(&session, Ttl::Duration(Duration::from_secs(3600)))?;
    /// assert!(sessions.expires_at("abc")?.is_some());
    /// # Ok::<(), TableError>(())
    /// ```
    #[cfg(feature = "ttl")]
    pub fn insert_with_ttl(&self, row: &T, ttl: Ttl) -> Result<Option<T>, TableError> {
        let expiry = self.expiry_by(row, ttl)?;
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
            if batch.read(Keyspace::Rows, &prepared.key, |_| ())?.is_some() {
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
    /// # use emdb::{Emdb, Table, TableError};
    /// #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
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
            row.set_key(auto_key::next::<T, _>(batch)?.ok_or_else(exhausted::<T>)?);
            row.set_revision(revision::FIRST);
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
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
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
            while chunk.len() < CHUNK_MAX_ROWS && bytes < CHUNK_MAX_BYTES {
                let Some(row) = rows.next() else { break };
                let prepared = self.prepare_insert(row.borrow())?;
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
    /// They come together: rows of the call can swap unique values, or hand them round. Of several
    /// rows with one key the last one is inserted.
    ///
    /// # Errors
    ///
    /// As [`insert_many`](Table::insert_many); nothing is written then.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Track { #[emdb(key)] id: u32, #[emdb(unique)] position: u32 }
    /// # let db = Emdb::open_in_memory();
    /// let tracks = Table::<Track>::open(&db)?;
    /// tracks.insert_all([Track { id: 1, position: 1 }, Track { id: 2, position: 2 }])?;
    /// tracks.insert_all([Track { id: 1, position: 2 }, Track { id: 2, position: 1 }])?;
    /// assert_eq!(tracks.by(Track::POSITION).get(1)?.map(|track| track.id), Some(2));
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn insert_all<R: Borrow<T>>(
        &self,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<usize, TableError> {
        let prepare = |row: R| self.prepare_insert(row.borrow());
        let mut all = rows.into_iter().map(prepare).collect::<Result<Vec<_>, _>>()?;
        if self.definition.indexes.is_empty() && !T::REVISED {
            return self.insert_prepared(&mut all);
        }
        let count = all.len();
        keep_last(&mut all);
        self.write(|batch| self.put_together(batch, all.iter_mut()))?;
        Ok(count)
    }
}

/// Of several rows with one key, keeps the last one.
fn keep_last(rows: &mut Vec<Prepared>) {
    let mut last = HashMap::with_capacity(rows.len());
    last.extend(rows.iter().enumerate().map(|(at, row)| (row.key.as_slice(), at)));
    if last.len() == rows.len() {
        return;
    }
    let mut stays = rows.iter().enumerate().map(|(at, row)| last[row.key.as_slice()] == at);
    let stays: Vec<bool> = stays.by_ref().collect();
    let mut at = 0;
    rows.retain(|_| {
        at += 1;
        stays[at - 1]
    });
}

fn exhausted<T: Record>() -> TableError {
    invalid::<T>(
        "all keys of its type have been used: a row had the largest one; give the key a wider type, \
         or `clear` the table, after which automatic keys begin again at 1",
    )
}
