//! Typed tables.
//!
//! Invariant: a table encodes and decodes, and nothing else; what is live, committed or expired is
//! the engine's to say. Each call is written once, over the [`Store`] seam.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;

use emdb_core::{Emdb, Namespace, Transaction};

use crate::catalogue;
use crate::error::TableError;
use crate::iter::{Keys, Rows};
use crate::key::{self, EncodeKey};
use crate::record::Record;
use crate::row;
use crate::store::{Live, Staged, Store, StoreMut};

/// The rows of one type, found by their keys.
///
/// A handle: cheap to clone, `Send`, `Sync` and `'static` whatever `T` is. Every write is a commit
/// of its own; [`with`](Table::with) gives the same calls inside a transaction. There the second
/// parameter is [`Staged`], and nobody needs to name it.
///
/// Lookups take the key by reference, or its borrowed form: `get(&7)`, `get("abc")`.
///
/// # Example
///
/// ```
/// use emdb_core::Emdb;
/// use emdb_typed::{Table, TableError};
///
/// #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, emdb_derive::Record)]
/// #[emdb(crate = "emdb_typed")]
/// struct User {
///     #[emdb(key)]
///     id: u64,
///     name: String,
/// }
///
/// let db = Emdb::open_in_memory();
/// let users = Table::<User>::open(&db)?;
/// users.insert(&User { id: 7, name: "Ada".into() })?;
/// assert_eq!(users.get(&7)?.map(|user| user.name), Some("Ada".into()));
///
/// db.transaction(|tx| -> Result<_, TableError> {
///     let users = users.with(tx);
///     users.insert(&User { id: 8, name: "Grace".into() })?;
///     assert_eq!(users.len()?, 2);
///     users.remove(&7)
/// })?;
/// assert_eq!(users.len()?, 1);
/// # Ok::<(), TableError>(())
/// ```
pub struct Table<T, S = Live> {
    store: S,
    /// A table makes rows and holds none, so it is `Send` and `Sync` even if `T` isn't.
    row: PhantomData<fn() -> T>,
}

impl<T> Table<T> {
    /// Opens the table of `T`, and makes it if the database has none.
    ///
    /// The database's catalogue remembers the fields of `T`, so that a struct that changed is
    /// noticed here and not when a row turns out to be unreadable.
    ///
    /// Inside the closure of a transaction this works for a table that exists.
    ///
    /// # Errors
    ///
    /// - [`TableError::SchemaMismatch`] when the table was made with another definition of `T`.
    /// - [`TableError::SchemaNewer`] when it was made with a later version of it.
    /// - [`TableError::Decode`] when the catalogue's entry can't be read.
    /// - [`TableError::Core`] with [`TransactionActive`](emdb_core::Error::TransactionActive) when
    ///   the table would have to be made inside a transaction, and with any other error of the
    ///   engine.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb_core::Emdb;
    /// # use emdb_typed::{Table, TableError};
    /// mod before {
    ///     #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    ///     #[emdb(crate = "emdb_typed")]
    ///     pub struct User(#[emdb(key)] pub u64);
    /// }
    /// mod after {
    ///     #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    ///     #[emdb(crate = "emdb_typed")]
    ///     pub struct User(#[emdb(key)] pub u64, pub String);
    /// }
    ///
    /// let db = Emdb::open_in_memory();
    /// Table::<before::User>::open(&db)?;
    /// let error = Table::<after::User>::open(&db).unwrap_err();
    /// assert!(error.to_string().contains("field `1`: not stored, now `String`"));
    /// # Ok::<(), TableError>(())
    /// ```
    // The bound stands here and not at the impl, so that a type without it is told how to become
    // a record instead of that `open` doesn't exist.
    pub fn open(db: &Emdb) -> Result<Self, TableError>
    where
        T: Record,
    {
        catalogue::admit::<T>(db)?;
        let namespace = db.namespace(T::NAMESPACE)?;
        Ok(Table { store: Live { namespace }, row: PhantomData })
    }
}

impl<T: Record> Table<T> {
    /// The same calls inside a transaction: reads see what it wrote, writes are committed or
    /// rolled back with it.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb_core::Emdb;
    /// # use emdb_typed::{Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    /// # #[emdb(crate = "emdb_typed")]
    /// # struct Account { #[emdb(key)] name: String, cents: i64 }
    /// # let db = Emdb::open_in_memory();
    /// let accounts = Table::<Account>::open(&db)?;
    /// accounts.insert(&Account { name: "ada".into(), cents: 500 })?;
    /// accounts.insert(&Account { name: "bob".into(), cents: 0 })?;
    ///
    /// db.transaction(|tx| -> Result<_, TableError> {
    ///     let accounts = accounts.with(tx);
    ///     for (name, change) in [("ada", -200), ("bob", 200)] {
    ///         if let Some(mut account) = accounts.get(name)? {
    ///             account.cents += change;
    ///             accounts.insert(&account)?;
    ///         }
    ///     }
    ///     Ok(())
    /// })?;
    /// assert_eq!(accounts.get("bob")?.map(|bob| bob.cents), Some(200));
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn with<'tx>(&self, tx: &'tx mut Transaction<'_>) -> Table<T, Staged<'tx>> {
        Table { store: Staged::new(tx, &self.store.namespace), row: PhantomData }
    }

    /// The namespace below: keys and rows as bytes.
    ///
    /// Rows written here are not checked; one that is no `T` makes typed reads of it fail with
    /// [`TableError::Decode`], and never more than that.
    #[must_use]
    pub fn raw(&self) -> &Namespace {
        &self.store.namespace
    }
}

impl<T: Record, S: Store> Table<T, S> {
    /// The row with this key; `None` if there is none, or it has expired.
    ///
    /// # Errors
    ///
    /// [`TableError::Decode`] or [`TableError::SchemaNewer`] when the stored row is no `T` of this
    /// version; [`TableError::Core`] when the engine can't read.
    pub fn get<Q>(&self, key: &Q) -> Result<Option<T>, TableError>
    where
        T::Key: Borrow<Q>,
        Q: EncodeKey + ?Sized,
    {
        let key = key::to_bytes(key);
        match self.store.read(&key)? {
            Some(value) => row::decode(&key, value.as_ref()).map(Some),
            None => Ok(None),
        }
    }

    /// Whether there is a row with this key. The row isn't decoded.
    ///
    /// # Errors
    ///
    /// [`TableError::Core`] when the engine can't read.
    pub fn contains_key<Q>(&self, key: &Q) -> Result<bool, TableError>
    where
        T::Key: Borrow<Q>,
        Q: EncodeKey + ?Sized,
    {
        Ok(self.store.contains(&key::to_bytes(key))?)
    }

    /// How many rows there are. Rows that have expired count until they are swept.
    ///
    /// # Errors
    ///
    /// [`TableError::Core`] when the engine can't read.
    pub fn len(&self) -> Result<usize, TableError> {
        Ok(self.store.count()?)
    }

    /// Whether there are no rows.
    ///
    /// # Errors
    ///
    /// [`TableError::Core`] when the engine can't read.
    pub fn is_empty(&self) -> Result<bool, TableError> {
        Ok(self.len()? == 0)
    }

    /// All rows, in no particular order, as they are now: later writes don't change what the
    /// iterator gives.
    ///
    /// # Errors
    ///
    /// [`TableError::Core`] when the engine can't begin the scan. What fails later is an item, and
    /// the last one.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb_core::Emdb;
    /// # use emdb_typed::{Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    /// # #[emdb(crate = "emdb_typed")]
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
    pub fn iter(&self) -> Result<Rows<T, S::Entries>, TableError> {
        Ok(Rows::new(self.store.entries()?))
    }

    /// All keys, in no particular order, as they are now. No row is read.
    ///
    /// # Errors
    ///
    /// As [`iter`](Table::iter).
    pub fn keys(&self) -> Result<Keys<T, S::Keys>, TableError> {
        Ok(Keys::new(self.store.keys()?))
    }
}

impl<T: Record, S: StoreMut> Table<T, S> {
    /// Inserts the row, or replaces the one with its key, and gives the replaced one.
    ///
    /// # Errors
    ///
    /// - [`TableError::Encode`] when the row can't be encoded, and [`TableError::Core`] when the
    ///   engine refuses; nothing is written then.
    /// - [`TableError::Decode`] or [`TableError::SchemaNewer`] when the row that was replaced
    ///   can't be read. The new one is in its place all the same.
    pub fn insert(&self, row: &T) -> Result<Option<T>, TableError> {
        let value = row::encode(row)?;
        let key = key::to_bytes(&row.key());
        match self.store.replace(&key, &value)? {
            Some(before) => row::decode(&key, &before).map(Some),
            None => Ok(None),
        }
    }

    /// Removes the row with this key, and gives it.
    ///
    /// # Errors
    ///
    /// - [`TableError::Core`] when the engine refuses; nothing is removed then.
    /// - [`TableError::Decode`] or [`TableError::SchemaNewer`] when the row that was removed can't
    ///   be read. It is gone all the same, so this is a way to get rid of it.
    pub fn remove<Q>(&self, key: &Q) -> Result<Option<T>, TableError>
    where
        T::Key: Borrow<Q>,
        Q: EncodeKey + ?Sized,
    {
        let key = key::to_bytes(key);
        match self.store.take(&key)? {
            Some(before) => row::decode(&key, &before).map(Some),
            None => Ok(None),
        }
    }
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        Table { store: self.store.clone(), row: PhantomData }
    }
}

impl<T: Record, S> fmt::Debug for Table<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("namespace", &T::NAMESPACE).finish_non_exhaustive()
    }
}
