//! What all handles of one open database share.

use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::Engine;
use crate::error::Result;

/// An open database; the last handle's drop closes it.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) engine: Arc<Engine>,
    /// As the user gave it.
    pub(crate) path: PathBuf,
}

impl Database {
    pub(crate) fn new(engine: Arc<Engine>, path: PathBuf) -> Database {
        Database { engine, path }
    }

    /// Leaves the file clean; with `durable` its checkpoint outlives a power cut.
    pub(crate) fn close(&self, durable: bool) -> Result<()> {
        self.engine.shut(durable)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A drop can't tell; `Emdb::close` does. What was flushed is safe either way.
        let _ = self.close(false);
    }
}
