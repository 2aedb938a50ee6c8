//! Tables and databases as newline-delimited JSON, out and in.
//!
//! Invariant: what an export wrote, an import reads back to the same rows, bytes and expiries.

mod database;
mod line;
mod table;

pub use database::{export_json, import_json};

use std::io;

use emdb_core::Error;

use crate::error::TableError;

/// Bytes that are imported in one commit.
const CHUNK_BYTES: usize = 1 << 20;
/// Rows that are imported in one commit.
const CHUNK_ROWS: usize = 1024;

fn io(error: impl Into<io::Error>) -> TableError {
    TableError::Core(Error::Io(error.into()))
}

fn bad_line(table: &str, number: usize, reason: impl std::fmt::Display) -> TableError {
    TableError::Invalid { table: table.to_owned(), reason: format!("line {number}: {reason}") }
}
