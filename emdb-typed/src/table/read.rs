//! The reads that every table has.

use super::handle::Table;
use super::walk::{ByKey, Keys, Rows};
use crate::backend::{Keyspace, ReadView, Store};
use crate::error::TableError;
use crate::key::{self, AsKey};
use crate::record::Record;
use crate::row;

impl<T: Record, S: Store> Table<T, S> {
    /// The row with this key; `None` if there is none, or it has expired.
    ///
    /// # Errors
    ///
    /// [`TableError::Decode`] or [`TableError::SchemaNewer`] when the stored row is no `T` of this
    /// version or an older one; [`TableError::Core`] when the engine can't read.
    pub fn get<Q>(&self, key: &Q) -> Result<Option<T>, TableError>
    where
        Q: AsKey<T::Key> + ?Sized,
    {
        self.admit()?;
        let key = key::final_form::<T::Key>(key);
        let row = self.store.read(Keyspace::Rows, &key, |bytes| row::decode(&key, bytes))?;
        if S::NOTES
            && let Some(Ok(row)) = &row
        {
            self.note(&key, row, || self.store.expiry(Keyspace::Rows, &key))?;
        }
        row.transpose()
    }

    /// Calls `read` with the row that has this key, lent: its strings and bytes are not copied, but
    /// lie in the mapped file. `None`, and no call, if there is no such row.
    ///
    /// # Errors
    ///
    /// As [`get`](Table::get).
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Page { #[emdb(key)] path: String, text: String }
    /// # let db = Emdb::open_in_memory();
    /// let pages = Table::<Page>::open(&db)?;
    /// pages.insert(&Page { path: "/".into(), text: "a long text".into() })?;
    /// let words = pages.get_with("/", |page| page.text.split(' ').count())?;
    /// assert_eq!(words, Some(3));
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn get_with<Q, R>(
        &self,
        key: &Q,
        read: impl FnOnce(T::Ref<'_>) -> R,
    ) -> Result<Option<R>, TableError>
    where
        Q: AsKey<T::Key> + ?Sized,
    {
        self.admit()?;
        let key = key::final_form::<T::Key>(key);
        let lend = |bytes: &[u8]| row::lend::<T, R>(&key, bytes, read);
        self.store.read(Keyspace::Rows, &key, lend)?.transpose()
    }

    /// The rows with these keys, in the order of the keys: `None` for one that isn't there. All of
    /// them are of one state.
    ///
    /// # Errors
    ///
    /// As [`get`](Table::get).
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct User { #[emdb(key)] id: u64 }
    /// # let db = Emdb::open_in_memory();
    /// let users = Table::<User>::open(&db)?;
    /// users.insert(&User { id: 7 })?;
    /// assert_eq!(users.get_many([7, 8])?, [Some(User { id: 7 }), None]);
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn get_many<Q: AsKey<T::Key>>(
        &self,
        keys: impl IntoIterator<Item = Q>,
    ) -> Result<Vec<Option<T>>, TableError> {
        let mut rows = Vec::new();
        self.read_each(keys, |view, key, value| {
            let row = value.map(|value| row::decode(key, value)).transpose()?;
            if S::NOTES
                && let Some(row) = &row
            {
                self.note(key, row, || view.expiry(key))?;
            }
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    /// As [`get_many`](Table::get_many), but calls `read` with the number of each key, from 0 on, and
    /// its row, lent as by [`get_with`](Table::get_with).
    ///
    /// # Errors
    ///
    /// As [`get`](Table::get). Keys before the one that can't be read have had their call.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Page { #[emdb(key)] path: String, text: String }
    /// # let db = Emdb::open_in_memory();
    /// let pages = Table::<Page>::open(&db)?;
    /// pages.insert(&Page { path: "/".into(), text: "a long text".into() })?;
    /// let mut words = 0;
    /// pages.get_many_with(["/", "/missing"], |_, page| {
    ///     words += page.map_or(0, |page| page.text.split(' ').count());
    /// })?;
    /// assert_eq!(words, 3);
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn get_many_with<Q: AsKey<T::Key>>(
        &self,
        keys: impl IntoIterator<Item = Q>,
        mut read: impl FnMut(usize, Option<T::Ref<'_>>),
    ) -> Result<(), TableError> {
        let mut number = 0;
        self.read_each(keys, |_, key, value| {
            match value {
                Some(bytes) => row::lend::<T, _>(key, bytes, |row| read(number, Some(row)))?,
                None => read(number, None),
            }
            number += 1;
            Ok(())
        })
    }

    /// Calls `each` with a view of the rows and, for each key in turn, its bytes and those of its row.
    fn read_each<Q: AsKey<T::Key>>(
        &self,
        keys: impl IntoIterator<Item = Q>,
        mut each: impl FnMut(&S::View, &[u8], Option<&[u8]>) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        self.admit()?;
        let view = self.store.view(Keyspace::Rows)?;
        // All keys, one after the other, and where each of them ends.
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for key in keys {
            key.write_final(&mut bytes);
            ends.push(bytes.len());
        }
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let spans = starts.zip(&ends).map(|(start, end)| &bytes[start..*end]);
        view.read_each(spans, |key, value| each(&view, key, value))
    }

    /// Whether there is a row with this key. The row isn't decoded.
    ///
    /// # Errors
    ///
    /// [`TableError::Core`] when the engine can't read.
    pub fn contains_key<Q>(&self, key: &Q) -> Result<bool, TableError>
    where
        Q: AsKey<T::Key> + ?Sized,
    {
        self.admit()?;
        Ok(self.store.contains(Keyspace::Rows, &key::final_form::<T::Key>(key))?)
    }

    /// How many rows there are. Rows that have expired count until they are swept.
    ///
    /// # Errors
    ///
    /// [`TableError::Core`] when the engine can't read.
    pub fn len(&self) -> Result<usize, TableError> {
        self.admit()?;
        Ok(self.store.count(Keyspace::Rows)?)
    }

    /// Whether there are no rows.
    ///
    /// # Errors
    ///
    /// [`TableError::Core`] when the engine can't read.
    pub fn is_empty(&self) -> Result<bool, TableError> {
        Ok(self.len()? == 0)
    }

    /// When the row with this key expires, in milliseconds since 1970; `None` if it doesn't, or
    /// isn't there. For a row that has expired and is not swept yet, when that was.
    ///
    /// # Errors
    ///
    /// [`TableError::Core`] when the engine can't read.
    #[cfg(feature = "ttl")]
    pub fn expires_at<Q>(&self, key: &Q) -> Result<Option<u64>, TableError>
    where
        Q: AsKey<T::Key> + ?Sized,
    {
        self.admit()?;
        Ok(self.store.expiry(Keyspace::Rows, &key::final_form::<T::Key>(key))?)
    }

    /// All rows, in the order of their keys, as they are now: later writes don't change what the
    /// iterator gives. In no particular order if the table is unordered.
    ///
    /// # Errors
    ///
    /// [`TableError::Core`] when the engine can't begin the scan. A later failure is an item, and
    /// the last one.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Item { #[emdb(key)] id: u32, price: u32 }
    /// # let db = Emdb::open_in_memory();
    /// let items = Table::<Item>::open(&db)?;
    /// for id in 1..=3 {
    ///     items.insert(&Item { id, price: 10 * id })?;
    /// }
    /// let mut total = 0;
    /// for item in items.iter()? {
    ///     total += item?.price;
    /// }
    /// assert_eq!(total, 60);
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn iter(&self) -> Result<Rows<T, ByKey, S::View>, TableError> {
        self.admit()?;
        Ok(Rows::new(self.store.view(Keyspace::Rows)?.scan()?))
    }

    /// All keys, in the order of [`iter`](Table::iter), as they are now. No row is read.
    ///
    /// # Errors
    ///
    /// As [`iter`](Table::iter).
    pub fn keys(&self) -> Result<Keys<T, ByKey, S::View>, TableError> {
        self.admit()?;
        Ok(Keys::new(self.store.view(Keyspace::Rows)?.scan()?))
    }
}
