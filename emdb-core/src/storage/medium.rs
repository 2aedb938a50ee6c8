//! The seam to the medium below: the bytes of one journal, and the names above them.

#![allow(unsafe_code)]

use std::io;
use std::path::Path;
use std::sync::Arc;

use memmap2::MmapOptions;

use crate::os::paths;

/// Readable bytes that stay where they are, and readable, until this is dropped.
#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) base: *mut u8,
    pub(crate) len: usize,
    /// Unmaps when dropped.
    pub(crate) _owner: Box<dyn Keep>,
}

/// Bytes from which on memory gets a mapping of its own.
const OWN_MIN_BYTES: usize = 128 << 10;

// SAFETY: the owner keeps the bytes in place and can be sent and shared; who reads and writes them,
// and how, each user of a map says.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

impl Map {
    /// Memory of its own that `fill` fills, from zeros. None if that fails, or there is no memory.
    pub(crate) fn filled(len: usize, fill: impl FnOnce(&mut [u8]) -> Option<()>) -> Option<Map> {
        let mut map = MmapOptions::new().len(len).map_anon().ok()?;
        fill(&mut map)?;
        let base = map.as_mut_ptr();
        Some(Map { base, len, _owner: Box::new(map) })
    }

    /// Memory of its own, of zeros, that goes back to the system when it is dropped; an allocator would
    /// keep it for whoever comes next. With `at_once` all of it is there, since all will be written to,
    /// or else what is written to. None for so little that an allocator has a better place for it, or if
    /// there is no memory.
    pub(crate) fn own(len: usize, at_once: bool) -> Option<Map> {
        if len < OWN_MIN_BYTES {
            return None;
        }
        let mut options = MmapOptions::new();
        if at_once {
            // One call rather than a fault for each page.
            options.populate();
        }
        let mut map = options.len(len).map_anon().ok()?;
        let base = map.as_mut_ptr();
        Some(Map { base, len, _owner: Box::new(map) })
    }

    /// `len` bytes at `at`, for a mapping that nobody writes to as long as they are borrowed.
    pub(crate) fn bytes(&self, at: u64, len: u64) -> Option<&[u8]> {
        let end = at.checked_add(len)?;
        if end > self.len as u64 {
            return None;
        }
        // SAFETY: they lie in the mapping, which stays as long as `self`.
        Some(unsafe { std::slice::from_raw_parts(self.base.add(at as usize), len as usize) })
    }
}

/// The owner that keeps a [`Map`]'s bytes in place.
pub(crate) trait Keep: Send + Sync + std::fmt::Debug {}
impl<T: Send + Sync + std::fmt::Debug> Keep for T {}

/// One journal's bytes, by position.
pub(crate) trait Medium: Send + Sync + std::fmt::Debug {
    /// The present length.
    fn len(&self) -> io::Result<u64>;

    /// Writes all of `bytes`, growing the medium if they end behind its end.
    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the medium, or grows it with zeros that own no space.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Grows the medium from `from` (its length) to `to` with zeros that own their space. When
    /// it fails, the medium has its former length.
    fn allocate(&self, from: u64, to: u64) -> io::Result<()>;

    /// Has the medium own the space of the bytes from `from`, at or behind its end, to `to`, without growing.
    /// It does nothing where that can't be had otherwise.
    fn own_behind(&self, _from: u64, _to: u64) -> io::Result<()> {
        Ok(())
    }

    /// Everything written before the call is on stable storage when it returns.
    fn sync(&self) -> io::Result<()>;

    /// Whether a write and a sync behind it can be begun as one.
    fn links(&self) -> bool {
        false
    }

    /// As [`Medium::write_at`], and begins a sync behind the write, which is not waited for; tells
    /// whether it has. If so, [`Medium::finish_sync`] is called before any other sync.
    fn write_and_begin_sync(&self, position: u64, bytes: &[u8]) -> io::Result<bool> {
        self.write_at(position, bytes).map(|()| false)
    }

    /// Waits for the sync that was begun: what was written until then is on stable storage when it
    /// returns.
    fn finish_sync(&self) -> io::Result<()> {
        self.sync()
    }

    /// Bytes from position 0, readable, at least `len` of them and as many more as come for
    /// nothing; those behind the medium's end must not be touched before it has grown there.
    fn map(&self, len: u64) -> io::Result<Map>;

    /// The first `len` bytes of the medium, all of which exist, as a copy of one's own: it can be
    /// written to, and the medium doesn't change with it. Only what is written takes memory, where
    /// that can be had.
    fn map_private(&self, len: u64) -> io::Result<Map>;

    /// A writable window on the bytes from `start`, `len` or more of them, if this medium can
    /// bear writes through memory. The same rule holds for bytes behind the end.
    fn window(&self, start: u64, len: usize) -> io::Result<Option<Window>>;

    /// Gives back the memory that the bytes from `from` to `to` of a mapping of this medium take, as far
    /// as they can be read again: they are as they were to whoever reads them.
    fn let_go(&self, _map: &Map, _from: u64, _to: u64) {}

    /// The way that writes take, for `stats`.
    fn backend(&self) -> IoBackend;
}

/// A writable window on a medium.
#[derive(Debug)]
pub(crate) struct Window {
    /// The position of the first byte.
    pub(crate) start: u64,
    pub(crate) map: Map,
}

/// The names above the media.
pub(crate) trait Disk: Send + Sync + std::fmt::Debug {
    /// Makes an empty file, readable by its owner alone. A file left over of that name is unlinked,
    /// not followed or written to.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn Medium>>;

    /// Opens an existing file for reading and writing, alone.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn Medium>>;

    /// Opens an existing file for reading. The medium that this gives refuses writes.
    fn open_read_only(&self, path: &Path) -> io::Result<Arc<dyn Medium>>;

    /// Gives the file `from` the name `to`, which another file may have lost thereby.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Unlinks the file, if it exists.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Gives the file the mode and owner of `model`, whose name it is to take; refused if `model`
    /// has other names, which would go on meaning the former file.
    fn imitate(&self, model: &Path, file: &Path) -> io::Result<()>;

    /// Whether another file can be given the name of the one at `path`: not if that is mounted by itself.
    fn is_replaceable(&self, _path: &Path) -> bool {
        true
    }

    /// The bytes that are free for new files beside `path`; none where that can't be told.
    fn free_bytes(&self, path: &Path) -> Option<u64>;

    /// The present start of the machine: bytes written and not synced in another one may be lost.
    /// None where that can't be told.
    fn boot(&self) -> Option<[u8; 16]> {
        crate::os::boot::id()
    }

    /// Makes the names in the directory of `path` durable.
    fn sync_names(&self, path: &Path) -> io::Result<()>;

    /// Makes `path` a new file of these bytes that appears whole or not at all: by way of a
    /// temporary name, a sync, a rename and a sync of the directory.
    fn publish(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let temp = paths::sibling(path, paths::suffix::TEMPORARY);
        let written = self.create(&temp).and_then(|file| {
            file.write_at(0, bytes)?;
            file.sync()
        });
        let published = written.and_then(|()| self.rename(&temp, path));
        if published.is_err() {
            let _ = self.remove(&temp);
        }
        published?;
        self.sync_names(path)
    }
}

/// The way a database writes its journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IoBackend {
    /// Records are encoded into a mapped window of the file.
    Mapped,
    /// Records are written with positional writes.
    Positional,
    /// Records are written, and synced, through an io_uring.
    IoUring,
    /// There is no file: an in-memory database.
    Memory,
}
