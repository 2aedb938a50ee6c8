//! An open database: the engine with what looks after its file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::checkpoint::load::load;
use crate::checkpoint::state::{CheckpointKind, Checkpoints};
use crate::checkpoint::take::take;
use crate::engine::append_lock::Access;
use crate::engine::settings::{AutoCompact, Settings};
use crate::engine::{Engine, open};
use crate::error::{Error, Result};
use crate::maintenance::lock::MaintenanceLock;
use crate::maintenance::worker::MaintenanceWorker;
use crate::os::epochs::free_replaced;
use crate::storage::Disk;

/// For how long the end of an open waits for readers of this process to move on.
const LAST_WAIT: Duration = Duration::from_millis(20);

/// An open database.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) engine: Arc<Engine>,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) compactions: Compactions,
    /// The right to rewrite what lies on the disk.
    pub(crate) maintenance: MaintenanceLock,
    pub(crate) worker: MaintenanceWorker<Database>,
}

/// The compactions since the open.
#[derive(Debug, Default)]
pub(crate) struct Compactions {
    /// When to compact without being asked.
    pub(crate) auto: Option<AutoCompact>,
    done: AtomicU64,
    failed: AtomicU64,
    /// The longest time that writers waited for the end of one, in microseconds.
    pause_us: AtomicU64,
}

impl Compactions {
    /// Counts one that was made.
    pub(super) fn note_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one of the background that failed.
    pub(super) fn note_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes for how long writers had to wait.
    pub(super) fn note_pause(&self, pause: Duration) {
        self.pause_us.fetch_max(pause.as_micros() as u64, Ordering::Relaxed);
    }

    /// How many were made.
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// How many of the background failed.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// The longest time that writers waited.
    pub(crate) fn pause(&self) -> Duration {
        Duration::from_micros(self.pause_us.load(Ordering::Relaxed))
    }
}

impl Database {
    fn new(settings: &Settings, engine: Arc<Engine>, checkpoint: Option<(u64, u64)>) -> Database {
        Database {
            engine,
            checkpoints: Checkpoints::new(checkpoint),
            compactions: Compactions { auto: settings.auto_compact, ..Compactions::default() },
            maintenance: MaintenanceLock::default(),
            worker: MaintenanceWorker::default(),
        }
    }

    /// A database in memory.
    pub(crate) fn in_memory(settings: &Settings) -> Result<Arc<Database>> {
        let database = Arc::new(Database::new(settings, open::in_memory(settings)?, None));
        database.start_maintaining();
        Ok(database)
    }

    /// The database in the file at `path`, which the caller has locked, and made if it was absent or
    /// empty and is not to be read alone.
    pub(crate) fn on_disk(
        settings: &Settings,
        disk: Arc<dyn Disk>,
        path: &Path,
    ) -> Result<Arc<Database>> {
        let (engine, checkpoint) = open::on_disk(settings, disk, path, &load)?;
        let database = Arc::new(Database::new(settings, engine, checkpoint));
        if !settings.read_only {
            database.start_maintaining();
        }
        Ok(database)
    }

    /// Refuses maintenance in a forked child and inside a transaction.
    pub(crate) fn check(&self) -> Result<()> {
        self.engine.check_process()?;
        if self.engine.append_lock.is_owner() { Err(Error::TransactionActive) } else { Ok(()) }
    }

    /// Writes an image of what is committed now. Ended early when `stopped`.
    pub(crate) fn checkpoint(
        &self,
        kind: CheckpointKind,
        stopped: impl Fn() -> bool,
    ) -> Result<()> {
        if self.engine.file.is_none() {
            return Ok(());
        }
        // A transaction of this thread is told so; nobody who waits for it must have the right.
        drop(self.engine.lock_for_writing(Access::Plain)?);
        let _guard = self.maintenance.acquire(self.engine.lock_family)?;
        take(&self.engine, &self.checkpoints, kind, &stopped)
    }

    /// Ends the background, takes a checkpoint (one that lasts if `durable`), then leaves the file
    /// clean and lets go of the lock. In a forked child and the second time nothing is touched.
    pub(crate) fn close(&self, durable: bool) -> Result<()> {
        let engine = &self.engine;
        if engine.is_forked_child() {
            return Ok(());
        }
        self.worker.stop();
        engine.background.stop();
        let Some(file) = &engine.file else { return Ok(()) };
        file.close(|| {
            if self.checkpoints.is_due_at_close(engine.data_end()) {
                let kind = if durable { CheckpointKind::Durable } else { CheckpointKind::Closing };
                // The journal has it all; the next open reads that.
                let _ = self.checkpoint(kind, || false);
            }
            engine.close()
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // As for the threads of the engine.
        if !self.engine.is_forked_child() {
            self.worker.stop();
            // Parts of an index, and files that have been replaced: whoever closes a database may do
            // nothing more that would free them.
            free_replaced(LAST_WAIT);
        }
    }
}
