//! The byte API: what its calls give, alone and beside each other. Files here are whole; damage and
//! deaths are in `tests/crash`.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod keys_and_values;
#[cfg(feature = "ttl")]
mod model;
mod namespaces;
#[cfg(feature = "nested")]
mod nested;
mod ranges;
mod snapshots;
mod threads;
mod transactions;
#[cfg(feature = "ttl")]
mod ttl;
