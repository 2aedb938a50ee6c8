//! The parts that several of the test programs share: calls with their outcomes, the state that a
//! database is in, and places for files. Helpers that need no database are in the crate
//! `emdb-testing`.

#![allow(dead_code)] // Each program has a use for a part of it.

pub(crate) mod op;
pub(crate) mod state;

use std::path::{Path, PathBuf};

use emdb::{Emdb, Transaction};
use tempfile::TempDir;

/// A folder of its own, and where a database goes in it.
pub(crate) fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    (folder, path)
}

/// A folder of its own, in memory if there is such a place: for tests that sync often and cut no
/// power.
pub(crate) fn memory_folder() -> TempDir {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() }.unwrap()
}

/// The path with something behind the name.
pub(crate) fn sibling(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// `db.transaction` with the error type that a closure alone leaves open.
pub(crate) fn commit<T>(
    db: &Emdb,
    body: impl for<'s> FnOnce(&mut Transaction<'s>) -> emdb::Result<T>,
) -> emdb::Result<T> {
    db.transaction(body)
}
