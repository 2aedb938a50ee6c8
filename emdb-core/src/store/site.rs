//! Where a store's file lies.

use std::path::PathBuf;
use std::sync::Arc;

use crate::paths;
use crate::storage::Disk;

/// The names above a store's file.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) path: PathBuf,
}

impl Site {
    /// The checkpoint of the data file at `path`.
    pub(crate) fn image_of(path: &std::path::Path) -> PathBuf {
        paths::sibling(path, ".meta")
    }
}
