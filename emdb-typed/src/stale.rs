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

/// The entry that leads to a row, to be sought among those that the row has.
#[derive(Debug)]
pub(crate) struct Sought<T> {
    spec: IndexSpec<T>,
    index: usize,
    /// It has the entry's value.
    seeker: EntryWriter,
}

impl<T: Record> Sought<T> {
    /// The entry with this value, of the index at this position.
    pub(crate) fn new(spec: &IndexSpec<T>, index: usize, value: Vec<u8>) -> Self {
        Sought { spec: *spec, index, seeker: EntryWriter::seeking(value) }
    }

    #[inline]
    pub(crate) fn spec(&self) -> &IndexSpec<T> {
        &self.spec
    }

    /// Its value, in the part form.
    #[inline]
    pub(crate) fn value(&self) -> &[u8] {
        self.seeker.sought()
    }

    /// Goes on to another entry of the index, that of the row with this key.
    #[inline]
    pub(crate) fn seek(&mut self, entry: &[u8], key: &[u8]) {
        self.seeker.seek(self.spec.kind.value_of(entry, key));
    }

    /// Goes on to the entry of the index with this value.
    #[inline]
    pub(crate) fn seek_value(&mut self, value: &[u8]) {
        self.seeker.seek(value);
    }

    /// Refuses the row to which it led, in the place of an answer, if the row hasn't got it.
    #[inline]
    pub(crate) fn check(&mut self, key: &[u8], row: &T) -> Result<(), TableError> {
        let is_found = self.seeker.finds(|entries| (self.spec.entries)(row, entries));
        self.demand(is_found, key)
    }

    /// The same for a row that is lent. `whole` reads it, where the index asks for the row itself.
    #[inline]
    pub(crate) fn check_lent(
        &mut self,
        key: &[u8],
        row: &T::Ref<'_>,
        whole: impl FnOnce() -> Result<T, TableError>,
    ) -> Result<(), TableError> {
        let mut is_told = false;
        let index = self.index;
        let is_found = self.seeker.finds(|out| is_told = T::lent_entries(row, index, out));
        if is_told { self.demand(is_found, key) } else { self.check(key, &whole()?) }
    }

    #[inline]
    fn demand(&self, is_found: bool, key: &[u8]) -> Result<(), TableError> {
        if is_found { Ok(()) } else { Err(self.error(Disagreement::NotItsEntry(key))) }
    }

    /// The error of its index.
    pub(crate) fn error(&self, how: Disagreement<'_>) -> TableError {
        error(&self.spec, how)
    }
}

/// Whether `row` has the entry of this value.
pub(crate) fn has_entry<T>(spec: &IndexSpec<T>, row: &T, value: &[u8]) -> bool {
    EntryWriter::seeking(value.to_vec()).finds(|entries| (spec.entries)(row, entries))
}

/// The error of an index that disagrees with its rows.
#[cold]
pub(crate) fn error<T: Record>(spec: &IndexSpec<T>, how: Disagreement<'_>) -> TableError {
    let causes = || {
        let made_by = match (spec.with, spec.filter) {
            (Some((function, _)), None) => format!("what `{function}` gives"),
            (Some((function, _)), Some(filter)) => {
                format!("what `{function}` gives or the filter `{filter}`")
            }
            (None, Some(filter)) => format!("the filter `{filter}` or the order of a key"),
            (None, None) => "the order of a key".to_owned(),
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
