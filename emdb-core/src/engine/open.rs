//! Opening: from a medium to an engine.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::crypto::unlock::unlock;
use crate::crypto::{Sealing, Unlocked, Vault};
use crate::engine::baseline::{Baseline, LoadCheckpoint, Opening};
use crate::engine::namespace_table::NamespaceTable;
use crate::engine::replay::Replay;
use crate::engine::settings::Settings;
use crate::engine::{Engine, Parts};
use crate::error::{Error, Result, named};
use crate::format::header::{Header, Sign};
use crate::format::options::Options;
use crate::format::place::Place;
use crate::format::{JOURNAL_START, MAX_POSITION};
use crate::journal::file::Journal;
use crate::journal::recovery::{self, RecoveryReport, Stretch, Verdict};
use crate::journal::writer::JournalWriter;
use crate::mvcc::generation::{Generation, GenerationHandle};
use crate::mvcc::incarnation::{DEFAULT_ID, Incarnation};
use crate::mvcc::names::Live;
use crate::mvcc::namespace::{INTERNAL, NamespaceState};
use crate::os::paths::{self, suffix};
use crate::storage::data_file::DataFile;
use crate::storage::memory::Memory;
use crate::storage::ram::Ram;
use crate::storage::{Disk, Medium};

/// An engine in memory.
pub(crate) fn in_memory(settings: &Settings) -> Result<Arc<Engine>> {
    let key = settings.sealing.as_ref().map(Sealing::create).transpose()?;
    empty_in_memory(settings, &Header::create(0)?, key.as_ref(), None)
}

/// An empty engine in memory, for the next generation of another.
pub(crate) fn memory_after(settings: &Settings, former: &Generation) -> Result<Arc<Engine>> {
    let header = Header::create(0)?;
    let journal = &former.journal;
    // Records prepared for the one are good for the other.
    let file_id = journal.vault.as_ref().map_or(header.file_id, |vault| vault.keys.file_id);
    let (generation, hash_seed) = (journal.number + 1, former.hash_seed);
    let header = Header { file_id, generation, hash_seed, ..header };
    empty_in_memory(settings, &header, journal.unlocked(), None)
}

/// An engine in memory without a record, perhaps in the place of an empty file.
fn empty_in_memory(
    settings: &Settings,
    header: &Header,
    key: Option<&Unlocked>,
    file: Option<(DataFile, RecoveryReport)>,
) -> Result<Arc<Engine>> {
    let medium = Arc::new(Ram::default());
    let memory = Memory::Regions(medium.regions.clone());
    let handle = handle(header, (memory, medium), vault(key, header)?);
    let (file, recovery) = file.unzip();
    let writer = JournalWriter::new(JOURNAL_START, 0);
    let namespaces = Replay::new(&handle.generation).namespaces;
    let found = Found { file, recovery, ..Found::new(writer, namespaces) };
    Ok(assemble(settings, &handle, found))
}

/// The generation of a file with this header.
fn handle(
    header: &Header,
    bytes: (Memory, Arc<dyn Medium>),
    vault: Option<Vault>,
) -> GenerationHandle {
    let place = Place::new(header.file_id, header.generation);
    let journal = Journal::new(place, header.generation, bytes, vault);
    GenerationHandle::new(Generation::new(journal, header.hash_seed))
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
    let handle = handle(&header, (memory, medium), vault);
    let mut writer = JournalWriter::new(JOURNAL_START, JOURNAL_START);
    writer.is_copy = true;
    let namespaces = Replay::new(&handle.generation).namespaces;
    let found = Found { header: Some(header), ..Found::new(writer, namespaces) };
    Ok(assemble(settings, &handle, found))
}

/// An engine, and the checkpoint that it began with: its position and its length.
pub(crate) type Opened = (Arc<Engine>, Option<(u64, u64)>);

/// The engine of the file at `path`, which is locked by the caller, who has made it as well if it
/// was absent or empty, unless it is to be read alone. `load` looks for a checkpoint.
pub(crate) fn on_disk(
    settings: &Settings,
    disk: Arc<dyn Disk>,
    path: &Path,
    load: LoadCheckpoint<'_>,
) -> Result<Opened> {
    let began = Instant::now();
    let medium = if settings.read_only { disk.open_read_only(path)? } else { disk.open(path)? };
    let file = DataFile::new(disk.clone(), path.to_path_buf());
    let len = medium.len()?;
    if settings.read_only && len == 0 {
        // A database that was never written: as good as one in memory.
        let report = RecoveryReport { clean: true, ..RecoveryReport::default() };
        let file = Some((file, report));
        return Ok((empty_in_memory(settings, &Header::create(0)?, None, file)?, None));
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
        // Files that a crash has left of a compaction or of a backup to this name.
        for end in suffix::UNFINISHED {
            let _ = disk.remove(&paths::sibling(path, end));
        }
    }
    let handle = handle(&header, (memory, medium), vault);
    let wants_order = |name: &str, options: Options| {
        options.ordered || settings.range_scans && !name.starts_with(INTERNAL)
    };
    let generation = &*handle.generation;
    let opening =
        Opening { disk: &*disk, path, header: &header, generation, wants_order: &wants_order };
    let Replayed { verdict, namespaces, baseline, alarm } = read(opening, len, load(opening))?;
    let marked_time = verdict.marked_time;
    let finish = Finish { settings, disk: &*disk, path, generation, len };
    let (mut report, header, writer) = finish.run(verdict, header)?;
    report.elapsed = began.elapsed();
    let found = Found {
        file: Some(file),
        header,
        recovery: Some(report),
        marked_time,
        ..Found::new(writer, namespaces)
    };
    let engine = assemble(settings, &handle, found);
    if let Some(alarm) = alarm {
        // Set once, here.
        let _ = alarm.0.set(Box::new(engine.background.repair_request()));
    }
    // When it is opened for reading alone, for the repair of a checkpoint alone.
    if !settings.read_only || baseline.is_some() {
        engine.allow_syncing(settings.flush_every.filter(|_| !settings.read_only));
    }
    Ok((engine, baseline))
}

/// A journal that was read.
struct Replayed {
    verdict: Verdict,
    namespaces: NamespaceTable,
    /// Position and length of the checkpoint that the replay began with.
    baseline: Option<(u64, u64)>,
    alarm: Option<Arc<crate::index::hash::source::DamageAlarm>>,
}

/// Replays the journal of `len` bytes, from a checkpoint on if there is one.
fn read(opening: Opening<'_>, len: u64, baseline: Option<Baseline>) -> Result<Replayed> {
    let Opening { header, generation, .. } = opening;
    let journal = &generation.journal;
    let mut of_baseline = baseline.as_ref().map(|baseline| (baseline.below, baseline.len));
    let alarm = baseline.as_ref().map(|baseline| baseline.alarm.clone());
    let replay = |baseline: Option<Baseline>, upto| {
        // Read already, when the checkpoint was bound to it.
        let from = baseline.as_ref().and_then(|b| journal.memory.record(b.note_at));
        let mut replay = match baseline {
            Some(baseline) => Replay::of(generation, baseline),
            None => Replay::new(generation),
        };
        match recovery::read(header, journal, Stretch { len, from, upto }, &mut replay) {
            Ok(verdict) => {
                replay.namespaces.iter().for_each(|(_, namespace)| {
                    namespace.incarnation.table.holds_below(verdict.accepted);
                });
                Ok((verdict, replay.namespaces))
            }
            Err(error) => Err((error, replay.refused)),
        }
    };
    let done = match replay(baseline, u64::MAX) {
        Err(_) if of_baseline.is_some() => {
            // It may be the checkpoint that is wrong: the journal alone decides.
            of_baseline = None;
            replay(None, u64::MAX)
        }
        done => done,
    };
    let (verdict, namespaces) = done.or_else(|(error, refused)| match refused {
        Some(at) if recovery::is_last(journal, at) => {
            // Should it have been durable, it is the refusal that tells why.
            replay(None, at).map_err(|_| error)
        }
        _ => Err(error),
    })?;
    Ok(Replayed { verdict, namespaces, baseline: of_baseline, alarm })
}

/// The last steps of an open, by which the file becomes what was accepted of it.
struct Finish<'a> {
    settings: &'a Settings,
    disk: &'a dyn Disk,
    path: &'a Path,
    generation: &'a Generation,
    len: u64,
}

impl Finish<'_> {
    fn run(
        &self,
        verdict: Verdict,
        header: Header,
    ) -> Result<(RecoveryReport, Option<Header>, JournalWriter)> {
        let (accepted, journal) = (verdict.accepted, &self.generation.journal);
        if self.settings.read_only {
            let report = verdict.leave(journal)?;
            return Ok((report, None, JournalWriter::new(accepted, self.len)));
        }
        let (report, header) = verdict.repair(self.disk, self.path, header, journal, self.len)?;
        let header = self.tidy(header, report.torn_file.as_deref())?;
        Ok((report, Some(header), JournalWriter::new(accepted, accepted)))
    }

    /// Removes what a file with another key left, if this one took its place and that was not done
    /// yet, but for `kept`, which this open has put there. Gives the header that the file has then.
    /// Files that can't be removed are left for the next open.
    fn tidy(&self, header: Header, kept: Option<&Path>) -> Result<Header> {
        let converted = header.converted && self.settings.offline;
        if header.converted == converted && !header.untidy {
            return Ok(header);
        }
        let journal = &self.generation.journal;
        let untidy = header.untidy && DataFile::remove_left(self.disk, self.path, kept).is_err();
        let sequence = header.sequence + 1;
        let header = Header { sequence, converted, untidy, clean_len: None, ..header };
        let (at, bytes) = header.encode(journal.signer());
        journal.medium.write_at(at, &bytes)?;
        journal.medium.sync()?;
        Ok(header)
    }
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
    if !std::fs::metadata(path).map_err(named("look at", path))?.is_file() {
        let what = format!("{} is not a regular file", path.display());
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, what).into());
    }
    let mut front = Vec::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(JOURNAL_START).read_to_end(&mut front));
    read.map_err(named("read", path))?;
    Ok(front)
}

/// Refuses a file that is something else than a database.
pub(crate) fn check_is_database(path: &Path) -> Result<()> {
    match Header::read(&front(path)?) {
        Err(e @ Error::MagicMismatch) => Err(e),
        _ => Ok(()),
    }
}

/// Makes a new database file, or one of an empty file that no other can replace.
pub(crate) fn create(settings: &Settings, disk: &dyn Disk, path: &Path) -> Result<()> {
    let key = settings.sealing.as_ref().map(Sealing::create).transpose()?;
    let header = Header::create(crate::os::clock::unix_ms())?;
    let (_, _, image) = new_header(key.as_ref(), header)?;
    if disk.is_replaceable(path) {
        return Ok(disk.publish(path, &image)?);
    }
    // An empty file that stays where it is; there is nothing in it that a crash could cost.
    let file = disk.open(path)?;
    file.write_at(0, &image)?;
    Ok(file.sync()?)
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

/// The parts that an open found or made.
struct Found {
    file: Option<DataFile>,
    header: Option<Header>,
    recovery: Option<RecoveryReport>,
    writer: JournalWriter,
    namespaces: NamespaceTable,
    marked_time: u64,
}

impl Found {
    fn new(writer: JournalWriter, namespaces: NamespaceTable) -> Found {
        Found { file: None, header: None, recovery: None, writer, namespaces, marked_time: 0 }
    }
}

fn assemble(settings: &Settings, handle: &GenerationHandle, found: Found) -> Arc<Engine> {
    let Found { file, header, recovery, writer, namespaces, marked_time } = found;
    let (end, generation) = (writer.position, &handle.generation);
    generation.journal.commit(end);
    let mut live = Live::new();
    for (_, namespace) in namespaces.iter() {
        // In a whole journal all have names.
        let name = namespace.name.clone().unwrap_or_default();
        namespace.incarnation.show_records(end, &generation.views);
        let state = NamespaceState::new(name.clone(), handle, namespace.incarnation.clone());
        state.set_options(namespace.options);
        live.insert(name, Arc::new(state));
    }
    let default_namespace = live.get("").cloned().unwrap_or_else(|| {
        // Replay begins with it, and refuses to create or drop it.
        let incarnation = Arc::new(Incarnation::new(DEFAULT_ID));
        Arc::new(NamespaceState::new(String::new(), handle, incarnation))
    });
    let next_id = namespaces.next_id();
    let parts =
        Parts { file, header, recovery, default_namespace, live, next_id, writer, marked_time };
    let engine = Arc::new(Engine::new(settings, parts));
    engine.begin_orders();
    engine
}
