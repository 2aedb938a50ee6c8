//! The errors of the store.

use std::fmt;

use emdb_core::Error;
use emdb_typed::TableError;
use emdb_typed::backend::BackendError;

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum MemoryError {
    /// An error that all backends have in common.
    Shared(Error),
    /// A range was asked for in a keyspace without order.
    Unordered,
}

pub(crate) type Result<T> = std::result::Result<T, MemoryError>;

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MemoryError::Shared(error) => error.fmt(f),
            MemoryError::Unordered => f.write_str("the keyspace has no order"),
        }
    }
}

impl std::error::Error for MemoryError {}

impl From<Error> for MemoryError {
    fn from(error: Error) -> Self {
        MemoryError::Shared(error)
    }
}

impl BackendError for MemoryError {
    fn into_table_error(self) -> TableError {
        match self {
            MemoryError::Shared(error) => TableError::Core(error),
            MemoryError::Unordered => TableError::Core(Error::InvalidConfig(self.to_string())),
        }
    }
}
