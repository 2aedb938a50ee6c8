//! What all handles of one open database share.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::error::Result;
use crate::lock::FileLock;
use crate::store::Store;
use crate::sync;

/// An open database; the last handle's drop closes it.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) store: Arc<Store>,
    /// None in memory, and once closed.
    lock: Mutex<Option<FileLock>>,
    /// As the user gave it.
    pub(crate) path: PathBuf,
}

impl Engine {
    pub(crate) fn new(store: Arc<Store>, lock: Option<FileLock>, path: PathBuf) -> Engine {
        Engine { store, lock: Mutex::new(lock), path }
    }

    /// Leaves the file clean; with `durable` its checkpoint outlives a power cut.
    pub(crate) fn close(&self, durable: bool) -> Result<()> {
        let Some(lock) = sync::lock(&self.lock).take() else { return Ok(()) };
        let closed = self.store.shut(durable);
        if !self.store.is_elsewhere() {
            lock.release();
        }
        closed
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // A drop can't tell; `Emdb::close` does. What was flushed is safe either way.
        let _ = self.close(false);
    }
}
