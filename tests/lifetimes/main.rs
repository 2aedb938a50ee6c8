//! Long lives of one database file, with everything that can happen in one, in any order and
//! beside each other: each answer is compared with a model.
//!
//! `EMDB_SEED` repeats a run, `EMDB_LIVES` asks for more lives, `EMDB_SECONDS` for longer ones of
//! threads, `EMDB_KILL_ROUNDS` for more kills.

#![cfg(all(target_os = "linux", feature = "ttl"))]
#![allow(clippy::unwrap_used)]

#[path = "../common/op.rs"]
#[allow(dead_code)] // Shared with tests that make other calls.
mod op;
#[path = "../common/rng.rs"]
mod rng;
#[path = "../common/state.rs"]
mod state;

mod held;
mod journal;
mod keys;
mod kill;

mod machine;
mod model;
mod threads;

mod upkeep;
#[path = "../common/victim.rs"]
mod victim;

use std::path::{Path, PathBuf};

/// A folder of its own, in memory if there is such a place: nothing here cuts the power.
fn folder() -> tempfile::TempDir {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() }.unwrap()
}

fn sibling(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}
