//! From a medium to a store.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use super::Store;
use super::background::Background;
use super::checkpoint::Checkpoints;
use super::durability::Durability;
use super::image::Image;
use super::names::{DEFAULT_ID, INTERNAL, Live, Names};
use super::recovery::{self, RecoveryReport};
use super::replay::Replay;
use super::site::Site;
use super::tail::Tail;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::fork::Origin;
use crate::format::header::Header;
use crate::format::options::Options;
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
    let header = Header::create(0)?;
    let medium = Arc::new(Ram::default());
    let memory = Memory::Regions(medium.regions.clone());
    let place = Place::new(header.file_id, header.generation);
    let generation = Generation::new(place, header.hash_seed, memory, medium);
    let replay = Replay::new(&generation);
    let parts = replay.into_parts();
    let tail = Tail::new(JOURNAL_START, 0);
    Ok(assemble(settings, generation, parts, tail, None))
}

/// The store in the file at `path`, which is locked by the caller and made if it is absent or
/// empty.
pub(crate) fn on_disk(settings: &Settings, disk: Arc<dyn Disk>, path: &Path) -> Result<Arc<Store>> {
    let began = Instant::now();
    let medium = disk.open(path)?;
    let len = medium.len()?;
    if len > MAX_POSITION {
        return Err(Error::TooLarge { what: "a data file", size: len, limit: MAX_POSITION });
    }
    let memory = Memory::flat(&*medium, len)?;
    let front = memory.rest(0);
    let header = Header::read(&front[..front.len().min(JOURNAL_START as usize)])?;
    let place = Place::new(header.file_id, header.generation);
    let generation = Generation::new(place, header.hash_seed, memory, medium.clone());
    let memory = &generation.memory;
    let wants_order = |name: &str, options: Options| {
        options.ordered || settings.range_scans && !name.starts_with(INTERNAL)
    };
    let image = Image::load(&*disk, path, &header, memory, wants_order);
    let mut image_of = image.as_ref().map(|image| (image.below, image.len));
    let alarm = image.as_ref().map(|image| image.alarm.clone());
    let read = |image: Option<Image>| {
        let from = image.as_ref().map(|image| image.below);
        let mut replay = match image {
            Some(image) => Replay::of(&generation, image),
            None => Replay::new(&generation),
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
    let (mut report, header) = end.repair(&*disk, path, (header, place), memory, &*medium, len)?;
    report.elapsed = began.elapsed();
    let tail = Tail::new(accepted, accepted);
    let site = Site { disk, path: path.to_path_buf() };
    let found = Found { header, report, site, image: image_of };
    let store = assemble(settings, generation, parts, tail, Some(found));
    if let Some(alarm) = alarm {
        // Set once, here.
        let _ = alarm.0.set(Box::new(store.background.healer()));
    }
    Background::start_sync(&store, settings.flush_every);
    store.start_maintaining();
    Ok(store)
}

/// Makes a new database file.
pub(crate) fn create(disk: &dyn Disk, path: &Path) -> Result<()> {
    let header = Header::create(crate::clock::unix_ms())?;
    Ok(disk.publish(path, &header.image())?)
}

/// What an open found on the disk.
struct Found {
    header: Header,
    report: RecoveryReport,
    site: Site,
    /// The checkpoint's position and length.
    image: Option<(u64, u64)>,
}

fn assemble(
    settings: &Settings,
    generation: Generation,
    (live, next_id): (Live, u32),
    tail: Tail,
    found: Option<Found>,
) -> Arc<Store> {
    let checkpoints = Checkpoints::new(found.as_ref().and_then(|found| found.image));
    let (header, recovery, site) = match found {
        Some(found) => (Some(found.header), Some(found.report), Some(found.site)),
        None => (None, None, None),
    };
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
        orders_all: settings.range_scans,
        names: Mutex::new(Names { live, dropped: Vec::new() }),
        next_id: AtomicU32::new(next_id),
        tail: Mutex::new(tail),
        idle: Condvar::new(),
        data_end: Padded(end.into()),
        durability: Durability::new(settings.flush_policy, header, end),
        background: Background::default(),
        site,
        checkpoints,
        origin: Origin::here(),
        recovery,
    });
    store.begin_orders();
    store
}
