//! Finding rows by what an index says.

use std::fmt;
use std::marker::PhantomData;

use super::handle::Table;
use super::walk::{ByIndex, Keys, Rows, Through};
use crate::backend::{Cursor, KeyBounds as Bounds, Keyspace, ReadView, Store};
use crate::error::TableError;
use crate::index::{Index, IndexSpec, Unique};
use crate::key::{AsKey, Key, KeyBounds, KeyPrefix, beginning_with};
use crate::record::Record;
use crate::row;

impl<T: Record, S: Store> Table<T, S> {
    /// The rows as one of the table's indexes sees them; see [`Lookup`].
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb_core::Emdb;
    /// # use emdb_typed::{Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    /// # #[emdb(crate = "emdb_typed")]
    /// struct User {
    ///     #[emdb(key)]
    ///     id: u64,
    ///     #[emdb(unique)]
    ///     email: String,
    /// }
    ///
    /// # let db = Emdb::open_in_memory();
    /// let users = Table::<User>::open(&db)?;
    /// users.insert(&User { id: 7, email: "ada@example.org".into() })?;
    /// assert_eq!(users.by(User::EMAIL).get("ada@example.org")?.map(|user| user.id), Some(7));
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn by<K: Key, U>(&self, index: Index<T, K, U>) -> Lookup<'_, T, S, K, U> {
        Lookup::new(self, index)
    }
}

/// A table as one of its indexes sees it, from [`Table::by`].
///
/// Values are given as [`AsKey`] has them: `30` or `&30` for a number, `"abc"` for a `String`; for
/// an `Option`, itself or what it has.
///
/// Rows come in the order of their values in the index, and those with the same value in the order
/// of their keys. Each call sees one state, rows and index together.
///
/// # Example
///
/// ```
/// # use emdb_core::Emdb;
/// # use emdb_typed::{Table, TableError};
/// #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
/// #[emdb(crate = "emdb_typed")]
/// #[emdb(index(name = "by_city_age", fields(city, age)))]
/// struct Person {
///     #[emdb(key)]
///     id: u32,
///     #[emdb(unique)]
///     email: String,
///     city: String,
///     #[emdb(index)]
///     age: u8,
/// }
///
/// # let db = Emdb::open_in_memory();
/// let people = Table::<Person>::open(&db)?;
/// # let person = |id: u32, name: &str, city: &str, age| Person {
/// #     id, email: format!("{name}@example.org"), city: city.into(), age };
/// people.insert(&person(1, "ada", "London", 36))?;
/// people.insert(&person(2, "bea", "Basel", 36))?;
/// people.insert(&person(3, "cyd", "Basel", 71))?;
///
/// assert_eq!(people.by(Person::EMAIL).get("bea@example.org")?.map(|bea| bea.id), Some(2));
/// assert_eq!(people.by(Person::AGE).count(36)?, 2);
/// let old: Vec<_> = people.by(Person::AGE).range(40..)?.collect::<Result<_, _>>()?;
/// assert_eq!(old[0].id, 3);
/// let basel = people.by(Person::BY_CITY_AGE).prefix(&("Basel",))?;
/// assert_eq!(basel.rev().map(|row| Ok(row?.age)).collect::<Result<Vec<_>, TableError>>()?, [71, 36]);
/// # Ok::<(), TableError>(())
/// ```
pub struct Lookup<'t, T: Record, S, K, U> {
    table: &'t Table<T, S>,
    index: usize,
    types: PhantomData<fn() -> (K, U)>,
}

impl<'t, T: Record, S: Store, K: Key, U> Lookup<'t, T, S, K, U> {
    pub(crate) fn new(table: &'t Table<T, S>, index: Index<T, K, U>) -> Self {
        Lookup { table, index: index.position(), types: PhantomData }
    }

    /// The rows with this value.
    ///
    /// # Errors
    ///
    /// As [`Table::iter`]; [`TableError::StaleIndex`], as an item, for an entry that has no row.
    pub fn all(&self, value: impl AsKey<K>) -> Result<Rows<T, ByIndex, S::View>, TableError> {
        self.rows(beginning_with(part(&value)))
    }

    /// The rows whose values are in a range.
    ///
    /// # Errors
    ///
    /// As [`all`](Lookup::all).
    pub fn range(&self, range: impl KeyBounds<K>) -> Result<Rows<T, ByIndex, S::View>, TableError> {
        self.rows(range.part_bounds())
    }

    /// The rows whose values begin so: with the first fields of a composite index, or for text with
    /// the first characters.
    ///
    /// # Errors
    ///
    /// As [`all`](Lookup::all).
    pub fn prefix<P: KeyPrefix<K> + ?Sized>(
        &self,
        prefix: &P,
    ) -> Result<Rows<T, ByIndex, S::View>, TableError> {
        let mut bytes = Vec::new();
        prefix.encode_part_prefix(&mut bytes);
        self.rows(beginning_with(bytes))
    }

    /// The keys of the rows with this value. No row is read.
    ///
    /// # Errors
    ///
    /// As [`all`](Lookup::all).
    pub fn keys(&self, value: impl AsKey<K>) -> Result<Keys<T, ByIndex, S::View>, TableError> {
        let (scan, through) = self.scan(beginning_with(part(&value)))?;
        Ok(Keys::through(scan, through))
    }

    /// How many rows have this value. No row is read.
    ///
    /// # Errors
    ///
    /// As [`all`](Lookup::all).
    pub fn count(&self, value: impl AsKey<K>) -> Result<usize, TableError> {
        let (scan, _) = self.scan(beginning_with(part(&value)))?;
        let mut scan = scan.without_values();
        let mut count = 0;
        while let Some(entry) = scan.forward() {
            entry?;
            count += 1;
        }
        Ok(count)
    }

    fn spec(&self) -> &IndexSpec<T> {
        &self.table.definition().indexes[self.index]
    }

    fn rows(&self, bounds: Bounds) -> Result<Rows<T, ByIndex, S::View>, TableError> {
        let (scan, through) = self.scan(bounds)?;
        Ok(Rows::through(scan, through))
    }

    fn scan(&self, bounds: Bounds) -> Result<Scan<S::View>, TableError> {
        self.table.admit()?;
        let store = self.table.store();
        store.ready(self.index)?;
        let entries = store.view(Keyspace::Index(self.index))?;
        let rows = store.view_beside(&entries, Keyspace::Rows)?;
        // Another type may have emptied the index meanwhile.
        self.table.admit()?;
        let &IndexSpec { name, kind, .. } = self.spec();
        Ok((entries.range(bounds)?, Through { rows, index: name, kind }))
    }
}

/// A walk over an index, and the rows that it leads to.
type Scan<V> = (<V as ReadView>::Cursor, Through<V>);

impl<T: Record, S: Store, K: Key> Lookup<'_, T, S, K, Unique> {
    /// The row with this value.
    ///
    /// # Errors
    ///
    /// As [`Table::get`]; [`TableError::StaleIndex`] for an entry that has no row.
    pub fn get(&self, value: impl AsKey<K>) -> Result<Option<T>, TableError> {
        self.find(&part(&value), row::decode::<T>)
    }

    /// Calls `read` with the row that has this value, lent as [`Table::get_with`] has it; its bytes
    /// are copied once, as a whole.
    ///
    /// # Errors
    ///
    /// As [`get`](Lookup::get).
    pub fn get_with<R>(
        &self,
        value: impl AsKey<K>,
        read: impl FnOnce(T::Ref<'_>) -> R,
    ) -> Result<Option<R>, TableError> {
        // The caller's code runs once, on a row that was found.
        let found = self.find(&part(&value), |key, bytes| Ok((key.to_vec(), bytes.to_vec())))?;
        found.map(|(key, bytes)| row::lend::<T, R>(&key, &bytes, read)).transpose()
    }

    fn find<R>(
        &self,
        entry: &[u8],
        make: impl Fn(&[u8], &[u8]) -> Result<R, TableError>,
    ) -> Result<Option<R>, TableError> {
        self.table.admit()?;
        let store = self.table.store();
        store.ready(self.index)?;
        let found = store.consistent(|| {
            let keyspace = Keyspace::Index(self.index);
            let Some(key) = store.read(keyspace, entry, <[u8]>::to_vec)? else { return Ok(None) };
            match store.read(Keyspace::Rows, &key, |bytes| make(&key, bytes))? {
                Some(row) => row.map(Some),
                // Both may have expired in between.
                None if !store.contains(keyspace, entry)? => Ok(None),
                None => Err(TableError::StaleIndex {
                    table: T::NAMESPACE.to_owned(),
                    index: self.spec().name.to_owned(),
                }),
            }
        });
        // Another type may have emptied the index meanwhile.
        self.table.admit()?;
        found
    }
}

impl<T: Record, S, K, U> fmt::Debug for Lookup<'_, T, S, K, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").field("table", &T::NAMESPACE).finish_non_exhaustive()
    }
}

fn part<K>(value: &impl AsKey<K>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(32);
    value.write_part(&mut bytes);
    bytes
}
