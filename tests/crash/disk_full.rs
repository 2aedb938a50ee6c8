//! A full disk, on real file systems: a small tmpfs and a small ext4 in a loop device.
//!
//! Needs the right to mount; without it these tests say so and pass.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use emdb::{Emdb, Error, FlushPolicy};
use emdb_testing::child;
use tempfile::TempDir;

use crate::common::memory_folder;
use crate::common::op::{LOG, Op};
use crate::common::state::{State, read_state};

const BALLAST: usize = 1 << 20;

/// A mounted file system of a few MiB with a file on it that can go.
struct Volume {
    folder: TempDir,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Tmpfs,
    Ext4,
}

impl Volume {
    /// None, with the reason printed, where that is not permitted.
    fn mount(kind: Kind) -> Option<Volume> {
        let folder = memory_folder();
        let disk = folder.path().join("disk");
        let image = folder.path().join("image");
        fs::create_dir(&disk).unwrap();
        let mounted = match kind {
            Kind::Tmpfs => run(Command::new("mount")
                .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
                .arg(&disk)),
            Kind::Ext4 => fs::File::create(&image)
                .and_then(|file| file.set_len(6 << 20))
                .map_err(|e| e.to_string())
                .and_then(|()| run(Command::new("mkfs.ext4").args(["-q", "-m", "0"]).arg(&image)))
                .and_then(|()| {
                    run(Command::new("mount").args(["-o", "loop"]).args([&image, &disk]))
                }),
        };
        if let Err(reason) = mounted {
            println!("skipped: {kind:?} can't be mounted: {reason}");
            return None;
        }
        let volume = Volume { folder };
        fs::write(volume.ballast(), vec![1; BALLAST]).unwrap();
        Some(volume)
    }

    fn ballast(&self) -> PathBuf {
        self.folder.path().join("disk/ballast")
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("disk/full.emdb")
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let mut result = Ok(());
        // A process that another test begins has what is open here for a moment.
        for _ in 0..100 {
            result = run(Command::new("umount").arg(self.folder.path().join("disk")));
            if result.is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        println!("{result:?}");
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The kinds of call that fill the disk.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Style {
    Single,
    /// Two chunks.
    Many,
    Transaction,
    Large,
}

impl Style {
    /// The n-th call: mostly new keys, and some that are there already.
    fn call(self, n: u32) -> Op {
        let key = |i: u32| format!("key {}", n.wrapping_mul(i + 1) % 1000 + n).into_bytes();
        let value = |len: usize| vec![n as u8 | 1; len];
        match self {
            Style::Single => Op::Insert(n.is_multiple_of(2), key(0), value(700)),
            Style::Many => {
                let items =
                    (0..4100u32).map(|i| ((n * 8192 + i).to_be_bytes().to_vec(), value(180)));
                Op::InsertMany(n.is_multiple_of(2), items.collect())
            }
            Style::Transaction => {
                let write =
                    |i: u32| (i.is_multiple_of(2), key(i), (i % 5 != 4).then(|| value(900)));
                Op::Transaction { clear: None, writes: (0..60).map(write).collect() }
            }
            Style::Large => Op::Insert(n.is_multiple_of(2), key(0), value(400_000)),
        }
    }
}

fn is_full(result: Result<(), Error>) -> bool {
    match result {
        Ok(()) => false,
        Err(Error::Io(e)) if e.kind() == ErrorKind::StorageFull => true,
        Err(e) => panic!("not a full disk: {e:?}"),
    }
}

/// Calls until one fails for want of space; gives what was acknowledged and that call.
fn fill(db: &Emdb, style: Style, state: &mut State) -> Op {
    for n in 0..100_000 {
        let call = style.call(n);
        if is_full(call.apply(db)) {
            return call;
        }
        call.advance(state);
    }
    panic!("the disk is never full");
}

/// Checks that `db` holds `state`, or for several chunks `state` and the first ones of `failed`.
fn check(db: &Emdb, state: &mut State, failed: &Op, context: &str) {
    let found = read_state(db).unwrap();
    let chunks = if matches!(failed, Op::InsertMany(..)) { failed.outcomes(state) } else { vec![] };
    assert!(found == *state || chunks.contains(&found), "{context}: other data than acknowledged");
    *state = found;
}

fn a_full_disk_is_survived(kind: Kind, style: Style) {
    is_survived(kind, style, |path| Emdb::open(path));
}

fn is_survived(kind: Kind, style: Style, open: fn(&Path) -> emdb::Result<Emdb>) {
    let context = &format!("{kind:?}, {style:?}");
    let Some(volume) = Volume::mount(kind) else { return };
    let path = volume.database();
    let db = open(&path).unwrap();
    db.namespace(LOG).unwrap();
    let mut state = State::new();

    let failed = fill(&db, style, &mut state);
    check(&db, &mut state, &failed, context);
    for _ in 0..3 {
        assert!(is_full(failed.apply(&db)), "{context}: space came from nowhere");
        check(&db, &mut state, &failed, context);
    }
    db.flush().unwrap();
    // What is smaller can still fit.
    let last = fill(&db, Style::Single, &mut state);
    check(&db, &mut state, &last, context);
    db.close().unwrap();

    let db = open(&path).unwrap();
    assert!(db.recovery().unwrap().clean, "{context}: closing works on a full disk");
    check(&db, &mut state, &last, context);
    assert!(is_full(Style::Large.call(7).apply(&db)), "{context}");
    check(&db, &mut state, &last, context);

    fs::remove_file(volume.ballast()).unwrap();
    for n in 0..20 {
        let call = if n < 2 { Style::Transaction.call(n) } else { Style::Single.call(n + 5000) };
        call.apply(&db).unwrap_or_else(|e| panic!("{context}: there is space again: {e}"));
        call.advance(&mut state);
    }
    check(&db, &mut state, &last, context);
    db.close().unwrap();
    let db = open(&path).unwrap();
    assert_eq!(db.recovery().unwrap().torn_bytes, 0, "{context}");
    assert!(read_state(&db).unwrap() == state, "{context}: other data after the reopen");
}

/// Writes and syncs as one, where the kernel lets it.
fn open_with_a_ring(path: &Path) -> emdb::Result<Emdb> {
    let builder = Emdb::builder().path(path).iouring_sqpoll(20);
    builder.flush_policy(FlushPolicy::WriteThrough).build()
}

#[test]
fn every_kind_of_call_survives_a_full_disk_through_a_ring() {
    for style in [Style::Single, Style::Many, Style::Transaction, Style::Large] {
        is_survived(Kind::Tmpfs, style, open_with_a_ring);
        is_survived(Kind::Ext4, style, open_with_a_ring);
    }
}

#[test]
fn single_inserts_survive_a_full_disk() {
    a_full_disk_is_survived(Kind::Tmpfs, Style::Single);
    a_full_disk_is_survived(Kind::Ext4, Style::Single);
}

#[test]
fn insert_many_survives_a_full_disk_by_whole_chunks() {
    a_full_disk_is_survived(Kind::Tmpfs, Style::Many);
    a_full_disk_is_survived(Kind::Ext4, Style::Many);
}

#[test]
fn transactions_survive_a_full_disk_as_a_whole() {
    a_full_disk_is_survived(Kind::Tmpfs, Style::Transaction);
    a_full_disk_is_survived(Kind::Ext4, Style::Transaction);
}

#[test]
fn large_values_survive_a_full_disk() {
    a_full_disk_is_survived(Kind::Tmpfs, Style::Large);
    a_full_disk_is_survived(Kind::Ext4, Style::Large);
}

/// The child's part: it fills the disk and dies.
#[test]
fn child_process() {
    let Some([path]) = child::arguments() else { return };
    let db = Emdb::open(path).unwrap();
    let mut count = 0;
    while !is_full(Style::Single.call(count).apply(&db)) {
        count += 1;
    }
    println!("\nacknowledged {count}");
    // Without closing.
    std::process::exit(7);
}

fn a_death_on_a_full_disk_loses_nothing(kind: Kind) {
    let Some(volume) = Volume::mount(kind) else { return };
    let path = volume.database();
    let mut child = child::command(child_process, &[path.to_str().unwrap()]);
    let child = child.output().unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned();
    assert_eq!(child.status.code(), Some(7), "{kind:?}: {said}");
    let count = said.lines().find_map(|line| line.strip_prefix("acknowledged ")).unwrap();
    let mut state = State::new();
    (0..count.parse().unwrap()).for_each(|n| Style::Single.call(n).advance(&mut state));
    // What the child had allocated ahead, and did not use, may go; what is left is taken here.
    let _ = fs::write(volume.folder.path().join("disk/more"), vec![1; 4 * BALLAST]);
    let db = Emdb::open(&path).unwrap();
    assert!(state.len() > 1000, "{kind:?}: {}", state.len());
    assert!(read_state(&db).unwrap() == state, "{kind:?}: other data than acknowledged");
}

#[test]
fn a_process_that_dies_on_a_full_disk_leaves_everything() {
    a_death_on_a_full_disk_loses_nothing(Kind::Tmpfs);
    a_death_on_a_full_disk_loses_nothing(Kind::Ext4);
}

/// A database of which nearly everything is live and takes more than what is free, and a small
/// backup of it beside.
fn crowded(volume: &Volume) -> (Emdb, State, PathBuf) {
    let target = volume.folder.path().join("disk/copy.emdb");
    let db = Emdb::open(volume.database()).unwrap();
    let mut state = State::new();
    let mut insert = |n: u32| {
        let call = Op::Insert(n.is_multiple_of(2), n.to_be_bytes().to_vec(), vec![n as u8; 700]);
        call.apply(&db).unwrap();
        call.advance(&mut state);
    };
    (0..10).for_each(&mut insert);
    db.backup_to(&target).unwrap();
    (10..2300).for_each(&mut insert);
    let more = fs::File::create(volume.folder.path().join("disk/more")).unwrap();
    let mut len = 0;
    while std::io::Write::write_all(&mut &more, &[1; 4096]).is_ok() {
        len += 4096;
    }
    more.set_len(len - (BALLAST as u64).min(len)).unwrap();
    (db, state, target)
}

fn names(volume: &Volume) -> Vec<std::ffi::OsString> {
    let entries = fs::read_dir(volume.folder.path().join("disk")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

fn maintenance_survives_a_full_disk(kind: Kind) {
    let Some(volume) = Volume::mount(kind) else { return };
    let (db, state, target) = crowded(&volume);
    let before = names(&volume);
    let copy = fs::read(&target).unwrap();
    for _ in 0..3 {
        assert!(is_full(db.compact()), "{kind:?}: the new file had room");
        assert_eq!(names(&volume), before, "{kind:?}");
        assert!(is_full(db.backup_to(&target)), "{kind:?}: the copy had room");
        assert_eq!(names(&volume), before, "{kind:?}");
        assert!(fs::read(&target).unwrap() == copy, "{kind:?}: the old copy has changed");
        assert!(read_state(&db).unwrap() == state, "{kind:?}");
        db.insert("key", "there is room for this").unwrap();
        db.remove("key").unwrap();
        db.flush().unwrap();
    }
    fs::remove_file(volume.ballast()).unwrap();
    fs::remove_file(volume.folder.path().join("disk/more")).unwrap();
    db.compact().unwrap_or_else(|e| panic!("{kind:?}: there is space again: {e}"));
    assert!(read_state(&db).unwrap() == state, "{kind:?}");
    db.backup_to(&target).unwrap_or_else(|e| panic!("{kind:?}: there is space again: {e}"));
    db.close().unwrap();
    for path in [volume.database(), target] {
        let db = Emdb::open(path).unwrap();
        assert!(read_state(&db).unwrap() == state, "{kind:?}: other data after the reopen");
    }
}

#[test]
fn compaction_and_backup_survive_a_full_disk() {
    maintenance_survives_a_full_disk(Kind::Tmpfs);
    maintenance_survives_a_full_disk(Kind::Ext4);
}

/// Fills the disk to the last byte that anything can have.
fn fill_up(db: &Emdb, volume: &Volume) {
    let mut n = 0u32;
    for len in [700, 1] {
        while !is_full(db.insert(n.to_be_bytes(), vec![n as u8; len])) {
            n += 1;
        }
    }
    let more = fs::File::create(volume.folder.path().join("disk/more")).unwrap();
    while std::io::Write::write_all(&mut &more, &[1; 512]).is_ok() {}
    assert!(is_full(db.insert("key", "value")));
}

fn a_full_disk_is_no_trap(kind: Kind) {
    let Some(volume) = Volume::mount(kind) else { return };
    let path = volume.database();
    let db = Emdb::open(&path).unwrap();
    let users = db.namespace("users").unwrap();
    let gone = db.namespace("gone").unwrap();
    for n in 0..2000u32 {
        users.insert(n.to_be_bytes(), [1; 100]).unwrap();
        gone.insert(n.to_be_bytes(), [1; 100]).unwrap();
    }
    // A checkpoint lies beside it, and takes some of the space.
    db.checkpoint().unwrap();
    fill_up(&db, &volume);
    db.remove(0u32.to_be_bytes()).unwrap();
    db.flush().unwrap();
    drop((users, gone));
    db.close().unwrap();

    // What is spared outlasts the open.
    let db = Emdb::open(&path).unwrap();
    assert!(is_full(db.insert("key", "value")), "{kind:?}");
    for n in 1..100u32 {
        assert!(db.remove(n.to_be_bytes()).unwrap().is_some(), "{kind:?}");
    }
    db.namespace("users").unwrap().clear().unwrap();
    assert!(db.drop_namespace("gone").unwrap(), "{kind:?}");
    let said = db.compact().unwrap_err().to_string();
    assert!(said.contains("bytes are missing"), "{kind:?}: {said}");
    db.clear().unwrap();
    db.compact().unwrap_or_else(|e| panic!("{kind:?}: nothing is left to copy: {e}"));
    db.insert("key", vec![1; 100_000]).unwrap();
    db.close().unwrap();
    let db = Emdb::open(&path).unwrap();
    assert_eq!(db.get("key").unwrap().unwrap().len(), 100_000);
}

#[test]
fn a_full_disk_is_no_trap_for_what_only_removes() {
    a_full_disk_is_no_trap(Kind::Tmpfs);
    a_full_disk_is_no_trap(Kind::Ext4);
}
