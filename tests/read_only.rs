//! Reading beside other readers, without a byte written.

#![cfg(all(unix, feature = "ttl"))]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use emdb::{Emdb, Error, FlushPolicy, NamespaceOptions, Record, Table, TableError, Ttl};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

const PATH: &str = "EMDB_TEST_READ_ONLY_PATH";
const MODE: &str = "EMDB_TEST_READ_ONLY_MODE";

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    (folder, path)
}

fn read(path: &Path) -> Result<Emdb, Error> {
    Emdb::builder().path(path).read_only(true).build()
}

/// A database with a little of everything, closed.
fn filled(path: &Path) {
    let db = Emdb::open(path).unwrap();
    db.insert("a", "1").unwrap();
    db.insert("b", "2").unwrap();
    db.insert("gone", "x").unwrap();
    db.remove("gone").unwrap();
    db.insert_with_ttl("late", "x", Ttl::ExpiresAt(1)).unwrap();
    db.insert_with_ttl("early", "x", Ttl::ExpiresAt(4_102_444_800_000)).unwrap();
    db.namespace("plain").unwrap().insert("k", "v").unwrap();
    let ordered = NamespaceOptions::new().ordered(true);
    let log = db.namespace_with("log", ordered).unwrap();
    log.insert_many([("2", "b"), ("1", "a"), ("3", "c")]).unwrap();
    drop(log);
    db.close().unwrap();
}

/// Inode, mode, the times of the last changes, and the bytes of a file.
type Shown = (u64, u32, i64, i64, i64, Vec<u8>);

/// All that a folder shows but for when it was read.
fn picture(folder: &Path) -> BTreeMap<PathBuf, Shown> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let all = entries.chain([folder.to_path_buf()]);
    all.map(|path| {
        let meta = fs::symlink_metadata(&path).unwrap();
        let bytes = if meta.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        let times = (meta.mtime(), meta.mtime_nsec(), meta.ctime_nsec());
        (path, (meta.ino(), meta.mode(), times.0, times.1, times.2, bytes))
    })
    .collect()
}

/// A copy of a database that is being written, as after a power cut: `kept` was flushed, `torn`
/// and `last` were not, and `torn` did not reach the disk whole.
fn torn(path: &Path) -> u64 {
    let source = path.with_extension("source");
    let db = Emdb::open(&source).unwrap();
    db.insert("kept", "flushed").unwrap();
    db.flush().unwrap();
    db.insert("torn", "half of it").unwrap();
    db.insert("last", "whole").unwrap();
    let mut bytes = fs::read(&source).unwrap();
    drop(db);
    fs::remove_file(&source).unwrap();
    fs::remove_file(path.with_extension("lock")).unwrap_or_default();
    fs::remove_file(path.with_extension("source.lock")).unwrap();
    let at = bytes.windows(10).position(|w| w == b"half of it").unwrap();
    bytes[at] ^= 1;
    fs::write(path, &bytes).unwrap();
    at as u64
}

/// Not a test of its own: what the child processes below run. It opens the database, says how
/// that went, and waits for its end.
#[test]
fn child_process() {
    let Some(path) = env::var_os(PATH) else { return };
    let read_only = env::var(MODE).unwrap() == "read";
    let opened = Emdb::builder().path(path).read_only(read_only).build();
    match &opened {
        Ok(db) => println!("\nopened {}", db.len().unwrap()),
        Err(Error::AlreadyLocked) => println!("\nlocked"),
        Err(e) => println!("\nfailed: {e}"),
    }
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

struct OtherProcess {
    child: Child,
    verdict: String,
}

impl OtherProcess {
    fn open(path: &Path, mode: &str) -> OtherProcess {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["child_process", "--exact", "--nocapture"]);
        OtherProcess::start(command, path, mode).unwrap()
    }

    /// None where the command can't be run.
    fn start(mut command: Command, path: &Path, mode: &str) -> Option<OtherProcess> {
        command.env(PATH, path).env(MODE, mode).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().ok()?;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let verdict = lines.find_map(|line| {
            let line = line.unwrap();
            ["opened", "locked", "failed"].iter().any(|v| line.starts_with(v)).then_some(line)
        });
        // Keeps the pipe open, so that the child's harness can write its summary.
        std::thread::spawn(move || lines.for_each(drop));
        Some(OtherProcess { child, verdict: verdict? })
    }

    fn finish(mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

mod readers {
    use super::*;

    #[test]
    fn see_everything_that_was_written() {
        let (_folder, path) = folder();
        filled(&path);
        let db = read(&path).unwrap();
        assert_eq!(db.get("a").unwrap().unwrap(), b"1");
        assert_eq!(db.get_zerocopy("b").unwrap().unwrap(), b"2"[..]);
        assert_eq!(db.get("gone").unwrap(), None);
        assert_eq!((db.get("late").unwrap(), db.contains_key("early").unwrap()), (None, true));
        assert_eq!(db.iter().unwrap().count(), 3);
        assert_eq!(db.snapshot().namespace("log").unwrap().iter().unwrap().count(), 3);
        assert_eq!(db.list_namespaces().unwrap(), ["log", "plain"]);
        let log = db.namespace("log").unwrap();
        let keys: Vec<_> = log.range_iter("2"..).unwrap().map(|(key, _)| key).collect();
        assert_eq!(keys, [b"2", b"3"]);
        let report = db.recovery().unwrap();
        assert!(report.clean && report.torn_bytes == 0 && report.records_replayed > 0);
        let stats = db.stats().unwrap();
        assert_eq!((stats.syncs, stats.namespace_count), (0, 3));
        assert_eq!(stats.file_size_bytes, fs::metadata(&path).unwrap().len());
    }

    #[test]
    fn can_have_every_namespace_in_order() {
        let (_folder, path) = folder();
        filled(&path);
        let db = Emdb::builder().path(&path).read_only(true).enable_range_scans(true);
        let db = db.build().unwrap();
        let keys: Vec<_> = db.range_iter(..).unwrap().map(|(key, _)| key).collect();
        assert_eq!(keys, [&b"a"[..], b"b", b"early"]);
        assert_eq!(db.namespace("plain").unwrap().range(..).unwrap().len(), 1);
    }

    #[test]
    fn open_beside_each_other_in_one_process_and_in_two() {
        let (_folder, path) = folder();
        filled(&path);
        let (one, two) = (read(&path).unwrap(), read(&path).unwrap());
        let other = OtherProcess::open(&path, "read");
        assert_eq!(other.verdict, "opened 4");
        one.close().unwrap();
        assert_eq!(two.len().unwrap(), 4);
        other.finish();
    }

    #[test]
    fn are_refused_while_a_writer_has_it() {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        assert!(matches!(read(&path), Err(Error::AlreadyLocked)));
        let other = OtherProcess::open(&path, "read");
        assert_eq!(other.verdict, "locked");
        other.finish();
        db.close().unwrap();
        assert!(read(&path).is_ok());
        let other = OtherProcess::open(&path, "write");
        assert_eq!(other.verdict, "opened 0");
        assert!(matches!(read(&path), Err(Error::AlreadyLocked)));
        other.finish();
    }

    #[test]
    fn keep_writers_out_until_the_last_of_them_goes() {
        let (_folder, path) = folder();
        filled(&path);
        let (one, two) = (read(&path).unwrap(), read(&path).unwrap());
        for _ in 0..2 {
            assert!(matches!(Emdb::open(&path), Err(Error::AlreadyLocked)));
            let other = OtherProcess::open(&path, "write");
            assert_eq!(other.verdict, "locked");
            other.finish();
        }
        assert!(matches!(Emdb::break_lock(&path), Err(Error::AlreadyLocked)));
        assert_eq!(Emdb::lock_holder(&path).unwrap(), None);
        drop(one);
        assert!(matches!(Emdb::open(&path), Err(Error::AlreadyLocked)));
        drop(two);
        Emdb::open(&path).unwrap().insert("c", "3").unwrap();
        assert_eq!(read(&path).unwrap().len().unwrap(), 5);
    }

    #[test]
    fn in_another_process_keep_a_writer_out() {
        let (_folder, path) = folder();
        filled(&path);
        let other = OtherProcess::open(&path, "read");
        assert!(matches!(Emdb::open(&path), Err(Error::AlreadyLocked)));
        other.finish();
        assert!(Emdb::open(&path).is_ok());
    }

    #[test]
    fn come_by_hard_and_symbolic_links() {
        let (folder, path) = folder();
        filled(&path);
        let (hard, soft) = (folder.path().join("hard"), folder.path().join("soft"));
        fs::hard_link(&path, &hard).unwrap();
        symlink(&path, &soft).unwrap();
        let before = picture(folder.path());
        let readers = [&path, &hard, &soft].map(|path| read(path).unwrap());
        assert!(readers.iter().all(|db| db.len().unwrap() == 4));
        assert_eq!(readers[2].path(), soft);
        drop(readers);
        assert_eq!(picture(folder.path()), before);
        for name in [&path, &hard, &soft] {
            let reader = read(name).unwrap();
            for writer in [&path, &hard, &soft] {
                assert!(matches!(Emdb::open(writer), Err(Error::AlreadyLocked)));
            }
            drop(reader);
            let writer = Emdb::open(name).unwrap();
            for reader in [&path, &hard, &soft] {
                assert!(matches!(read(reader), Err(Error::AlreadyLocked)));
            }
            drop(writer);
        }
    }
}

mod nothing_is_written {
    use super::*;

    fn unchanged(folder: &Path, path: &Path) {
        let before = picture(folder);
        let db = Emdb::builder()
            .path(path)
            .read_only(true)
            .flush_policy(FlushPolicy::WriteThrough)
            .flush_every(std::time::Duration::from_millis(1))
            .default_ttl(std::time::Duration::from_secs(1))
            .build()
            .unwrap();
        let _ = db.insert("x", "y");
        db.iter().unwrap().for_each(drop);
        assert_eq!(db.sweep_expired(), 0);
        db.flush().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(db.stats().unwrap().syncs, 0);
        db.close().unwrap();
        assert_eq!(picture(folder), before);
    }

    #[test]
    fn to_a_database_that_was_closed() {
        let (folder, path) = folder();
        filled(&path);
        unchanged(folder.path(), &path);
    }

    #[test]
    fn not_even_a_lock_file() {
        let (folder, path) = folder();
        filled(&path);
        fs::remove_file(folder.path().join("db.lock")).unwrap();
        unchanged(folder.path(), &path);
        assert!(!folder.path().join("db.lock").exists());
    }

    #[test]
    fn where_the_lock_file_is_something_else() {
        let (folder, path) = folder();
        filled(&path);
        let lock = folder.path().join("db.lock");
        fs::remove_file(&lock).unwrap();
        symlink("elsewhere", &lock).unwrap();
        unchanged(folder.path(), &path);
    }

    #[test]
    fn to_a_database_whose_writer_was_killed() {
        let (folder, path) = folder();
        let source = folder.path().join("source");
        let db = Emdb::open(&source).unwrap();
        db.insert("k", "v").unwrap();
        fs::copy(&source, &path).unwrap();
        drop(db);
        unchanged(folder.path(), &path);
        let db = read(&path).unwrap();
        assert_eq!(db.len().unwrap(), 1);
        let report = db.recovery().unwrap();
        assert_eq!((report.clean, report.torn_bytes), (false, 0));
    }

    #[test]
    fn to_a_torn_tail_which_is_left_out_of_view() {
        let (folder, path) = folder();
        let at = torn(&path);
        unchanged(folder.path(), &path);
        let db = read(&path).unwrap();
        assert_eq!(db.get("kept").unwrap().unwrap(), b"flushed");
        assert_eq!(db.get("torn").unwrap(), None);
        assert_eq!(db.get("last").unwrap(), None);
        assert_eq!(db.keys().unwrap().collect::<Vec<_>>(), [b"kept"]);
        let report = db.recovery().unwrap();
        assert!(!report.clean && report.torn_bytes > 20);
        assert_eq!((report.commits_dropped, &report.torn_file), (1, &None));
        assert!(db.stats().unwrap().logical_size_bytes < at);
        drop(db);
        // A writer cuts it, and keeps it aside.
        let db = Emdb::open(&path).unwrap();
        assert!(db.recovery().unwrap().torn_file.is_some());
        assert_eq!(db.len().unwrap(), 1);
    }

    #[test]
    fn to_rubbish_at_the_end() {
        let (folder, path) = folder();
        filled(&path);
        File::options().append(true).open(&path).unwrap().write_all(b"rubbish").unwrap();
        unchanged(folder.path(), &path);
        let db = read(&path).unwrap();
        assert_eq!(db.recovery().unwrap().torn_bytes, 7);
        assert_eq!(db.len().unwrap(), 4);
    }

    #[test]
    fn to_a_damaged_file_which_is_told_from_a_torn_one() {
        let (folder, path) = folder();
        filled(&path);
        let mut bytes = fs::read(&path).unwrap();
        bytes[8200] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let before = picture(folder.path());
        assert!(matches!(read(&path), Err(Error::Corrupted { .. })));
        assert_eq!(picture(folder.path()), before);
    }

    #[test]
    fn to_an_empty_file_which_is_an_empty_database() {
        let (folder, path) = folder();
        File::create(&path).unwrap();
        unchanged(folder.path(), &path);
        let db = read(&path).unwrap();
        assert!(db.is_empty().unwrap() && db.iter().unwrap().next().is_none());
        assert!(matches!(db.insert("k", "v"), Err(Error::ReadOnly)));
        assert!(matches!(db.namespace("n"), Err(Error::ReadOnly)));
        assert!(db.recovery().unwrap().clean);
        // A writer would put another file in its place.
        assert!(matches!(Emdb::open(&path), Err(Error::AlreadyLocked)));
        drop(db);
        Emdb::open(&path).unwrap().insert("k", "v").unwrap();
        assert_eq!(read(&path).unwrap().len().unwrap(), 1);
    }

    #[test]
    fn where_there_is_no_file() {
        let (folder, path) = folder();
        let before = picture(folder.path());
        for path in [path, folder.path().join("no").join("db")] {
            assert!(matches!(read(&path), Err(Error::Io(e)) if e.kind() == ErrorKind::NotFound));
        }
        let named = Emdb::builder().app_name("app").database_name("db").data_root(folder.path());
        let opened = named.read_only(true).build();
        assert!(matches!(opened, Err(Error::Io(e)) if e.kind() == ErrorKind::NotFound));
        assert_eq!(picture(folder.path()), before);
    }

    #[test]
    fn by_one_who_may_not_write() {
        let (folder, path) = folder();
        filled(&path);
        let set = |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode));
        set(&path, 0o444).unwrap();
        set(folder.path(), 0o555).unwrap();
        let before = picture(folder.path());
        assert_eq!(read(&path).unwrap().len().unwrap(), 4);
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["child_process", "--exact", "--nocapture"]);
        if fs::metadata(&path).unwrap().uid() == 0 {
            // For whom permissions mean nothing; so the child is nobody, who can't open the lock
            // file either.
            command.uid(65_534).gid(65_534);
        }
        if let Some(other) = OtherProcess::start(command, &path, "read") {
            assert_eq!(other.verdict, "opened 4");
            assert!(matches!(Emdb::open(&path), Err(Error::AlreadyLocked | Error::Io(_))));
            other.finish();
        }
        set(folder.path(), 0o755).unwrap();
        let mut after = picture(folder.path());
        // The refused writer, and the permissions of the folder.
        for changed in [folder.path().to_path_buf(), folder.path().join("db.lock")] {
            after.insert(changed.clone(), before[&changed].clone());
        }
        assert_eq!(after, before);
    }

    #[test]
    fn on_media_that_can_only_be_read() {
        let (folder, path) = folder();
        filled(&path);
        let mut command = Command::new("unshare");
        let mount = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && \
                     ! touch \"$1/x\" && exec \"$2\" child_process --exact --nocapture";
        command.args(["--mount", "--", "sh", "-c", mount, "sh"]).arg(folder.path());
        command.arg(env::current_exe().unwrap()).stderr(Stdio::null());
        // Where this user can't mount there is nothing to see.
        if let Some(other) = OtherProcess::start(command, &path, "read") {
            assert_eq!(other.verdict, "opened 4");
            other.finish();
        }
    }
}

mod every_write_is_refused {
    use super::*;

    fn refused<T>(result: Result<T, Error>) {
        assert!(matches!(result, Err(Error::ReadOnly)));
    }

    #[test]
    fn of_keys_and_values() {
        let (_folder, path) = folder();
        filled(&path);
        let db = read(&path).unwrap();
        let plain = db.namespace("plain").unwrap();
        for ns in [&*db, &plain] {
            refused(ns.insert("k", "w"));
            refused(ns.insert_with_ttl("k", "w", Ttl::None));
            refused(ns.insert_many([("k", "w")]));
            refused(ns.remove("k"));
            refused(ns.remove("absent"));
            refused(ns.clear());
            refused(ns.persist("k"));
            assert_eq!(ns.sweep_expired(), 0);
        }
        assert_eq!((db.len().unwrap(), plain.len().unwrap()), (4, 1));
        db.flush().unwrap();
    }

    #[cfg(feature = "nested")]
    #[test]
    fn of_groups() {
        let (_folder, path) = folder();
        filled(&path);
        let db = read(&path).unwrap();
        refused(db.focus("users").set("name", "Ada"));
        refused(db.focus("users").delete_all());
        refused(db.delete_group("users"));
        assert_eq!(db.group("users").unwrap().count(), 0);
    }

    #[test]
    fn of_namespaces() {
        let (_folder, path) = folder();
        filled(&path);
        let db = read(&path).unwrap();
        let ordered = NamespaceOptions::new().ordered(true);
        refused(db.namespace("new"));
        refused(db.namespace_with("new", ordered));
        refused(db.namespace_with("plain", ordered));
        refused(db.drop_namespace("plain"));
        refused(db.drop_namespace("absent"));
        db.namespace_with("log", ordered).unwrap();
        db.namespace_with("log", NamespaceOptions::new()).unwrap();
        assert!(matches!(db.namespace(""), Err(Error::InvalidConfig(_))));
    }

    #[test]
    fn of_transactions() {
        let (_folder, path) = folder();
        filled(&path);
        let db = read(&path).unwrap();
        let mut ran = false;
        refused(db.transaction(|tx| -> Result<(), Error> {
            ran = true;
            tx.insert("k", "v")
        }));
        assert!(!ran);
    }
}

#[test]
fn a_database_in_memory_cannot_be_read_only() {
    let built = Emdb::builder().read_only(true).build();
    assert!(matches!(built, Err(Error::InvalidConfig(_))));
}

mod tables {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
    #[emdb(namespace = "users")]
    struct User {
        #[emdb(key, auto)]
        id: u64,
        #[emdb(unique)]
        email: String,
        #[emdb(index)]
        age: u8,
    }

    /// Without one of the indexes.
    #[derive(Serialize, Deserialize, Record)]
    #[emdb(namespace = "users")]
    struct Leaner {
        #[emdb(key, auto)]
        id: u64,
        #[emdb(unique)]
        email: String,
        age: u8,
    }

    #[derive(Serialize, Deserialize, Record)]
    #[emdb(namespace = "users")]
    struct Other {
        #[emdb(key)]
        name: String,
    }

    #[derive(Serialize, Deserialize, Record)]
    struct Absent {
        #[emdb(key)]
        id: u64,
    }

    fn user(id: u64, age: u8) -> User {
        User { id, email: format!("{id}@example.org"), age }
    }

    fn filled(path: &Path) {
        let db = Emdb::open(path).unwrap();
        let users = Table::<User>::open(&db).unwrap();
        for id in 1..=5 {
            users.insert(&user(id, 20 + id as u8 / 2)).unwrap();
        }
        drop(users);
        db.close().unwrap();
    }

    fn is_read_only<T>(result: Result<T, TableError>) -> bool {
        matches!(result, Err(TableError::Core(Error::ReadOnly)))
    }

    #[test]
    fn are_read_as_ever_and_not_written() {
        let (folder, path) = folder();
        filled(&path);
        let before = picture(folder.path());
        let db = read(&path).unwrap();
        let users = Table::<User>::open(&db).unwrap();
        assert_eq!(users.get(&3).unwrap(), Some(user(3, 21)));
        assert_eq!((users.len().unwrap(), users.iter().unwrap().count()), (5, 5));
        let frozen = db.snapshot();
        assert_eq!(users.at(&frozen).get(&1).unwrap(), Some(user(1, 20)));
        assert!(users.verify().unwrap().problems.is_empty());
        assert!(is_read_only(users.insert(&user(9, 9))));
        assert!(is_read_only(users.insert_new(user(9, 9))));
        assert!(is_read_only(users.update(&3, |user| user.age = 1)));
        assert!(is_read_only(users.remove(&3)));
        assert!(is_read_only(users.clear()));
        assert!(is_read_only(users.rebuild_indexes()));
        drop((users, db, frozen));
        assert_eq!(picture(folder.path()), before);
    }

    #[test]
    fn that_would_have_to_be_written_are_refused() {
        let (folder, path) = folder();
        let opened = |path: &Path| read(path).unwrap();
        Emdb::open(&path).unwrap().insert("k", "v").unwrap();
        assert!(is_read_only(Table::<User>::open(&opened(&path))));
        filled(&path);
        let before = picture(folder.path());
        assert!(is_read_only(Table::<Absent>::open(&opened(&path))));
        assert!(is_read_only(Table::<Leaner>::open(&opened(&path))));
        let other = Table::<Other>::open(&opened(&path));
        assert!(matches!(other, Err(TableError::SchemaMismatch { .. })));
        assert_eq!(picture(folder.path()), before);
        // Without the index, and then with it.
        Table::<Leaner>::open(&Emdb::open(&path).unwrap()).unwrap();
        assert!(is_read_only(Table::<User>::open(&opened(&path))));
        Table::<Leaner>::open(&opened(&path)).unwrap();
    }
}
