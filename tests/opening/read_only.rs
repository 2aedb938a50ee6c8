//! Reading beside other readers, without a byte written.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use emdb::{Emdb, Error, FlushPolicy, NamespaceOptions, Record, Table, TableError, Ttl};
use serde::{Deserialize, Serialize};

use crate::common::folder;
use crate::other::OtherProcess;
use crate::other::Role::{Reader, Writer};

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
        let other = OtherProcess::open(&path, Reader);
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
        let other = OtherProcess::open(&path, Reader);
        assert_eq!(other.verdict, "locked");
        other.finish();
        db.close().unwrap();
        assert!(read(&path).is_ok());
        let other = OtherProcess::open(&path, Writer);
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
            let other = OtherProcess::open(&path, Writer);
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
        let other = OtherProcess::open(&path, Reader);
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

mod nothing_is_written;

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
            refused(ns.touch("k", Ttl::ExpiresAt(u64::MAX)));
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

mod tables;
