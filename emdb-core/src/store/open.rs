//! From a medium to a store.

use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use super::Store;
use super::background::Background;
use super::checkpoint::Checkpoints;
use super::durability::Durability;
use super::generation::{Era, Generation};
use super::image::Image;
use super::names::{DEFAULT_ID, INTERNAL, Live, Names};
use super::recovery::{self, RecoveryReport};
use super::replay::Replay;
use super::site::Site;
use super::tail::Tail;
use super::upkeep::Upkeep;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::fork::Origin;
use crate::format::header::Header;
use crate::format::options::Options;
use crate::format::place::Place;
use crate::format::{JOURNAL_START, MAX_POSITION};
use crate::settings::Settings;
use crate::storage::Disk;
use crate::storage::memory::Memory;
use crate::storage::ram::Ram;
use crate::sync::Padded;

/// An in-memory store.
pub(crate) fn in_memory(settings: &Settings) -> Result<Arc<Store>> {
    let store = memory_store(settings, None, &Header::create(0)?, None);
    if settings.auto_compact.is_some() {
        store.start_maintaining();
    }
    Ok(store)
}

/// A store without a file and without a record.
fn memory_store(
    settings: &Settings,
    site: Option<Site>,
    header: &Header,
    recovery: Option<RecoveryReport>,
) -> Arc<Store> {
    let medium = Arc::new(Ram::default());
    let memory = Memory::Regions(medium.regions.clone());
    let place = Place::new(header.file_id, header.generation);
    let number = header.generation;
    let era = Era::new(Generation::new(place, header.hash_seed, number, memory, medium));
    let parts = Replay::new(&era).into_parts();
    let tail = Tail::new(JOURNAL_START, 0);
    assemble(settings, &era, parts, tail, Found { site, recovery, ..Found::default() })
}

/// An empty in-memory store, for the next generation of another.
pub(crate) fn memory_after(settings: &Settings, former: &Generation) -> Result<Arc<Store>> {
    let header =
        Header { generation: former.number + 1, hash_seed: former.hash_seed, ..Header::create(0)? };
    Ok(memory_store(settings, None, &header, None))
}

/// An empty store in a new file at `path`, without help in the background.
pub(crate) fn fresh(
    settings: &Settings,
    disk: &dyn Disk,
    path: &Path,
    header: Header,
) -> Result<Arc<Store>> {
    let medium = disk.create(path)?;
    medium.write_at(0, &header.image())?;
    // The image has the next slot as well.
    let header = Header { sequence: header.sequence + 1, ..header };
    let memory = Memory::flat(&*medium, JOURNAL_START)?;
    let place = Place::new(header.file_id, header.generation);
    let (seed, number) = (header.hash_seed, header.generation);
    let era = Era::new(Generation::new(place, seed, number, memory, medium));
    let parts = Replay::new(&era).into_parts();
    let tail = Tail::new(JOURNAL_START, JOURNAL_START);
    Ok(assemble(settings, &era, parts, tail, Found { header: Some(header), ..Found::default() }))
}

/// The store in the file at `path`, which is locked by the caller, who has made it as well if it
/// was absent or empty, unless it is to be read alone.
pub(crate) fn on_disk(settings: &Settings, disk: Arc<dyn Disk>, path: &Path) -> Result<Arc<Store>> {
    let began = Instant::now();
    let medium = if settings.read_only { disk.open_read_only(path)? } else { disk.open(path)? };
    let site = Site::new(disk.clone(), path.to_path_buf());
    let len = medium.len()?;
    if settings.read_only && len == 0 {
        // A database that was never written: as good as one in memory.
        let report = RecoveryReport { clean: true, ..RecoveryReport::default() };
        return Ok(memory_store(settings, Some(site), &Header::create(0)?, Some(report)));
    }
    if len > MAX_POSITION {
        return Err(Error::TooLarge { what: "a data file", size: len, limit: MAX_POSITION });
    }
    let memory = Memory::flat(&*medium, len)?;
    let front = memory.rest(0);
    let header = Header::read(&front[..front.len().min(JOURNAL_START as usize)])?;
    let place = Place::new(header.file_id, header.generation);
    let number = header.generation;
    let era = Era::new(Generation::new(place, header.hash_seed, number, memory, medium.clone()));
    let memory = &era.generation.memory;
    let wants_order = |name: &str, options: Options| {
        options.ordered || settings.range_scans && !name.starts_with(INTERNAL)
    };
    let image = Image::load(&*disk, path, &header, memory, wants_order);
    let mut image_of = image.as_ref().map(|image| (image.below, image.len));
    let alarm = image.as_ref().map(|image| image.alarm.clone());
    let read = |image: Option<Image>| {
        let from = image.as_ref().map(|image| image.below);
        let mut replay = match image {
            Some(image) => Replay::of(&era, image),
            None => Replay::new(&era),
        };
        let end = recovery::read(&header, place, memory, (len, from), &mut replay)?;
        Ok::<_, Error>((end, replay.into_parts()))
    };
    let (end, parts) = match read(image) {
        Err(_) if image_of.is_some() => {
            // It may be the image that is wrong: the journal alone decides.
            image_of = None;
            read(None)?
        }
        done => done?,
    };
    let accepted = end.accepted;
    let (mut report, header, tail) = if settings.read_only {
        let report = end.leave(place, memory, &*medium)?;
        (report, None, Tail::new(accepted, len))
    } else {
        let repaired = end.repair(&*disk, path, (header, place), memory, &*medium, len)?;
        (repaired.0, Some(repaired.1), Tail::new(accepted, accepted))
    };
    report.elapsed = began.elapsed();
    let found = Found { site: Some(site), header, recovery: Some(report), image: image_of };
    let store = assemble(settings, &era, parts, tail, found);
    if let Some(alarm) = alarm {
        // Set once, here.
        let _ = alarm.0.set(Box::new(store.background.healer()));
    }
    if settings.read_only {
        if image_of.is_some() {
            // For the healing of the image alone.
            Background::start_sync(&store, None);
        }
        return Ok(store);
    }
    Background::start_sync(&store, settings.flush_every);
    store.start_maintaining();
    Ok(store)
}

/// Refuses a file that is something else than a database.
pub(crate) fn check_is_database(path: &Path) -> Result<()> {
    let mut front = Vec::new();
    std::fs::File::open(path)?.take(JOURNAL_START).read_to_end(&mut front)?;
    match Header::read(&front) {
        Err(e @ Error::MagicMismatch) => Err(e),
        _ => Ok(()),
    }
}

/// Makes a new database file.
pub(crate) fn create(disk: &dyn Disk, path: &Path) -> Result<()> {
    let header = Header::create(crate::clock::unix_ms())?;
    Ok(disk.publish(path, &header.image())?)
}

/// What an open found on the disk.
#[derive(Default)]
struct Found {
    site: Option<Site>,
    header: Option<Header>,
    recovery: Option<RecoveryReport>,
    /// The checkpoint's position and length.
    image: Option<(u64, u64)>,
}

fn assemble(
    settings: &Settings,
    era: &Era,
    (live, next_id): (Live, u32),
    tail: Tail,
    found: Found,
) -> Arc<Store> {
    let Found { site, header, recovery, image } = found;
    let end = tail.position;
    let generation = &era.generation;
    generation.committed.0.store(end, Ordering::Release);
    for state in live.values() {
        state.current(&crossbeam_epoch::pin()).show_records(end, &generation.views);
    }
    let default_namespace = live.get("").cloned().unwrap_or_else(|| {
        // Replay begins with it, and refuses to create or drop it.
        let incarnation = Arc::new(super::names::Incarnation::new(DEFAULT_ID));
        Arc::new(super::names::NamespaceState::new(String::new(), era, incarnation))
    });
    let store = Arc::new(Store {
        site,
        clock: Arc::new(Clock::new(settings.manual_clock.clone())),
        verify: !settings.unverified_reads,
        default_ttl: settings.default_ttl,
        default_namespace,
        read_only: settings.read_only,
        orders_all: settings.range_scans,
        names: Mutex::new(Names { live, ..Names::default() }),
        next_id: AtomicU32::new(next_id),
        upkeep: Upkeep::default(),
        auto_compact: settings.auto_compact,
        compactions: AtomicU64::new(0),
        compaction_failures: AtomicU64::new(0),
        pause: AtomicU64::new(0),
        tail: Mutex::new(tail),
        idle: Condvar::new(),
        data_end: Padded(end.into()),
        durability: Durability::new(settings.flush_policy, header, end),
        background: Background::default(),
        checkpoints: Checkpoints::new(image),
        origin: Origin::here(),
        recovery,
    });
    store.begin_orders();
    store
}
