//! Syncs, the marks and header slots that remember them, and what follows a failed one.
//!
//! One sync at a time: the kernel reports a write-back error to one caller alone, so a second,
//! concurrent sync could return well for data that was lost. A failed sync is never tried again;
//! from then on writes are refused.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::engine::settings::FlushPolicy;
use crate::error::{Error, Result};
use crate::format::header::Header;
use crate::journal::writer::{MarkOf, Tail};
use crate::mvcc::generation::Generation;
use crate::os::sync::{lock, wait};
use crate::storage::{IoBackend, Medium};

/// Unsynced bytes at which the background syncs by itself.
const UNSYNCED_MAX: u64 = 16 << 20;

/// The header slot is refreshed with each of the first syncs and then at most this often: it
/// stands for marks where the file itself was cut, and costs a page write.
const REFRESH_EACH: u64 = 64;
const REFRESH_EVERY: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(crate) struct Durability {
    policy: FlushPolicy,
    /// Everything below this sequence number is on stable storage.
    synced: AtomicU64,
    /// Syncs of the medium since the open.
    pub(crate) syncs: AtomicU64,
    /// Syncs of the background that failed.
    pub(crate) background_failures: AtomicU64,
    poisoned: AtomicBool,
    /// Whether somebody has the turn to sync.
    turn: Mutex<bool>,
    /// Told when a turn ends: all who waited look whether it served them.
    ended: Condvar,
    /// None in memory. Taken by whoever has the turn.
    slot: Mutex<Option<Slot>>,
}

/// The turn to sync, or to write a header.
pub(crate) struct SyncGuard<'a>(&'a Durability);

impl Drop for SyncGuard<'_> {
    fn drop(&mut self) {
        *lock(&self.0.turn) = false;
        self.0.ended.notify_all();
    }
}

/// The header slot written last. The other one is durable: a slot is written only when a sync
/// has begun after the last one was.
#[derive(Debug)]
pub(crate) struct Slot {
    header: Header,
    refreshed: Instant,
}

impl Durability {
    pub(crate) fn new(policy: FlushPolicy, header: Option<Header>, synced: u64) -> Durability {
        let slot = header.map(|header| Slot { header, refreshed: Instant::now() });
        Durability {
            policy,
            synced: AtomicU64::new(synced),
            syncs: AtomicU64::new(0),
            background_failures: AtomicU64::new(0),
            poisoned: AtomicBool::new(false),
            turn: Mutex::new(false),
            ended: Condvar::new(),
            slot: Mutex::new(slot),
        }
    }

    /// Waits for the turn, whatever is synced meanwhile.
    pub(crate) fn wait_for_turn(&self) -> Option<SyncGuard<'_>> {
        self.turn(|| false)
    }

    pub(crate) fn slot(&self) -> MutexGuard<'_, Option<Slot>> {
        lock(&self.slot)
    }

    /// What the header is, for the engine whose file this becomes.
    pub(crate) fn take_slot(&self) -> Option<Slot> {
        self.slot().take()
    }

    /// The sequence number up to which everything is on stable storage.
    pub(crate) fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    /// Everything up to this sequence number is on stable storage.
    pub(crate) fn reached(&self, synced: u64) {
        self.synced.fetch_max(synced, Ordering::AcqRel);
    }

    /// Waits for the turn; none when meanwhile `served`.
    fn turn(&self, served: impl Fn() -> bool) -> Option<SyncGuard<'_>> {
        let mut taken = lock(&self.turn);
        loop {
            if served() {
                return None;
            }
            if !*taken {
                *taken = true;
                return Some(SyncGuard(self));
            }
            taken = wait(&self.ended, taken);
        }
    }

    /// The turn, if nobody has it.
    fn free_turn(&self) -> Option<SyncGuard<'_>> {
        let mut taken = lock(&self.turn);
        (!std::mem::replace(&mut *taken, true)).then(|| SyncGuard(self))
    }

    /// Runs `look` at a time when no header slot is being written; it gets the header that was
    /// written last. None in memory.
    pub(crate) fn at_rest<R>(&self, look: impl FnOnce(&Header) -> R) -> Option<R> {
        lock(&self.slot).as_ref().map(|slot| look(&slot.header))
    }

    #[inline]
    pub(crate) fn after_commit(&self, engine: &Engine) -> Result<()> {
        if self.policy == FlushPolicy::WriteThrough {
            return engine.flush();
        }
        let end = engine.data_end.0.load(Ordering::Relaxed);
        if end.saturating_sub(self.synced.load(Ordering::Relaxed)) > UNSYNCED_MAX {
            engine.background.sync_soon();
        }
        Ok(())
    }
}

impl Engine {
    #[inline]
    pub(crate) fn check_health(&self) -> Result<()> {
        if self.durability.poisoned.load(Ordering::Acquire) {
            return Err(Error::Poisoned);
        }
        Ok(())
    }

    pub(crate) fn poison(&self) {
        self.durability.poisoned.store(true, Ordering::Release);
    }

    /// Everything written before the call is on stable storage when it returns.
    pub(crate) fn flush(&self) -> Result<()> {
        let durability = &self.durability;
        if self.process.is_forked_child() {
            return Err(Error::config(
                "this process was forked from the one that opened the database",
            ));
        }
        self.check_health()?;
        let target = self.data_end.0.load(Ordering::Acquire);
        let is_synced = || durability.synced.load(Ordering::Acquire) >= target;
        if is_synced() {
            return Ok(());
        }
        // Whoever waited shares the sync that came in between, if that is the policy.
        let shares = durability.policy != FlushPolicy::OnEachFlush;
        let Some(_turn) = durability.turn(|| shares && is_synced()) else {
            return Ok(());
        };
        self.check_health()?;
        self.sync(&mut lock(&durability.slot))
    }

    /// The turn to sync behind the next write, for a caller who has the tail and so can't wait.
    #[inline]
    pub(crate) fn turn_to_link(&self) -> Option<SyncGuard<'_>> {
        let durability = &self.durability;
        if durability.policy != FlushPolicy::WriteThrough
            || !self.generation(&crossbeam_epoch::pin()).generation.medium.links()
        {
            return None;
        }
        // Whoever has the turn poisons before letting it go.
        durability.free_turn().filter(|_| self.check_health().is_ok())
    }

    /// Waits for the sync that was begun behind the write that ended at `upto`.
    pub(crate) fn finish_linked_sync(&self, _turn: SyncGuard<'_>, upto: u64) -> Result<()> {
        let mut slot = lock(&self.durability.slot);
        let Some(slot) = &mut *slot else { return Ok(()) };
        // Whoever has the turn keeps the generation.
        let handle = self.generation(&crossbeam_epoch::pin()).clone();
        self.sync_by(&handle.generation, slot, upto, |medium| medium.finish_sync())
    }

    /// Syncs, and remembers how far.
    fn sync(&self, slot: &mut Option<Slot>) -> Result<()> {
        let Some(slot) = slot else {
            return Ok(());
        };
        // Compaction takes the turn as well: the generation stays until this returns.
        let handle = self.generation(&crossbeam_epoch::pin()).clone();
        let generation = &*handle.generation;
        self.sync_by(generation, slot, generation.watermark(), |medium| medium.sync())
    }

    /// Lets `sync` carry everything below `upto` to stable storage.
    fn sync_by(
        &self,
        generation: &Generation,
        slot: &mut Slot,
        upto: u64,
        sync: impl FnOnce(&dyn Medium) -> std::io::Result<()>,
    ) -> Result<()> {
        let durability = &self.durability;
        durability.syncs.fetch_add(1, Ordering::Relaxed);
        if let Err(e) = sync(&*generation.medium) {
            self.poison();
            return Err(e.into());
        }
        durability.synced.fetch_max(generation.sequence(upto), Ordering::AcqRel);
        self.mark(generation, &mut lock(&self.tail), upto)?;
        let early = durability.syncs.load(Ordering::Relaxed) <= REFRESH_EACH;
        if early || slot.refreshed.elapsed() >= REFRESH_EVERY {
            return self.write_header(generation, slot, None);
        }
        self.background.refresh_after(REFRESH_EVERY);
        Ok(())
    }

    /// Refreshes the header slot if a sync has come since.
    pub(crate) fn refresh_header(&self) -> Result<()> {
        let _turn = self.durability.turn(|| false);
        let mut slot = lock(&self.durability.slot);
        match &mut *slot {
            Some(slot) => {
                let handle = self.generation(&crossbeam_epoch::pin()).clone();
                let synced = self.durability.synced.load(Ordering::Acquire);
                if slot.header.synced >= handle.generation.position(synced) {
                    return Ok(());
                }
                self.check_health()?;
                self.write_header(&handle.generation, slot, None)
            }
            None => Ok(()),
        }
    }

    fn write_header(
        &self,
        generation: &Generation,
        slot: &mut Slot,
        clean_len: Option<u64>,
    ) -> Result<()> {
        slot.header.sequence += 1;
        let synced = self.durability.synced.load(Ordering::Acquire);
        slot.header.synced = generation.position(synced);
        slot.header.clean_len = clean_len;
        slot.refreshed = Instant::now();
        let (at, bytes) = slot.header.encode(generation.signer());
        generation.medium.write_at(at, &bytes).map_err(|e| {
            self.poison();
            Error::from(e)
        })
    }

    /// Changes the header, on stable storage when this returns.
    #[cfg(feature = "encrypt")]
    pub(crate) fn change_header(&self, change: impl FnOnce(&mut Header)) -> Result<()> {
        let _turn = self.durability.wait_for_turn();
        let mut slot = self.durability.slot();
        self.check_health()?;
        let Some(slot) = &mut *slot else { return Ok(()) };
        let handle = self.generation(&crossbeam_epoch::pin()).clone();
        let sync = || {
            handle.generation.medium.sync().map_err(|e| {
                self.poison();
                Error::from(e)
            })
        };
        // A slot is written only when the other one is on stable storage.
        sync()?;
        change(&mut slot.header);
        self.write_header(&handle.generation, slot, None)?;
        sync()
    }

    /// Syncs, and has the header say so on stable storage as well. Gives the position up to which
    /// everything is there.
    pub(crate) fn sync_twice(&self) -> Result<u64> {
        self.flush()?;
        let handle = self.generation(&crossbeam_epoch::pin()).clone();
        handle.generation.medium.sync()?;
        Ok(handle.generation.position(self.durability.synced()))
    }

    /// The header as it is now; none in memory.
    pub(crate) fn header(&self) -> Option<Header> {
        self.durability.slot().as_ref().map(|slot| slot.header.clone())
    }

    /// Appends a mark. It is not synced itself, and a database that has no room for it does
    /// without.
    fn mark(&self, generation: &Generation, tail: &mut Tail, synced: u64) -> Result<()> {
        let (medium, memory) = (&*generation.medium, &generation.memory);
        let Ok((start, end)) = tail.encode_mark(generation, MarkOf::Sync(synced)) else {
            return Ok(());
        };
        if let Err((_, uncertain)) = tail.complete(medium, memory, (start, end)) {
            if uncertain {
                self.poison();
                return Err(Error::Poisoned);
            }
            return Ok(());
        }
        tail.position = end;
        generation.committed.0.store(end, Ordering::Release);
        Ok(())
    }

    /// The file's id and generation; none in memory.
    pub(crate) fn identity(&self) -> Option<([u8; 16], u64)> {
        let slot = lock(&self.durability.slot);
        slot.as_ref().map(|slot| (slot.header.file_id, slot.header.generation))
    }

    /// Leaves the file clean: synced, trimmed, and marked so.
    pub(crate) fn close(&self) -> Result<()> {
        let durability = &self.durability;
        let _turn = durability.turn(|| false);
        let mut slot = lock(&durability.slot);
        self.check_health()?;
        let Some(slot) = &mut *slot else { return Ok(()) };
        let mut tail = lock(&self.tail);
        let end = tail.position;
        if slot.header.clean_len == Some(end) && tail.allocated == end {
            return Ok(());
        }
        let handle = self.generation(&crossbeam_epoch::pin()).clone();
        let generation = &*handle.generation;
        let medium = &*generation.medium;
        let step = |result: std::io::Result<()>| {
            result.map_err(|e| {
                self.poison();
                Error::from(e)
            })
        };
        durability.syncs.fetch_add(2, Ordering::Relaxed);
        step(medium.sync())?;
        durability.synced.fetch_max(generation.sequence(end), Ordering::AcqRel);
        tail.release_window();
        if medium.set_len(end).is_ok() {
            tail.allocated = end;
            generation.memory.extend(medium, end)?;
        } else if medium.backend() != IoBackend::Memory && cfg!(unix) {
            // Windows can't cut a mapped file; there the zeros stay, which recovery bears.
            return step(Err(std::io::Error::other("the data file can't be trimmed")));
        }
        self.write_header(generation, slot, (tail.allocated == end).then_some(end))?;
        step(medium.sync())
    }
}
