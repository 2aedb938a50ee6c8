//! The fate of a database when something goes wrong: the process is killed, the disk is full, the
//! file is damaged or somebody's forgery. Syncs are here as well.
//!
//! The simulated power cuts are unit tests of `emdb-core`, which has the simulated disk.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod damage;
#[cfg(target_os = "linux")]
mod disk_full;
mod durability;
mod hostile;
#[cfg(unix)]
mod kill;
#[cfg(all(target_os = "linux", feature = "ttl"))]
mod lifetimes;
