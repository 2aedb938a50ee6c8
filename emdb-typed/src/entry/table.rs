//! Tables of an [`Emdb`]: opening one, in its transactions, on its snapshots, and the bytes below.

use std::ops::ControlFlow;

use emdb_core::{Emdb, Namespace, Snapshot, Transaction};

use crate::embedded::Staged;
use crate::error::TableError;
use crate::record::Record;
use crate::table::{Frozen, Table};
use crate::vocabulary::Progress;

impl<T> Table<T> {
    /// Opens the table of `T`, and makes it if the database has none.
    ///
    /// The database's catalogue remembers the fields of `T`, so that a struct that changed is
    /// noticed here and not when a row turns out to be unreadable. Indexes that the table does
    /// not have yet are built now, in bounded steps; a build that was interrupted goes on where it
    /// was. Those that the type has no more are removed.
    ///
    /// The catalogue doesn't know the program's functions, so a sample of rows and of entries is
    /// compared, once in a process and type: an index that disagrees with them, since its filter or
    /// the order of a key is another one now, is built anew. In a database that is open for reading
    /// alone it gives no answers: [`TableError::StaleIndex`].
    ///
    /// A table that has the name that `was` gives, and none of the type's `namespace`, is given that one, with
    /// its indexes, in one commit ([`Emdb::rename_namespace`]).
    ///
    /// Rows of an older version are upgraded as they are read, if `From` does it. If a function does, which
    /// `migrate` names, they are migrated now, before there is a handle: in batches of some megabytes, each
    /// of which is one commit with all that the function wrote to other tables. A row is migrated once, and
    /// a migration that was interrupted goes on where it was. When the function refuses a row, nothing of
    /// its batch has happened: if that is the first one, the table is as it was, and still that of the older
    /// type; if it is a later one, the table is nobody's until the migration is through. Handles of the
    /// older type are refused from the first batch on, and so are typed reads of snapshots from before.
    ///
    /// Inside the closure of a transaction this works for a table that needs nothing of that.
    ///
    /// In a database that was opened for reading alone nothing is made, raised or built: a table that is
    /// not there is empty, rows of an older version are upgraded as they are read, and an index that the
    /// table lacks, or has as an older version made it, says [`TableError::IndexMissing`] when it is asked.
    ///
    /// # Errors
    ///
    /// - [`TableError::SchemaMismatch`] when the table was made with another definition of `T`.
    /// - [`TableError::SchemaNewer`] when it was made with a later version of it.
    /// - [`TableError::UniqueViolation`] when rows have the same value in a unique index that is new.
    /// - [`TableError::Migration`] and [`TableError::MigrationCollision`] for a row that can't be migrated.
    /// - [`TableError::Decode`] when the catalogue's entry, or for a new index a row, can't be read.
    /// - [`TableError::Core`] with [`TransactionActive`](emdb_core::Error::TransactionActive) when
    ///   the table would have to be made inside a transaction, with
    ///   [`ReadOnly`](emdb_core::Error::ReadOnly) when the table has its former name still, or rows that are to be migrated, or a namespace that is
    ///   no table would have to be given an order, in a database that was opened for reading alone, with
    ///   [`InvalidConfig`](emdb_core::Error::InvalidConfig) when the name that it is to be given has been taken
    ///   by a namespace that is no table, and with any other error of the engine.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// mod before {
    ///     #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    ///     pub struct User(#[emdb(key)] pub u64);
    /// }
    /// mod after {
    ///     #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
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
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
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
        progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Self, TableError>
    where
        T: Record,
    {
        Self::open_in(db, progress)
    }
}

impl<T: Record> Table<T> {
    /// The same calls inside a transaction: reads see what it wrote, writes are committed or
    /// rolled back with it. It shares the transaction, so that several tables are used at once.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
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
    pub fn with<'tx>(&self, tx: &'tx Transaction<'_>) -> Table<T, Staged<'tx>> {
        self.by_store(Staged::new(tx, self.store()))
    }

    /// The reads, on the state that a snapshot has.
    ///
    /// An index that was not complete in that state can't be asked: `InvalidConfig`.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
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
        self.by_snapshot(snapshot)
    }

    /// The namespace below: keys and rows as bytes.
    ///
    /// Rows written here are not checked; one that is no `T` makes typed reads of it fail with
    /// [`TableError::Decode`], and never more than that. Indexes are not kept either: after any
    /// `insert`, `insert_many`, `insert_with_ttl`, `persist` or `remove` of rows here they can lack
    /// entries, have ones that their rows haven't (what they find then is
    /// [`TableError::StaleIndex`]), or entries that expire at another time than their row. [`verify`](Table::verify) finds that,
    /// [`rebuild_indexes`](Table::rebuild_indexes) repairs it. `clear` here is safe: it empties the
    /// indexes, too, and automatic keys begin anew.
    #[must_use]
    pub fn raw(&self) -> &Namespace {
        self.store().rows()
    }
}
