//! The errors of lines.

use std::io;

use crate::error::TableError;
use crate::vocabulary::Error;

/// The error of reading or writing lines.
pub(super) fn io(error: impl Into<io::Error>) -> TableError {
    TableError::Core(Error::Io(error.into()))
}

/// The error of a line that can't be taken.
pub(super) fn bad_line(table: &str, number: usize, reason: impl std::fmt::Display) -> TableError {
    TableError::Invalid { table: table.to_owned(), reason: format!("line {number}: {reason}") }
}
