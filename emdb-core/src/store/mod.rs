//! Journal, index and namespaces together: one store, with one lookup and one commit.

mod background;
pub(crate) mod backup;
mod catch_up;
pub(crate) mod checkpoint;
pub(crate) mod commit;
pub(crate) mod compact;
#[cfg(feature = "encrypt")]
mod convert;
pub(crate) mod copy;
mod durability;
pub(crate) mod entry;
mod expiries;
pub(crate) mod generation;
mod helper;
mod image;
mod image_writer;
pub(crate) mod link;
mod maintain;
pub(crate) mod names;
pub(crate) mod namespaces;
pub(crate) mod open;
pub(crate) mod order;
pub(crate) mod read;
pub(crate) mod recovery;
mod replay;
mod rescue;
pub(crate) mod salvage;
mod scan;
pub(crate) mod site;
pub(crate) mod step;
#[cfg(feature = "ttl")]
mod sweep;
mod tail;
pub(crate) mod transact;
mod unlock;
mod upkeep;
pub(crate) mod verify;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::fork::Origin;
use crate::settings::{AutoCompact, Settings};
use crate::sync::Padded;
use background::Background;
use checkpoint::Checkpoints;
use durability::Durability;
use names::{Names, NamespaceState};
use read::Time;
use recovery::RecoveryReport;
use site::Site;
use tail::Tail;
use upkeep::Upkeep;

/// A database without its lock and its name.
#[derive(Debug)]
pub(crate) struct Store {
    /// None in memory.
    pub(crate) site: Option<Site>,
    pub(crate) clock: Time,
    verify: bool,
    pub(crate) default_ttl: Option<Duration>,
    pub(crate) default_namespace: Arc<NamespaceState>,
    /// Opened for reading alone: the medium is never written.
    read_only: bool,
    /// Whether every namespace is to be ordered.
    pub(crate) orders_all: bool,
    pub(crate) names: Mutex<Names>,
    next_id: AtomicU32,
    upkeep: Upkeep,
    auto_compact: Option<AutoCompact>,
    compactions: AtomicU64,
    compaction_failures: AtomicU64,
    /// The longest time that writers waited for the end of that, in microseconds.
    pause: AtomicU64,
    /// The append lock.
    tail: Mutex<Tail>,
    /// Told when a transaction ends.
    idle: Condvar,
    /// Behind the last record that a user wrote, as a sequence number; sync marks may follow.
    data_end: Padded<AtomicU64>,
    durability: Durability,
    background: Background,
    pub(crate) checkpoints: Checkpoints,
    origin: Origin,
    pub(crate) recovery: Option<RecoveryReport>,
}

impl Store {
    /// Ends the background, takes a checkpoint (`durable` or not), then leaves the file clean and
    /// lets go of the lock. In a forked child and the second time nothing is touched.
    pub(crate) fn shut(&self, durable: bool) -> Result<()> {
        if self.is_elsewhere() {
            return Ok(());
        }
        self.background.stop();
        let Some(site) = &self.site else { return Ok(()) };
        site.close(|| {
            self.last_checkpoint(durable);
            self.close()
        })
    }

    /// What the maintenance of a database asks for first.
    pub(crate) fn check_maintenance(&self) -> Result<()> {
        if self.is_elsewhere() {
            return Err(Error::config(
                "this process was forked from the one that opened the database; open it anew",
            ));
        }
        if self.is_owner() { Err(Error::TransactionActive) } else { Ok(()) }
    }

    /// The settings of a store that this one is copied to.
    pub(crate) fn plain_settings(&self) -> Settings {
        Settings { range_scans: self.orders_all, ..Settings::default() }
    }

    /// Has what is copied here synced beside the copying.
    fn sync_meanwhile(self: &Arc<Store>) {
        Background::start_sync(self, None);
    }

    /// Notes for how long writers had to wait.
    fn longest_pause(&self, pause: Duration) {
        self.pause.fetch_max(pause.as_micros() as u64, Ordering::Relaxed);
    }

    /// Whether this is a child forked after the open.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.origin.is_elsewhere()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // The thread holds the store weakly, so it would wait for orders for ever. In a forked
        // child it does not exist, and its locks may be held.
        if !self.origin.is_elsewhere() {
            self.background.stop();
        }
    }
}
