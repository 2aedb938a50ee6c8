//! A simulated disk for tests: it forgets what was not synced, as a power cut does.
//!
//! A file has the bytes that the page cache shows and the bytes that are on the platter. A sync
//! carries the first to the second, and one that fails leaves the page cache as it is but forgets
//! that it was dirty, as Linux does; a power cut keeps, sector by sector, the old or the new
//! bytes, and sometimes a mixture within a sector, in any order. Names have the same two states.
//! The disk can fail at the n-th operation, for good or for once, and can be full.

#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub(crate) use emdb_testing::Random;

use crate::os::sync::lock;
use crate::storage::read_only::ReadOnly;
use crate::storage::{Disk, IoBackend, Map, Medium, Window};

/// Sectors are written whole or not, but for the torn one.
const SECTOR_BYTES: usize = 512;

/// The largest file; its memory never moves, as that of a mapping.
const CAPACITY_BYTES: usize = 1 << 20;
/// The same on a roomy disk, whose files take longer to make.
const ROOMY_CAPACITY_BYTES: usize = 8 << 20;

/// The faults that a disk is to have.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    /// Operations (writes, syncs, allocations, cuts) until one fails.
    pub(crate) fail_in: Option<u64>,
    /// Whether the power is gone from then on.
    pub(crate) for_good: bool,
    /// The disk holds no file beyond this length.
    pub(crate) room: Option<u64>,
    /// All files together have no more than this.
    pub(crate) capacity: Option<u64>,
    /// No more than this can be mapped.
    pub(crate) address_space: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    dead: bool,
    /// Writes that failed half-way are decided by this.
    seed: u64,
    /// How often the power has gone.
    boots: u8,
    cached: BTreeMap<PathBuf, Arc<SimFile>>,
    stored: BTreeMap<PathBuf, Arc<SimFile>>,
    pub(crate) syncs: u64,
    before_names: Option<Hook>,
}

/// A call that a test wants to be made at some operation.
struct Hook(Box<dyn FnOnce() + Send>);

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

impl State {
    /// The bytes of all files that have names.
    fn used(&self) -> u64 {
        self.cached.values().map(|file| lock(&file.rest).len).sum()
    }

    /// Counts an operation; fails the one that is due.
    fn step(&mut self) -> io::Result<()> {
        if self.dead {
            return Err(io::Error::other("the power is gone"));
        }
        if let Some(left) = &mut self.faults.fail_in {
            if *left == 0 {
                self.dead = self.faults.for_good;
                self.faults.fail_in = None;
                return Err(io::Error::other("simulated failure"));
            }
            *left -= 1;
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct SimDisk {
    state: Arc<Mutex<State>>,
    /// Whether files give windows.
    pub(crate) mapped: bool,
    /// Whether the tests' databases on it are encrypted.
    pub(crate) sealed: bool,
    /// Whether files may be large.
    pub(crate) roomy: bool,
}

#[derive(Debug)]
struct Bytes<B = Box<[u8]>>(UnsafeCell<B>);

// SAFETY: as with mapped memory, who writes where is the engine's business.
unsafe impl<B> Sync for Bytes<B> {}
// SAFETY: plain bytes.
unsafe impl<B> Send for Bytes<B> {}

const PAGE_BYTES: usize = 4096;

/// Bytes that begin where a page does, as those of a mapping.
#[derive(Debug)]
#[repr(align(4096))]
struct Page(#[allow(dead_code)] [u8; PAGE_BYTES]);

impl Page {
    fn of(bytes: &[u8]) -> Page {
        let mut page = [0; PAGE_BYTES];
        page[..bytes.len()].copy_from_slice(bytes);
        Page(page)
    }
}

#[derive(Debug)]
struct SimFile {
    /// The bytes that the page cache shows.
    bytes: Arc<Bytes>,
    rest: Mutex<Rest>,
}

#[derive(Debug, Clone, Default)]
struct Rest {
    /// The length in the page cache.
    len: u64,
    /// The bytes on the platter.
    platter: Vec<u8>,
    /// Sectors that a failed sync has left differing: no sync carries them before they are
    /// written again.
    clean: BTreeSet<usize>,
}

impl Rest {
    /// Puts the platter's bytes where no sync would carry the page cache's.
    fn forget(&self, shown: &mut [u8]) {
        for sector in &self.clean {
            let from = (sector * SECTOR_BYTES).min(shown.len());
            let to = (from + SECTOR_BYTES).min(shown.len());
            for (at, byte) in shown[from..to].iter_mut().enumerate() {
                *byte = self.platter.get(from + at).copied().unwrap_or(0);
            }
        }
    }
}

impl SimFile {
    fn new(content: &[u8], capacity: usize) -> SimFile {
        let mut bytes = vec![0; capacity].into_boxed_slice();
        bytes[..content.len()].copy_from_slice(content);
        SimFile {
            bytes: Arc::new(Bytes(UnsafeCell::new(bytes))),
            rest: Mutex::new(Rest {
                len: content.len() as u64,
                platter: content.to_vec(),
                clean: BTreeSet::new(),
            }),
        }
    }

    fn base(&self) -> *mut u8 {
        // SAFETY: no reference is kept; the box never moves.
        unsafe { (*self.bytes.0.get()).as_mut_ptr() }
    }

    /// The first `len` bytes that the page cache shows.
    fn shown(&self, len: u64) -> Vec<u8> {
        // SAFETY: tests cut the power when no thread writes.
        unsafe { std::slice::from_raw_parts(self.base(), len as usize) }.to_vec()
    }

    /// The bytes that a power cut leaves.
    fn after_cut(&self, random: &mut Random) -> Vec<u8> {
        let rest = lock(&self.rest);
        let mut new = self.shown(rest.len);
        let old = &rest.platter;
        rest.forget(&mut new);
        // The length is metadata: it went out, or it did not.
        let len = if random.below(2) == 0 { new.len() } else { old.len() };
        let mut left = vec![0; len];
        let all = random.below(8) == 0;
        for (i, sector) in left.chunks_mut(SECTOR_BYTES).enumerate() {
            let part = |bytes: &[u8]| {
                let mut whole = [0; SECTOR_BYTES];
                let from = (i * SECTOR_BYTES).min(bytes.len());
                let to = (from + SECTOR_BYTES).min(bytes.len());
                whole[..to - from].copy_from_slice(&bytes[from..to]);
                whole
            };
            let (old, new) = (part(old), part(&new));
            let torn = if random.below(16) == 0 {
                random.below(SECTOR_BYTES as u64) as usize
            } else {
                SECTOR_BYTES
            };
            let len = sector.len();
            if all || random.below(2) == 0 {
                let torn = torn.min(len);
                sector[..torn].copy_from_slice(&new[..torn]);
                sector[torn..].copy_from_slice(&old[torn..len]);
            } else {
                sector.copy_from_slice(&old[..len]);
            }
        }
        left
    }
}

impl SimDisk {
    pub(crate) fn new(mapped: bool) -> SimDisk {
        SimDisk { mapped, ..SimDisk::default() }
    }

    /// Lets databases on it be encrypted, if this build can.
    pub(crate) fn sealed(self, sealed: bool) -> SimDisk {
        SimDisk { sealed: sealed && cfg!(feature = "encrypt"), ..self }
    }

    fn capacity(&self) -> usize {
        if self.roomy { ROOMY_CAPACITY_BYTES } else { CAPACITY_BYTES }
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        let mut state = lock(&self.state);
        state.faults = faults;
    }

    /// Has `call` made once, when names are about to be synced.
    pub(crate) fn before_next_sync_of_names(&self, call: impl FnOnce() + Send + 'static) {
        lock(&self.state).before_names = Some(Hook(Box::new(call)));
    }

    pub(crate) fn syncs(&self) -> u64 {
        lock(&self.state).syncs
    }

    /// The disk after a power cut and a restart.
    pub(crate) fn power_cut(&self, random: &mut Random) -> SimDisk {
        let state = lock(&self.state);
        let mut files = BTreeMap::new();
        for name in state.cached.keys().chain(state.stored.keys()) {
            let names = [state.cached.get(name), state.stored.get(name)];
            if let Some(file) = names[random.below(2) as usize] {
                files.insert(
                    name.clone(),
                    Arc::new(SimFile::new(&file.after_cut(random), self.capacity())),
                );
            }
        }
        let disk = SimDisk::of(files, self);
        lock(&disk.state).boots = state.boots + 1;
        disk
    }

    /// The disk after the process alone was killed and started again.
    pub(crate) fn killed(&self) -> SimDisk {
        let state = lock(&self.state);
        let copy = |file: &Arc<SimFile>| {
            let rest = lock(&file.rest);
            let copy = SimFile::new(&file.shown(rest.len), self.capacity());
            lock(&copy.rest).clone_from(&rest);
            Arc::new(copy)
        };
        let cached: BTreeMap<_, _> =
            state.cached.iter().map(|(name, file)| (name.clone(), copy(file))).collect();
        let disk = SimDisk::of(cached, self);
        lock(&disk.state).boots = state.boots;
        // Names that were not synced are still not.
        lock(&disk.state).stored.retain(|name, _| state.stored.contains_key(name));
        disk
    }

    fn of(files: BTreeMap<PathBuf, Arc<SimFile>>, model: &SimDisk) -> SimDisk {
        let state = State { cached: files.clone(), stored: files, ..State::default() };
        SimDisk { state: Arc::new(Mutex::new(state)), ..*model }
    }

    pub(crate) fn exists(&self, path: &Path) -> bool {
        lock(&self.state).cached.contains_key(path)
    }
}

impl Disk for SimDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn Medium>> {
        let mut state = lock(&self.state);
        state.step()?;
        let file = Arc::new(SimFile::new(&[], self.capacity()));
        state.cached.insert(path.into(), file.clone());
        Ok(Arc::new(Open { file, disk: self.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = lock(&self.state);
        state.step()?;
        let file = state.cached.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.cached.insert(to.into(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = lock(&self.state);
        state.step()?;
        state.cached.remove(path);
        Ok(())
    }

    fn free_bytes(&self, _path: &Path) -> Option<u64> {
        let state = lock(&self.state);
        state.faults.capacity.map(|capacity| capacity.saturating_sub(state.used()))
    }

    fn imitate(&self, _model: &Path, _file: &Path) -> io::Result<()> {
        lock(&self.state).step()
    }

    fn boot(&self) -> Option<[u8; 16]> {
        Some([lock(&self.state).boots + 1; 16])
    }

    fn sync_names(&self, _path: &Path) -> io::Result<()> {
        let hook = lock(&self.state).before_names.take();
        if let Some(hook) = hook {
            (hook.0)();
        }
        let mut state = lock(&self.state);
        state.step()?;
        // There is one directory.
        state.stored = state.cached.clone();
        Ok(())
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn Medium>> {
        let file = lock(&self.state).cached.get(path).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(Open { file, disk: self.clone() }))
    }

    fn open_read_only(&self, path: &Path) -> io::Result<Arc<dyn Medium>> {
        Ok(Arc::new(ReadOnly(self.open(path)?)))
    }
}

#[derive(Debug)]
struct Open {
    file: Arc<SimFile>,
    disk: SimDisk,
}

impl Open {
    fn put(&self, position: u64, bytes: &[u8]) {
        // SAFETY: within the capacity, which the callers checked.
        unsafe {
            self.file
                .base()
                .add(position as usize)
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
    }

    /// Bytes that fit.
    fn room(&self, end: u64) -> u64 {
        let (state, most) = (lock(&self.disk.state), self.disk.capacity() as u64);
        let of_file = state.faults.room.unwrap_or(most);
        let of_disk = state.faults.capacity.map_or(u64::MAX, |capacity| {
            let mine = lock(&self.file.rest).len;
            mine.max((capacity + mine).saturating_sub(state.used()))
        });
        end.min(of_file).min(of_disk).min(most)
    }
}

impl Medium for Open {
    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.file.rest).len)
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        let end = position + bytes.len() as u64;
        let stepped = {
            let mut state = lock(&self.disk.state);
            let stepped = state.step();
            state.seed += 1;
            stepped.map_err(|e| (e, Random(state.seed).below(bytes.len() as u64 + 1)))
        };
        let fits = self.room(end);
        let written = match &stepped {
            Ok(()) => fits.saturating_sub(position).min(bytes.len() as u64),
            // A part of it went out.
            Err((_, part)) => (*part).min(fits.saturating_sub(position)),
        };
        self.put(position, &bytes[..written as usize]);
        let mut rest = lock(&self.file.rest);
        rest.len = rest.len.max(position + written);
        let touched = position as usize / SECTOR_BYTES
            ..(position + written).div_ceil(SECTOR_BYTES as u64) as usize;
        rest.clean.retain(|sector| !touched.contains(sector));
        stepped.map_err(|(e, _)| e)?;
        if written < bytes.len() as u64 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        lock(&self.disk.state).step()?;
        let mut rest = lock(&self.file.rest);
        if len < rest.len {
            self.put(len, &vec![0; (rest.len - len) as usize]);
        }
        rest.len = len;
        Ok(())
    }

    fn allocate(&self, from: u64, to: u64) -> io::Result<()> {
        lock(&self.disk.state).step()?;
        if self.room(to) < to {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.put(from, &vec![0; (to - from) as usize]);
        lock(&self.file.rest).len = to;
        Ok(())
    }

    fn own_behind(&self, _from: u64, to: u64) -> io::Result<()> {
        if self.room(to) < to { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = lock(&self.disk.state);
        state.syncs += 1;
        let stepped = state.step();
        let mut rest = lock(&self.file.rest);
        let mut shown = self.file.shown(rest.len);
        if stepped.is_ok() {
            rest.forget(&mut shown);
            rest.platter = shown;
        } else if !state.dead {
            let same = |i: usize, sector: &[u8]| {
                rest.platter.get(i * SECTOR_BYTES..i * SECTOR_BYTES + sector.len()) == Some(sector)
            };
            let sectors = shown.chunks(SECTOR_BYTES).enumerate();
            let lost: Vec<_> = sectors.filter(|(i, s)| !same(*i, s)).map(|(i, _)| i).collect();
            rest.clean.extend(lost);
        }
        stepped
    }

    fn links(&self) -> bool {
        !self.disk.mapped
    }

    fn write_and_begin_sync(&self, position: u64, bytes: &[u8]) -> io::Result<bool> {
        // The sync itself happens when it is finished, which a sync may.
        self.write_at(position, bytes).map(|()| true)
    }

    fn map(&self, len: u64) -> io::Result<Map> {
        assert!(len <= self.disk.capacity() as u64);
        let limit = lock(&self.disk.state).faults.address_space;
        if limit.is_some_and(|limit| len > limit) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let mapped = limit.map_or(self.disk.capacity(), |limit| limit as usize);
        Ok(Map { base: self.file.base(), len: mapped, _owner: Box::new(self.file.bytes.clone()) })
    }

    fn map_private(&self, len: u64) -> io::Result<Map> {
        let mut pages: Box<[Page]> =
            self.file.shown(len).chunks(PAGE_BYTES).map(Page::of).collect();
        let base = pages.as_mut_ptr().cast();
        let owner = Bytes(UnsafeCell::new(pages));
        Ok(Map { base, len: len as usize, _owner: Box::new(owner) })
    }

    fn window(&self, start: u64, len: usize) -> io::Result<Option<Window>> {
        if !self.disk.mapped {
            return Ok(None);
        }
        let capacity = self.disk.capacity();
        assert!(start as usize + len <= capacity);
        // A window of one allocation step, so that tests go through many.
        let len = len.max(8192).min(capacity - start as usize);
        // SAFETY: `start` lies within the capacity.
        let base = unsafe { self.file.base().add(start as usize) };
        let map = Map { base, len, _owner: Box::new(self.file.bytes.clone()) };
        Ok(Some(Window { start, map }))
    }

    fn backend(&self) -> IoBackend {
        if self.disk.mapped { IoBackend::Mapped } else { IoBackend::Positional }
    }
}
