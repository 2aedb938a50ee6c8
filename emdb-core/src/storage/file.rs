//! Files: mapped for reading everywhere, and for writing where that is safe.
//!
//! Writes through a mapping are safe only where allocated blocks are really reserved, since a
//! write to a hole on a full disk kills the process. So a window is given on ext4, xfs and tmpfs
//! under Linux; elsewhere the journal is written with positional writes.

#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

use memmap2::{MmapOptions, MmapRaw};

use crate::error::named;
use crate::os::paths;
use crate::storage::read_only::ReadOnly;
use crate::storage::{Disk, IoBackend, Keep, Map, Medium, Window};

/// Address space for a mapping of a small file, so that growth seldom needs a new one.
const MAP_MIN_BYTES: u64 = 1 << 30;

/// The length of a window: more than any single record but the largest.
const WINDOW_MIN_BYTES: usize = 16 << 20;

const PAGE_BYTES: u64 = 4096;

/// One write of zeros. In larger pieces the page cache takes larger folios, which makes the first
/// touch of the window cheaper, but each sync then writes a whole folio for one record.
const ZEROS_BYTES: usize = 4096;

#[derive(Debug)]
pub(crate) struct FileMedium {
    file: File,
    mapped_writes: bool,
}

impl FileMedium {
    pub(crate) fn new(file: File) -> FileMedium {
        let mapped_writes = reserves_blocks(&file);
        FileMedium { file, mapped_writes }
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

impl Medium for FileMedium {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        write_all_at(&self.file, bytes, position)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn allocate(&self, from: u64, to: u64) -> io::Result<()> {
        let grown = grow(&self.file, from, to);
        if grown.is_err() {
            // Blocks behind the former end would stay reserved; without them the file is as it
            // was. If even this fails, the file is longer by zeros, which recovery drops.
            let _ = self.file.set_len(from);
        }
        grown
    }

    fn own_behind(&self, from: u64, to: u64) -> io::Result<()> {
        if self.mapped_writes { reserve(&self.file, from, to, false) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn map(&self, len: u64) -> io::Result<Map> {
        // A mapping may reach behind the end of a file; its bytes appear as the file grows. Not
        // so on Windows, where each growth maps again.
        let generous =
            if cfg!(unix) { (2 * len).next_power_of_two().max(MAP_MIN_BYTES) } else { len };
        let exact = len.max(1);
        match read_only(&self.file, generous) {
            // Address space can be limited; then the smallest mapping that serves.
            Err(_) if generous > exact => read_only(&self.file, exact),
            result => result,
        }
    }

    fn map_private(&self, len: u64) -> io::Result<Map> {
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
        // SAFETY: the file is an image, which is never written to once it has its name. As with
        // all mappings here, a foreign process that writes to it or cuts it is not defended
        // against; what it writes fails the checksums or is served as it stands.
        let mut map =
            unsafe { MmapOptions::new().no_reserve_swap().len(len).map_copy(&self.file)? };
        let base = map.as_mut_ptr();
        Ok(Map { base, len, _owner: Box::new(map) })
    }

    fn window(&self, start: u64, len: usize) -> io::Result<Option<Window>> {
        if !self.mapped_writes {
            return Ok(None);
        }
        let first = start / PAGE_BYTES * PAGE_BYTES;
        let len = (len + (start - first) as usize).max(WINDOW_MIN_BYTES);
        let map = MmapOptions::new().offset(first).len(len).map_raw(&self.file)?;
        Ok(Some(Window { start: first, map: keep(map) }))
    }

    #[cfg(unix)]
    fn let_go(&self, map: &Map, from: u64, to: u64) {
        // Whatever the system's pages are, they are no larger.
        const WHOLE_BYTES: u64 = 64 << 10;
        let (from, to) = (from.next_multiple_of(WHOLE_BYTES), to / WHOLE_BYTES * WHOLE_BYTES);
        if from < to && to <= map.len as u64 {
            let first = map.base.wrapping_add(from as usize);
            // SAFETY: these pages lie in a shared mapping of this file, so what is in them is the
            // file's, and comes from there again when it is next read.
            unsafe { libc::madvise(first.cast(), (to - from) as usize, libc::MADV_DONTNEED) };
        }
    }

    fn backend(&self) -> IoBackend {
        if self.mapped_writes { IoBackend::Mapped } else { IoBackend::Positional }
    }
}

fn read_only(file: &File, len: u64) -> io::Result<Map> {
    let len = usize::try_from(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
    Ok(keep(MmapOptions::new().len(len).map_raw_read_only(file)?))
}

fn keep(map: MmapRaw) -> Map {
    let (base, len) = (map.as_mut_ptr(), map.len());
    let owner: Box<dyn Keep> = Box::new(map);
    Map { base, len, _owner: owner }
}

/// Zeros that own their space, written rather than merely allocated: a first write to a block
/// that is allocated but unwritten costs the file system a journal commit at the next sync.
fn grow(file: &File, from: u64, to: u64) -> io::Result<()> {
    reserve(file, from, to, true)?;
    let zeros = vec![0; ZEROS_BYTES.min((to - from) as usize)];
    let mut at = from;
    while at < to {
        let piece = zeros.len().min((to - at) as usize);
        write_all_at(file, &zeros[..piece], at)?;
        at += piece as u64;
    }
    Ok(())
}

/// Reserves the blocks of these bytes, with which the file grows or not.
#[cfg(target_os = "linux")]
fn reserve(file: &File, from: u64, to: u64, grows: bool) -> io::Result<()> {
    use rustix::fs::FallocateFlags;
    let flags = if grows { FallocateFlags::empty() } else { FallocateFlags::KEEP_SIZE };
    match rustix::fs::fallocate(file, flags, from, to - from) {
        // Not every file system can; zeros that are written reserve as well.
        Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn reserve(_file: &File, _from: u64, _to: u64, _grows: bool) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, position)
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut position: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, position) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                bytes = &bytes[n..];
                position += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn reserves_blocks(file: &File) -> bool {
    const EXT: u64 = 0xEF53;
    const XFS: u64 = 0x5846_5342;
    const TMPFS: u64 = 0x0102_1994;
    rustix::fs::fstatfs(file).is_ok_and(|s| matches!(s.f_type as u64, EXT | XFS | TMPFS))
}

#[cfg(not(target_os = "linux"))]
fn reserves_blocks(_file: &File) -> bool {
    false
}

/// The file system.
#[derive(Debug)]
pub(crate) struct FileDisk;

impl FileDisk {
    /// See [`Disk::create`].
    pub(crate) fn create_file(&self, path: &Path) -> io::Result<FileMedium> {
        self.remove(path)?;
        let mut options = OpenOptions::new();
        let new = options.read(true).write(true).create_new(true);
        let made = paths::private(new).open(path).map_err(named("make", path));
        Ok(FileMedium::new(made?))
    }

    /// See [`Disk::open`].
    pub(crate) fn open_file(&self, path: &Path) -> io::Result<FileMedium> {
        let opened = OpenOptions::new().read(true).write(true).open(path);
        Ok(FileMedium::new(opened.map_err(named("open for writing", path))?))
    }
}

impl Disk for FileDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn Medium>> {
        Ok(Arc::new(self.create_file(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn Medium>> {
        Ok(Arc::new(self.open_file(path)?))
    }

    fn open_read_only(&self, path: &Path) -> io::Result<Arc<dyn Medium>> {
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            // A pipe of that name would wait for somebody to write.
            options.custom_flags(libc::O_NONBLOCK);
        }
        let file = options.read(true).open(path).map_err(named("open", path))?;
        Ok(Arc::new(ReadOnly(Arc::new(FileMedium::new(file)))))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to).map_err(named("give a new file the name", to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match std::fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(named("remove", path)(e)),
            _ => Ok(()),
        }
    }

    #[cfg(target_os = "linux")]
    fn is_replaceable(&self, path: &Path) -> bool {
        use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
        let root = StatxAttributes::MOUNT_ROOT;
        // Older kernels don't tell; there the rename does.
        let found = statx(CWD, path, AtFlags::empty(), StatxFlags::TYPE);
        !found.is_ok_and(|found| found.stx_attributes.contains(root))
    }

    #[cfg(target_os = "linux")]
    fn free_bytes(&self, path: &Path) -> Option<u64> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let space = rustix::fs::statvfs(folder.unwrap_or(Path::new("."))).ok()?;
        Some(space.f_bavail.saturating_mul(space.f_frsize))
    }

    #[cfg(not(target_os = "linux"))]
    fn free_bytes(&self, _path: &Path) -> Option<u64> {
        None
    }

    #[cfg(unix)]
    fn imitate(&self, model: &Path, file: &Path) -> io::Result<()> {
        use std::os::unix::fs::{MetadataExt, chown};
        let (old, new) = (std::fs::metadata(model)?, std::fs::metadata(file)?);
        if old.nlink() > 1 {
            return Err(io::Error::other(
                "the data file has several names (hard links), of which only one would lead to the \
                 new file; remove the others first",
            ));
        }
        if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
            chown(file, Some(old.uid()), Some(old.gid()))
                .map_err(named("give the owner of the data file to", file))?;
        }
        std::fs::set_permissions(file, old.permissions())
            .map_err(named("give the mode of the data file to", file))
    }

    #[cfg(not(unix))]
    fn imitate(&self, _model: &Path, _file: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_names(&self, path: &Path) -> io::Result<()> {
        if cfg!(unix) {
            let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
            let folder = parent.unwrap_or(Path::new("."));
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            synced.map_err(named("sync the folder", folder))?;
        }
        Ok(())
    }
}
