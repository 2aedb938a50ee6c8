//! The engine on a simulated disk: power cuts, failed operations, a full disk.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::api::stats::EmdbStats;
use crate::checkpoint::state::CheckpointKind;
use crate::crypto::{Cipher, EncryptionInput, KdfParams, Sealing, Secret};
use crate::engine::append_lock::Access;
use crate::engine::settings::Settings;
use crate::engine::write_op::{Change, WriteOp};
use crate::engine::{Engine, open};
use crate::error::{Error, Result};
use crate::format::record::Verb;
use crate::journal::sync::FlushPolicy;
use crate::maintenance::compact::compact;
use crate::maintenance::database::Database;
use crate::mvcc::namespace::NamespaceState;
use crate::progress::ProgressMeter;
use crate::storage::sim::{Faults, Random, SimDisk};

mod checkpoint;
mod collisions;
#[cfg(feature = "encrypt")]
mod convert;
mod counts;
#[cfg(feature = "encrypt")]
mod hostile;
mod recovery;
#[cfg(feature = "encrypt")]
mod sealed_beside;
mod seams;
#[cfg(feature = "ttl")]
mod sweeps;
mod verify;
mod worker;

/// The database's engine, for tests that look into both.
impl std::ops::Deref for Database {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

fn stats(database: &Database) -> EmdbStats {
    EmdbStats::of(database)
}

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

const PATH: &str = "db";

/// Some disks have an encrypted database on them, which must not show either.
fn settings(disk: &SimDisk) -> Settings {
    let sealing = || Sealing {
        secret: Secret::new(EncryptionInput::RawKey([7; 32])),
        cipher: Cipher::default(),
        params: KdfParams::default(),
    };
    Settings { sealing: disk.sealed.then(sealing), ..Settings::default() }
}

fn open(disk: &SimDisk, policy: FlushPolicy) -> Result<Arc<Database>> {
    let path = Path::new(PATH);
    if !disk.exists(path) {
        open::create(&settings(disk), disk, path)?;
    }
    // Some lives are ordered; the order must not show in what is read, nor in what is written.
    let range_scans = policy == FlushPolicy::Group;
    let settings = Settings { flush_policy: policy, range_scans, ..settings(disk) };
    Database::on_disk(&settings, Arc::new(disk.clone()), path)
}

fn get(engine: &Engine, key: &[u8]) -> Result<Option<Vec<u8>>> {
    let guard = crossbeam_epoch::pin();
    Ok(engine.get(&engine.default_namespace, key, &guard)?.map(|(entry, _)| entry.into_value()))
}

/// Every record, by way of the index.
fn content(engine: &Engine) -> Model {
    let view = engine.read_view();
    let incarnation = view.incarnation(&engine.default_namespace);
    crate::api::iterators::EmdbIter(crate::cursor::walk::Walk::over(view, incarnation).unwrap())
        .results()
        .collect::<Result<_>>()
        .unwrap()
}

/// A random commit of one to five puts and removals of a few keys.
fn random_commit(random: &mut Random) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let len = if random.below(3) == 0 { 1 + random.below(5) } else { 1 };
    let mut commit = BTreeMap::new();
    for _ in 0..len {
        let key = vec![b'k', random.below(24) as u8];
        let value_len = match random.below(20) {
            0 => 3000,
            1 => 0,
            _ => random.below(120),
        };
        let value = vec![random.next() as u8; value_len as usize];
        commit.insert(key, (random.below(4) != 0).then_some(value));
    }
    commit.into_iter().collect()
}

fn apply(model: &mut Model, commit: &[(Vec<u8>, Option<Vec<u8>>)]) {
    for (key, value) in commit {
        match value {
            Some(value) => model.insert(key.clone(), value.clone()),
            None => model.remove(key),
        };
    }
}

fn write(engine: &Arc<Database>, commit: &[(Vec<u8>, Option<Vec<u8>>)]) -> Result<()> {
    let mut ops = Vec::new();
    for (i, (key, value)) in commit.iter().enumerate() {
        let change = Change::write(key, value.as_deref(), None);
        let change = change.ending_commit(i + 1 == commit.len());
        ops.push(WriteOp::write(&engine.default_namespace, change)?);
    }
    engine.commit(&mut ops, Access::Plain)
}

/// One life of a database: random commits, flushes, reopens and clears until the power goes at a
/// random operation. `history` is every state it went through; the index of the last one that was
/// acknowledged as durable is kept beside it.
struct Life {
    history: Vec<Model>,
    durable: usize,
}

impl Life {
    fn model(&self) -> Model {
        self.history.last().cloned().unwrap_or_default()
    }

    fn live(&mut self, disk: &SimDisk, random: &mut Random) -> Result<()> {
        let policy = match random.below(3) {
            0 => FlushPolicy::OnEachFlush,
            1 => FlushPolicy::Group,
            _ => FlushPolicy::WriteThrough,
        };
        let engine = open(disk, policy)?;
        assert_eq!(content(&engine), self.model(), "a reopen without a cut changes nothing");
        // An open makes durable what it serves.
        self.durable = self.history.len() - 1;
        for _ in 0..random.below(60) {
            match random.below(12) {
                0 => {
                    let upto = self.history.len() - 1;
                    engine.flush()?;
                    self.durable = upto;
                }
                2 if random.below(3) == 0 => {
                    let upto = self.history.len() - 1;
                    let care =
                        [CheckpointKind::Durable, CheckpointKind::Closing, CheckpointKind::Passing]
                            [random.below(3) as usize];
                    engine.checkpoint(care, || false)?;
                    if care != CheckpointKind::Passing {
                        // Nothing is in an image that the journal could lose.
                        self.durable = upto;
                    }
                }
                1 if random.below(4) == 0 => {
                    self.history.push(Model::new());
                    engine.clear(&engine.default_namespace)?;
                }
                1 => self.compact(&engine, random)?,
                _ => {
                    let commit = random_commit(random);
                    let mut model = self.model();
                    apply(&mut model, &commit);
                    // It may be durable even if the call fails.
                    self.history.push(model);
                    write(&engine, &commit)?;
                    for (key, value) in &commit {
                        assert_eq!(get(&engine, key)?, *value);
                    }
                }
            }
            if policy == FlushPolicy::WriteThrough {
                self.durable = self.history.len() - 1;
            }
        }
        if random.below(2) == 0 {
            engine.close(true)?;
            self.durable = self.history.len() - 1;
        } else {
            engine.background.stop();
        }
        Ok(())
    }

    /// Compacts, with commits that come while it copies.
    fn compact(&mut self, engine: &Arc<Database>, random: &mut Random) -> Result<()> {
        let mut broken = None;
        let mut meanwhile = |_| {
            for _ in 0..random.below(4) {
                let mut model = self.model();
                let commit = random_commit(random);
                apply(&mut model, &commit);
                self.history.push(model);
                if let Err(e) = write(engine, &commit) {
                    broken = Some(e);
                    return ControlFlow::Break(());
                }
            }
            if random.below(3) == 0 {
                let upto = self.history.len() - 1;
                match engine.flush() {
                    Ok(()) => self.durable = upto,
                    Err(e) => broken = Some(e),
                }
            }
            ControlFlow::Continue(())
        };
        let done = compact(&engine, &mut ProgressMeter::new(&mut meanwhile, 0));
        broken.map_or(done, Err)?;
        assert_eq!(content(engine), self.model(), "a compaction changes nothing");
        Ok(())
    }

    /// The state that is left after a cut must be one that there was, no older than the durable
    /// one.
    fn check(&mut self, engine: &Engine, context: &str) {
        let left = content(engine);
        let at = (self.durable..self.history.len()).rev().find(|&i| self.history[i] == left);
        let Some(at) = at else {
            panic!("{context}: what is left is no state since the last durable one");
        };
        self.history.truncate(at + 1);
        self.durable = at;
    }
}

/// The state that an open for reading alone shows, on a disk that would fail at the first write or
/// sync.
fn read_without_an_operation(disk: &SimDisk) -> Model {
    disk.set_faults(Faults { fail_in: Some(0), ..Faults::default() });
    if !disk.exists(Path::new(PATH)) {
        return Model::new();
    }
    let settings = Settings { read_only: true, ..settings(disk) };
    let engine = Database::on_disk(&settings, Arc::new(disk.clone()), Path::new(PATH)).unwrap();
    let one = [(b"a".to_vec(), Some(b"1".to_vec()))];
    assert!(matches!(write(&engine, &one), Err(Error::ReadOnly)));
    engine.flush().unwrap();
    engine.close(false).unwrap();
    assert!(engine.recovery.as_ref().is_some_and(|report| report.torn_file.is_none()));
    content(&engine)
}

fn rounds() -> u64 {
    std::env::var("EMDB_POWER_CUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000)
}

#[test]
fn no_power_cut_loses_what_was_durable_or_tears_a_commit() {
    let mut cuts = 0;
    let mut seed = std::env::var("EMDB_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    while cuts < rounds() {
        let mut random = Random(seed);
        let mut disk = SimDisk::new(!seed.is_multiple_of(3)).sealed(seed % 4 == 1);
        let mut life = Life { history: vec![Model::new()], durable: 0 };
        // A few cuts in the life of each database.
        for _ in 0..4 {
            let fail_in = Some(random.below(90));
            disk.set_faults(Faults { fail_in, for_good: true, ..Faults::default() });
            // The error is the power's going, wherever it was.
            let _ = life.live(&disk, &mut random);
            if random.below(3) == 0 {
                // The process is killed first: recovery begins with a page cache that holds more
                // than the disk, and the power goes in the middle of it.
                disk = disk.killed();
                let fail_in = Some(random.below(8));
                disk.set_faults(Faults { fail_in, for_good: true, ..Faults::default() });
                if let Ok(engine) = open(&disk, FlushPolicy::Group) {
                    life.check(&engine, &format!("seed {seed}"));
                    engine.background.stop();
                }
            }
            disk = disk.power_cut(&mut random);
            // A cut during recovery is a cut like any other.
            while random.below(4) == 0 {
                let fail_in = Some(random.below(6));
                disk.set_faults(Faults { fail_in, for_good: true, ..Faults::default() });
                if let Ok(engine) = open(&disk, FlushPolicy::Group) {
                    life.check(&engine, &format!("seed {seed}"));
                    engine.background.stop();
                }
                disk = disk.power_cut(&mut random);
                cuts += 1;
            }
            let read = (cuts % 4 == 0).then(|| read_without_an_operation(&disk));
            disk.set_faults(Faults::default());
            match open(&disk, FlushPolicy::Group) {
                Ok(engine) => {
                    life.check(&engine, &format!("seed {seed}"));
                    assert!(read.is_none_or(|read| read == content(&engine)), "seed {seed}");
                    engine.background.stop();
                }
                Err(e) => panic!("seed {seed}: {e}"),
            }
            cuts += 1;
        }
        seed += 1;
    }
}

#[test]
fn a_failed_sync_refuses_writes_from_then_on_and_reads_go_on() {
    let disk = SimDisk::new(true);
    let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
    let one = [(b"a".to_vec(), Some(b"1".to_vec()))];
    write(&engine, &one).unwrap();
    disk.set_faults(Faults { fail_in: Some(0), ..Faults::default() });
    assert!(matches!(engine.flush(), Err(Error::Io(_))));
    let syncs = disk.syncs();
    assert!(matches!(engine.flush(), Err(Error::Poisoned)));
    assert!(matches!(write(&engine, &one), Err(Error::Poisoned)));
    assert!(matches!(engine.clear(&engine.default_namespace), Err(Error::Poisoned)));
    assert!(matches!(engine.close(true), Err(Error::Poisoned)));
    assert_eq!(disk.syncs(), syncs, "a failed sync is never tried again");
    assert_eq!(get(&engine, b"a").unwrap(), Some(b"1".to_vec()));
}

#[test]
fn what_a_failed_sync_may_have_lost_is_written_again_at_the_next_open() {
    for mapped in [true, false] {
        let disk = SimDisk::new(mapped);
        let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
        let one = [(b"a".to_vec(), Some(b"1".to_vec()))];
        write(&engine, &one).unwrap();
        disk.set_faults(Faults { fail_in: Some(0), ..Faults::default() });
        assert!(engine.flush().is_err());
        engine.background.stop();
        // The process ends; the page cache still shows the record. Once served, it is durable.
        let disk = disk.killed();
        let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
        assert_eq!(get(&engine, b"a").unwrap(), Some(b"1".to_vec()));
        engine.background.stop();
        for seed in 0..50 {
            let disk = disk.power_cut(&mut Random(seed));
            let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
            assert_eq!(get(&engine, b"a").unwrap(), Some(b"1".to_vec()), "seed {seed}");
            engine.background.stop();
        }
    }
}

#[test]
fn a_full_disk_leaves_the_database_as_it_was() {
    for mapped in [true, false] {
        let disk = SimDisk::new(mapped);
        let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
        disk.set_faults(Faults { room: Some(200_000), ..Faults::default() });
        let mut model = Model::new();
        let mut refused = 0;
        for n in 0..400u32 {
            let commit: Vec<_> = (0..1 + n % 3)
                .map(|i| ((n * 4 + i).to_be_bytes().to_vec(), Some(vec![n as u8; 1000])))
                .collect();
            match write(&engine, &commit) {
                Ok(()) => apply(&mut model, &commit),
                Err(Error::Io(e)) => {
                    assert_eq!(e.kind(), std::io::ErrorKind::StorageFull);
                    refused += 1;
                }
                Err(e) => panic!("{e}"),
            }
        }
        assert!(refused > 50 && model.len() > 100, "{refused} refused, {} kept", model.len());
        // A large one goes another way: one positional write, of which a part may go out.
        let large: Vec<_> =
            (0..300u32).map(|i| (i.to_le_bytes().to_vec(), Some(vec![1; 1000]))).collect();
        assert!(matches!(write(&engine, &large), Err(Error::Io(_))));
        assert_eq!(content(&engine), model);
        disk.set_faults(Faults::default());
        write(&engine, &large).unwrap();
        apply(&mut model, &large);
        assert_eq!(content(&engine), model);
        engine.close(true).unwrap();
        let engine = open(&disk.killed(), FlushPolicy::OnEachFlush).unwrap();
        assert_eq!(content(&engine), model);
        engine.background.stop();
    }
}

#[test]
fn any_single_failed_operation_leaves_an_error_or_the_right_state() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let disk = SimDisk::new(seed.is_multiple_of(2)).sealed(seed % 5 == 1);
        let Ok(engine) = open(&disk, FlushPolicy::Group) else { unreachable!("no fault is set") };
        disk.set_faults(Faults { fail_in: Some(random.below(40)), ..Faults::default() });
        let mut model = Model::new();
        let mut possible = vec![model.clone()];
        for _ in 0..40 {
            let commit = random_commit(&mut random);
            let done = write(&engine, &commit).and_then(|()| {
                apply(&mut model, &commit);
                possible = vec![model.clone()];
                if random.below(2) == 0 { engine.flush() } else { Ok(()) }
            });
            if done.is_err() {
                let mut more = model.clone();
                apply(&mut more, &commit);
                possible.push(more);
            }
            assert_eq!(content(&engine), model, "seed {seed}");
        }
        engine.background.stop();
        let engine = open(&disk.killed(), FlushPolicy::Group).unwrap();
        let left = content(&engine);
        assert!(possible.contains(&left), "seed {seed}");
        engine.background.stop();
    }
}

#[test]
fn a_torn_tail_with_whole_commits_behind_is_kept_aside_and_reported() {
    let disk = SimDisk::new(true);
    let engine = open(&disk, FlushPolicy::Group).unwrap();
    let put = |key: &[u8]| write(&engine, &[(key.to_vec(), Some(vec![7; 40]))]).unwrap();
    put(b"flushed");
    engine.flush().unwrap();
    let end = stats(&engine).logical_size_bytes;
    put(b"lost");
    put(b"behind");
    engine.background.stop();
    let killed = disk.killed();
    // The first of the two unsynced records never made it to the disk.
    let medium = crate::storage::Disk::open(&killed, Path::new(PATH)).unwrap();
    medium.write_at(end + 20, &[0; 20]).unwrap();
    let engine = open(&killed, FlushPolicy::Group).unwrap();
    let report = engine.recovery.clone().unwrap();
    assert_eq!(report.commits_dropped, 1);
    assert!(report.torn_bytes > 50 && !report.clean);
    assert!(report.torn_file.is_some_and(|f| killed.exists(&f)));
    assert_eq!(content(&engine).len(), 1);
    engine.background.stop();
}

#[test]
fn what_can_not_be_mapped_is_not_acknowledged() {
    let disk = SimDisk::new(true);
    disk.set_faults(Faults { address_space: Some(200_000), ..Faults::default() });
    let engine = open(&disk, FlushPolicy::Group).unwrap();
    let mut model = Model::new();
    let mut refused = 0;
    for n in 0..400u32 {
        let commit = [(n.to_be_bytes().to_vec(), Some(vec![n as u8; 1000]))];
        match write(&engine, &commit) {
            Ok(()) => apply(&mut model, &commit),
            Err(Error::Io(e)) => {
                assert_eq!(e.kind(), std::io::ErrorKind::OutOfMemory);
                refused += 1;
            }
            Err(e) => panic!("{e}"),
        }
        assert_eq!(
            get(&engine, &n.to_be_bytes()).unwrap(),
            model.get(&n.to_be_bytes()[..]).cloned()
        );
        if n % 10 == 0 {
            engine.flush().unwrap();
        }
    }
    assert!(refused > 100 && model.len() > 100, "{refused} refused, {} kept", model.len());
    assert_eq!(content(&engine), model);
    disk.set_faults(Faults::default());
    write(&engine, &[(b"more".to_vec(), Some(vec![1; 10]))]).unwrap();
    model.insert(b"more".to_vec(), vec![1; 10]);
    assert_eq!(content(&engine), model);
    engine.background.stop();
}

#[test]
fn only_the_states_that_somebody_looks_at_are_kept_by_a_clear() {
    let engine = Database::in_memory(&Settings::default()).unwrap();
    let namespace = &engine.default_namespace;
    write(&engine, &[(b"a".to_vec(), Some(b"1".to_vec()))]).unwrap();
    let view = engine.read_view();
    let former = Arc::downgrade(&view.incarnation(namespace).unwrap());
    for _ in 0..1000 {
        engine.clear(namespace).unwrap();
    }
    assert_eq!(engine.append_lock.lock().unneeded.untrimmed.len(), 1);
    let incarnation = view.incarnation(namespace).unwrap();
    assert!(view.find(&incarnation, b"a").unwrap().is_some());
    drop((incarnation, view));
    // The next commit lets go of it, once no reader can be in it.
    let began = std::time::Instant::now();
    for n in 0u32.. {
        write(&engine, &[((n % 1000).to_be_bytes().to_vec(), Some(vec![]))]).unwrap();
        crossbeam_epoch::pin().flush();
        // Readers of other tests hold it up.
        assert!(began.elapsed() < Duration::from_secs(60));
        if former.strong_count() == 0 {
            break;
        }
    }
    assert_eq!(former.strong_count(), 0);
    assert!(engine.append_lock.lock().unneeded.untrimmed.is_empty());
}

#[test]
fn a_namespace_that_no_view_saw_goes_when_it_is_dropped() {
    let engine = Database::in_memory(&Settings::default()).unwrap();
    let before = engine.read_view();
    engine.engine.open_namespace("unseen", Default::default()).unwrap();
    engine.drop_namespace("unseen").unwrap();
    assert!(engine.names.lock().dropped.is_empty());
    engine.engine.open_namespace("seen", Default::default()).unwrap();
    let view = engine.read_view();
    engine.drop_namespace("seen").unwrap();
    assert_eq!(engine.names.lock().dropped.len(), 1);
    drop((before, view));
    engine.clear(&engine.default_namespace).unwrap();
    assert!(engine.names.lock().dropped.is_empty());
}

#[test]
fn a_compaction_that_fails_anywhere_leaves_the_database_as_it_was() {
    for mapped in [true, false] {
        let mut failed = 0;
        for fail_in in 0..40 {
            let disk = SimDisk::new(mapped);
            let engine = open(&disk, FlushPolicy::Group).unwrap();
            let mut model = Model::new();
            let mut random = Random(fail_in);
            for _ in 0..40 {
                let commit = random_commit(&mut random);
                apply(&mut model, &commit);
                write(&engine, &commit).unwrap();
            }
            disk.set_faults(Faults { fail_in: Some(fail_in), ..Faults::default() });
            let done =
                compact(&engine, &mut ProgressMeter::new(&mut |_| ControlFlow::Continue(()), 0));
            disk.set_faults(Faults::default());
            assert_eq!(content(&engine), model);
            assert!(!disk.exists(Path::new("db.compact.tmp")));
            let more = [(b"more".to_vec(), Some(b"1".to_vec()))];
            match write(&engine, &more) {
                Ok(()) => apply(&mut model, &more),
                // The name of the new file may not be durable.
                Err(e) => assert!(matches!(e, Error::Poisoned) && done.is_err(), "{e}"),
            }
            engine.background.stop();
            drop(engine);
            assert_eq!(content(&open(&disk.killed(), FlushPolicy::Group).unwrap()), model);
            failed += u64::from(done.is_err());
        }
        // Some operations are not needed; the last ones come after all that a compaction does.
        assert!((8..30).contains(&failed), "{failed}");
    }
}

#[test]
fn a_disk_that_is_full_leaves_the_database_as_it_was_before_a_compaction() {
    let disk = SimDisk::new(true);
    let engine = open(&disk, FlushPolicy::Group).unwrap();
    for n in 0..40u8 {
        write(&engine, &[(vec![n], Some(vec![n; 1000]))]).unwrap();
    }
    let before = content(&engine);
    disk.set_faults(Faults { room: Some(20_000), ..Faults::default() });
    let done = compact(&engine, &mut ProgressMeter::new(&mut |_| ControlFlow::Continue(()), 0));
    assert!(matches!(done, Err(Error::Io(_))), "{done:?}");
    disk.set_faults(Faults::default());
    assert_eq!(content(&engine), before);
    write(&engine, &[(vec![0], None)]).unwrap();
    compact(&engine, &mut ProgressMeter::new(&mut |_| ControlFlow::Continue(()), 0)).unwrap();
    assert_eq!(content(&engine).len(), before.len() - 1);
    engine.background.stop();
}
