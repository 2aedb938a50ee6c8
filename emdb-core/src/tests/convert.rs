//! Changes of the key on a simulated disk: power cuts, failed operations, a full disk at each step.

use crate::crypto::Unlocked;
use crate::format::options::Options;
use crate::maintenance::rekey::{convert, finish_conversion, rewrap};
use crate::storage::Disk;
use crate::tests::*;

/// The key of a database: none, or this raw key and the cipher of a new file.
type Key = Option<(u8, Cipher)>;

const FIRST: Key = Some((1, Cipher::Aes256Gcm));
const OTHER: Key = Some((2, Cipher::ChaCha20Poly1305));
/// The key that a change of the wrapping alone leads to.
const REWRAPPED: Key = Some((2, Cipher::Aes256Gcm));

/// A change of the key, from one to another.
#[derive(Debug, Clone, Copy)]
struct Rekey {
    from: Key,
    to: Key,
    /// The data key stays, and so do the records.
    rewraps: bool,
}

const CHANGES: [Rekey; 4] = [
    Rekey { from: None, to: FIRST, rewraps: false },
    Rekey { from: FIRST, to: None, rewraps: false },
    Rekey { from: FIRST, to: OTHER, rewraps: false },
    Rekey { from: FIRST, to: REWRAPPED, rewraps: true },
];

/// Operations of the longest change, and some more.
const STEPS: u64 = 60;

/// Files that a database of another key may have left beside its own.
const LEFT: [&str; 5] = ["db.torn", "db.hot.meta", "db.meta", "db.compact.tmp", "db.emdb-tmp"];

fn sealing(key: Key) -> Option<Sealing> {
    key.map(|(byte, cipher)| Sealing {
        secret: Secret::new(EncryptionInput::RawKey([byte; 32])),
        cipher,
        params: KdfParams::default(),
    })
}

fn open_with(disk: &SimDisk, key: Key, read_only: bool) -> Result<Arc<Database>> {
    let settings = Settings { sealing: sealing(key), read_only, ..Settings::default() };
    Database::on_disk(&settings, Arc::new(disk.clone()), Path::new(PATH))
}

/// The expected content of a database: its records with their expiries, and its other namespace.
#[derive(Debug, PartialEq)]
struct Content(Vec<(Vec<u8>, Vec<u8>, Option<u64>)>, Vec<String>, bool);

fn view(engine: &Arc<Database>) -> Content {
    let guard = crossbeam_epoch::pin();
    let expiry = |key: &[u8]| {
        let (entry, _) = engine.get(&engine.default_namespace, key, &guard).unwrap().unwrap();
        entry.expiry()
    };
    let records = content(engine).into_iter().map(|(k, v)| {
        let expiry = expiry(&k);
        (k, v, expiry)
    });
    let ordered = engine.names.lock().live.get("log").is_some_and(|log| log.is_ordered());
    Content(records.collect(), engine.list_namespaces(), ordered)
}

/// A database with this key that was closed, or whose process was killed, with whatever can lie
/// beside it.
fn made(mapped: bool, key: Key, seed: u64) -> (SimDisk, Content) {
    let disk = SimDisk::new(mapped);
    let settings = Settings { sealing: sealing(key), ..Settings::default() };
    open::create(&settings, &disk, Path::new(PATH)).unwrap();
    let engine = open_with(&disk, key, false).unwrap();
    let mut random = Random(seed);
    engine.engine.open_namespace("log", Options { ordered: true }).unwrap();
    for round in 0..3 {
        for _ in 0..12 {
            write(&engine, &random_commit(&mut random)).unwrap();
        }
        let (target, key, later) = (&engine.default_namespace, [round], 4_102_444_800_000);
        let expiry = Some(later + u64::from(round));
        let timed = WriteOp::write(target, Change::put(&key, b"timed", expiry)).unwrap();
        engine.commit(&mut [timed], Access::Plain).unwrap();
        match round {
            0 => engine.checkpoint(CheckpointKind::Durable, || false).unwrap(),
            1 => engine.checkpoint(CheckpointKind::Passing, || false).unwrap(),
            _ => engine.flush().unwrap(),
        }
    }
    disk.publish(Path::new("db.torn"), b"of the former key").unwrap();
    let all = view(&engine);
    if seed.is_multiple_of(2) {
        engine.close(true).unwrap();
    } else {
        engine.background.stop();
    }
    // The state that a kill leaves is served, and so made durable, by the change's own open.
    (disk.killed(), all)
}

/// As the calls of `admin` do, on this disk: whoever calls again after a crash does it, or finds it
/// done but for tidying up.
fn change(disk: &SimDisk, change: Rekey) -> Result<()> {
    let (engine, done) = match open_with(disk, change.from, false) {
        Ok(engine) => (engine, false),
        Err(Error::EncryptionError(_)) => (open_with(disk, change.to, false)?, true),
        Err(e) => return Err(e),
    };
    let run =
        if done && !change.rewraps { finish_conversion(&engine) } else { run(&engine, change) };
    let shut = engine.close(true);
    engine.background.stop();
    run.and(shut)
}

fn run(engine: &Arc<Database>, change: Rekey) -> Result<()> {
    if change.rewraps {
        let handle = engine.generation(&crossbeam_epoch::pin()).clone();
        let sealing = sealing(change.to).unwrap();
        return rewrap(
            engine,
            sealing.wrap(&handle.generation.journal.unlocked().unwrap().master)?,
        );
    }
    let key: Option<Unlocked> = sealing(change.to).map(|sealing| sealing.create()).transpose()?;
    convert(engine, key, &mut ProgressMeter::new(&mut |_| ControlFlow::Continue(()), 0))
}

/// The key that opens the database, which holds all: the former one or the other, and not both.
/// Nothing is written.
fn opens_with(disk: &SimDisk, change: Rekey, all: &Content, context: &str) -> Key {
    let opened = [change.from, change.to].map(|key| match open_with(disk, key, true) {
        Ok(engine) => {
            assert_eq!(view(&engine), *all, "{context}: read alone");
            engine.background.stop();
            true
        }
        Err(Error::EncryptionError(_)) => false,
        Err(e) => panic!("{context}: {e}"),
    });
    match opened {
        [true, false] => change.from,
        [false, true] => change.to,
        _ => panic!("{context}: opens with the former key, and with the other: {opened:?}"),
    }
}

/// Nothing of the former key lies beside the file of another one, nor is it to be found after a
/// power cut.
fn assert_tidy(disk: &SimDisk, change: Rekey, context: &str) {
    for disk in [disk.clone(), disk.power_cut(&mut Random(1))] {
        for name in LEFT {
            let path = Path::new(name);
            if !disk.exists(path) {
                continue;
            }
            // A checkpoint may be there: one that was taken by the new key.
            assert!(name.ends_with("meta"), "{context}: {name} is left");
            let bytes = file(&disk, name);
            let sealed = change.to.is_some();
            assert_eq!(is_sealed(&bytes), sealed, "{context}: {name} is of the former key");
        }
    }
}

fn file(disk: &SimDisk, name: &str) -> Vec<u8> {
    let medium = disk.open(Path::new(name)).unwrap();
    let len = medium.len().unwrap();
    medium.map(len).unwrap().bytes(0, len).unwrap().to_vec()
}

/// Whether a checkpoint hides the name of the namespace that there is.
fn is_sealed(image: &[u8]) -> bool {
    !image.windows(3).any(|part| part == b"log")
}

/// After whatever has happened: one key opens it, it holds all, and the change can be made again.
fn check(disk: &SimDisk, of: Rekey, all: &Content, context: &str) -> bool {
    disk.set_faults(Faults::default());
    let key = opens_with(disk, of, all, context);
    let engine = open_with(disk, key, false).unwrap_or_else(|e| panic!("{context}: {e}"));
    assert_eq!(view(&engine), *all, "{context}");
    let changed = key == of.to;
    if changed && !of.rewraps {
        assert!(
            !engine.durability.with_header(|header| header.converted).unwrap(),
            "{context}: still to be tidied"
        );
        assert_tidy(disk, of, context);
    }
    write(&engine, &[(b"more".to_vec(), Some(b"1".to_vec()))]).unwrap();
    write(&engine, &[(b"more".to_vec(), None)]).unwrap();
    engine.close(true).unwrap();
    drop(engine);
    if !changed {
        change(disk, of).unwrap_or_else(|e| panic!("{context}, again: {e}"));
    }
    assert_eq!(opens_with(disk, of, all, context), of.to, "{context}, in the end");
    if !of.rewraps {
        assert_tidy(disk, of, context);
    }
    let engine = open_with(disk, of.to, false).unwrap();
    assert_eq!(view(&engine), *all, "{context}, in the end");
    engine.background.stop();
    changed
}

/// Calls `each` for every change, way of writing, and operation of it.
fn at_each_step(mut each: impl FnMut(Rekey, bool, u64, &str)) {
    for change in CHANGES {
        for mapped in [true, false] {
            for step in 0..STEPS {
                each(change, mapped, step, &format!("{change:?}, mapped {mapped}, step {step}"));
            }
        }
    }
}

#[test]
fn a_power_cut_at_any_step_of_a_change_leaves_the_one_key_or_the_other() {
    let mut left = [0, 0];
    let mut done = 0;
    at_each_step(|of, mapped, step, context| {
        let (disk, all) = made(mapped, of.from, step);
        disk.set_faults(Faults { fail_in: Some(step), for_good: true, ..Faults::default() });
        done += u32::from(change(&disk, of).is_ok());
        for cut in 0..rounds().div_ceil(10_000) {
            let context = format!("{context}, cut {cut}");
            let mut random = Random(step << 8 | cut);
            let mut disk = disk.power_cut(&mut random);
            // The next open is cut as well, in its repair or while it tidies.
            while random.below(2) == 0 {
                let fail_in = Some(random.below(24));
                disk.set_faults(Faults { fail_in, for_good: true, ..Faults::default() });
                let again = random.below(2) == 0;
                if again {
                    let _ = change(&disk, of);
                } else {
                    let opened = [of.from, of.to].map(|key| open_with(&disk, key, false));
                    opened.into_iter().flatten().for_each(|engine| engine.background.stop());
                }
                disk = disk.power_cut(&mut random);
            }
            left[usize::from(check(&disk, of, &all, &context))] += 1;
        }
    });
    // Each side is seen, and some steps lie behind all that a change does.
    assert!(left.iter().all(|n| *n > 100) && done > 40, "{left:?}, {done} were done");
}

#[test]
fn a_kill_at_any_step_of_a_change_leaves_the_one_key_or_the_other() {
    let mut left = [0, 0];
    at_each_step(|of, mapped, step, context| {
        let (disk, all) = made(mapped, of.from, step);
        disk.set_faults(Faults { fail_in: Some(step), for_good: true, ..Faults::default() });
        let _ = change(&disk, of);
        left[usize::from(check(&disk.killed(), of, &all, context))] += 1;
    });
    assert!(left.iter().all(|n| *n > 50), "{left:?}");
}

#[test]
fn a_change_whose_operation_fails_once_leaves_the_one_key_or_the_other() {
    let mut failed = 0;
    at_each_step(|of, mapped, step, context| {
        let (disk, all) = made(mapped, of.from, step);
        disk.set_faults(Faults { fail_in: Some(step), ..Faults::default() });
        let done = change(&disk, of);
        disk.set_faults(Faults::default());
        failed += u32::from(done.is_err());
        let cut = disk.power_cut(&mut Random(step));
        if done.is_ok() {
            for disk in [disk.killed(), cut.clone()] {
                assert_eq!(opens_with(&disk, of, &all, context), of.to, "{context}: done");
            }
        }
        check(&disk.killed(), of, &all, context);
        check(&cut, of, &all, &format!("{context}, and a cut"));
    });
    assert!(failed > 60, "{failed} failed");
}

#[test]
fn a_disk_that_is_full_leaves_the_former_key_and_all_that_there_was() {
    let mut refused = 0;
    for of in CHANGES {
        for mapped in [true, false] {
            // From a disk on which the front alone finds room to one on which all does.
            for kib in 0..40 {
                let context = &format!("{of:?}, mapped {mapped}, {kib} KiB");
                let (disk, all) = made(mapped, of.from, kib);
                disk.set_faults(Faults { room: Some(kib << 10), ..Faults::default() });
                let done = change(&disk, of);
                disk.set_faults(Faults::default());
                assert!(!disk.exists(Path::new("db.compact.tmp")), "{context}");
                if let Err(e) = &done {
                    assert!(matches!(e, Error::Io(_) | Error::Poisoned), "{context}: {e}");
                    // There are two slots to rewrap; a disk may hold one of them and not the other.
                    let key = opens_with(&disk.killed(), of, &all, context);
                    assert!(key == of.from || of.rewraps, "{context}");
                    refused += 1;
                }
                check(&disk.killed(), of, &all, context);
            }
        }
    }
    assert!(refused > 20, "{refused} refused");
}

#[test]
fn a_change_that_is_broken_off_leaves_the_former_key_and_no_file() {
    for of in CHANGES.into_iter().filter(|of| !of.rewraps) {
        let (disk, all) = made(true, of.from, 0);
        let engine = open_with(&disk, of.from, false).unwrap();
        let key = sealing(of.to).map(|sealing| sealing.create()).transpose().unwrap();
        let done =
            convert(&engine, key, &mut ProgressMeter::new(&mut |_| ControlFlow::Break(()), 0));
        assert!(matches!(done, Err(Error::Cancelled)), "{done:?}");
        assert!(!disk.exists(Path::new("db.compact.tmp")));
        engine.close(true).unwrap();
        drop(engine);
        assert_eq!(opens_with(&disk, of, &all, "broken off"), of.from);
        check(&disk.killed(), of, &all, "broken off");
    }
}
