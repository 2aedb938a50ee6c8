//! What all handles of one open database share.

use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::Store;
use crate::error::Result;

/// An open database; the last handle's drop closes it.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) store: Arc<Store>,
    /// As the user gave it.
    pub(crate) path: PathBuf,
}

impl Engine {
    pub(crate) fn new(store: Arc<Store>, path: PathBuf) -> Engine {
        Engine { store, path }
    }

    /// Leaves the file clean; with `durable` its checkpoint outlives a power cut.
    pub(crate) fn close(&self, durable: bool) -> Result<()> {
        self.store.shut(durable)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // A drop can't tell; `Emdb::close` does. What was flushed is safe either way.
        let _ = self.close(false);
    }
}
