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

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

#[cfg(feature = "encrypt")]
use crate::crypto::Unlocked;
use crate::engine::write_lock::Exclusive;
use crate::engine::{Engine, open};
use crate::error::{Error, Result};
#[cfg(feature = "encrypt")]
use crate::format::header::Header;
use crate::journal::writer::Tail;
use crate::maintenance::catch_up::CatchUp;
use crate::maintenance::copy::{copy_all, of_copy};
use crate::mvcc::generation::GenerationHandle;
use crate::mvcc::names::{DEFAULT_ID, Incarnation, Retired};
use crate::os::paths;
use crate::os::sync::lock;
use crate::progress::ProgressMeter;
use crate::storage::data_file::DataFile;
use crate::storage::temp::Temp;

/// What the new file is called until it takes the place of the old one.
pub(crate) const TEMP: &str = ".compact.tmp";

/// What the new file is sealed with.
pub(crate) enum Key {
    /// What the old one is.
    Same,
    /// This, or nothing.
    #[cfg(feature = "encrypt")]
    Other(Option<Unlocked>),
}

/// Bytes that may be missing when writers are made to wait for the last time.
const NEAR: u64 = 64 << 10;
/// Where writers write as fast as they are copied: for how long they wait at first, and how long
/// they may write in between.
const HOLD: Duration = Duration::from_millis(1);
const BREATH: Duration = Duration::from_micros(100);
/// Bytes that are copied at a time then: enough for one positional write.
const SLICE: u64 = 384 << 10;

impl Engine {
    /// Rewrites the journal with what is live.
    pub(crate) fn compact(self: &Arc<Engine>, meter: &mut ProgressMeter<'_>) -> Result<()> {
        self.compact_with_key(Key::Same, meter)
    }

    /// The same, sealed as `key` says.
    pub(crate) fn compact_with_key(
        self: &Arc<Engine>,
        key: Key,
        meter: &mut ProgressMeter<'_>,
    ) -> Result<()> {
        self.check_maintenance()?;
        if self.read_only {
            return Err(Error::ReadOnly);
        }
        let _turn = self.maintenance.begin()?;
        self.check_health()?;
        let Some(file) = &self.file else { return self.rewrite(None, key, meter) };
        if cfg!(windows) {
            let what = "a file that is mapped can't be replaced on Windows; back it up instead";
            return Err(std::io::Error::new(std::io::ErrorKind::Unsupported, what).into());
        }
        let _temp = Temp::new(&*file.disk, paths::sibling(&file.path, TEMP));
        self.rewrite(Some(file), key, meter).map_err(|e| match self.check_health() {
            Ok(()) => of_copy(e),
            Err(_) => e,
        })
    }

    fn rewrite(
        self: &Arc<Engine>,
        file: Option<&DataFile>,
        key: Key,
        meter: &mut ProgressMeter<'_>,
    ) -> Result<()> {
        let former = self.generation(&crossbeam_epoch::pin()).clone();
        let target = self.successor(file, key)?;
        target.sync_meanwhile();
        let (view, states) = self.read_view_of_all();
        let from = view.watermark();
        let copies = copy_all(&view, &states, &target, meter)?;
        drop(view);
        let source = former.generation.clone();
        let mut catch_up = CatchUp::new(&source, &target, copies, from);
        self.approach(&mut catch_up)?;
        target.flush()?;
        target.reread()?;
        self.approach(&mut catch_up)?;
        meter.finish()?;
        // Its journal is about to be that of this engine, and its tail that of another journal.
        target.background.stop();
        self.take_over(file, &target, &mut catch_up)?;
        self.compactions.fetch_add(1, Ordering::Relaxed);
        self.checkpoints.start_over(target_start(&target));
        self.wait_for_more();
        if let Some(file) = file {
            // Of the former generation: nobody reads them any more.
            for name in [DataFile::image_of(&file.path), DataFile::passing_image_of(&file.path)] {
                let _ = file.disk.remove(&name);
            }
        }
        drop(target);
        let_go(former);
        Ok(())
    }

    /// An empty engine of the next generation.
    fn successor(&self, file: Option<&DataFile>, key: Key) -> Result<Arc<Engine>> {
        let handle = self.generation(&crossbeam_epoch::pin()).clone();
        let settings = self.plain_settings();
        let Some(file) = file else { return open::memory_after(&settings, &handle.generation) };
        let Some(header) = self.header() else { return Err(Error::Poisoned) };
        let path = paths::sibling(&file.path, TEMP);
        let header = header.successor();
        let engine = match key {
            Key::Same => {
                open::fresh(&settings, &*file.disk, &path, header, handle.generation.unlocked())?
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
    fn approach(&self, catch_up: &mut CatchUp<'_>) -> Result<()> {
        let mut behind = u64::MAX;
        while catch_up.behind() >= NEAR && catch_up.behind() < behind / 2 {
            behind = catch_up.behind();
            catch_up.run(u64::MAX)?;
        }
        // Writers are too fast: they are held back, for moments, which grow while that doesn't help.
        let mut hold = HOLD;
        while catch_up.behind() >= NEAR {
            let behind = catch_up.behind();
            let tail = lock(&self.tail);
            let began = Instant::now();
            while catch_up.behind() > 0 && began.elapsed() < hold {
                catch_up.run(SLICE)?;
            }
            drop(tail);
            self.longest_pause(began.elapsed());
            std::thread::sleep(BREATH);
            if catch_up.behind() >= behind {
                hold *= 2;
            }
        }
        Ok(())
    }

    /// Lets the copy take over.
    fn take_over(
        self: &Arc<Engine>,
        file: Option<&DataFile>,
        target: &Arc<Engine>,
        catch_up: &mut CatchUp<'_>,
    ) -> Result<()> {
        let mut exclusive = None;
        let mut waiting_since = None;
        loop {
            // No sync ends before this does, so nothing more becomes durable in the old file.
            let turn = self.durability.wait_for_turn();
            let mut slot = self.durability.slot();
            self.check_health()?;
            let promised = self.durability.synced();
            catch_up.run(u64::MAX)?;
            let synced = target.sync_twice()?;
            self.approach(catch_up)?;
            let mut tail = lock(&self.tail);
            if tail.owner.is_some() && exclusive.is_none() {
                // A transaction is open, and may flush: it must not wait for the turn.
                drop((tail, slot, turn));
                exclusive = Some(Exclusive::begin(self)?);
                waiting_since = Some(Instant::now());
                continue;
            }
            let began = waiting_since.unwrap_or_else(Instant::now);
            self.check_health()?;
            catch_up.run(u64::MAX)?;
            self.check_names(target)?;
            if let Some(file) = file {
                file.replace(&paths::sibling(&file.path, TEMP))?;
            }
            self.carry_over(target, &mut tail, promised, synced);
            *slot = target.durability.take_slot();
            self.longest_pause(began.elapsed());
            drop(tail);
            if let Some(file) = file
                && let Err(e) = file.disk.sync_names(&file.path)
            {
                // A power cut could bring the old file back.
                self.poison();
                return Err(e.into());
            }
            return self.sync_last_stretch(synced);
        }
    }

    /// Whether the copy has all namespaces. If not, the copying is wrong: better no compaction.
    fn check_names(&self, target: &Engine) -> Result<()> {
        let (names, copies) = (lock(&self.names), lock(&target.names));
        if names.live.keys().eq(copies.live.keys()) {
            return Ok(());
        }
        Err(std::io::Error::other("the copy has other namespaces; the file is as it was").into())
    }

    /// Makes durable what was copied to the new file behind `synced`, for the one who has the turn.
    /// Whoever waits to hear that has a sequence number of the former file, which can stand for
    /// less of the new one: only all of it is surely enough.
    fn sync_last_stretch(&self, synced: u64) -> Result<()> {
        let handle = self.generation(&crossbeam_epoch::pin()).clone();
        let upto = handle.generation.watermark();
        if upto > synced
            && let Err(e) = handle.generation.medium.sync()
        {
            self.poison();
            return Err(e.into());
        }
        self.durability.reached(handle.generation.sequence(upto));
        Ok(())
    }

    /// Makes the target's generation that of all namespaces. Sequence numbers go on so that the end
    /// is no lower than before, nor what is `synced` in the new file than what was `promised`.
    fn carry_over(&self, target: &Engine, tail: &mut Tail, promised: u64, synced: u64) {
        let guard = crossbeam_epoch::pin();
        let (old, new) = (self.generation(&guard), target.generation(&guard));
        let end = old.generation.sequence(old.generation.watermark());
        let mut other = lock(&target.tail);
        // Both what is promised and the end must not lie further back than before. The new file
        // may be the longer one.
        let base = end.wrapping_sub(other.position) as i64;
        let base = base.max(promised.wrapping_sub(synced) as i64) as u64;
        new.generation.base.store(base, Ordering::Relaxed);
        let mut names = lock(&self.names);
        let retired = Retired::of(&names, &guard);
        // Nobody but this thread sets it.
        let _ = old.generation.retired.set(retired);
        names.dropped.clear();
        // What retires must not be kept by whoever has a handle of what was dropped.
        for state in names.gone.iter().filter_map(Weak::upgrade) {
            state.carry(new, &Arc::new(Incarnation::new(DEFAULT_ID)), &guard);
        }
        let copies = lock(&target.names);
        let carry = |name: &str| {
            if let (Some(state), Some(copy)) = (names.live.get(name), copies.live.get(name)) {
                state.carry(new, copy.current(&guard), &guard);
            }
        };
        names.live.keys().filter(|name| !name.is_empty()).for_each(|name| carry(name));
        let end = new.generation.sequence(other.position);
        // From here on all of it is of the new generation.
        carry("");
        tail.succeed(&mut other);
        self.next_id.store(target.next_id.load(Ordering::Relaxed), Ordering::Relaxed);
        self.data_end.0.store(end, Ordering::Release);
    }
}

/// The sequence number at which the target's journal begins.
fn target_start(target: &Engine) -> u64 {
    let guard = crossbeam_epoch::pin();
    target.generation(&guard).generation.sequence(crate::format::JOURNAL_START)
}

/// Waits a moment for readers that are about to leave the old generation, so that its memory is
/// freed here rather than in the midst of a read or write. Those that stay free it themselves.
fn let_go(former: GenerationHandle) {
    for _ in 0..100 {
        crossbeam_epoch::pin().flush();
        if former.is_last() {
            break;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}
