//! The entry that the catalogue has of a table, and its bytes: a varint with the layout, then the
//! [`Entry`] in the encoding of rows.

use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError};
use crate::error::TableError;
use crate::schema::{IndexSchema, Schema};

/// The layout of entries.
pub(crate) const LAYOUT: u32 = 1;
/// The same, of a table whose rows are being migrated: releases that don't know of that read none of it.
pub(crate) const LAYOUT_MIGRATING: u32 = 2;

/// The entry of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) schema: Schema,
    /// How far each index of the schema is.
    pub(crate) states: Vec<IndexState>,
    /// The schemas of older versions, of which there may still be rows.
    pub(crate) older: Vec<Schema>,
    /// The version was raised, and the indexes are not complete yet: no row has it, so an older
    /// type may take the table back.
    pub(crate) raising: bool,
    /// Rows of older versions are on their way to the present one, by a function. It is told by the layout.
    #[serde(skip)]
    pub(crate) migrating: bool,
}

impl Entry {
    /// The schema of the rows of a version.
    pub(crate) fn schema_of(&self, version: u32) -> Option<&Schema> {
        std::iter::once(&self.schema).chain(&self.older).find(|schema| schema.version == version)
    }

    #[cfg(feature = "json")]
    /// Refuses a table with rows on their way to another version, which only its type can make of them.
    pub(crate) fn refuse_migrating(&self, table: &str) -> Result<(), TableError> {
        if !self.migrating {
            return Ok(());
        }
        let reason = "a migration of its rows is not through: open the table by its type first";
        Err(TableError::Invalid { table: table.to_owned(), reason: reason.to_owned() })
    }

    /// Whether there is this index, with the entries of all rows.
    pub(crate) fn is_complete(&self, index: &IndexSchema) -> bool {
        let position = self.schema.indexes.iter().position(|known| known == index);
        position.is_some_and(|at| self.states[at] == IndexState::Complete)
    }

    /// The older schemas of a table whose schema is `schema` from now on.
    pub(crate) fn older_than(self, schema: &Schema) -> Vec<Schema> {
        let mut older = self.older;
        older.push(self.schema);
        older.retain(|known| known.version < schema.version);
        older
    }
}

/// How far an index is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum IndexState {
    /// It has the entries of all rows.
    Complete,
    /// It has those of the rows up to a key, or of none.
    Building {
        /// The key's bytes.
        after: Option<Vec<u8>>,
    },
}

impl Entry {
    /// The bytes of the entry of `table`.
    pub(crate) fn encode(&self, table: &str) -> Result<Vec<u8>, TableError> {
        let layout = if self.migrating { LAYOUT_MIGRATING } else { LAYOUT };
        codec::encode(layout, self)
            .map_err(|source| TableError::Encode { table: table.to_owned(), source })
    }

    /// The entry of `table` that has these bytes.
    pub(crate) fn decode(table: &str, bytes: &[u8]) -> Result<Entry, TableError> {
        decode(bytes).map_err(|source| TableError::Decode {
            table: table.to_owned(),
            item: "its entry in the catalogue".to_owned(),
            source,
        })
    }
}

fn decode(bytes: &[u8]) -> Result<Entry, DecodeError> {
    match codec::split_version(bytes)? {
        (layout @ (LAYOUT | LAYOUT_MIGRATING), entry) => {
            let mut entry: Entry = codec::decode(entry)?;
            entry.migrating = layout == LAYOUT_MIGRATING;
            if entry.states.len() != entry.schema.indexes.len() {
                return Err(DecodeError::new("it has not one state for each index"));
            }
            Ok(entry)
        }
        (layout, _) => Err(DecodeError::new(format!(
            "it has layout {layout} and this release reads layout {LAYOUT}; \
             open the database with the release that wrote it, or a later one"
        ))),
    }
}
