//! Backup: a consistent copy beside readers and writers, and targets of every kind.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use emdb::{Emdb, Error, NamespaceOptions, Record, Table};
use emdb_testing::{Random, child, within_a_minute};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::common::state::{State, read_state};
use crate::common::{commit, folder};

const ORDERED: NamespaceOptions = NamespaceOptions::new().ordered(true);

/// A database in a file with something in it, and where its copy goes.
fn sample() -> (TempDir, Emdb, PathBuf) {
    let (folder, path) = folder();
    let db = Emdb::open(&path).unwrap();
    for round in 0..3u32 {
        let value = round.to_le_bytes().repeat(60);
        db.insert_many((0..500u32).map(|n| (format!("key {n}"), &value))).unwrap();
    }
    db.namespace("other").unwrap().insert("key", "value").unwrap();
    let target = folder.path().join("copy");
    (folder, db, target)
}

/// The contents of the file, which must have been left clean.
fn content(path: &Path) -> State {
    let db = Emdb::open(path).unwrap();
    let report = db.recovery().unwrap();
    assert!(report.clean, "{report:?}");
    read_state(&db).unwrap()
}

fn temp(target: &Path) -> PathBuf {
    target.with_file_name(format!("{}.backup.tmp", target.file_name().unwrap().to_str().unwrap()))
}

mod the_copy;

mod the_target;

mod the_call;
