//! The engine's state: journal, index and namespaces, and who may change them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_epoch::Guard;

use crate::engine::append_lock::{Access, Append, AppendLock, USUAL_LIMIT};
use crate::engine::background::Background;
use crate::engine::growth::GrowthWatch;
use crate::engine::reader::Reader;
use crate::engine::settings::Settings;
use crate::error::{Error, Result};
use crate::format::header::Header;
use crate::journal::durability::{ActiveJournal, Durability};
use crate::journal::file::Journal;
use crate::journal::recovery::RecoveryReport;
use crate::journal::writer::JournalWriter;
use crate::mvcc::generation::GenerationHandle;
use crate::mvcc::names::{Live, Names};
use crate::mvcc::namespace::NamespaceState;
use crate::os::clock::Clock;
use crate::os::fork::Process;
use crate::os::ranked::{Family, Rank, RankedGuard, RankedMutex};
use crate::os::sync::CachePadded;
use crate::storage::data_file::DataFile;

/// An open journal with its index: a database without what looks after it.
#[derive(Debug)]
pub(crate) struct Engine {
    /// None in memory.
    pub(crate) file: Option<DataFile>,
    pub(crate) clock: Arc<Clock>,
    /// Whether lookups verify checksums.
    pub(super) verify: bool,
    default_ttl: Option<Duration>,
    pub(crate) default_namespace: Arc<NamespaceState>,
    /// Opened for reading alone: the medium is never written.
    pub(crate) read_only: bool,
    /// Whether every namespace is to be ordered.
    pub(crate) orders_all: bool,
    pub(crate) names: RankedMutex<Names>,
    /// The next id of an incarnation.
    pub(crate) next_id: AtomicU32,
    pub(crate) append_lock: AppendLock,
    /// Behind the last record that a user wrote, as a sequence number; sync marks may follow.
    data_end: CachePadded<AtomicU64>,
    pub(crate) durability: Durability,
    pub(crate) background: Background<Engine>,
    /// Told as the journal grows.
    pub(crate) growth: GrowthWatch,
    /// Among whose locks an order holds.
    pub(crate) lock_family: Family,
    /// Sweeps that failed and gave what they had removed until then.
    sweep_failures: AtomicU64,
    process: Process,
    pub(crate) recovery: Option<RecoveryReport>,
}

/// The parts that an open makes an engine of.
pub(crate) struct Parts {
    pub(crate) file: Option<DataFile>,
    /// None in memory and for a database that is opened for reading alone.
    pub(crate) header: Option<Header>,
    pub(crate) recovery: Option<RecoveryReport>,
    pub(crate) default_namespace: Arc<NamespaceState>,
    pub(crate) live: Live,
    pub(crate) next_id: u32,
    pub(crate) writer: JournalWriter,
    /// The time that the journal's last mark of it has; 0 if there is none.
    pub(crate) marked_time: u64,
}

impl Engine {
    /// An engine whose journal ends where the writer stands.
    pub(crate) fn new(settings: &Settings, parts: Parts) -> Engine {
        let end = parts.writer.position;
        let (family, names) = (Family::new(), Names { live: parts.live, ..Names::default() });
        let lock_timeout = settings.lock_timeout.unwrap_or(USUAL_LIMIT);
        Engine {
            file: parts.file,
            clock: Arc::new(Clock::new(settings.manual_clock.clone(), parts.marked_time)),
            verify: !settings.unverified_reads,
            default_ttl: settings.default_ttl,
            default_namespace: parts.default_namespace,
            read_only: settings.read_only,
            orders_all: settings.range_scans,
            names: RankedMutex::new(family, Rank::Names, names),
            next_id: AtomicU32::new(parts.next_id),
            append_lock: AppendLock::new(family, parts.writer, lock_timeout),
            data_end: CachePadded(end.into()),
            durability: Durability::new(family, settings.flush_policy, parts.header, end),
            background: Background::default(),
            growth: GrowthWatch::default(),
            lock_family: family,
            sweep_failures: AtomicU64::new(0),
            process: Process::current(),
            recovery: parts.recovery,
        }
    }

    /// The generation that is written to. For whoever has the right to write it stays the same.
    #[inline]
    pub(crate) fn generation<'g>(&self, guard: &'g Guard) -> &'g GenerationHandle {
        // Compaction carries the default namespace over last.
        &self.default_namespace.versions(guard).handle
    }

    #[inline]
    pub(crate) fn reader<'g>(&self, handle: &'g GenerationHandle) -> Reader<'g> {
        Reader { generation: &handle.generation, verify: self.verify }
    }

    /// Whether this is a child forked after the open.
    #[inline]
    pub(crate) fn is_forked_child(&self) -> bool {
        self.process.is_forked_child()
    }

    /// Refuses what a forked child asks for.
    pub(crate) fn check_process(&self) -> Result<()> {
        if self.is_forked_child() {
            return Err(Error::config(
                "this process was forked from the one that opened the database; open it anew",
            ));
        }
        Ok(())
    }

    /// Takes the append lock for writing.
    pub(crate) fn lock_for_writing(&self, access: Access) -> Result<RankedGuard<'_, Append>> {
        self.check_writable()?;
        let append = self.append_lock.enter(access)?;
        self.durability.check()?;
        Ok(append)
    }

    /// The same for one of many commits, behind all who wait for the lock by now.
    pub(crate) fn lock_for_batch(&self) -> Result<RankedGuard<'_, Append>> {
        self.check_writable()?;
        let append = self.append_lock.enter_behind()?;
        self.durability.check()?;
        Ok(append)
    }

    /// The same for the next transaction, which waits so long at the most.
    pub(super) fn lock_within(&self, limit: Duration) -> Result<RankedGuard<'_, Append>> {
        self.check_writable()?;
        let append = self.append_lock.enter_within(limit)?;
        self.durability.check()?;
        Ok(append)
    }

    /// Refuses what may never write.
    #[inline]
    fn check_writable(&self) -> Result<()> {
        if self.read_only {
            return Err(Error::ReadOnly);
        }
        self.check_process()
    }

    /// Notes where the last record of a user ends now. Called under the append lock.
    #[inline]
    pub(super) fn set_data_end(&self, end: u64) {
        self.data_end.0.store(end, Ordering::Release);
    }

    /// The end of what users wrote, as a sequence number.
    #[inline]
    pub(crate) fn data_end(&self) -> u64 {
        self.data_end.0.load(Ordering::Acquire)
    }

    /// Tells whoever waits for the journal to have grown as far as it has. Follows each commit,
    /// outside the append lock.
    #[inline]
    pub(crate) fn tell_of_growth(&self) {
        self.growth.check(self.data_end.0.load(Ordering::Relaxed));
    }

    /// Syncs a commit, or asks for that, as the policy wants it. Outside the append lock.
    pub(crate) fn sync_if_due(&self) -> Result<()> {
        let end = self.data_end.0.load(Ordering::Relaxed);
        if self.durability.writes_through() {
            return self.flush();
        }
        if self.durability.is_behind(end) {
            self.background.sync_soon();
        }
        Ok(())
    }

    /// Carries everything written before the call to stable storage.
    pub(crate) fn flush(&self) -> Result<()> {
        self.check_process()?;
        self.durability.flush(self)
    }

    /// Brings the header up to date with the last sync.
    pub(super) fn refresh_header(&self) -> Result<()> {
        self.durability.refresh_header(self)
    }

    /// Leaves the file clean: synced, trimmed, and marked so.
    pub(crate) fn close(&self) -> Result<()> {
        self.mark_time_at_close();
        self.durability.close(self)
    }

    /// Notes that a sweep failed whose caller is not told.
    #[cfg(feature = "ttl")]
    pub(crate) fn note_sweep_failure(&self) {
        self.sweep_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// How many such sweeps there were since the open.
    pub(crate) fn sweep_failures(&self) -> u64 {
        self.sweep_failures.load(Ordering::Relaxed)
    }

    /// The file's id and generation; none in memory.
    pub(crate) fn identity(&self) -> Option<([u8; 16], u64)> {
        self.durability.with_header(|header| (header.file_id, header.generation))
    }

    /// The expiry of records that are written without one of their own. Records that the library
    /// keeps for itself never expire by default.
    #[inline]
    pub(crate) fn default_expiry(&self, namespace: &NamespaceState) -> Result<Option<u64>> {
        let ttl = self.default_ttl.filter(|_| !namespace.is_internal());
        ttl.map(|ttl| self.clock.after(ttl)).transpose()
    }

    /// The settings of an engine that this one is copied to.
    pub(crate) fn plain_settings(&self) -> Settings {
        Settings { range_scans: self.orders_all, ..Settings::default() }
    }

    /// Goes on in the journal of `target`, whose lock is held as well: what ends there is known by
    /// the sequence number `end`.
    pub(crate) fn succeed(
        &self,
        append: &mut Append,
        target: &Engine,
        target_append: &mut Append,
        end: u64,
    ) {
        append.succeed(target_append);
        self.next_id.store(target.next_id.load(Ordering::Relaxed), Ordering::Relaxed);
        self.set_data_end(end);
    }
}

impl ActiveJournal for Engine {
    fn with_journal<R>(&self, show: impl FnOnce(&Journal) -> R) -> R {
        let handle = self.generation(&crossbeam_epoch::pin()).clone();
        show(&handle.generation.journal)
    }

    fn with_writer<R>(&self, show: impl FnOnce(&mut JournalWriter) -> R) -> R {
        show(&mut self.append_lock.lock().writer)
    }

    fn data_end(&self) -> u64 {
        Engine::data_end(self)
    }

    fn refresh_header_after(&self, delay: Duration) {
        self.background.refresh_header_after(delay);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The threads hold the engine weakly, so they would wait for requests for ever. In a forked
        // child they do not exist, and their locks may be held.
        if !self.is_forked_child() {
            self.background.stop();
        }
    }
}
