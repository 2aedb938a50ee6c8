//! Whose an entry of an index is.

use crate::catalogue::Definition;
use crate::error::TableError;
use crate::index::{EntryWriter, IndexSpec};
use crate::record::Record;
use crate::row;
use crate::write::entries;

/// Whose an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A row has it.
    Row,
    /// The row that it names can't be read.
    Unreadable,
    /// No row has it.
    None,
}

/// The owners of an index's entries.
pub(super) struct Owners<'d, T> {
    specs: &'d [IndexSpec<T>],
    index: usize,
    /// The row that was looked at last, by its key, with its entries: one with many elements has
    /// many entries in a row.
    last: Option<(Vec<u8>, EntryWriter)>,
}

impl<'d, T: Record> Owners<'d, T> {
    pub(super) fn new(definition: &'d Definition<T>, index: usize) -> Self {
        Owners { specs: &definition.indexes, index, last: None }
    }

    /// The index.
    pub(super) fn spec(&self) -> &'d IndexSpec<T> {
        &self.specs[self.index]
    }

    /// Whether the row that an entry names has that entry; `row` reads it.
    pub(super) fn of<E>(
        &mut self,
        entry: &[u8],
        value: &[u8],
        row: impl FnOnce(&[u8]) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Owner, TableError>
    where
        TableError: From<E>,
    {
        let index = self.index;
        let Some(key) = self.spec().kind.row_key(entry, value) else { return Ok(Owner::None) };
        let owner = |entries: &EntryWriter| {
            if entries.contains(index, entry) { Owner::Row } else { Owner::None }
        };
        if let Some((_, entries)) = self.last.as_ref().filter(|(last, _)| last == key) {
            return Ok(owner(entries));
        }
        let Some(bytes) = row(key)? else { return Ok(Owner::None) };
        let Ok(row) = row::decode::<T>(key, &bytes) else { return Ok(Owner::Unreadable) };
        let entries = entries::entries(self.specs, &row, key, std::iter::once(index));
        let found = owner(&entries);
        self.last = Some((key.to_vec(), entries));
        Ok(found)
    }
}
