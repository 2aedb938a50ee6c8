//! Journal, index and namespaces together: one store, with one lookup and one commit.

mod background;
mod checkpoint;
pub(crate) mod commit;
mod durability;
mod expiries;
mod image;
mod maintain;
pub(crate) mod names;
pub(crate) mod namespaces;
pub(crate) mod open;
pub(crate) mod order;
pub(crate) mod read;
pub(crate) mod recovery;
mod replay;
mod rescue;
mod site;
#[cfg(feature = "ttl")]
mod sweep;
mod tail;
pub(crate) mod transact;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::fork::Origin;
use crate::generation::{Generation, Pins};
use crate::sync::Padded;
use crate::view::Views;
use background::Background;
use checkpoint::Checkpoints;
use durability::Durability;
use names::{Names, NamespaceState};
use read::Time;
use recovery::RecoveryReport;
use site::Site;
use tail::Tail;

/// A database without its lock and its name.
#[derive(Debug)]
pub(crate) struct Store {
    generation: Arc<Generation>,
    pins: Pins,
    pub(crate) clock: Time,
    views: Arc<Views>,
    verify: bool,
    pub(crate) default_ttl: Option<Duration>,
    pub(crate) default_namespace: Arc<NamespaceState>,
    /// Whether every namespace is to be ordered.
    pub(crate) orders_all: bool,
    pub(crate) names: Mutex<Names>,
    next_id: AtomicU32,
    /// The append lock.
    tail: Mutex<Tail>,
    /// Told when a transaction ends.
    idle: Condvar,
    /// Behind the last record that a user wrote; sync marks may follow.
    data_end: Padded<AtomicU64>,
    durability: Durability,
    background: Background,
    /// None in memory.
    site: Option<Site>,
    pub(crate) checkpoints: Checkpoints,
    origin: Origin,
    pub(crate) recovery: Option<RecoveryReport>,
}

impl Store {
    /// Ends the background, takes a checkpoint (`durable` or not), then leaves the file clean. In a
    /// forked child nothing is touched.
    pub(crate) fn shut(&self, durable: bool) -> crate::error::Result<()> {
        if self.origin.is_elsewhere() {
            return Ok(());
        }
        self.background.stop();
        self.last_checkpoint(durable);
        self.close()
    }

    /// Whether this is a child forked after the open.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.origin.is_elsewhere()
    }

    /// A pin for values that are borrowed from the journal.
    #[inline]
    pub(crate) fn pin(&self) -> &Arc<crate::generation::Pin> {
        self.pins.get()
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
