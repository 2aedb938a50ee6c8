//! A medium that is read alone: whatever would change it is refused before it is asked.

use std::io;
use std::sync::Arc;

use crate::storage::{IoBackend, Map, Medium, Window};

#[derive(Debug)]
pub(crate) struct ReadOnly(pub(crate) Arc<dyn Medium>);

fn refused<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl Medium for ReadOnly {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn write_at(&self, _position: u64, _bytes: &[u8]) -> io::Result<()> {
        refused()
    }

    fn set_len(&self, _len: u64) -> io::Result<()> {
        refused()
    }

    fn allocate(&self, _from: u64, _to: u64) -> io::Result<()> {
        refused()
    }

    /// A sync writes what others have left unsynced, so that is refused as well.
    fn sync(&self) -> io::Result<()> {
        refused()
    }

    fn map(&self, len: u64) -> io::Result<Map> {
        self.0.map(len)
    }

    fn map_private(&self, len: u64) -> io::Result<Map> {
        self.0.map_private(len)
    }

    fn let_go(&self, map: &Map, from: u64, to: u64) {
        self.0.let_go(map, from, to);
    }

    fn window(&self, _start: u64, _len: usize) -> io::Result<Option<Window>> {
        refused()
    }

    fn backend(&self) -> IoBackend {
        self.0.backend()
    }
}
