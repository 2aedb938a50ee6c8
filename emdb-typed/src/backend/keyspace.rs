//! The keyspaces of a table, by what they are for, and the changes to them.

use crate::vocabulary::{KeyspaceId, WriteRef, WriteSet};

/// One of a table's keyspaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keyspace {
    /// The rows, by their keys.
    Rows,
    /// The entries of the index at this position.
    Index(usize),
    /// One record: the highest automatic key that was ever used.
    Mark,
    /// The entries of all tables, by their names.
    Catalogue,
}

impl KeyspaceId for Keyspace {
    #[inline]
    fn number(self) -> u64 {
        match self {
            Keyspace::Rows => 0,
            Keyspace::Mark => 1,
            Keyspace::Catalogue => 2,
            Keyspace::Index(index) => 3 + index as u64,
        }
    }
}

/// How a keyspace is made, if it is not there.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyspaceOptions {
    /// Whether it keeps its keys in order.
    pub ordered: bool,
}

/// A backend's handles to the keyspaces of one table.
#[derive(Debug, Clone)]
pub struct Keyspaces<H> {
    /// That of [`Keyspace::Rows`].
    pub rows: H,
    /// Those of [`Keyspace::Index`], by their positions.
    pub indexes: Vec<H>,
    /// That of [`Keyspace::Mark`], for a table with automatic keys.
    pub mark: Option<H>,
    /// That of [`Keyspace::Catalogue`].
    pub catalogue: H,
}

impl<H> Keyspaces<H> {
    /// The handle of one.
    #[inline]
    pub fn get(&self, keyspace: Keyspace) -> &H {
        match keyspace {
            Keyspace::Rows => &self.rows,
            Keyspace::Index(position) => &self.indexes[position],
            // Only tables that have one ask for it.
            Keyspace::Mark => self.mark.as_ref().unwrap_or(&self.rows),
            Keyspace::Catalogue => &self.catalogue,
        }
    }
}

/// All that one commit changes.
#[derive(Debug, Default)]
pub struct Changes {
    /// The keyspaces that are emptied first.
    pub cleared: Vec<Keyspace>,
    /// The writes, which come after that.
    pub writes: WriteSet<Keyspace>,
}

impl Changes {
    /// The change to one key, if there is one.
    #[inline]
    pub fn get(&self, keyspace: Keyspace, key: &[u8]) -> Option<WriteRef<'_, Keyspace>> {
        self.writes.get(keyspace, key)
    }
}
