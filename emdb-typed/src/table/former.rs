//! The row that a write finds in its row's place.

use crate::error::TableError;
use crate::index::EntryWriter as Entries;

/// The former content of a row's place. A row that has expired counts, for its entries are there as well: a
/// clock that is set back would show them again.
pub(super) enum Former<T> {
    None,
    Row {
        row: T,
        entries: Entries,
        expiry: Option<u64>,
        live: bool,
    },
    /// It can't be read, so its entries have to be looked for; and whether it has not expired.
    Unreadable(TableError, bool),
}

impl<T> Former<T> {
    pub(super) fn is_live(&self) -> bool {
        matches!(self, Former::Row { live: true, .. } | Former::Unreadable(_, true))
    }

    pub(super) fn into_row(self) -> Result<Option<T>, TableError> {
        match self {
            Former::Row { row, live: true, .. } => Ok(Some(row)),
            Former::Unreadable(error, true) => Err(error),
            _ => Ok(None),
        }
    }
}
