//! The calls that the tests ask of a backend beside the seam.

use std::ops::ControlFlow;
use std::time::Duration;

use emdb_core::internal::{self, ManualClock};
use emdb_core::{Emdb, Transaction};
use emdb_typed::backend::{Autocommit, Backend, Changes, Keyspace, Store, StoreMut, WriteGuard};
use emdb_typed::{Frozen, Live, Record, Staged, Table, TableError};
use tempfile::TempDir;

use crate::memory::{Memory, MemoryStaged, MemoryTransaction};

/// When the clock of a database begins.
pub const BEGIN: u64 = 1_000_000;

/// A backend with transactions, and with a clock that a test sets.
pub trait Harness: Sized {
    type Backend: Backend;
    type Transaction<'scope>;
    type Staged<'tx>: StoreMut;

    fn with_default_ttl(ttl_ms: Option<u64>) -> Self;
    fn backend(&self) -> &Self::Backend;
    fn set_now(&self, now: u64);
    /// The same database, in which nothing can be written.
    fn read_only(self) -> Self;

    fn transaction<R>(
        &self,
        body: impl FnOnce(&mut Self::Transaction<'_>) -> Result<R, TableError>,
    ) -> Result<R, TableError>;

    /// The table in a transaction.
    fn with<'tx, T: Record>(
        table: &Table<T, TableOf<Self>>,
        tx: &'tx Self::Transaction<'_>,
    ) -> Table<T, Self::Staged<'tx>>;

    fn new() -> Self {
        Self::with_default_ttl(None)
    }

    fn open<T: Record>(&self) -> Table<T, TableOf<Self>> {
        self.try_open().unwrap()
    }

    fn try_open<T: Record>(&self) -> Result<Table<T, TableOf<Self>>, TableError> {
        Table::open_in(self.backend(), |_| ControlFlow::Continue(()))
    }

    /// The table on a snapshot of now.
    fn frozen<T: Record>(
        &self,
        table: &Table<T, TableOf<Self>>,
    ) -> Table<T, Frozen<TableOf<Self>>> {
        table.by_snapshot(&self.backend().snapshot())
    }
}

/// The store of a table by itself.
pub type TableOf<H> = <<H as Harness>::Backend as Backend>::Store;

/// The embedded database.
pub struct Embedded {
    db: Emdb,
    clock: ManualClock,
    /// Of a database that is only read.
    _folder: Option<TempDir>,
}

impl Harness for Embedded {
    type Backend = Emdb;
    type Transaction<'scope> = Transaction<'scope>;
    type Staged<'tx> = Staged<'tx>;

    fn with_default_ttl(ttl_ms: Option<u64>) -> Self {
        let clock = ManualClock::new(BEGIN);
        let mut builder = internal::with_clock(Emdb::builder(), clock.clone());
        if let Some(ttl) = ttl_ms {
            builder = builder.default_ttl(Duration::from_millis(ttl));
        }
        Embedded { db: builder.build().unwrap(), clock, _folder: None }
    }

    fn backend(&self) -> &Emdb {
        &self.db
    }

    fn set_now(&self, now: u64) {
        self.clock.set(now);
    }

    fn read_only(self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        self.db.backup_to(&path).unwrap();
        let builder = internal::with_clock(Emdb::builder(), self.clock.clone());
        let db = builder.path(&path).read_only(true).build().unwrap();
        Embedded { db, clock: self.clock, _folder: Some(folder) }
    }

    fn transaction<R>(
        &self,
        body: impl FnOnce(&mut Transaction<'_>) -> Result<R, TableError>,
    ) -> Result<R, TableError> {
        self.db.transaction(body)
    }

    fn with<'tx, T: Record>(
        table: &Table<T, Live>,
        tx: &'tx Transaction<'_>,
    ) -> Table<T, Staged<'tx>> {
        table.with(tx)
    }
}

impl Harness for Memory {
    type Backend = Memory;
    type Transaction<'scope> = MemoryTransaction;
    type Staged<'tx> = MemoryStaged<'tx>;

    fn with_default_ttl(ttl_ms: Option<u64>) -> Self {
        Memory::new(BEGIN, ttl_ms)
    }

    fn backend(&self) -> &Memory {
        self
    }

    fn set_now(&self, now: u64) {
        Memory::set_now(self, now);
    }

    fn read_only(self) -> Self {
        self.only_read();
        self
    }

    fn transaction<R>(
        &self,
        body: impl FnOnce(&mut MemoryTransaction) -> Result<R, TableError>,
    ) -> Result<R, TableError> {
        Memory::transaction(self, body)
    }

    fn with<'tx, T: Record>(
        table: &Table<T, TableOf<Memory>>,
        tx: &'tx MemoryTransaction,
    ) -> Table<T, MemoryStaged<'tx>> {
        table.by_store(MemoryStaged::new(table.store(), tx))
    }
}

/// Changes a keyspace of the table past all that tables keep in step.
pub fn write_raw<T, S: StoreMut>(
    table: &Table<T, S>,
    keyspace: Keyspace,
    key: &[u8],
    value: Option<&[u8]>,
) where
    T: Record,
{
    let mut changes = Changes::default();
    changes.writes.set(keyspace, key, value, None);
    table.store().lock().unwrap().commit(&changes).unwrap();
}

/// All keys and values of a keyspace.
pub fn dump<T: Record, S: Store>(
    table: &Table<T, S>,
    keyspace: Keyspace,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    use emdb_typed::backend::{Cursor, ReadView};
    let mut scan = table.store().view(keyspace).unwrap().scan().unwrap();
    let mut all = Vec::new();
    while let Some(next) = scan.forward() {
        let (key, value) = next.unwrap();
        all.push((key.to_vec(), value.to_vec()));
    }
    all.sort();
    all
}

/// Asserts that rows and indexes agree, and gives the numbers of rows and of entries.
#[track_caller]
pub fn verified<T: Record, S: Autocommit>(table: &Table<T, S>) -> (u64, u64) {
    let report = table.verify().unwrap();
    assert!(report.is_ok(), "{:?}", report.problems.first());
    (report.rows, report.entries)
}
