//! A typed table.

mod ordered;
mod read;
mod write;

mod upkeep;

use std::fmt;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::sync::Arc;

use emdb_core::internal::View;
use emdb_core::{Emdb, Namespace, Progress, Snapshot, Transaction};

use crate::catalogue::{self, IndexState};
use crate::definition::Definition;
use crate::error::TableError;
use crate::index::{Index, Lookup};
use crate::key::Key;
use crate::open;
use crate::record::Record;
use crate::schema::Schema;
use crate::store::{Frozen, Live, Other, Staged, Store};

pub use ordered::Page;
pub use upkeep::{MigrateReport, Problem, VerifyReport};

/// The rows of one type, found by their keys and through their indexes.
///
/// A handle: cheap to clone, `Send`, `Sync` and `'static` whatever `T` is. Every write is a commit
/// of its own, of the row and its index entries together; [`with`](Table::with) gives the same
/// calls inside a transaction, [`at`](Table::at) the reads on a snapshot. There the second
/// parameter is [`Staged`] or [`Frozen`], and nobody needs to name it.
///
/// Lookups take the key by reference, or its borrowed form: `get(&7)`, `get("abc")`.
///
/// When a type with other indexes, or of a later version, has opened the same table since, calls on
/// this handle are refused: [`TableError::SchemaMismatch`], [`TableError::SchemaNewer`].
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
    definition: Arc<Definition<T>>,
    store: S,
    /// A table makes rows and holds none, so it is `Send` and `Sync` even if `T` isn't.
    row: PhantomData<fn() -> T>,
}

impl<T> Table<T> {
    /// Opens the table of `T`, and makes it if the database has none.
    ///
    /// The database's catalogue remembers the fields of `T`, so that a struct that changed is
    /// noticed here and not when a row turns out to be unreadable. Indexes that the table does
    /// not have yet are built now, in bounded steps; a build that was interrupted goes on where it
    /// was. Those that the type has no more are removed.
    ///
    /// Inside the closure of a transaction this works for a table that needs nothing of that.
    ///
    /// # Errors
    ///
    /// - [`TableError::SchemaMismatch`] when the table was made with another definition of `T`.
    /// - [`TableError::SchemaNewer`] when it was made with a later version of it.
    /// - [`TableError::UniqueViolation`] when rows have the same value in a unique index that is new.
    /// - [`TableError::Decode`] when the catalogue's entry, or for a new index a row, can't be read.
    /// - [`TableError::Core`] with [`TransactionActive`](emdb_core::Error::TransactionActive) when
    ///   the table would have to be made inside a transaction, with
    ///   [`ReadOnly`](emdb_core::Error::ReadOnly) when anything would have to be written to a
    ///   database that was opened for reading alone, and with any other error of the engine.
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
        Self::open_with(db, |_| ControlFlow::Continue(()))
    }

    /// As [`open`](Table::open); `progress` is told how many of the table's rows the indexes that
    /// have to be built cover. Breaking ends the call; the next open goes on from there.
    ///
    /// # Errors
    ///
    /// As [`open`](Table::open), and [`TableError::Core`] with
    /// [`Cancelled`](emdb_core::Error::Cancelled).
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb_core::Emdb;
    /// # use emdb_typed::{Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    /// # #[emdb(crate = "emdb_typed")]
    /// # struct User { #[emdb(key)] id: u64, #[emdb(index)] age: u8 }
    /// # let db = Emdb::open_in_memory();
    /// use std::ops::ControlFlow;
    ///
    /// let users = Table::<User>::open_with(&db, |progress| {
    ///     println!("{} of {} rows", progress.done, progress.total);
    ///     ControlFlow::Continue(())
    /// })?;
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn open_with(
        db: &Emdb,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Self, TableError>
    where
        T: Record,
    {
        let definition = Arc::new(open::open::<T>(db, &mut progress)?);
        let store = Live { spaces: definition.spaces.clone() };
        Ok(Table { definition, store, row: PhantomData })
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
    ///         accounts.update(name, |account| account.cents += change)?;
    ///     }
    ///     Ok(())
    /// })?;
    /// assert_eq!(accounts.get("bob")?.map(|bob| bob.cents), Some(200));
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn with<'tx>(&self, tx: &'tx mut Transaction<'_>) -> Table<T, Staged<'tx>> {
        let store = Staged::new(tx, &self.definition.spaces);
        Table { definition: self.definition.clone(), store, row: PhantomData }
    }

    /// The reads, on the state that a snapshot has.
    ///
    /// An index that was not complete in that state can't be asked: `InvalidConfig`.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb_core::Emdb;
    /// # use emdb_typed::{Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    /// # #[emdb(crate = "emdb_typed")]
    /// # struct User { #[emdb(key)] id: u64 }
    /// # let db = Emdb::open_in_memory();
    /// let users = Table::<User>::open(&db)?;
    /// users.insert(&User { id: 7 })?;
    /// let snapshot = db.snapshot();
    /// users.remove(&7)?;
    /// assert!(users.at(&snapshot).contains_key(&7)?);
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn at(&self, snapshot: &Snapshot) -> Table<T, Frozen> {
        let catalogue = View::catalogue(snapshot);
        // One that can't be read is refused as an empty one is.
        let bytes = catalogue.read(T::NAMESPACE.as_bytes(), <[u8]>::to_vec).unwrap_or(Some(vec![]));
        let entry = bytes.as_deref().and_then(|bytes| catalogue::decode_entry(bytes).ok());
        let refuse = catalogue::refuse::<T>;
        let other = bytes.filter(|bytes| refuse(bytes).is_err());
        let index = |index: &crate::schema::IndexSchema, name: &'static str| {
            let complete = entry.as_ref().is_some_and(|entry| {
                let position = entry.schema.indexes.iter().position(|known| known == index);
                position.is_some_and(|at| entry.states[at] == IndexState::Complete)
                    && entry.schema.version == T::VERSION
            });
            let child = open::index_child(name);
            if complete { Ok(View::child_of(snapshot, T::NAMESPACE, &child)) } else { Err(name) }
        };
        let specs = self.definition.schema.indexes.iter().zip(&self.definition.indexes);
        let store = Frozen {
            rows: View::of(snapshot, T::NAMESPACE),
            indexes: specs.map(|(schema, spec)| index(schema, spec.name)).collect(),
            table: T::NAMESPACE,
            other: other.map(|entry| Other { entry, refuse }),
        };
        Table { definition: self.definition.clone(), store, row: PhantomData }
    }

    /// The namespace below: keys and rows as bytes.
    ///
    /// Rows written here are not checked; one that is no `T` makes typed reads of it fail with
    /// [`TableError::Decode`], and never more than that. Indexes are not kept either: after any
    /// `insert`, `insert_many`, `insert_with_ttl`, `persist` or `remove` of rows here they can lack
    /// entries, have ones without rows (what they find then is [`TableError::StaleIndex`]), or
    /// entries that expire at another time than their row. [`verify`](Table::verify) finds that,
    /// [`rebuild_indexes`](Table::rebuild_indexes) repairs it. `clear` here is safe: it empties the
    /// indexes, too, and automatic keys begin anew.
    #[must_use]
    pub fn raw(&self) -> &Namespace {
        &self.definition.spaces.rows
    }

    /// What the catalogue says about the table.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.definition.schema
    }
}

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

    /// Refuses a handle whose type is not that of the table.
    #[inline]
    pub(crate) fn admit(&self) -> Result<(), TableError> {
        self.definition.admit()?;
        self.store.refused()
    }

    pub(crate) fn definition(&self) -> &Definition<T> {
        &self.definition
    }

    pub(crate) fn store(&self) -> &S {
        &self.store
    }
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        let (definition, store) = (self.definition.clone(), self.store.clone());
        Table { definition, store, row: PhantomData }
    }
}

impl<T: Record, S> fmt::Debug for Table<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("namespace", &T::NAMESPACE).finish_non_exhaustive()
    }
}
