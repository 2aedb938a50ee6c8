//! The database.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, ThreadId};
use std::time::Duration;

use emdb_core::Error;
use emdb_typed::TableError;
use emdb_typed::backend::{
    Backend, KeyspaceOptions, Keyspaces, NamedKeyspace, SchemaEpoch, Snapshot,
};

use super::error::{MemoryError, Result};
use super::state::State;
use super::table::MemoryTable;
use super::transaction::{MemoryStaged, MemoryTransaction};
use super::view::MemoryView;

const CATALOGUE: &str = "\0catalogue";

/// An ordered store in memory. A clone is another handle to it.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    writer: Mutex<Option<ThreadId>>,
    idle: Condvar,
    epochs: Mutex<HashMap<String, Arc<SchemaEpoch>>>,
    now: AtomicU64,
    read_only: AtomicBool,
    default_ttl_ms: Option<u64>,
}

/// The write lock.
#[derive(Debug)]
pub(crate) struct MemoryLock {
    db: Memory,
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        *lock(&self.db.shared.writer) = None;
        self.db.shared.idle.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

impl Memory {
    pub(crate) fn new(now: u64, default_ttl_ms: Option<u64>) -> Self {
        let shared = Shared {
            state: Mutex::default(),
            writer: Mutex::default(),
            idle: Condvar::new(),
            epochs: Mutex::default(),
            now: AtomicU64::new(now),
            read_only: AtomicBool::new(false),
            default_ttl_ms,
        };
        Memory { shared: Arc::new(shared) }
    }

    pub(crate) fn now(&self) -> u64 {
        self.shared.now.load(Ordering::Relaxed)
    }

    pub(crate) fn set_now(&self, now: u64) {
        self.shared.now.store(now, Ordering::Relaxed);
    }

    pub(crate) fn default_expiry(&self) -> Option<u64> {
        self.shared.default_ttl_ms.map(|ttl| self.now() + ttl)
    }

    pub(crate) fn after(&self, lifetime: Duration) -> Result<u64> {
        let at = u64::try_from(lifetime.as_millis()).ok().and_then(|ms| self.now().checked_add(ms));
        let too_far = || Error::InvalidConfig("no clock shows that".to_owned());
        Ok(at.ok_or_else(too_far)?)
    }

    /// The state of now.
    pub(crate) fn state(&self) -> State {
        lock(&self.shared.state).clone()
    }

    /// Looks at the state without copying it.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&lock(&self.shared.state))
    }

    /// Lets nobody write from now on.
    pub(crate) fn only_read(&self) {
        self.shared.read_only.store(true, Ordering::Relaxed);
    }

    /// Waits for other writers.
    pub(crate) fn lock(&self) -> Result<MemoryLock> {
        if self.is_read_only() {
            return Err(Error::ReadOnly.into());
        }
        let this = thread::current().id();
        let mut writer = lock(&self.shared.writer);
        while let Some(other) = *writer {
            if other == this {
                return Err(Error::TransactionActive.into());
            }
            writer = self.shared.idle.wait(writer).unwrap_or_else(|e| e.into_inner());
        }
        *writer = Some(this);
        drop(writer);
        Ok(MemoryLock { db: self.clone() })
    }

    /// Changes the state at once.
    pub(crate) fn change(&self, _lock: &MemoryLock, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.shared.state));
    }

    fn open(&self, name: String, ordered: bool) -> Result<String> {
        if !self.is_read_only()
            && !self.with(|state| state.spaces().any(|(known, _)| *known == name))
        {
            let writer = self.lock()?;
            self.change(&writer, |state| state.open(&name, ordered));
        }
        Ok(name)
    }
}

fn child_name(parent: &str, name: &str) -> String {
    format!("{parent}\0{name}")
}

impl Backend for Memory {
    type Error = MemoryError;
    type Handle = String;
    type View = MemoryView;
    type Store = MemoryTable;
    type Transaction<'t> = MemoryTransaction;
    type Staged<'t> = MemoryStaged<'t>;
    type Snapshot = MemorySnapshot;

    fn catalogue(&self) -> Result<String> {
        self.open(CATALOGUE.to_owned(), false)
    }

    fn keyspace(&self, name: &str, options: KeyspaceOptions) -> Result<String> {
        self.open(name.to_owned(), options.ordered)
    }

    fn default_keyspace(&self) -> String {
        String::new()
    }

    fn child(&self, parent: &String, name: &str) -> Result<String> {
        self.open(child_name(parent, name), true)
    }

    fn rename(&self, from: &str, to: &str) -> Result<bool> {
        let writer = self.lock()?;
        let known = |name: &str| self.with(|state| state.spaces().any(|(known, _)| known == name));
        if !known(from) {
            return Ok(false);
        }
        if known(to) {
            return Err(Error::InvalidConfig(format!("{to} is there")).into());
        }
        self.change(&writer, |state| state.rename(from, to, CATALOGUE));
        Ok(true)
    }

    fn schema_epoch(&self, rows: &String) -> Arc<SchemaEpoch> {
        lock(&self.shared.epochs).entry(rows.clone()).or_default().clone()
    }

    fn store(&self, keyspaces: Keyspaces<String>) -> MemoryTable {
        let epoch = self.schema_epoch(&keyspaces.rows);
        MemoryTable::new(self.clone(), keyspaces, epoch)
    }

    fn catalogue_entry(&self, table: &str) -> Result<Option<Vec<u8>>> {
        self.catalogue()?;
        Ok(self.with(|s| s.get(CATALOGUE, table.as_bytes()).map(|value| value.bytes.clone())))
    }

    fn transact<R>(
        &self,
        body: impl FnOnce(&mut MemoryTransaction) -> std::result::Result<R, TableError>,
    ) -> std::result::Result<R, TableError> {
        self.transaction(body)
    }

    fn staged<'t>(transaction: &'t MemoryTransaction, store: &MemoryTable) -> MemoryStaged<'t> {
        MemoryStaged::new(store, transaction)
    }

    fn snapshot(&self) -> MemorySnapshot {
        MemorySnapshot { state: self.state(), now: self.now() }
    }

    fn in_transaction(&self) -> bool {
        *lock(&self.shared.writer) == Some(thread::current().id())
    }

    fn is_read_only(&self) -> bool {
        self.shared.read_only.load(Ordering::Relaxed)
    }
}

/// One state of the database.
#[derive(Debug, Clone)]
pub(crate) struct MemorySnapshot {
    state: State,
    now: u64,
}

impl Snapshot for MemorySnapshot {
    type Error = MemoryError;
    type View = MemoryView;

    fn catalogue(&self) -> MemoryView {
        self.keyspace(CATALOGUE)
    }

    fn keyspace(&self, name: &str) -> MemoryView {
        MemoryView::new(self.state.clone(), name, self.now)
    }

    fn child(&self, parent: &str, name: &str) -> MemoryView {
        self.keyspace(&child_name(parent, name))
    }

    fn keyspaces(&self) -> Result<Vec<NamedKeyspace>> {
        let own = self.state.spaces().filter(|(name, _)| !name.contains('\0'));
        let named =
            own.map(|(name, space)| NamedKeyspace { name: name.clone(), ordered: space.ordered });
        Ok(named.collect())
    }
}
