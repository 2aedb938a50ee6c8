//! The word of an index about a row, held against the row.
//!
//! Invariant: no row is given for an entry that it hasn't. An index can fall behind without a write of ours: through
//! `raw`, or because the program changed what the index is made by, its filter or the order of a
//! key, and neither shows in the schema.

use crate::error::TableError;
use crate::hex::hex;
use crate::index::{EntryWriter, IndexSpec};
use crate::record::Record;

/// How an index and a row disagree; with the key of the row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Disagreement<'a> {
    /// There is an entry, and no row.
    NoRow(&'a [u8]),
    /// There is an entry that the row hasn't.
    NotItsEntry(&'a [u8]),
    /// The row has an entry that isn't there, or is another row's.
    NoEntry(&'a [u8]),
    /// There is an entry that names no row at all.
    NoKey,
    /// Those that were looked at when the table was opened.
    Sampled,
}

/// Refuses an entry, in the place of an answer, that the row with this key hasn't. `seeker` seeks
/// its value.
#[inline]
pub(crate) fn check<T: Record>(
    spec: &IndexSpec<T>,
    seeker: &mut EntryWriter,
    key: &[u8],
    row: &T,
) -> Result<(), TableError> {
    if seeker.finds(|entries| (spec.entries)(row, entries)) {
        return Ok(());
    }
    Err(error(spec, Disagreement::NotItsEntry(key)))
}

/// Whether `row` has the entry of this value.
pub(crate) fn has_entry<T>(spec: &IndexSpec<T>, row: &T, value: &[u8]) -> bool {
    EntryWriter::seeking(value.to_vec()).finds(|entries| (spec.entries)(row, entries))
}

/// The error of an index that disagrees with its rows.
#[cold]
pub(crate) fn error<T: Record>(spec: &IndexSpec<T>, how: Disagreement<'_>) -> TableError {
    let causes = || {
        let made_by = match spec.filter {
            Some(filter) => format!("the filter `{filter}` or the order of a key"),
            None => "the order of a key".to_owned(),
        };
        format!(
            "{made_by} is another one now than when the index was made, or rows were written \
             through `Table::raw`"
        )
    };
    let reason = match how {
        Disagreement::NoRow(key) => format!(
            "it has an entry for the row 0x{}, which isn't there: rows were written through \
             `Table::raw`",
            hex(key)
        ),
        Disagreement::NotItsEntry(key) => {
            format!("the row 0x{} hasn't the entry that led to it: {}", hex(key), causes())
        }
        Disagreement::NoEntry(key) => {
            format!("the entry of the row 0x{} isn't there: {}", hex(key), causes())
        }
        Disagreement::NoKey => "it has an entry that names no row: something else wrote into the \
                                namespaces of the table"
            .to_owned(),
        Disagreement::Sampled => format!(
            "rows and entries differ: {}; and the database is open for reading alone",
            causes()
        ),
    };
    let (table, index) = (T::NAMESPACE.to_owned(), spec.name.to_owned());
    TableError::StaleIndex { table, index, reason }
}
