//! Compaction: the live records go to a new file, which then takes the place of the old one.
//!
//! Writers go on meanwhile. Their commits are made again in the new file, and only for the last
//! few of them do they wait: those are copied, the file is renamed, and every namespace is
//! carried over to the new generation. Readers notice nothing: who has begun in the old
//! generation ends in it.
//!
//! At any instant one of the two files has the name, and it has everything that was durable: the
//! new one is synced up to all that any flush has promised before it is renamed, and no flush
//! promises more before the rename itself is durable.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

#[cfg(feature = "encrypt")]
use crate::crypto::Unlocked;
use crate::engine::append_lock::Append;
use crate::engine::write_lock::WriteLock;
use crate::engine::{Engine, open};
use crate::error::{Error, Result};
use crate::format::JOURNAL_START;
#[cfg(feature = "encrypt")]
use crate::format::header::Header;
use crate::maintenance::catch_up::CatchUp;
use crate::maintenance::copy::{copy_all, of_copy, read_view_of_all, reread};
use crate::maintenance::database::Database;
use crate::maintenance::space::Space;
use crate::mvcc::generation::GenerationHandle;
use crate::mvcc::incarnation::{DEFAULT_ID, Incarnation};
use crate::os::paths::{self, suffix};
use crate::progress::ProgressMeter;
use crate::storage::data_file::DataFile;
use crate::storage::temp::Temp;

/// The key of the new file.
pub(crate) enum Key {
    /// That of the old one.
    Same,
    /// This, or nothing.
    #[cfg(feature = "encrypt")]
    Other(Option<Unlocked>),
}

/// Bytes that may be missing when writers are made to wait for the last time.
const LAST_STRETCH_MAX_BYTES: u64 = 64 << 10;
/// Where writers write as fast as they are copied: for how long they wait at first, and how long
/// they may write in between.
const HOLD_BACK: Duration = Duration::from_millis(1);
const LET_WRITE: Duration = Duration::from_micros(100);
/// Bytes that are copied at a time then: enough for one positional write.
const SLICE_BYTES: u64 = 384 << 10;
/// The length from which on a file is closed by a thread of its own.
const SLOW_CLOSE_MIN_BYTES: u64 = 16 << 20;

/// Rewrites the journal with what is live.
pub(crate) fn compact(database: &Database, meter: &mut ProgressMeter<'_>) -> Result<()> {
    compact_with_key(database, Key::Same, meter)
}

/// The same, sealed as `key` says.
pub(super) fn compact_with_key(
    database: &Database,
    key: Key,
    meter: &mut ProgressMeter<'_>,
) -> Result<()> {
    database.check()?;
    let engine = &*database.engine;
    if engine.read_only {
        return Err(Error::ReadOnly);
    }
    let _guard = database.maintenance.acquire(engine.lock_family)?;
    engine.durability.check()?;
    let compaction = Compaction { database, engine, file: engine.file.as_ref() };
    let Some(file) = compaction.file else { return compaction.run(key, meter) };
    if cfg!(windows) {
        let what = "a file that is mapped can't be replaced on Windows; back it up instead";
        return Err(std::io::Error::new(std::io::ErrorKind::Unsupported, what).into());
    }
    file.check_name()?;
    file.check_replaceable()?;
    let space = Space::for_copy(engine, file);
    let _temp = Temp::new(&*file.disk, paths::sibling(&file.path, suffix::COMPACTION));
    compaction.run(key, meter).map_err(|e| match engine.durability.check() {
        Ok(()) => space.explain(engine, of_copy(e)).named("compact", &file.path),
        Err(_) => e,
    })
}

/// A compaction that is running.
#[derive(Clone, Copy)]
struct Compaction<'a> {
    database: &'a Database,
    engine: &'a Engine,
    /// None in memory.
    file: Option<&'a DataFile>,
}

impl Compaction<'_> {
    fn run(self, key: Key, meter: &mut ProgressMeter<'_>) -> Result<()> {
        let engine = self.engine;
        let former = engine.generation(&crossbeam_epoch::pin()).clone();
        let target = self.successor(key)?;
        // The copy is synced beside the copying.
        target.allow_syncing(None);
        let (view, namespaces) = read_view_of_all(engine);
        let from = view.watermark();
        let copies = copy_all(&view, &namespaces, &target, meter)?;
        drop(view);
        let source = former.generation.clone();
        let mut catch_up = CatchUp::new(&source, &target, copies, from);
        self.approach(&mut catch_up)?;
        target.flush()?;
        reread(&target)?;
        self.approach(&mut catch_up)?;
        meter.finish()?;
        // Its journal is about to be that of this engine, and its writer that of another journal.
        target.background.stop();
        self.take_over(&target, &mut catch_up)?;
        self.database.compactions.note_done();
        self.database.checkpoints.start_over(start_of(&target));
        self.database.wait_for_more();
        if let Some(file) = self.file {
            // Of the former generation: nobody reads them any more.
            for name in [DataFile::image_of(&file.path), DataFile::passing_image_of(&file.path)] {
                let _ = file.disk.remove(&name);
            }
        }
        drop(target);
        self.let_go(former);
        self.engine.growth.tell();
        Ok(())
    }

    /// Waits a moment for readers that are about to leave the old generation, so that its memory is
    /// freed here rather than in the midst of a read or write. Those that stay free it themselves.
    fn let_go(self, former: GenerationHandle) {
        for _ in 0..100 {
            crossbeam_epoch::pin().flush();
            if former.is_last() {
                break;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        let (bytes, medium) =
            (former.generation.watermark(), former.generation.journal.medium.clone());
        drop(former);
        let free = self.file.and_then(|file| file.disk.free_bytes(&file.path));
        if bytes >= SLOW_CLOSE_MIN_BYTES && free.is_some_and(|free| free >= bytes) {
            // Its last name is gone, so to close it gives its space back, which can take a third of all
            // the time that a compaction does. Where space is short, the caller is to find it free.
            let closer = std::thread::Builder::new().name("emdb-close".into());
            let _ = closer.spawn(move || drop(medium));
        }
    }

    /// An empty engine of the next generation.
    fn successor(self, key: Key) -> Result<Arc<Engine>> {
        let handle = self.engine.generation(&crossbeam_epoch::pin()).clone();
        let settings = self.engine.plain_settings();
        let Some(file) = self.file else {
            return open::memory_after(&settings, &handle.generation);
        };
        let header = self.engine.durability.with_header(|header| header.successor());
        let Some(header) = header else { return Err(Error::Poisoned) };
        let path = paths::sibling(&file.path, suffix::COMPACTION);
        let engine = match key {
            Key::Same => {
                let key = handle.generation.journal.unlocked();
                open::fresh(&settings, &*file.disk, &path, header, key)?
            }
            #[cfg(feature = "encrypt")]
            Key::Other(key) => {
                let header = Header { converted: true, untidy: true, ..header };
                open::fresh(&settings, &*file.disk, &path, header, key.as_ref())?
            }
        };
        file.disk.imitate(&file.path, &path)?;
        Ok(engine)
    }

    /// Brings the copy so near that little is missing.
    fn approach(self, catch_up: &mut CatchUp<'_>) -> Result<()> {
        let mut behind = u64::MAX;
        while catch_up.behind() >= LAST_STRETCH_MAX_BYTES && catch_up.behind() < behind / 2 {
            behind = catch_up.behind();
            catch_up.run(u64::MAX)?;
        }
        // Writers are too fast: they are held back, for moments, which grow while that doesn't help.
        let mut hold_back = HOLD_BACK;
        while catch_up.behind() >= LAST_STRETCH_MAX_BYTES {
            let behind = catch_up.behind();
            let append = self.engine.append_lock.lock();
            let began = Instant::now();
            while catch_up.behind() > 0 && began.elapsed() < hold_back {
                catch_up.run(SLICE_BYTES)?;
            }
            drop(append);
            self.database.compactions.note_pause(began.elapsed());
            std::thread::sleep(LET_WRITE);
            if catch_up.behind() >= behind {
                hold_back *= 2;
            }
        }
        Ok(())
    }

    /// Lets the copy take over.
    fn take_over(self, target: &Arc<Engine>, catch_up: &mut CatchUp<'_>) -> Result<()> {
        let engine = &self.database.engine;
        let durability = &engine.durability;
        let mut write_lock = None;
        let mut waiting_since = None;
        loop {
            // No sync ends before this does, so nothing more becomes durable in the old file.
            let guard = durability.guard();
            let mut slot = durability.slot();
            durability.check()?;
            let promised = durability.synced();
            catch_up.run(u64::MAX)?;
            let synced = target.durability.sync_twice(&**target)?;
            self.approach(catch_up)?;
            let mut append = engine.append_lock.lock();
            if append.is_owned() && write_lock.is_none() {
                // A transaction is open, and may flush: it must not wait for the sync guard.
                drop((append, slot, guard));
                write_lock = Some(WriteLock::acquire(engine)?);
                waiting_since = Some(Instant::now());
                continue;
            }
            let began = waiting_since.unwrap_or_else(Instant::now);
            durability.check()?;
            catch_up.run(u64::MAX)?;
            self.check_names(target)?;
            engine.mark_time_in(target)?;
            if let Some(file) = self.file {
                file.replace(&paths::sibling(&file.path, suffix::COMPACTION))?;
            }
            self.carry_over(target, &mut append, Durable { promised, synced });
            *slot = target.durability.take_slot();
            self.database.compactions.note_pause(began.elapsed());
            drop(append);
            if let Some(file) = self.file
                && let Err(e) = file.disk.sync_names(&file.path)
            {
                // A power cut could bring the old file back.
                durability.poison();
                return Err(e.into());
            }
            return self.sync_last_stretch(synced);
        }
    }

    /// Whether the copy has all namespaces. If not, the copying is wrong: better no compaction.
    fn check_names(self, target: &Engine) -> Result<()> {
        let (names, copies) = (self.engine.names.lock(), target.names.lock());
        if names.live.keys().eq(copies.live.keys()) {
            return Ok(());
        }
        Err(std::io::Error::other("the copy has other namespaces; the file is as it was").into())
    }

    /// Makes durable what was copied to the new file behind `synced`, for the one who has the sync
    /// guard. Whoever waits to hear that has a sequence number of the former file, which can stand for
    /// less of the new one: only all of it is surely enough.
    fn sync_last_stretch(self, synced: u64) -> Result<()> {
        let durability = &self.engine.durability;
        let handle = self.engine.generation(&crossbeam_epoch::pin()).clone();
        let journal = &handle.generation.journal;
        let upto = journal.watermark();
        if upto > synced
            && let Err(e) = journal.medium.sync()
        {
            durability.poison();
            return Err(e.into());
        }
        durability.reached(journal.sequence(upto));
        Ok(())
    }

    /// Makes the target's generation that of all namespaces. Sequence numbers go on so that the end
    /// is no lower than before, nor what is durable.
    fn carry_over(self, target: &Engine, append: &mut Append, durable: Durable) {
        let engine = self.engine;
        let guard = crossbeam_epoch::pin();
        let (old, new) = (engine.generation(&guard), target.generation(&guard));
        let end = old.generation.journal.sequence(old.generation.watermark());
        let mut target_append = target.append_lock.lock();
        // Both what is promised and the end must not lie further back than before. The new file
        // may be the longer one.
        let base = end.wrapping_sub(target_append.writer.position) as i64;
        let base = base.max(durable.promised.wrapping_sub(durable.synced) as i64) as u64;
        new.generation.journal.continue_from(base);
        let mut names = engine.names.lock();
        let retired = names.retire(&guard, engine.orders_all);
        // Nobody but this thread sets it.
        let _ = old.generation.retired.set(retired);
        names.dropped.clear();
        // A handle of a dropped namespace must not keep the generation that retires.
        for state in names.gone.iter().filter_map(Weak::upgrade) {
            state.carry(new, &Arc::new(Incarnation::new(DEFAULT_ID)), &guard);
        }
        let copies = target.names.lock();
        let carry = |name: &str| {
            if let (Some(state), Some(copy)) = (names.live.get(name), copies.live.get(name)) {
                state.carry(new, copy.current(&guard), &guard);
            }
        };
        names.live.keys().filter(|name| !name.is_empty()).for_each(|name| carry(name));
        let new_end = new.generation.journal.sequence(target_append.writer.position);
        debug_assert!(new_end >= end, "sequence numbers only grow");
        // From here on all of it is of the new generation.
        carry("");
        engine.succeed(append, target, &mut target_append, new_end);
    }
}

/// How far is durable when the copy takes over.
#[derive(Debug, Clone, Copy)]
struct Durable {
    /// In the old file, as a sequence number.
    promised: u64,
    /// In the new one, as a position.
    synced: u64,
}

/// The sequence number at which the target's journal begins.
fn start_of(target: &Engine) -> u64 {
    let guard = crossbeam_epoch::pin();
    target.generation(&guard).generation.journal.sequence(JOURNAL_START)
}
