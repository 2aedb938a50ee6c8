//! SIGKILL at any moment: a child process acknowledges what it has done; the parent kills it, opens
//! what it left, and compares that with what was acknowledged.

#[cfg(feature = "encrypt")]
mod encryption;
mod maintenance;
mod migrations;
mod renames;
mod tables;
mod writes;

use std::time::Duration;

use emdb::{EmdbBuilder, FlushPolicy};

/// One of the ways to have writes durable, by the seed.
pub(crate) fn durable_in_some_way(builder: EmdbBuilder, seed: u64) -> EmdbBuilder {
    match seed % 5 {
        0 => builder,
        1 => builder.flush_policy(FlushPolicy::Group),
        2 => builder.iouring_sqpoll(20),
        3 => builder.iouring_sqpoll(20).flush_policy(FlushPolicy::WriteThrough),
        _ => builder.flush_every(Duration::from_millis(1)),
    }
}
