//! Finding rows by what an index says.

use std::fmt;
use std::marker::PhantomData;

use super::handle::Table;
use super::walk::{ByIndex, Keys, Rows, Through};
use crate::backend::{Cursor, KeyBounds as Bounds, Keyspace, ReadView, Store};
use crate::error::TableError;
use crate::index::{Index, IndexSpec, OneRow};
use crate::key::{self, AsKey, Key, KeyBounds, KeyPrefix, beginning_with};
use crate::record::Record;
use crate::row;
use crate::stale::{Disagreement, Sought};

impl<T: Record, S: Store> Table<T, S> {
    /// The rows as one of the table's indexes sees them; see [`Lookup`].
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
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
/// Values are given as [`AsKey`] has them: `30` or `&30` for a number, `"abc"` for a `String`,
/// `("abc", 30)` for a composite index; for an `Option`, itself or what it has.
///
/// Rows come in the order of their values in the index, and those with the same value in the order
/// of their keys. Each call sees one state, rows and index together.
///
/// A row is held against the entry that led to it: one that hasn't got it, because the filter or the
/// order of a key is another one now, or the row was written through [`Table::raw`], is
/// [`TableError::StaleIndex`] and no answer. [`keys`](Lookup::keys) and [`count`](Lookup::count) read
/// no row, and rely on the sample that opening the table takes of every index.
///
/// # Example
///
/// ```
/// # use emdb::{Emdb, Table, TableError};
/// #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
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
    /// As [`Table::iter`]; [`TableError::StaleIndex`], as an item, for an entry that the row which it
    /// names hasn't; [`TableError::IndexMissing`] where the database is only read and the table lacks the
    /// index.
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

    /// The keys of the rows with this value. No row is read, so none is held against its entry.
    ///
    /// # Errors
    ///
    /// As [`all`](Lookup::all).
    pub fn keys(&self, value: impl AsKey<K>) -> Result<Keys<T, ByIndex, S::View>, TableError> {
        let (scan, through) = self.scan(beginning_with(part(&value)))?;
        Ok(Keys::through(scan, through))
    }

    /// How many rows have this value. No row is read, so none is held against its entry.
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

    /// The index, if it may be asked.
    fn ready(&self) -> Result<&'t IndexSpec<T>, TableError> {
        self.table.admit()?;
        let spec = self.table.definition().answers(self.index)?;
        self.table.store().ready(self.index)?;
        Ok(spec)
    }

    fn rows(&self, bounds: Bounds) -> Result<Rows<T, ByIndex, S::View>, TableError> {
        let (scan, through) = self.scan(bounds)?;
        Ok(Rows::through(scan, through))
    }

    fn scan(&self, bounds: Bounds) -> Result<Scan<T, S::View>, TableError> {
        let (spec, store) = (self.ready()?, self.table.store());
        let entries = store.view(Keyspace::Index(self.index))?;
        let rows = store.view_beside(&entries, Keyspace::Rows)?;
        // Another type may have emptied the index meanwhile.
        self.table.admit()?;
        Ok((entries.range(bounds)?, Through::new(rows, spec, self.index)))
    }
}

/// A walk over an index, and the rows that it leads to.
type Scan<T, V> = (<V as ReadView>::Cursor, Through<T, V>);

impl<T: Record, S: Store, K: Key, U> Lookup<'_, T, S, K, U> {
    /// The row with this value, of a unique index.
    ///
    /// # Errors
    ///
    /// As [`Table::get`]; [`TableError::StaleIndex`] for an entry that the row which it names hasn't;
    /// [`TableError::IndexMissing`] where the database is only read and the table lacks the index.
    pub fn get(&self, value: impl AsKey<K>) -> Result<Option<T>, TableError>
    where
        U: OneRow,
    {
        let mut sought = self.sought(&value)?;
        let row = self.find(&mut sought, |sought, key, bytes| {
            let row = row::decode(key, bytes)?;
            sought.check(key, &row)?;
            Ok(row)
        })?;
        if S::NOTES
            && let Some(row) = &row
        {
            let key = key::to_bytes(&row.key());
            self.table.note(&key, row, || self.table.store().expiry(Keyspace::Rows, &key))?;
        }
        Ok(row)
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
    ) -> Result<Option<R>, TableError>
    where
        U: OneRow,
    {
        // The caller's code runs once, on a row that was found.
        let mut sought = self.sought(&value)?;
        let copy = |_: &mut _, key: &[u8], bytes: &[u8]| Ok((key.to_vec(), bytes.to_vec()));
        let Some((key, bytes)) = self.find(&mut sought, copy)? else { return Ok(None) };
        row::lend::<T, _>(&key, &bytes, |row| {
            sought.check_lent(&key, &row, || row::decode(&key, &bytes))?;
            Ok(Some(read(row)))
        })?
    }

    /// The entry with this value.
    fn sought(&self, value: &impl AsKey<K>) -> Result<Sought<T>, TableError> {
        Ok(Sought::new(self.ready()?, self.index, part(value)))
    }

    /// The row to which the entry leads, as `make` has it of its key and its bytes.
    fn find<R>(
        &self,
        sought: &mut Sought<T>,
        mut make: impl FnMut(&mut Sought<T>, &[u8], &[u8]) -> Result<R, TableError>,
    ) -> Result<Option<R>, TableError> {
        let store = self.table.store();
        let found = store.consistent(|| {
            let keyspace = Keyspace::Index(self.index);
            let key = store.read(keyspace, sought.value(), <[u8]>::to_vec)?;
            let Some(key) = key else { return Ok(None) };
            match store.read(Keyspace::Rows, &key, |bytes| make(sought, &key, bytes))? {
                Some(row) => row.map(Some),
                // Both may have expired in between.
                None if !store.contains(keyspace, sought.value())? => Ok(None),
                None => Err(sought.error(Disagreement::NoRow(&key))),
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
    // Room for the value of a row behind it, which is compared with it.
    let mut bytes = Vec::with_capacity(64);
    value.write_part(&mut bytes);
    bytes
}
