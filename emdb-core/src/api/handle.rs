//! The state that all handles of one open database share.

use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::Engine;
use crate::error::Result;
use crate::maintenance::database::Database;

/// An open database; the last handle's drop closes it.
#[derive(Debug)]
pub(crate) struct Handle {
    /// That of the database, a step nearer.
    pub(crate) engine: Arc<Engine>,
    pub(crate) database: Arc<Database>,
    /// As the user gave it.
    pub(crate) path: PathBuf,
}

impl Handle {
    pub(crate) fn new(database: Arc<Database>, path: PathBuf) -> Handle {
        Handle { engine: database.engine.clone(), database, path }
    }

    /// Leaves the file clean; with `durable` its checkpoint outlives a power cut.
    pub(crate) fn close(&self, durable: bool) -> Result<()> {
        self.database.close(durable)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // A drop can't tell; `Emdb::close` does. Flushed writes are safe either way.
        let _ = self.close(false);
    }
}
