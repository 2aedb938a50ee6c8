//! The description of a record, as the derive gives it.

use std::fmt;

use super::entries::EntryWriter;
use super::kind::IndexKind;

/// The parts of a record's description that are the same for all of its rows.
pub struct Description<T> {
    /// The names of the key's fields, in order.
    pub key: &'static [&'static str],
    /// Names and types, as written, of the stored fields in the order in which they are encoded.
    pub fields: &'static [(&'static str, &'static str)],
    /// The indexes, each at the position that its constant names.
    pub indexes: Vec<IndexSpec<T>>,
    /// Whether the table keeps its rows in the order of their keys.
    pub ordered: bool,
}

/// One index of a record.
pub struct IndexSpec<T> {
    /// The name: that of the field, or the one given.
    pub name: &'static str,
    /// The names of the fields that are indexed, in order; none of an index over what a function gives.
    pub fields: &'static [&'static str],
    /// The path of that function and the type of what it gives, as written.
    pub with: Option<(&'static str, &'static str)>,
    /// Which entries a row has, and their layout.
    pub kind: IndexKind,
    /// The path, as written, of the function that tells which rows are indexed.
    pub filter: Option<&'static str>,
    /// Writes the entries of a row; one that the filter refuses has none.
    pub entries: fn(&T, &mut EntryWriter),
}

impl<T> Clone for IndexSpec<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for IndexSpec<T> {}

impl<T> fmt::Debug for Description<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Description")
            .field("key", &self.key)
            .field("fields", &self.fields)
            .field("indexes", &self.indexes)
            .field("ordered", &self.ordered)
            .finish()
    }
}

impl<T> fmt::Debug for IndexSpec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexSpec")
            .field("name", &self.name)
            .field("fields", &self.fields)
            .field("with", &self.with)
            .field("kind", &self.kind)
            .field("filter", &self.filter)
            .finish_non_exhaustive()
    }
}
