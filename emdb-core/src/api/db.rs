//! The database handle and what is file-wide.

use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::api::builder::EmdbBuilder;
use crate::api::handle::Handle;
use crate::api::namespace::Namespace;
use crate::api::snapshot::Snapshot;
use crate::api::stats::EmdbStats;
use crate::api::transaction::{self, Transaction};
use crate::checkpoint::state::CheckpointKind;
use crate::engine::Engine;
use crate::engine::settings::Settings;
use crate::engine::write_lock::WriteLock;
use crate::error::{Error, Result};
use crate::journal::recovery::RecoveryReport;
use crate::maintenance::database::Database;
use crate::maintenance::open_file::open_file;

/// An open database.
///
/// A handle is cheap to clone and can be used from every thread. All calls of [`Namespace`] are
/// there as well, on the default namespace alone: `len`, `is_empty` and `clear` know nothing of
/// tables and named namespaces, which are beside it; [`total_len`](Emdb::total_len) counts all of
/// them. The database is closed when its last handle goes, namespaces included; iterators and
/// [`ValueRef`](crate::ValueRef)s don't keep it open.
///
/// ```
/// # fn main() -> emdb::Result<()> {
/// use emdb::Emdb;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("db");
/// let db = Emdb::open(&path)?;
/// db.insert("greeting", "hello")?;
/// db.flush()?;
/// drop(db);
///
/// let db = Emdb::open(&path)?;
/// assert_eq!(db.get("greeting")?.as_deref(), Some(&b"hello"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Emdb {
    default: Namespace,
}

impl fmt::Debug for Emdb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Emdb");
        shown.field("path", &self.path());
        // In a forked child the locks may be held by threads that aren't there.
        if !self.engine().is_forked_child() {
            // Whoever looks here may miss rows, which `len` does not count if they are in tables.
            let len = self.len().unwrap_or_default();
            shown
                .field("namespaces", &(self.engine().list_namespaces().len() + 1))
                .field("len", &format_args!("{len} (of the default namespace alone)"))
                .field("total_len", &self.total_len().unwrap_or_default());
        }
        shown.finish_non_exhaustive()
    }
}

impl Deref for Emdb {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.default
    }
}

impl Emdb {
    /// Opens the database in the file at `path`, or makes it: the file, not its folders.
    ///
    /// # Errors
    /// - `AlreadyLocked`: another handle, here or in another process, has it open, for writing or
    ///   for reading.
    /// - `MagicMismatch`, `VersionMismatch`: the file is something else. It is not touched.
    /// - `Corrupted`: bytes that were on stable storage are damaged. It is not touched.
    /// - `Io`: what the operating system said; a missing folder, for one.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::{Emdb, Error};
    ///
    /// let db = Emdb::open(&path)?;
    /// assert!(matches!(Emdb::open(&path), Err(Error::AlreadyLocked)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Emdb> {
        Emdb::open_at(path.as_ref().to_path_buf(), &Settings::default())
    }

    /// A database in memory alone, gone with its last handle. No two share anything.
    ///
    /// # Panics
    /// If the operating system gives no random bytes, which it always does after it has booted;
    /// `Emdb::builder().build()` gives an error instead.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// assert!(!db.path().exists());
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_in_memory() -> Emdb {
        match Emdb::in_memory(&Settings::default()) {
            Ok(db) => db,
            Err(e) => panic!("no random bytes for the key of the index: {e}"),
        }
    }

    /// Options for opening a database.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use std::time::Duration;
    /// use emdb::Emdb;
    ///
    /// let db = Emdb::builder().path(&path).flush_every(Duration::from_millis(100)).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> EmdbBuilder {
        EmdbBuilder::default()
    }

    pub(crate) fn in_memory(settings: &Settings) -> Result<Emdb> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = PathBuf::from(format!(":memory:/{}/{number}", std::process::id()));
        Ok(Emdb::new(Database::in_memory(settings)?, path))
    }

    pub(crate) fn open_at(path: PathBuf, settings: &Settings) -> Result<Emdb> {
        let database = open_file(&path, settings)?;
        Ok(Emdb::new(database, path))
    }

    pub(crate) fn new(database: Arc<Database>, path: PathBuf) -> Emdb {
        let state = database.engine.default_namespace.clone();
        let handle = Arc::new(Handle::new(database, path));
        Emdb { default: Namespace { handle, state } }
    }

    #[inline]
    pub(crate) fn engine(&self) -> &Arc<Engine> {
        self.default.engine()
    }

    pub(crate) fn database(&self) -> &Arc<Database> {
        &self.default.handle.database
    }

    pub(crate) fn handle(&self) -> &Arc<Handle> {
        &self.default.handle
    }

    /// Another handle to the same database; the same as `clone`.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// let other = db.clone_handle();
    /// other.insert("key", "value")?;
    /// assert_eq!(db.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn clone_handle(&self) -> Emdb {
        self.clone()
    }

    /// The path as it was given. For a database in memory it is made up, and no file is there.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// let db = emdb::Emdb::open(&path)?;
    /// assert_eq!(db.path(), path);
    /// # Ok(())
    /// # }
    /// ```
    pub fn path(&self) -> &Path {
        &self.default.handle.path
    }

    /// The number of records in all namespaces that users write to: the default one, named ones, and
    /// those of tables, whose rows these are. Index entries and what else the library keeps for
    /// itself don't count. All numbers are of one committed state; expired records count until they
    /// are swept.
    ///
    /// # Errors
    /// None at present.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.namespace("users")?.insert("alice", "1")?;
    /// db.namespace("orders")?.insert("1", "tea")?;
    /// assert_eq!((db.len()?, db.total_len()?), (0, 2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn total_len(&self) -> Result<usize> {
        self.snapshot().total_len()
    }

    /// Closes the database: takes a checkpoint if much has come since the last one, syncs, trims and
    /// unlocks, and tells of errors that a drop must
    /// swallow.
    ///
    /// # Errors
    /// `AlreadyLocked` if other handles are alive, namespaces included; the database stays open
    /// for those. `Io` if a sync or the trim failed, `Poisoned` if one had failed before.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// let db = emdb::Emdb::open(&path)?;
    /// let other = db.clone_handle();
    /// assert!(db.close().is_err());
    /// other.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(self) -> Result<()> {
        match Arc::into_inner(self.default.handle) {
            Some(handle) => handle.close(true),
            None => Err(Error::AlreadyLocked),
        }
    }

    /// The report of what the open found in the file and did about it; `None` in memory.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::Emdb;
    ///
    /// let db = Emdb::open(&path)?;
    /// db.insert("key", "value")?;
    /// db.close()?;
    /// let db = Emdb::open(&path)?;
    /// let report = db.recovery().unwrap();
    /// assert!(report.clean && report.torn_bytes == 0 && report.records_replayed == 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn recovery(&self) -> Option<&RecoveryReport> {
        self.engine().recovery.as_ref()
    }

    /// Puts everything that was written before the call on stable storage.
    ///
    /// # Errors
    /// `Io` if the sync failed: what was written since the last one may be lost by a power cut,
    /// and writes are refused with `Poisoned` from then on.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// let db = emdb::Emdb::open(&path)?;
    /// db.insert("key", "value")?;
    /// db.flush()?;
    /// assert_eq!(db.stats()?.syncs, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn flush(&self) -> Result<()> {
        self.engine().flush()
    }

    /// Writes a checkpoint, so that the next open need not read the journal before this point: the
    /// file `<path>.meta`, an image of the index. It can be thrown away; absent, damaged or of
    /// another file it is ignored. In memory this does nothing.
    ///
    /// There is seldom a reason to call it: one is taken when the database is closed, and in the
    /// background as the journal grows.
    ///
    /// # Errors
    /// `Io` if it can't be written: the former one is still there, and the database is as it was,
    /// unless the journal's own sync failed. `TransactionActive` in a transaction of this thread,
    /// `Poisoned` if a sync had failed before.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::Emdb;
    ///
    /// let db = Emdb::open(&path)?;
    /// db.insert("key", "value")?;
    /// db.checkpoint()?;
    /// db.close()?;
    /// let db = Emdb::open(&path)?;
    /// assert!(db.recovery().unwrap().from_checkpoint.is_some());
    /// assert_eq!(db.get("key")?.as_deref(), Some(&b"value"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn checkpoint(&self) -> Result<()> {
        self.database().checkpoint(CheckpointKind::Durable, || false)
    }

    /// Figures about the database.
    ///
    /// # Errors
    /// None at present.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// let stats = db.stats()?;
    /// assert_eq!((stats.live_records, stats.namespace_count, stats.dead_bytes), (1, 1, 0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn stats(&self) -> Result<EmdbStats> {
        Ok(EmdbStats::of(self.database()))
    }

    /// Runs `body` in a transaction: exclusive among writers, and atomic in every sense. `Ok`
    /// commits what it wrote; `Err` and a panic leave nothing of it. A crash leaves all of it or
    /// nothing, and every reader and iterator sees all of it or nothing.
    ///
    /// Plain writes of other threads wait meanwhile, for up to
    /// [`lock_timeout`](crate::EmdbBuilder::lock_timeout); reads don't. So `body` must not wait for a
    /// thread that writes. Inside `body`, on the same
    /// thread and database, reads, `flush` and opening an existing namespace work; every other
    /// write is refused with `TransactionActive`.
    ///
    /// A committed transaction is durable after `flush`, or at once under
    /// [`FlushPolicy::WriteThrough`](crate::FlushPolicy::WriteThrough). Staged writes are held
    /// in memory.
    ///
    /// A step that may fail while the rest is kept is a
    /// [`savepoint`](crate::Transaction::savepoint).
    ///
    /// # Errors
    /// The error that `body` returns, and those of [`Namespace::insert`]. `LockTimeout` when a
    /// transaction of another thread has not ended in time.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// use emdb::{Emdb, Error};
    ///
    /// let db = Emdb::open_in_memory();
    /// let log = db.namespace("log")?;
    /// // The compiler can't guess the error type of a body that only ends in `Ok(..)`.
    /// db.transaction(|tx| -> Result<(), Error> {
    ///     tx.insert("balance", "7")?;
    ///     tx.namespace(&log).insert("1", "set balance")?;
    ///     Ok(())
    /// })?;
    /// assert_eq!(log.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn transaction<T, E, F>(&self, body: F) -> Result<T, E>
    where
        F: for<'scope> FnOnce(&mut Transaction<'scope>) -> Result<T, E>,
        E: From<Error>,
    {
        transaction::run_in(WriteLock::acquire(self.engine())?, body)
    }

    /// As [`transaction`](Emdb::transaction), with a time for which it waits for other threads'
    /// transactions at the most, whatever [`lock_timeout`](crate::EmdbBuilder::lock_timeout) says.
    /// How long `body` then takes is not limited.
    ///
    /// # Errors
    /// As [`transaction`](Emdb::transaction); `LockTimeout` when the time is over, and `body` was not
    /// called.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use std::time::Duration;
    ///
    /// db.transaction_within(Duration::from_millis(250), |tx| tx.insert("key", "value"))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn transaction_within<T, E, F>(&self, limit: Duration, body: F) -> Result<T, E>
    where
        F: for<'scope> FnOnce(&mut Transaction<'scope>) -> Result<T, E>,
        E: From<Error>,
    {
        transaction::run_in(WriteLock::acquire_within(self.engine(), limit)?, body)
    }

    /// As [`transaction`](Emdb::transaction), but without waiting: `None` if another thread's
    /// transaction is open, or others have been waiting for their turn, and then `body` was not
    /// called.
    ///
    /// # Errors
    /// As [`transaction`](Emdb::transaction), without `LockTimeout`.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// match db.try_transaction(|tx| tx.insert("key", "value"))? {
    ///     Some(()) => println!("written"),
    ///     None => println!("somebody else writes; later"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_transaction<T, E, F>(&self, body: F) -> Result<Option<T>, E>
    where
        F: for<'scope> FnOnce(&mut Transaction<'scope>) -> Result<T, E>,
        E: From<Error>,
    {
        match WriteLock::acquire_within(self.engine(), Duration::ZERO) {
            Ok(write_lock) => transaction::run_in(write_lock, body).map(Some),
            Err(Error::LockTimeout { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// One committed state of all namespaces, to read from for as long as wanted. It copies
    /// nothing, keeps no writer waiting, and outlives every handle.
    ///
    /// While it lives, the memory for what it sees and nobody else does is kept: index entries of
    /// removed keys, namespaces that were cleared or dropped.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("balance", "7")?;
    /// let before = db.snapshot();
    /// db.insert("balance", "9")?;
    /// assert_eq!(before.get("balance")?, Some(b"7".to_vec()));
    /// assert_eq!(db.get("balance")?, Some(b"9".to_vec()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.engine())
    }
}
