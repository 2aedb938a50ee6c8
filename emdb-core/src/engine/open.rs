//! From a medium to an engine.

use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use crate::checkpoint::load::Image;
use crate::checkpoint::take::Checkpoints;
use crate::crypto::unlock::unlock;
use crate::crypto::{Sealing, Unlocked, Vault};
use crate::engine::Engine;
use crate::engine::background::Background;
use crate::engine::replay::Replay;
use crate::engine::settings::Settings;
use crate::error::{Error, Result};
use crate::format::header::{Header, Sign};
use crate::format::options::Options;
use crate::format::place::Place;
use crate::format::{JOURNAL_START, MAX_POSITION};
use crate::journal::recovery;
use crate::journal::recovery::RecoveryReport;
use crate::journal::sync::Durability;
use crate::journal::writer::Tail;
use crate::maintenance::exclusive::MaintenanceLock;
use crate::maintenance::{backup, compact, salvage};
use crate::mvcc::generation::{Generation, GenerationHandle};
use crate::mvcc::names::{DEFAULT_ID, INTERNAL, Live, Names};
use crate::os::clock::Clock;
use crate::os::fork::Process;
use crate::os::paths;
use crate::os::sync::CachePadded;
use crate::storage::Disk;
use crate::storage::data_file::DataFile;
use crate::storage::memory::Memory;
use crate::storage::ram::Ram;

/// What files are called that were on their way to this name.
const LEFT_OVER: [&str; 5] =
    [compact::TEMP, backup::TEMP, salvage::TEMP, ".meta.emdb-tmp", ".hot.meta.emdb-tmp"];

/// An in-memory engine.
pub(crate) fn in_memory(settings: &Settings) -> Result<Arc<Engine>> {
    let key = settings.sealing.as_ref().map(Sealing::create).transpose()?;
    let engine = memory_store(settings, None, &Header::create(0)?, None, key.as_ref())?;
    if settings.auto_compact.is_some() {
        engine.start_maintaining();
    }
    Ok(engine)
}

/// An engine without a file and without a record.
fn memory_store(
    settings: &Settings,
    file: Option<DataFile>,
    header: &Header,
    recovery: Option<RecoveryReport>,
    key: Option<&Unlocked>,
) -> Result<Arc<Engine>> {
    let medium = Arc::new(Ram::default());
    let memory = Memory::Regions(medium.regions.clone());
    let place = Place::new(header.file_id, header.generation);
    let number = header.generation;
    let generation = Generation::new(place, header.hash_seed, number, memory, medium);
    let handle = GenerationHandle::new(generation.sealed(vault(key, header)?));
    let parts = Replay::new(&handle).into_parts();
    let tail = Tail::new(JOURNAL_START, 0);
    Ok(assemble(settings, &handle, parts, tail, Found { file, recovery, ..Found::default() }))
}

/// An empty in-memory engine, for the next generation of another.
pub(crate) fn memory_after(settings: &Settings, former: &Generation) -> Result<Arc<Engine>> {
    let header = Header::create(0)?;
    // What is prepared for the one is good for the other.
    let file_id = former.vault.as_ref().map_or(header.file_id, |vault| vault.keys.file_id);
    let (generation, hash_seed) = (former.number + 1, former.hash_seed);
    let header = Header { file_id, generation, hash_seed, ..header };
    memory_store(settings, None, &header, None, former.unlocked())
}

fn vault(key: Option<&Unlocked>, header: &Header) -> Result<Option<Vault>> {
    key.map(|key| Vault::new(key, header.file_id, header.generation)).transpose()
}

/// The header of a new file with this key, or none, what opens its records, and its bytes.
fn new_header(key: Option<&Unlocked>, header: Header) -> Result<(Header, Option<Vault>, Vec<u8>)> {
    let header = Header { envelope: key.map(|key| key.envelope.clone()), ..header };
    let vault = vault(key, &header)?;
    let image = header.image(vault.as_ref().map(|vault| &vault.keys as &dyn Sign));
    Ok((header, vault, image))
}

/// An empty engine in a new file at `path`, sealed if there is a key, without help in the
/// background.
pub(crate) fn fresh(
    settings: &Settings,
    disk: &dyn Disk,
    path: &Path,
    header: Header,
    key: Option<&Unlocked>,
) -> Result<Arc<Engine>> {
    let medium = disk.create(path)?;
    let (header, vault, image) = new_header(key, header)?;
    medium.write_at(0, &image)?;
    // The image has the next slot as well.
    let header = Header { sequence: header.sequence + 1, ..header };
    let memory = Memory::flat(&*medium, JOURNAL_START)?;
    let place = Place::new(header.file_id, header.generation);
    let (seed, number) = (header.hash_seed, header.generation);
    let handle =
        GenerationHandle::new(Generation::new(place, seed, number, memory, medium).sealed(vault));
    let parts = Replay::new(&handle).into_parts();
    let tail = Tail::new(JOURNAL_START, JOURNAL_START);
    Ok(assemble(settings, &handle, parts, tail, Found { header: Some(header), ..Found::default() }))
}

/// The engine in the file at `path`, which is locked by the caller, who has made it as well if it
/// was absent or empty, unless it is to be read alone.
pub(crate) fn on_disk(
    settings: &Settings,
    disk: Arc<dyn Disk>,
    path: &Path,
) -> Result<Arc<Engine>> {
    let began = Instant::now();
    let medium = if settings.read_only { disk.open_read_only(path)? } else { disk.open(path)? };
    let file = DataFile::new(disk.clone(), path.to_path_buf());
    let len = medium.len()?;
    if settings.read_only && len == 0 {
        // A database that was never written: as good as one in memory.
        let report = RecoveryReport { clean: true, ..RecoveryReport::default() };
        return memory_store(settings, Some(file), &Header::create(0)?, Some(report), None);
    }
    if len > MAX_POSITION {
        return Err(Error::TooLarge { what: "a data file", size: len, limit: MAX_POSITION });
    }
    let memory = Memory::flat(&*medium, len)?;
    let front = memory.rest(0);
    let front = &front[..front.len().min(JOURNAL_START as usize)];
    let header = Header::read(front)?;
    let vault = unlock(&header, front, settings.sealing.as_ref().map(|s| &s.secret))?;
    check_cipher(settings, vault.as_ref())?;
    if !settings.read_only {
        // What a crash has left of a compaction or of a backup to this name.
        for end in LEFT_OVER {
            let _ = disk.remove(&paths::sibling(path, end));
        }
    }
    let place = Place::new(header.file_id, header.generation);
    let number = header.generation;
    let generation = Generation::new(place, header.hash_seed, number, memory, medium.clone());
    let handle = GenerationHandle::new(generation.sealed(vault));
    let memory = &handle.generation.memory;
    let wants_order = |name: &str, options: Options| {
        options.ordered || settings.range_scans && !name.starts_with(INTERNAL)
    };
    let image = Image::load(&*disk, path, &header, &handle.generation, wants_order);
    let mut image_of = image.as_ref().map(|image| (image.below, image.len));
    let alarm = image.as_ref().map(|image| image.alarm.clone());
    let read = |image: Option<Image>, upto| {
        // Read already, when the image was bound to it.
        let from = image.as_ref().and_then(|image| memory.record(image.note_at));
        let mut replay = match image {
            Some(image) => Replay::of(&handle, image),
            None => Replay::new(&handle),
        };
        match recovery::read(&header, &handle.generation, (len, from), upto, &mut replay) {
            Ok(end) => Ok((end, replay.into_parts())),
            Err(error) => Err((error, replay.refused)),
        }
    };
    let done = match read(image, u64::MAX) {
        Err(_) if image_of.is_some() => {
            // It may be the image that is wrong: the journal alone decides.
            image_of = None;
            read(None, u64::MAX)
        }
        done => done,
    };
    let (end, parts) = done.or_else(|(error, refused)| match refused {
        Some(at) if recovery::is_last(&handle.generation, at) => {
            // Should it have been durable, it is the refusal that tells why.
            read(None, at).map_err(|_| error)
        }
        _ => Err(error),
    })?;
    let accepted = end.accepted;
    let (mut report, header, tail) = if settings.read_only {
        let report = end.leave(handle.generation.place, memory, &*medium)?;
        (report, None, Tail::new(accepted, len))
    } else {
        let (report, header) = end.repair(&*disk, path, header, &handle.generation, len)?;
        let kept = report.torn_file.as_deref();
        let header = tidy(settings, &*disk, (path, kept), header, &handle.generation)?;
        (report, Some(header), Tail::new(accepted, accepted))
    };
    report.elapsed = began.elapsed();
    let found = Found { file: Some(file), header, recovery: Some(report), image: image_of };
    let engine = assemble(settings, &handle, parts, tail, found);
    if let Some(alarm) = alarm {
        // Set once, here.
        let _ = alarm.0.set(Box::new(engine.background.healer()));
    }
    if settings.read_only {
        if image_of.is_some() {
            // For the healing of the image alone.
            Background::start_sync(&engine, None);
        }
        return Ok(engine);
    }
    Background::start_sync(&engine, settings.flush_every);
    engine.start_maintaining();
    Ok(engine)
}

/// The header of the file at `path`, as it is now, which nothing has vouched for; none of an empty
/// file. Takes no lock.
#[cfg(feature = "encrypt")]
pub(crate) fn peek(path: &Path) -> Result<Option<Header>> {
    let front = front(path)?;
    if front.is_empty() { Ok(None) } else { Header::read(&front).map(Some) }
}

fn front(path: &Path) -> Result<Vec<u8>> {
    // Opening something else, a pipe for one, could wait.
    if !std::fs::metadata(path)?.is_file() {
        let what = format!("{} is not a regular file", path.display());
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, what).into());
    }
    let mut front = Vec::new();
    std::fs::File::open(path)?.take(JOURNAL_START).read_to_end(&mut front)?;
    Ok(front)
}

/// Refuses a file that is something else than a database.
pub(crate) fn check_is_database(path: &Path) -> Result<()> {
    match Header::read(&front(path)?) {
        Err(e @ Error::MagicMismatch) => Err(e),
        _ => Ok(()),
    }
}

/// Makes a new database file.
pub(crate) fn create(settings: &Settings, disk: &dyn Disk, path: &Path) -> Result<()> {
    let key = settings.sealing.as_ref().map(Sealing::create).transpose()?;
    let header = Header::create(crate::os::clock::unix_ms())?;
    let (_, _, image) = new_header(key.as_ref(), header)?;
    Ok(disk.publish(path, &image)?)
}

/// A cipher that was asked for has to be the one that the file has.
fn check_cipher(settings: &Settings, vault: Option<&Vault>) -> Result<()> {
    match (settings.cipher, vault) {
        (Some(wanted), Some(vault)) if wanted != vault.unlocked.master.cipher => {
            let has = vault.unlocked.master.cipher;
            Err(Error::config(format!(
                "the database is encrypted with {has:?}, not {wanted:?}; leave the cipher out, or \
                 rewrite the database with EncryptionOptions::rotate"
            )))
        }
        _ => Ok(()),
    }
}

/// Removes what a file with another key left, if this one took its place and that was not done
/// yet, but for `kept`, which this open has put there. Gives the header that the file has then. What
/// can't be removed is left for the next open.
fn tidy(
    settings: &Settings,
    disk: &dyn Disk,
    (path, kept): (&Path, Option<&Path>),
    header: Header,
    generation: &Generation,
) -> Result<Header> {
    let converted = header.converted && settings.offline;
    if header.converted == converted && !header.untidy {
        return Ok(header);
    }
    let untidy = header.untidy && DataFile::remove_left(disk, path, kept).is_err();
    let sequence = header.sequence + 1;
    let header = Header { sequence, converted, untidy, clean_len: None, ..header };
    let (at, bytes) = header.encode(generation.signer());
    generation.medium.write_at(at, &bytes)?;
    generation.medium.sync()?;
    Ok(header)
}

/// What an open found on the disk.
#[derive(Default)]
struct Found {
    file: Option<DataFile>,
    header: Option<Header>,
    recovery: Option<RecoveryReport>,
    /// The checkpoint's position and length.
    image: Option<(u64, u64)>,
}

fn assemble(
    settings: &Settings,
    handle: &GenerationHandle,
    (live, next_id): (Live, u32),
    tail: Tail,
    found: Found,
) -> Arc<Engine> {
    let Found { file, header, recovery, image } = found;
    let end = tail.position;
    let generation = &handle.generation;
    generation.committed.0.store(end, Ordering::Release);
    for state in live.values() {
        state.current(&crossbeam_epoch::pin()).show_records(end, &generation.views);
    }
    let default_namespace = live.get("").cloned().unwrap_or_else(|| {
        // Replay begins with it, and refuses to create or drop it.
        let incarnation = Arc::new(crate::mvcc::names::Incarnation::new(DEFAULT_ID));
        Arc::new(crate::mvcc::names::NamespaceState::new(String::new(), handle, incarnation))
    });
    let engine = Arc::new(Engine {
        file,
        clock: Arc::new(Clock::new(settings.manual_clock.clone())),
        verify: !settings.unverified_reads,
        default_ttl: settings.default_ttl,
        default_namespace,
        read_only: settings.read_only,
        orders_all: settings.range_scans,
        names: Mutex::new(Names { live, ..Names::default() }),
        next_id: AtomicU32::new(next_id),
        maintenance: MaintenanceLock::default(),
        auto_compact: settings.auto_compact,
        compactions: AtomicU64::new(0),
        compaction_failures: AtomicU64::new(0),
        pause: AtomicU64::new(0),
        tail: Mutex::new(tail),
        idle: Condvar::new(),
        data_end: CachePadded(end.into()),
        durability: Durability::new(settings.flush_policy, header, end),
        background: Background::default(),
        checkpoints: Checkpoints::new(image),
        process: Process::current(),
        recovery,
    });
    engine.begin_orders();
    engine
}
