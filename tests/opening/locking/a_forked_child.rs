//! A forked child with a database that its parent has open: it can read.

#![allow(unsafe_code)]

use std::fs;

use emdb::{Emdb, Error};
use emdb_testing::child::alone;

use crate::common::folder;
use crate::fork::{exit, fork, waited_for};
use crate::other::OtherProcess;
use crate::other::Role::Writer;

#[test]
fn may_not_write() {
    alone(|| {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let namespace = db.namespace("n").unwrap();
        db.insert("k", "v").unwrap();
        let before = fs::read(&path).unwrap();
        assert!(fork(|| {
            db.insert("k", "child").is_err()
                && db.remove("k").is_err()
                && db.insert_many([("a", "b")]).is_err()
                && db.clear().is_err()
                && namespace.insert("k", "child").is_err()
                && db.namespace("new").is_err()
                && db.drop_namespace("n").is_err()
                && db.transaction(|tx| tx.insert("k", "child")).is_err()
                && db.flush().is_err()
        }));
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(db.get("k").unwrap(), Some(b"v".to_vec()));
    });
}

#[test]
fn can_read() {
    alone(|| {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        db.insert("k", "v").unwrap();
        assert!(fork(|| {
            db.get("k").unwrap().as_deref() == Some(b"v") && db.iter().unwrap().count() == 1
        }));
    });
}

#[test]
fn touches_nothing_by_its_drops() {
    alone(|| {
        let (_folder, path) = folder();
        let mut db = Some(Emdb::open(&path).unwrap());
        db.as_ref().unwrap().insert("k", "v").unwrap();
        let before = fs::read(&path).unwrap();
        assert!(fork(|| {
            drop(db.take());
            true
        }));
        assert_eq!(fs::read(&path).unwrap(), before, "neither trimmed nor marked clean");
        assert!(matches!(Emdb::open(&path), Err(Error::AlreadyLocked)), "nor unlocked");
        assert!(!OtherProcess::open(&path, Writer).has_opened());
        let db = db.unwrap();
        db.insert("l", "w").unwrap();
        db.close().unwrap();
        assert_eq!(Emdb::open(&path).unwrap().len().unwrap(), 2);
    });
}

#[test]
fn can_commit_no_transaction_that_the_parent_began() {
    alone(|| {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let mut pid = -1;
        let committed = db.transaction(|tx| {
            tx.insert("k", "v")?;
            // SAFETY: the child leaves by `_exit` below.
            pid = unsafe { libc::fork() };
            Ok::<(), Error>(())
        });
        if pid == 0 {
            exit(committed.is_err());
        }
        assert!(waited_for(pid));
        committed.unwrap();
        assert_eq!(db.get("k").unwrap(), Some(b"v".to_vec()));
        let logical = db.stats().unwrap().logical_size_bytes;
        db.insert("l", "w").unwrap();
        assert!(db.stats().unwrap().logical_size_bytes > logical);
        db.close().unwrap();
        assert_eq!(Emdb::open(&path).unwrap().len().unwrap(), 2);
    });
}

#[test]
fn can_open_another_database() {
    alone(|| {
        let (folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let other = folder.path().join("other");
        assert!(fork(|| {
            let db = Emdb::open(&other).unwrap();
            db.insert("k", "child").unwrap();
            db.close().is_ok()
        }));
        assert_eq!(Emdb::open(&other).unwrap().len().unwrap(), 1);
        db.insert("k", "v").unwrap();
    });
}

#[test]
fn does_not_keep_the_database_locked_when_the_parent_closes() {
    alone(|| {
        let (_folder, path) = folder();
        let db = Emdb::open(&path).unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        // SAFETY: the child only waits for its end.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            drop(writer);
            let mut reader = reader;
            let _ = std::io::Read::read(&mut reader, &mut [0]);
            exit(true);
        }
        db.close().unwrap();
        let again = Emdb::open(&path);
        drop((reader, writer));
        waited_for(pid);
        assert!(again.is_ok());
    });
}
