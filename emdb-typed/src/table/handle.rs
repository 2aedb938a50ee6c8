//! A handle to a typed table.

use std::fmt;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::frozen::Frozen;
use crate::backend::{Autocommit, Backend, Snapshot, Store};
use crate::catalogue::{self, Definition};
use crate::embedded::Live;
use crate::error::TableError;
use crate::record::Record;
use crate::schema::Schema;
use crate::vocabulary::Progress;

/// The rows of one type, found by their keys and through their indexes.
///
/// A handle: cheap to clone, `Send`, `Sync` and `'static` whatever `T` is. Every write is a commit
/// of its own, of the row and its index entries together; [`with`](Table::with) gives the same
/// calls inside a transaction, [`at`](Table::at) the reads on a snapshot. There the second
/// parameter is [`Staged`](crate::Staged) or [`Frozen`], and nobody needs to name it.
///
/// Lookups take the key by reference, or its borrowed form: `get(&7)`, `get("abc")`.
///
/// When a type with other indexes, or of a later version, has opened the same table since, calls on
/// this handle are refused: [`TableError::SchemaMismatch`], [`TableError::SchemaNewer`].
///
/// # Example
///
/// ```
/// use emdb::{Emdb, Table, TableError};
///
/// #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, emdb::Record)]
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
    pub(super) definition: Arc<Definition<T>>,
    pub(super) store: S,
    /// A table makes rows and holds none, so it is `Send` and `Sync` even if `T` isn't.
    row: PhantomData<fn() -> T>,
}

impl<T: Record, S> Table<T, S> {
    /// The schema that the catalogue has of the table.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        self.definition.schema
    }
}

impl<T: Record, S: Store> Table<T, S> {
    /// Opens the table of `T` in any backend: what `open` is for the embedded database.
    #[doc(hidden)]
    pub fn open_in<B: Backend<Store = S> + ?Sized>(
        db: &B,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Self, TableError> {
        let (definition, store) = catalogue::open::<T, B>(db, &mut progress)?;
        Ok(Table { definition: Arc::new(definition), store, row: PhantomData })
    }

    /// A table of these parts.
    pub(super) fn of_parts(definition: Arc<Definition<T>>, store: S) -> Self {
        Table { definition, store, row: PhantomData }
    }

    /// The same table by another store: what `with` and `at` are for the embedded database.
    #[doc(hidden)]
    pub fn by_store<O: Store>(&self, store: O) -> Table<T, O> {
        Table { definition: self.definition.clone(), store, row: PhantomData }
    }

    /// The reads on a snapshot of any backend.
    #[doc(hidden)]
    pub fn by_snapshot<N>(&self, snapshot: &N) -> Table<T, Frozen<S>>
    where
        S: Autocommit,
        N: Snapshot<Error = S::Error, View = S::View>,
    {
        self.by_store(Frozen::new(&self.definition, self.store.clone(), snapshot))
    }

    /// The store below the table.
    #[doc(hidden)]
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Refuses a handle whose type is not that of the table.
    #[inline]
    pub(crate) fn admit(&self) -> Result<(), TableError> {
        self.definition.admit(&self.store)?;
        self.store.refused()
    }

    pub(crate) fn definition(&self) -> &Definition<T> {
        &self.definition
    }
}

impl<T, S: Autocommit> Clone for Table<T, S> {
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
