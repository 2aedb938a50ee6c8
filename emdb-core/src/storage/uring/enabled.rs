//! A file that is written and synced through io_uring, with a kernel thread that polls.
//!
//! Two rings share the thread: one for writes, one for syncs, so that a write never waits behind
//! a sync. Each is used by one thread at a time, under its mutex, and is empty in between, but for
//! a sync that was begun with [`Medium::write_and_begin_sync`].
//!
//! Invariant: no call returns before the kernel has let go of the caller's bytes. So a thread
//! waits for completions whatever happens, and nothing on the way can unwind.

#![allow(unsafe_code)]

use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fmt, io};

use io_uring::squeue::{Entry, Flags};
use io_uring::types::{Fixed, FsyncFlags};
use io_uring::{IoUring, Probe, opcode};

use crate::os::fork::Process;
use crate::os::sync::lock;
use crate::storage::file::{FileDisk, FileMedium};
use crate::storage::{Disk, IoBackend, Map, Medium, Window};

/// Entries of a ring. It also bounds the kernel's workers, and a sync must leave one for a write.
const ENTRIES: u32 = 8;

/// The most that one write takes: the kernel's own limit.
const WRITE_MAX_BYTES: usize = 0x7FFF_F000;

/// The file, registered with each ring.
const FILE: Fixed = Fixed(0);

const WRITE: u64 = 1;
const SYNC: u64 = 2;

/// One ring.
struct Ring {
    ring: IoUring,
    /// Entries whose completion has not come yet.
    running: usize,
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("running", &self.running).finish_non_exhaustive()
    }
}

impl Ring {
    /// A ring that has been seen to work.
    fn new(file: &FileMedium, idle_ms: u32, beside: Option<&Ring>) -> io::Result<Ring> {
        let mut builder = IoUring::builder();
        builder.setup_sqpoll(idle_ms);
        if let Some(beside) = beside {
            builder.setup_attach_wq(beside.ring.as_raw_fd());
        }
        let mut ring = Ring { ring: builder.build(ENTRIES)?, running: 0 };
        let mut probe = Probe::new();
        ring.ring.submitter().register_probe(&mut probe)?;
        if ![opcode::Write::CODE, opcode::Fsync::CODE].iter().all(|op| probe.is_supported(*op)) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        ring.ring.submitter().register_files(&[file.file().as_raw_fd()])?;
        // SAFETY: nothing that it does touches memory.
        unsafe { ring.start(&[opcode::Nop::new().build()])? };
        // Asked in any case: a sandbox can allow the set-up and refuse this.
        ring.ring.submit_and_wait(1)?;
        match ring.next()? {
            (_, 0) => Ok(ring),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Hands `entries` to the kernel.
    ///
    /// # Safety
    /// The memory that they point to stays as it is until [`Ring::next`] has given the completion
    /// of each, or an error.
    unsafe fn start(&mut self, entries: &[Entry]) -> io::Result<()> {
        if self.running > 0 {
            return Err(io::Error::other("the ring is not empty"));
        }
        // SAFETY: by the caller.
        let pushed = unsafe { self.ring.submission().push_multiple(entries) };
        pushed.map_err(|_| io::Error::other("the ring is full"))?;
        self.running = entries.len();
        Ok(())
    }

    /// Waits for a completion: whose, and what came of it. An error means that the kernel has not
    /// taken what was started, and never will.
    fn next(&mut self) -> io::Result<(u64, i32)> {
        loop {
            if let Some(completion) = self.ring.completion().next() {
                self.running -= 1;
                return Ok((completion.user_data(), completion.result()));
            }
            // Wakes the kernel's thread if it sleeps.
            match self.ring.submit_and_wait(1) {
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    let untaken = self.ring.submission().len() == self.running;
                    if untaken && e.raw_os_error() == Some(libc::EOWNERDEAD) {
                        // The kernel's thread is gone. `running` keeps the ring from being used.
                        return Err(e);
                    }
                    // Short of memory for a moment; what was taken completes.
                    std::thread::sleep(Duration::from_micros(100));
                }
            }
        }
    }

    /// Writes all of `bytes`.
    fn write(&mut self, mut position: u64, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            // SAFETY: `next` is called for it while `bytes` is borrowed.
            unsafe { self.start(&[write_entry(position, bytes)])? };
            let written = written(self.next()?.1)?;
            bytes = &bytes[written..];
            position += written as u64;
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        loop {
            // SAFETY: a sync points to nothing.
            unsafe { self.start(&[sync_entry()])? };
            let synced = self.next()?.1;
            if synced != -libc::EINTR {
                return outcome(synced).map(drop);
            }
        }
    }
}

fn write_entry(position: u64, bytes: &[u8]) -> Entry {
    let len = bytes.len().min(WRITE_MAX_BYTES) as u32;
    opcode::Write::new(FILE, bytes.as_ptr(), len).offset(position).build().user_data(WRITE)
}

fn sync_entry() -> Entry {
    opcode::Fsync::new(FILE).flags(FsyncFlags::DATASYNC).build().user_data(SYNC)
}

/// A result of the kernel's.
fn outcome(result: i32) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))
}

/// The number of bytes of a write that went out, which was not empty; none if it is to be tried
/// again.
fn written(result: i32) -> io::Result<usize> {
    match result {
        0 => Err(io::ErrorKind::WriteZero.into()),
        result if result == -libc::EINTR => Ok(0),
        result if result == -libc::EAGAIN => {
            std::thread::yield_now();
            Ok(0)
        }
        result => outcome(result),
    }
}

/// A file with its rings.
#[derive(Debug)]
struct UringMedium {
    file: FileMedium,
    writes: Mutex<Ring>,
    syncs: Mutex<Ring>,
    origin: Process,
}

impl UringMedium {
    /// The file itself where the kernel refuses.
    fn over(file: FileMedium, idle_ms: u32) -> Arc<dyn Medium> {
        let rings = Ring::new(&file, idle_ms, None).and_then(|writes| {
            let syncs = Ring::new(&file, idle_ms, Some(&writes))?;
            Ok((Mutex::new(writes), Mutex::new(syncs)))
        });
        match rings {
            Ok((writes, syncs)) => {
                Arc::new(UringMedium { file, writes, syncs, origin: Process::current() })
            }
            Err(_) => Arc::new(file),
        }
    }

    /// A forked child shares the rings' memory with its parent: what it did would be done there.
    fn check_origin(&self) -> io::Result<()> {
        if self.origin.is_forked_child() { Err(io::ErrorKind::Unsupported.into()) } else { Ok(()) }
    }
}

impl Drop for UringMedium {
    fn drop(&mut self) {
        if self.origin.is_forked_child() {
            return;
        }
        for ring in [&self.writes, &self.syncs] {
            // A ring goes some time after its descriptor; the file is let go now.
            let _ = lock(ring).ring.submitter().unregister_files();
        }
    }
}

impl Medium for UringMedium {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        self.check_origin()?;
        lock(&self.writes).write(position, bytes)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn allocate(&self, from: u64, to: u64) -> io::Result<()> {
        self.file.allocate(from, to)
    }

    fn own_behind(&self, from: u64, to: u64) -> io::Result<()> {
        self.file.own_behind(from, to)
    }

    fn let_go(&self, map: &Map, from: u64, to: u64) {
        self.file.let_go(map, from, to);
    }

    fn sync(&self) -> io::Result<()> {
        self.check_origin()?;
        lock(&self.syncs).sync()
    }

    fn links(&self) -> bool {
        true
    }

    fn write_and_begin_sync(&self, position: u64, bytes: &[u8]) -> io::Result<bool> {
        self.check_origin()?;
        if bytes.is_empty() || bytes.len() > WRITE_MAX_BYTES {
            return self.write_at(position, bytes).map(|()| false);
        }
        let mut ring = lock(&self.syncs);
        let write = write_entry(position, bytes).flags(Flags::IO_LINK);
        // SAFETY: the write's completion is waited for while `bytes` is borrowed; the sync points
        // to nothing.
        unsafe { ring.start(&[write, sync_entry()])? };
        // The sync starts when the write is complete, so the write's completion comes first.
        let result = ring.next()?.1;
        if result as i64 == bytes.len() as i64 {
            return Ok(true);
        }
        // Failed, or not all of it went out: that cancels the sync.
        ring.next()?;
        drop(ring);
        let done = written(result)?;
        self.write_at(position + done as u64, &bytes[done..]).map(|()| false)
    }

    fn finish_sync(&self) -> io::Result<()> {
        self.check_origin()?;
        let mut ring = lock(&self.syncs);
        if ring.running == 0 {
            return ring.sync();
        }
        match ring.next()?.1 {
            synced if synced == -libc::EINTR => ring.sync(),
            synced => outcome(synced).map(drop),
        }
    }

    fn map(&self, len: u64) -> io::Result<Map> {
        self.file.map(len)
    }

    fn map_private(&self, len: u64) -> io::Result<Map> {
        self.file.map_private(len)
    }

    /// None, so that everything goes through the ring.
    fn window(&self, _start: u64, _len: usize) -> io::Result<Option<Window>> {
        Ok(None)
    }

    fn backend(&self) -> IoBackend {
        IoBackend::IoUring
    }
}

/// The file system, with rings for journals.
#[derive(Debug)]
struct UringDisk {
    idle_ms: u32,
}

pub(crate) fn files(idle_ms: u32) -> Box<dyn Disk> {
    Box::new(UringDisk { idle_ms })
}

impl Disk for UringDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn Medium>> {
        Ok(UringMedium::over(FileDisk.create_file(path)?, self.idle_ms))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn Medium>> {
        Ok(UringMedium::over(FileDisk.open_file(path)?, self.idle_ms))
    }

    fn open_read_only(&self, path: &Path) -> io::Result<Arc<dyn Medium>> {
        FileDisk.open_read_only(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        FileDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        FileDisk.remove(path)
    }

    fn is_replaceable(&self, path: &Path) -> bool {
        FileDisk.is_replaceable(path)
    }

    fn free_bytes(&self, path: &Path) -> Option<u64> {
        FileDisk.free_bytes(path)
    }

    fn imitate(&self, model: &Path, file: &Path) -> io::Result<()> {
        FileDisk.imitate(model, file)
    }

    fn sync_names(&self, path: &Path) -> io::Result<()> {
        FileDisk.sync_names(path)
    }

    /// A small file, written once, is not worth a ring.
    fn publish(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        FileDisk.publish(path, bytes)
    }
}
