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

use std::ops::Range;

pub use random::{Random, seed};
pub use watch::within_a_minute;

/// The number in an environment variable, or else the default: how long a test runs.
pub fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// Whether `EMDB_EVERY_BIT` asks for every bit where a test would flip a sample of them.
pub fn every_bit() -> bool {
    std::env::var_os("EMDB_EVERY_BIT").is_some()
}

/// The bits to flip of a byte in the midst of others: one of them, which differs from that of the
/// bytes beside it, or all with [`every_bit`].
pub fn some_bits(at: usize) -> Range<u32> {
    let one = (at % 8) as u32;
    if every_bit() { 0..8 } else { one..one + 1 }
}
