//! Journal, index and namespaces together: one engine, with one lookup and one commit.

pub(crate) mod background;
pub(crate) mod commit;
pub(crate) mod decoded;
pub(crate) mod link;
pub(crate) mod namespaces;
pub(crate) mod open;
pub(crate) mod ordering;
pub(crate) mod read;
pub(crate) mod repair;
pub(crate) mod replay;
pub(crate) mod settings;
pub(crate) mod value_ref;
pub(crate) mod write_lock;
pub(crate) mod write_op;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::checkpoint::take::Checkpoints;
use crate::engine::background::Background;
use crate::engine::read::Time;
use crate::engine::settings::{AutoCompact, Settings};
use crate::error::{Error, Result};
use crate::journal::recovery::RecoveryReport;
use crate::journal::sync::Durability;
use crate::journal::writer::Tail;
use crate::maintenance::exclusive::MaintenanceLock;
use crate::mvcc::names::{Names, NamespaceState};
use crate::os::fork::Process;
use crate::os::sync::CachePadded;
use crate::storage::data_file::DataFile;

/// A database without its lock and its name.
#[derive(Debug)]
pub(crate) struct Engine {
    /// None in memory.
    pub(crate) file: Option<DataFile>,
    pub(crate) clock: Time,
    pub(crate) verify: bool,
    pub(crate) default_ttl: Option<Duration>,
    pub(crate) default_namespace: Arc<NamespaceState>,
    /// Opened for reading alone: the medium is never written.
    pub(crate) read_only: bool,
    /// Whether every namespace is to be ordered.
    pub(crate) orders_all: bool,
    pub(crate) names: Mutex<Names>,
    pub(crate) next_id: AtomicU32,
    pub(crate) maintenance: MaintenanceLock,
    pub(crate) auto_compact: Option<AutoCompact>,
    pub(crate) compactions: AtomicU64,
    pub(crate) compaction_failures: AtomicU64,
    /// The longest time that writers waited for the end of that, in microseconds.
    pub(crate) pause: AtomicU64,
    /// The append lock.
    pub(crate) tail: Mutex<Tail>,
    /// Told when a transaction ends.
    pub(crate) idle: Condvar,
    /// Behind the last record that a user wrote, as a sequence number; sync marks may follow.
    pub(crate) data_end: CachePadded<AtomicU64>,
    pub(crate) durability: Durability,
    pub(crate) background: Background,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) process: Process,
    pub(crate) recovery: Option<RecoveryReport>,
}

impl Engine {
    /// Ends the background, takes a checkpoint (`durable` or not), then leaves the file clean and
    /// lets go of the lock. In a forked child and the second time nothing is touched.
    pub(crate) fn shut(&self, durable: bool) -> Result<()> {
        if self.is_forked_child() {
            return Ok(());
        }
        self.background.stop();
        let Some(file) = &self.file else { return Ok(()) };
        file.close(|| {
            self.last_checkpoint(durable);
            self.close()
        })
    }

    /// What the maintenance of a database asks for first.
    pub(crate) fn check_maintenance(&self) -> Result<()> {
        if self.is_forked_child() {
            return Err(Error::config(
                "this process was forked from the one that opened the database; open it anew",
            ));
        }
        if self.is_owner() { Err(Error::TransactionActive) } else { Ok(()) }
    }

    /// The settings of an engine that this one is copied to.
    pub(crate) fn plain_settings(&self) -> Settings {
        Settings { range_scans: self.orders_all, ..Settings::default() }
    }

    /// Has what is copied here synced beside the copying.
    pub(crate) fn sync_meanwhile(self: &Arc<Engine>) {
        Background::start_sync(self, None);
    }

    /// Notes for how long writers had to wait.
    pub(crate) fn longest_pause(&self, pause: Duration) {
        self.pause.fetch_max(pause.as_micros() as u64, Ordering::Relaxed);
    }

    /// Whether this is a child forked after the open.
    pub(crate) fn is_forked_child(&self) -> bool {
        self.process.is_forked_child()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The thread holds the engine weakly, so it would wait for orders for ever. In a forked
        // child it does not exist, and its locks may be held.
        if !self.process.is_forked_child() {
            self.background.stop();
        }
    }
}
