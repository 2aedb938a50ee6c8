//! A transaction, and the tables in it, of whichever backend.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use crate::backend::{
    Backend, BackendError, Changes, Cursor, CursorItem, KeyBounds, Keyspace, KeyspaceOptions,
    Keyspaces, ReadView, Store, StoreMut, WriteGuard,
};
use crate::error::TableError;
use crate::vocabulary::Error;

/// The names of a table's keyspaces.
pub(crate) struct TableNames {
    pub(crate) rows: &'static str,
    pub(crate) ordered: bool,
    pub(crate) indexes: Vec<String>,
    pub(crate) mark: Option<&'static str>,
}

/// A transaction of whichever backend.
pub(crate) trait AnyTransaction {
    /// The entry that the catalogue has of a table.
    fn catalogue_entry(&self, table: &str) -> Outcome<Option<Vec<u8>>>;
    /// A table in it, all of whose keyspaces are there.
    fn table(&self, names: &TableNames) -> Result<Box<dyn AnyTable + '_>, TableError>;
}

/// A transaction of this one.
pub(crate) struct Within<'a, 't, B: Backend + ?Sized> {
    pub(crate) db: &'a B,
    pub(crate) transaction: &'a B::Transaction<'t>,
}

impl<B: Backend + ?Sized> AnyTransaction for Within<'_, '_, B> {
    fn catalogue_entry(&self, table: &str) -> Outcome<Option<Vec<u8>>> {
        Ok(self.db.catalogue_entry(table)?)
    }

    fn table(&self, names: &TableNames) -> Result<Box<dyn AnyTable + '_>, TableError> {
        let db = self.db;
        let rows = db.keyspace(names.rows, KeyspaceOptions { ordered: names.ordered })?;
        let child = |name: &str| db.child(&rows, name);
        let indexes = names.indexes.iter().map(|name| child(name)).collect::<Result<_, _>>()?;
        let mark = names.mark.map(child).transpose()?;
        let store = db.store(Keyspaces { rows, indexes, mark, catalogue: db.catalogue()? });
        Ok(Box::new(B::staged(self.transaction, &store)))
    }
}

/// A record: its value, when it expires, and whether it has not yet.
type Stored = (Vec<u8>, Option<u64>, bool);

type Outcome<T> = Result<T, TableError>;

/// A table in a transaction of whichever backend.
pub(crate) trait AnyTable {
    fn epoch(&self) -> Option<u64>;
    fn entry(&self, keyspace: Keyspace, key: &[u8]) -> Outcome<Option<(Vec<u8>, Option<u64>)>>;
    fn expiry(&self, keyspace: Keyspace, key: &[u8]) -> Outcome<Option<u64>>;
    fn contains(&self, keyspace: Keyspace, key: &[u8]) -> Outcome<bool>;
    fn count(&self, keyspace: Keyspace) -> Outcome<usize>;
    fn view(&self, keyspace: Keyspace) -> Outcome<Box<dyn AnyView>>;
    fn now(&self) -> u64;
    fn default_expiry(&self) -> Outcome<Option<u64>>;
    fn expiry_after(&self, lifetime: Duration) -> Outcome<u64>;
    fn stored(&self, keyspace: Keyspace, key: &[u8]) -> Outcome<Option<Stored>>;
    fn commit(&self, changes: &Changes) -> Outcome<()>;
}

impl<S: StoreMut> AnyTable for S
where
    S::View: 'static,
{
    fn epoch(&self) -> Option<u64> {
        Store::epoch(self)
    }

    fn entry(&self, keyspace: Keyspace, key: &[u8]) -> Outcome<Option<(Vec<u8>, Option<u64>)>> {
        Ok(Store::entry(self, keyspace, key, |value, expiry| (value.to_vec(), expiry))?)
    }

    fn expiry(&self, keyspace: Keyspace, key: &[u8]) -> Outcome<Option<u64>> {
        Ok(Store::expiry(self, keyspace, key)?)
    }

    fn contains(&self, keyspace: Keyspace, key: &[u8]) -> Outcome<bool> {
        Ok(Store::contains(self, keyspace, key)?)
    }

    fn count(&self, keyspace: Keyspace) -> Outcome<usize> {
        Ok(Store::count(self, keyspace)?)
    }

    fn view(&self, keyspace: Keyspace) -> Outcome<Box<dyn AnyView>> {
        Ok(Box::new(Store::view(self, keyspace)?))
    }

    fn now(&self) -> u64 {
        Store::now(self)
    }

    fn default_expiry(&self) -> Outcome<Option<u64>> {
        Ok(Store::default_expiry(self)?)
    }

    fn expiry_after(&self, lifetime: Duration) -> Outcome<u64> {
        Ok(Store::expiry_after(self, lifetime)?)
    }

    fn stored(&self, keyspace: Keyspace, key: &[u8]) -> Outcome<Option<Stored>> {
        let keep = |value: &[u8], expiry, live| (value.to_vec(), expiry, live);
        Ok(self.lock()?.stored(keyspace, key, keep)?)
    }

    fn commit(&self, changes: &Changes) -> Outcome<()> {
        Ok(self.lock()?.commit(changes)?)
    }
}

/// One state of a keyspace of whichever backend.
pub(crate) trait AnyView: fmt::Debug {
    fn copy(&self) -> Box<dyn AnyView>;
    fn entry(&self, key: &[u8]) -> Outcome<Option<(Vec<u8>, Option<u64>)>>;
    fn expiry(&self, key: &[u8]) -> Outcome<Option<u64>>;
    fn contains(&self, key: &[u8]) -> Outcome<bool>;
    fn count(&self) -> Outcome<usize>;
    fn scan(&self) -> Outcome<Box<dyn AnyCursor>>;
    fn sample(&self, records: usize) -> Outcome<Box<dyn AnyCursor>>;
    fn range(&self, bounds: KeyBounds) -> Outcome<Box<dyn AnyCursor>>;
}

impl<V: ReadView + 'static> AnyView for V
where
    V::Cursor: 'static,
{
    fn copy(&self) -> Box<dyn AnyView> {
        Box::new(self.clone())
    }

    fn entry(&self, key: &[u8]) -> Outcome<Option<(Vec<u8>, Option<u64>)>> {
        Ok(ReadView::entry(self, key, |value, expiry| (value.to_vec(), expiry))?)
    }

    fn expiry(&self, key: &[u8]) -> Outcome<Option<u64>> {
        Ok(ReadView::expiry(self, key)?)
    }

    fn contains(&self, key: &[u8]) -> Outcome<bool> {
        Ok(ReadView::contains(self, key)?)
    }

    fn count(&self) -> Outcome<usize> {
        Ok(ReadView::count(self)?)
    }

    fn scan(&self) -> Outcome<Box<dyn AnyCursor>> {
        Ok(Box::new(ReadView::scan(self)?))
    }

    fn sample(&self, records: usize) -> Outcome<Box<dyn AnyCursor>> {
        Ok(Box::new(ReadView::sample(self, records)?))
    }

    fn range(&self, bounds: KeyBounds) -> Outcome<Box<dyn AnyCursor>> {
        Ok(Box::new(ReadView::range(self, bounds)?))
    }
}

/// A walk of whichever backend.
pub(crate) trait AnyCursor {
    fn without_values(self: Box<Self>) -> Box<dyn AnyCursor>;
    fn forward(&mut self) -> Option<CursorItem<'_, ErasedError>>;
    fn backward(&mut self) -> Option<CursorItem<'_, ErasedError>>;
}

impl<C: Cursor + 'static> AnyCursor for C {
    fn without_values(self: Box<Self>) -> Box<dyn AnyCursor> {
        Box::new(Cursor::without_values(*self))
    }

    fn forward(&mut self) -> Option<CursorItem<'_, ErasedError>> {
        Cursor::forward(self)
            .map(|item| item.map_err(|error| ErasedError(error.into_table_error())))
    }

    fn backward(&mut self) -> Option<CursorItem<'_, ErasedError>> {
        Cursor::backward(self)
            .map(|item| item.map_err(|error| ErasedError(error.into_table_error())))
    }
}

/// An error of whichever backend.
#[doc(hidden)]
#[derive(Debug)]
pub struct ErasedError(TableError);

impl fmt::Display for ErasedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for ErasedError {}

impl From<Error> for ErasedError {
    fn from(error: Error) -> Self {
        ErasedError(TableError::Core(error))
    }
}

impl BackendError for ErasedError {
    fn into_table_error(self) -> TableError {
        self.0
    }
}

type Result<T, E = ErasedError> = std::result::Result<T, E>;

/// A table inside of a migration: reads see what it wrote, and its writes are made with the rows that are
/// migrated by the same commit, or not at all.
pub struct Migrating<'m> {
    table: Box<dyn AnyTable + 'm>,
    writing: Cell<bool>,
}

impl<'m> Migrating<'m> {
    pub(crate) fn new(table: Box<dyn AnyTable + 'm>) -> Self {
        Migrating { table, writing: Cell::new(false) }
    }
}

impl fmt::Debug for Migrating<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Migrating").finish_non_exhaustive()
    }
}

impl Store for Migrating<'_> {
    type Error = ErasedError;
    type View = ErasedView;

    fn epoch(&self) -> Option<u64> {
        self.table.epoch()
    }

    fn entry<R>(
        &self,
        keyspace: Keyspace,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>> {
        let found = self.table.entry(keyspace, key).map_err(ErasedError)?;
        Ok(found.map(|(value, expiry)| take(&value, expiry)))
    }

    fn expiry(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<u64>> {
        self.table.expiry(keyspace, key).map_err(ErasedError)
    }

    fn contains(&self, keyspace: Keyspace, key: &[u8]) -> Result<bool> {
        self.table.contains(keyspace, key).map_err(ErasedError)
    }

    fn count(&self, keyspace: Keyspace) -> Result<usize> {
        self.table.count(keyspace).map_err(ErasedError)
    }

    fn view(&self, keyspace: Keyspace) -> Result<ErasedView> {
        self.table.view(keyspace).map(ErasedView).map_err(ErasedError)
    }

    fn view_beside(&self, _view: &ErasedView, keyspace: Keyspace) -> Result<ErasedView> {
        Store::view(self, keyspace)
    }

    fn consistent<R>(
        &self,
        mut read: impl FnMut() -> Result<R, TableError>,
    ) -> Result<R, TableError> {
        // Nobody else writes in a transaction.
        read()
    }

    fn now(&self) -> u64 {
        self.table.now()
    }

    fn default_expiry(&self) -> Result<Option<u64>> {
        self.table.default_expiry().map_err(ErasedError)
    }

    fn expiry_after(&self, lifetime: Duration) -> Result<u64> {
        self.table.expiry_after(lifetime).map_err(ErasedError)
    }
}

/// While it lives, no other call of the same handle writes.
#[doc(hidden)]
#[derive(Debug)]
pub struct MigratingGuard<'s, 'm>(&'s Migrating<'m>);

impl Drop for MigratingGuard<'_, '_> {
    fn drop(&mut self) {
        self.0.writing.set(false);
    }
}

impl<'m> StoreMut for Migrating<'m> {
    type Guard<'s>
        = MigratingGuard<'s, 'm>
    where
        Self: 's;

    fn lock(&self) -> Result<MigratingGuard<'_, 'm>> {
        if self.writing.replace(true) {
            return Err(Error::TransactionActive.into());
        }
        Ok(MigratingGuard(self))
    }
}

impl<'m> WriteGuard for MigratingGuard<'_, 'm> {
    type Error = ErasedError;
    type View = ErasedView;
    type Reads = Migrating<'m>;

    fn reads(&self) -> &Migrating<'m> {
        self.0
    }

    fn stored<R>(
        &self,
        keyspace: Keyspace,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>, bool) -> R,
    ) -> Result<Option<R>> {
        let found = self.0.table.stored(keyspace, key).map_err(ErasedError)?;
        Ok(found.map(|(value, expiry, live)| take(&value, expiry, live)))
    }

    fn commit(self, changes: &Changes) -> Result<()> {
        self.0.table.commit(changes).map_err(ErasedError)
    }
}

/// One state of a keyspace.
#[doc(hidden)]
#[derive(Debug)]
pub struct ErasedView(Box<dyn AnyView>);

impl Clone for ErasedView {
    fn clone(&self) -> Self {
        ErasedView(self.0.copy())
    }
}

impl ReadView for ErasedView {
    type Error = ErasedError;
    type Cursor = ErasedCursor;

    fn entry<R>(
        &self,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>> {
        let found = self.0.entry(key).map_err(ErasedError)?;
        Ok(found.map(|(value, expiry)| take(&value, expiry)))
    }

    fn expiry(&self, key: &[u8]) -> Result<Option<u64>> {
        self.0.expiry(key).map_err(ErasedError)
    }

    fn contains(&self, key: &[u8]) -> Result<bool> {
        self.0.contains(key).map_err(ErasedError)
    }

    fn count(&self) -> Result<usize> {
        self.0.count().map_err(ErasedError)
    }

    fn scan(&self) -> Result<ErasedCursor> {
        self.0.scan().map(ErasedCursor).map_err(ErasedError)
    }

    fn sample(&self, records: usize) -> Result<ErasedCursor> {
        self.0.sample(records).map(ErasedCursor).map_err(ErasedError)
    }

    fn range(&self, bounds: KeyBounds) -> Result<ErasedCursor> {
        self.0.range(bounds).map(ErasedCursor).map_err(ErasedError)
    }
}

/// A walk over an [`ErasedView`].
#[doc(hidden)]
pub struct ErasedCursor(Box<dyn AnyCursor>);

impl Cursor for ErasedCursor {
    type Error = ErasedError;

    fn without_values(self) -> Self {
        ErasedCursor(self.0.without_values())
    }

    fn forward(&mut self) -> Option<CursorItem<'_, ErasedError>> {
        self.0.forward()
    }

    fn backward(&mut self) -> Option<CursorItem<'_, ErasedError>> {
        self.0.backward()
    }
}
