//! What the tests of several crates share: random choices that a seed repeats, tests in processes of
//! their own, children that are killed, and files that are written by the format alone.
//!
//! This crate depends on no other of the workspace, so that each of them can have it as a
//! dev-dependency. It panics where a test would: at what must not happen. What the tests share of
//! calls to a database is in `tests/common`.

#![allow(clippy::unwrap_used)]

pub mod child;
pub mod forge;
mod random;
pub mod sealed;
#[cfg(unix)]
pub mod victim;
mod watch;

pub use random::{Random, seed};
pub use watch::within_a_minute;

/// The number in an environment variable, or else the default: how long a test runs.
pub fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}
