//! Compaction, as those see it who read and write meanwhile.

mod beside;
mod calls;
mod content;
mod file;
mod found;
mod held;
#[cfg(target_os = "linux")]
mod mounted;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use emdb::{Emdb, NamespaceOptions};

use crate::common::state::{State, read_state};
use crate::common::{commit, folder};

const ORDERED: NamespaceOptions = NamespaceOptions::new().ordered(true);

fn temp(path: &Path) -> PathBuf {
    path.with_file_name("db.compact.tmp")
}

/// Runs `test` on a database in a file and on one in memory.
fn on_each(test: impl Fn(Emdb)) {
    let (_folder, path) = folder();
    test(Emdb::open(path).unwrap());
    test(Emdb::open_in_memory());
}

/// Compacts, with `body` run when everything seems to be copied, before the last stretch.
fn compact_around(db: &Emdb, body: impl FnOnce()) {
    let mut body = Some(body);
    db.compact_with(|progress| {
        // When all is copied, so that it has to be made again in the copy.
        if progress.done == progress.total
            && let Some(body) = body.take()
        {
            body();
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(body.is_none(), "the callback was never called");
}

/// Records that are replaced many times, so that most of the journal is dead.
fn litter(db: &Emdb, rounds: u32) {
    for round in 0..rounds {
        let value = round.to_le_bytes().repeat(50);
        db.insert_many((0..500u32).map(|n| (format!("litter {n:03}"), &value))).unwrap();
    }
}

/// Compares with the database as it is, and once more after a reopen.
fn assert_state_lasts(db: Emdb, path: &Path, expected: &State) {
    assert!(read_state(&db).unwrap() == *expected, "other data before the reopen");
    db.close().unwrap();
    let db = Emdb::open(path).unwrap();
    assert!(db.recovery().unwrap().clean, "closed, but not clean");
    assert!(read_state(&db).unwrap() == *expected, "other data after the reopen");
}
