//! Syncs, the marks and header slots that remember them, and what follows a failed one.
//!
//! One sync at a time: the kernel reports a write-back error to one caller alone, so a second,
//! concurrent sync could return well for data that was lost. A failed sync is never tried again;
//! from then on writes are refused.
//!
//! Under [`FlushPolicy::WriteThrough`], on a medium that can, a sync is begun together with the
//! write of a commit. That needs the sync guard, which is taken only if it is free, since the
//! append lock is held. The append lock is let go when the write is done: commits that come while
//! the sync runs go the ordinary way and share the next one.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::format::header::Header;
use crate::journal::file::Journal;
use crate::journal::record_writer::MarkOf;
use crate::journal::writer::JournalWriter;
use crate::os::ranked::{Entered, Family, Rank, RankedGuard, RankedMutex};
use crate::os::sync::{lock, wait};
use crate::storage::{IoBackend, Medium};

/// Unsynced bytes at which the background syncs by itself.
const UNSYNCED_MAX_BYTES: u64 = 16 << 20;

/// The header slot is refreshed with each of the first syncs and then at most this often: it
/// stands for marks where the file itself was cut, and costs a page write.
const REFRESH_EACH_SYNCS: u64 = 64;
const REFRESH_EVERY: Duration = Duration::from_millis(20);

/// The policy by which writes become durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FlushPolicy {
    /// Each `flush` that finds something unsynced syncs, one after the other.
    #[default]
    OnEachFlush,
    /// Each `flush` syncs at once, and those that arrive while a sync is running share the next
    /// one. The choice where several threads flush.
    Group,
    /// Every write is durable when it returns, and `flush` finds nothing to do. Writes that wait
    /// for a sync share the next one.
    WriteThrough,
}

/// The journal that is written to, as syncs need it. Whoever has the sync guard keeps it from
/// being exchanged for that of another generation.
pub(crate) trait ActiveJournal {
    /// Shows the journal.
    fn with_journal<R>(&self, show: impl FnOnce(&Journal) -> R) -> R;

    /// Shows its writer, under the append lock.
    fn with_writer<R>(&self, show: impl FnOnce(&mut JournalWriter) -> R) -> R;

    /// Behind the last record that a user wrote, as a sequence number.
    fn data_end(&self) -> u64;

    /// Has [`Durability::refresh_header`] called after a while.
    fn refresh_header_after(&self, delay: Duration);
}

/// How far the journal is on stable storage, and the right to carry it further.
#[derive(Debug)]
pub(crate) struct Durability {
    family: Family,
    policy: FlushPolicy,
    /// Everything below this sequence number is on stable storage.
    synced: AtomicU64,
    /// Syncs of the medium since the open.
    syncs: AtomicU64,
    poisoned: AtomicBool,
    /// Whether somebody has the sync guard.
    taken: Mutex<bool>,
    /// Told when a sync guard goes: all who waited look whether it served them.
    freed: Condvar,
    /// None in memory. Taken by whoever has the sync guard.
    slot: RankedMutex<Option<HeaderSlot>>,
}

/// The right to sync, or to write a header.
pub(crate) struct SyncGuard<'a> {
    durability: &'a Durability,
    _entered: Entered,
}

impl Drop for SyncGuard<'_> {
    fn drop(&mut self) {
        *lock(&self.durability.taken) = false;
        self.durability.freed.notify_all();
    }
}

/// The header slot written last. The other one is durable: a slot is written only when a sync
/// has begun after the last one was.
#[derive(Debug)]
pub(crate) struct HeaderSlot {
    header: Header,
    refreshed: Instant,
}

impl Durability {
    /// Everything below the sequence number `synced` is durable. There is no header in memory.
    pub(crate) fn new(
        family: Family,
        policy: FlushPolicy,
        header: Option<Header>,
        synced: u64,
    ) -> Durability {
        let slot = header.map(|header| HeaderSlot { header, refreshed: Instant::now() });
        Durability {
            family,
            policy,
            synced: AtomicU64::new(synced),
            syncs: AtomicU64::new(0),
            poisoned: AtomicBool::new(false),
            taken: Mutex::new(false),
            freed: Condvar::new(),
            slot: RankedMutex::new(family, Rank::HeaderSlot, slot),
        }
    }

    /// Whether each commit is durable when it returns.
    #[inline]
    pub(crate) fn writes_through(&self) -> bool {
        self.policy == FlushPolicy::WriteThrough
    }

    /// Refuses writes after one has failed.
    #[inline]
    pub(crate) fn check(&self) -> Result<()> {
        if self.poisoned.load(Ordering::Acquire) {
            return Err(Error::Poisoned);
        }
        Ok(())
    }

    /// Refuses writes from now on.
    pub(crate) fn poison(&self) {
        self.poisoned.store(true, Ordering::Release);
    }

    /// The sequence number up to which everything is on stable storage.
    pub(crate) fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    /// Notes that everything up to this sequence number is on stable storage.
    pub(crate) fn reached(&self, synced: u64) {
        self.synced.fetch_max(synced, Ordering::AcqRel);
    }

    /// How many syncs there were since the open.
    pub(crate) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Whether so much is unsynced at `end` that the background is to sync.
    #[inline]
    pub(crate) fn is_behind(&self, end: u64) -> bool {
        end.saturating_sub(self.synced.load(Ordering::Relaxed)) > UNSYNCED_MAX_BYTES
    }

    /// Waits for the sync guard, whatever is synced meanwhile.
    pub(crate) fn guard(&self) -> SyncGuard<'_> {
        let entered = self.family.enter(Rank::Sync);
        let mut taken = lock(&self.taken);
        while *taken {
            taken = wait(&self.freed, taken);
        }
        *taken = true;
        SyncGuard { durability: self, _entered: entered }
    }

    /// Waits for the sync guard; none when meanwhile `served`.
    fn guard_unless(&self, served: impl Fn() -> bool) -> Option<SyncGuard<'_>> {
        let entered = self.family.enter(Rank::Sync);
        let mut taken = lock(&self.taken);
        loop {
            if served() {
                return None;
            }
            if !*taken {
                *taken = true;
                return Some(SyncGuard { durability: self, _entered: entered });
            }
            taken = wait(&self.freed, taken);
        }
    }

    /// The sync guard, if nobody has it.
    fn free_guard(&self) -> Option<SyncGuard<'_>> {
        let mut taken = lock(&self.taken);
        if std::mem::replace(&mut *taken, true) {
            return None;
        }
        // Who does not wait for it may have any lock.
        Some(SyncGuard { durability: self, _entered: Entered::unordered() })
    }

    /// The header slot, for whoever has the sync guard.
    pub(crate) fn slot(&self) -> RankedGuard<'_, Option<HeaderSlot>> {
        self.slot.lock()
    }

    /// Gives up the header slot, for the database whose file this one becomes.
    pub(crate) fn take_slot(&self) -> Option<HeaderSlot> {
        self.slot().take()
    }

    /// Runs `look` at a time when no header slot is being written, on the header that was written
    /// last. None in memory.
    pub(crate) fn with_header<R>(&self, look: impl FnOnce(&Header) -> R) -> Option<R> {
        self.slot.lock().as_ref().map(|slot| look(&slot.header))
    }

    /// Carries everything that was written before the call to stable storage.
    pub(crate) fn flush(&self, active: &impl ActiveJournal) -> Result<()> {
        self.check()?;
        let target = active.data_end();
        let is_synced = || self.synced() >= target;
        if is_synced() {
            return Ok(());
        }
        // Whoever waited shares the sync that came in between, if that is the policy.
        let shares = self.policy != FlushPolicy::OnEachFlush;
        let Some(_guard) = self.guard_unless(|| shares && is_synced()) else { return Ok(()) };
        self.check()?;
        let Some(slot) = &mut *self.slot() else { return Ok(()) };
        let upto = active.with_journal(Journal::watermark);
        self.sync_by(active, slot, upto, |medium| medium.sync())
    }

    /// The sync guard for a sync behind the next write, for a caller who has the append lock and so
    /// can't wait. None where that is not done.
    pub(crate) fn guard_for_linked_sync(&self, journal: &Journal) -> Option<SyncGuard<'_>> {
        if !self.writes_through() || !journal.medium.links() {
            return None;
        }
        // Whoever has the guard poisons before letting it go.
        self.free_guard().filter(|_| self.check().is_ok())
    }

    /// Waits for the sync that was begun behind the write that ended at `upto`.
    pub(crate) fn finish_linked_sync(
        &self,
        active: &impl ActiveJournal,
        _guard: SyncGuard<'_>,
        upto: u64,
    ) -> Result<()> {
        let Some(slot) = &mut *self.slot() else { return Ok(()) };
        self.sync_by(active, slot, upto, |medium| medium.finish_sync())
    }

    /// Lets `sync` carry everything below `upto` to stable storage.
    fn sync_by(
        &self,
        active: &impl ActiveJournal,
        slot: &mut HeaderSlot,
        upto: u64,
        sync: impl FnOnce(&dyn Medium) -> std::io::Result<()>,
    ) -> Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        active.with_journal(|journal| {
            self.or_poison(sync(&*journal.medium))?;
            debug_assert!(upto <= journal.watermark(), "only what is committed counts as synced");
            self.reached(journal.sequence(upto));
            active.with_writer(|writer| self.mark(journal, writer, upto))?;
            let early = self.syncs() <= REFRESH_EACH_SYNCS;
            if early || slot.refreshed.elapsed() >= REFRESH_EVERY {
                return self.write_header(journal, slot, None);
            }
            active.refresh_header_after(REFRESH_EVERY);
            Ok(())
        })
    }

    /// Refreshes the header slot if a sync has come since.
    pub(crate) fn refresh_header(&self, active: &impl ActiveJournal) -> Result<()> {
        let _guard = self.guard();
        let Some(slot) = &mut *self.slot() else { return Ok(()) };
        active.with_journal(|journal| {
            if slot.header.synced >= journal.position(self.synced()) {
                return Ok(());
            }
            self.check()?;
            self.write_header(journal, slot, None)
        })
    }

    fn write_header(
        &self,
        journal: &Journal,
        slot: &mut HeaderSlot,
        clean_len: Option<u64>,
    ) -> Result<()> {
        slot.header.sequence += 1;
        slot.header.synced = journal.position(self.synced());
        slot.header.clean_len = clean_len;
        slot.refreshed = Instant::now();
        let (at, bytes) = slot.header.encode(journal.signer());
        self.or_poison(journal.medium.write_at(at, &bytes))
    }

    /// Changes the header, on stable storage when this returns.
    #[cfg(feature = "encrypt")]
    pub(crate) fn change_header(
        &self,
        active: &impl ActiveJournal,
        change: impl FnOnce(&mut Header),
    ) -> Result<()> {
        let _guard = self.guard();
        let mut slot = self.slot();
        self.check()?;
        let Some(slot) = &mut *slot else { return Ok(()) };
        active.with_journal(|journal| {
            // A slot is written only when the other one is on stable storage.
            self.or_poison(journal.medium.sync())?;
            change(&mut slot.header);
            self.write_header(journal, slot, None)?;
            self.or_poison(journal.medium.sync())
        })
    }

    /// Syncs, and has the header say so on stable storage as well. Gives the position up to which
    /// everything is there.
    pub(crate) fn sync_twice(&self, active: &impl ActiveJournal) -> Result<u64> {
        self.flush(active)?;
        active.with_journal(|journal| {
            journal.medium.sync()?;
            Ok(journal.position(self.synced()))
        })
    }

    /// Appends a mark. It is not synced itself, and a database that has no room for it does
    /// without.
    fn mark(&self, journal: &Journal, writer: &mut JournalWriter, synced: u64) -> Result<()> {
        match writer.append_mark(journal, MarkOf::Sync(synced)) {
            Err(failure) if failure.uncertain => {
                self.poison();
                Err(Error::Poisoned)
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Leaves the file clean: synced, trimmed, and marked so.
    pub(crate) fn close(&self, active: &impl ActiveJournal) -> Result<()> {
        let _guard = self.guard();
        let mut slot = self.slot();
        self.check()?;
        let Some(slot) = &mut *slot else { return Ok(()) };
        active.with_writer(|writer| {
            active.with_journal(|journal| self.close_locked(journal, writer, slot))
        })
    }

    fn close_locked(
        &self,
        journal: &Journal,
        writer: &mut JournalWriter,
        slot: &mut HeaderSlot,
    ) -> Result<()> {
        let end = writer.position;
        if slot.header.clean_len == Some(end) && writer.allocated == end {
            return Ok(());
        }
        let medium = &*journal.medium;
        self.syncs.fetch_add(2, Ordering::Relaxed);
        self.or_poison(medium.sync())?;
        self.reached(journal.sequence(end));
        writer.release_window();
        if writer.trim(medium).is_ok() {
            writer.keep_spare(medium);
            journal.memory.extend(medium, end)?;
        } else if medium.backend() != IoBackend::Memory && cfg!(unix) {
            // Windows can't cut a mapped file; there the zeros stay, which recovery bears.
            return self.or_poison(Err(std::io::Error::other("the data file can't be trimmed")));
        }
        self.write_header(journal, slot, (writer.allocated == end).then_some(end))?;
        self.or_poison(medium.sync())
    }

    fn or_poison(&self, done: std::io::Result<()>) -> Result<()> {
        done.map_err(|e| {
            self.poison();
            Error::from(e)
        })
    }
}
