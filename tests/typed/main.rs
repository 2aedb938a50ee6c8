//! Typed tables: keys, rows, indexes, what a type that changed meets, and what compiles.

#![allow(clippy::unwrap_used)]

// Calls take values and references to them.
#[allow(clippy::needless_borrows_for_generic_args)]
mod calls;
mod chunks;
#[cfg(all(feature = "json", feature = "ttl"))]
mod json;
mod keys;
#[cfg(feature = "ttl")]
mod lifetimes;
#[cfg(feature = "ttl")]
mod model;
mod queries;
mod revisions;
mod tables;
mod threads;
mod types;
mod ui;

use std::ops::ControlFlow;

use emdb::{Record, Table};

/// A callback of long calls that lets them go on.
fn go_on(_: emdb::Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Asserts that rows and indexes agree, and gives the numbers of rows and of entries.
#[track_caller]
fn verified<T: Record>(table: &Table<T>) -> (u64, u64) {
    let report = table.verify().unwrap();
    // Not all of them: there may be thousands.
    let first: Vec<_> = report.problems.iter().take(3).collect();
    assert!(report.is_ok(), "{} problems and more: {first:?}", report.problems.len());
    (report.rows, report.entries)
}
