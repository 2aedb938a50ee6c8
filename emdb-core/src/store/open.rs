//! From a medium to a store.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use super::Store;
use super::background::Background;
use super::durability::Durability;
use super::names::{DEFAULT_ID, Live, Names};
use super::recovery::{self, RecoveryReport};
use super::replay::Replay;
use super::tail::Tail;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::fork::Origin;
use crate::format::header::Header;
use crate::format::place::Place;
use crate::format::{JOURNAL_START, MAX_POSITION};
use crate::generation::{Generation, Pins};
use crate::settings::Settings;
use crate::storage::Disk;
use crate::storage::memory::Memory;
use crate::storage::ram::Ram;
use crate::sync::Padded;
use crate::view::Views;

/// An in-memory store.
pub(crate) fn in_memory(settings: &Settings) -> Result<Arc<Store>> {
    unwritten(settings, None)
}

/// A store without a file and without a record.
fn unwritten(settings: &Settings, recovery: Option<RecoveryReport>) -> Result<Arc<Store>> {
    let header = Header::create(0)?;
    let medium = Arc::new(Ram::default());
    let memory = Memory::Regions(medium.regions.clone());
    let place = Place::new(header.file_id, header.generation);
    let generation = Generation::new(place, header.hash_seed, memory, medium);
    let replay = Replay::new(&generation);
    let parts = (replay.names, replay.next_id);
    let tail = Tail::new(JOURNAL_START, 0);
    Ok(assemble(settings, generation, parts, tail, None, recovery))
}

/// The store in the file at `path`, which is locked by the caller, who has made it as well if it
/// was absent or empty, unless it is to be read alone.
pub(crate) fn on_disk(settings: &Settings, disk: &dyn Disk, path: &Path) -> Result<Arc<Store>> {
    let medium = if settings.read_only { disk.open_read_only(path)? } else { disk.open(path)? };
    let len = medium.len()?;
    if settings.read_only && len == 0 {
        // A database that was never written: as good as one in memory.
        let report = RecoveryReport { clean: true, ..RecoveryReport::default() };
        return unwritten(settings, Some(report));
    }
    if len > MAX_POSITION {
        return Err(Error::TooLarge { what: "a data file", size: len, limit: MAX_POSITION });
    }
    let memory = Memory::flat(&*medium, len)?;
    let front = memory.rest(0);
    let header = Header::read(&front[..front.len().min(JOURNAL_START as usize)])?;
    let place = Place::new(header.file_id, header.generation);
    let generation = Generation::new(place, header.hash_seed, memory, medium.clone());
    let memory = &generation.memory;
    let mut replay = Replay::new(&generation);
    let end = recovery::read(&header, place, memory, len, &mut replay)?;
    let accepted = end.accepted;
    if settings.read_only {
        let report = end.leave(place, memory, &*medium)?;
        let parts = (replay.names, replay.next_id);
        let tail = Tail::new(accepted, len);
        return Ok(assemble(settings, generation, parts, tail, None, Some(report)));
    }
    let (report, header) = end.repair(disk, path, (header, place), memory, &*medium, len)?;
    let parts = (replay.names, replay.next_id);
    let tail = Tail::new(accepted, accepted);
    let store = assemble(settings, generation, parts, tail, Some(header), Some(report));
    Background::start_sync(&store, settings.flush_every);
    Ok(store)
}

/// Makes a new database file.
pub(crate) fn create(disk: &dyn Disk, path: &Path) -> Result<()> {
    let header = Header::create(crate::clock::unix_ms())?;
    Ok(disk.publish(path, &header.image())?)
}

fn assemble(
    settings: &Settings,
    generation: Generation,
    (live, next_id): (Live, u32),
    tail: Tail,
    header: Option<Header>,
    recovery: Option<RecoveryReport>,
) -> Arc<Store> {
    let end = tail.position;
    generation.committed.0.store(end, Ordering::Release);
    let views = Arc::new(Views::default());
    for state in live.values() {
        state.current(&crossbeam_epoch::pin()).show_records(end, &views);
    }
    let generation = Arc::new(generation);
    let default_namespace = live.get("").cloned().unwrap_or_else(|| {
        // Replay begins with it, and refuses to create or drop it.
        let incarnation = Arc::new(super::names::Incarnation::new(DEFAULT_ID));
        Arc::new(super::names::NamespaceState::new(String::new(), incarnation))
    });
    let store = Arc::new(Store {
        pins: Pins::new(&generation),
        generation,
        clock: Arc::new(Clock::new(settings.manual_clock.clone())),
        views,
        verify: !settings.unverified_reads,
        default_ttl: settings.default_ttl,
        default_namespace,
        read_only: settings.read_only,
        orders_all: settings.range_scans,
        names: Mutex::new(Names { live, dropped: Vec::new() }),
        next_id: AtomicU32::new(next_id),
        tail: Mutex::new(tail),
        idle: Condvar::new(),
        data_end: Padded(end.into()),
        durability: Durability::new(settings.flush_policy, header, end),
        background: Background::default(),
        origin: Origin::here(),
        recovery,
    });
    store.begin_orders();
    store
}
