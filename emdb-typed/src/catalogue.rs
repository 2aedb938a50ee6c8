//! The catalogue: which tables a database has, and what their rows look like.
//!
//! It is an internal namespace of the engine. Its keys are the tables' namespaces; a value is a
//! varint with the layout of the entry, then the [`Entry`] in the encoding of rows.
//!
//! Invariant: a table is open only while its entry and its type agree. An entry changes in a
//! transaction that looks at it first, so that two types can't both have the table.

use emdb_core::{Emdb, internal};
use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError};
use crate::error::TableError;
use crate::record::Record;
use crate::schema::{IndexSchema, Schema, SchemaDifference};

/// The layout of entries that this release writes, and the only one that it reads.
pub(crate) const LAYOUT: u32 = 1;

/// What the catalogue has of a table.
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
}

impl Entry {
    /// The schema of the rows of a version.
    pub(crate) fn schema_of(&self, version: u32) -> Option<&Schema> {
        std::iter::once(&self.schema).chain(&self.older).find(|schema| schema.version == version)
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

/// What opening a table has to do about its entry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Nothing.
    Same,
    /// There is none.
    New,
    /// Indexes are not complete, came, changed or went; `true` for those that begin anew.
    Indexes { fresh: Vec<bool>, gone: Vec<String> },
    /// The type has a later version, or an older one that takes the table back: all indexes begin
    /// anew.
    Raised { gone: Vec<String> },
}

/// The entry of `T`, if there is one.
pub(crate) fn read<T: Record>(
    get: impl FnOnce(&str) -> Result<Option<Vec<u8>>, emdb_core::Error>,
) -> Result<Option<Entry>, TableError> {
    get(T::NAMESPACE)?.map(|bytes| decode::<T>(&bytes)).transpose()
}

/// The entry as it is stored now.
pub(crate) fn stored<T: Record>(db: &Emdb) -> Result<Option<Entry>, TableError> {
    let catalogue = internal::catalogue(db)?;
    read::<T>(|name| catalogue.get(name))
}

/// What there is to do to let `T`, whose schema is `ours`, in; or why it may not come in.
pub(crate) fn compare<T: Record>(
    stored: Option<&Entry>,
    ours: &Schema,
) -> Result<Admission, TableError> {
    let table = || T::NAMESPACE.to_owned();
    let Some(entry) = stored else { return Ok(Admission::New) };
    let Entry { schema, states, .. } = entry;
    if schema.version > ours.version && entry.raising {
        let former = entry.schema_of(ours.version);
        if former.is_some_and(|former| SchemaDifference::between(former, ours).is_none()) {
            return Ok(Admission::Raised { gone: gone(schema, ours) });
        }
    }
    if schema.version > ours.version {
        let (stored, ours) = (schema.version, ours.version);
        return Err(TableError::SchemaNewer { table: table(), stored, ours });
    }
    let mismatch = |difference| TableError::SchemaMismatch { table: table(), difference };
    let gone = gone(schema, ours);
    if schema.version < ours.version {
        let Some(older) = T::older_schema(schema.version) else {
            return Err(mismatch(no_upgrade(schema.version)));
        };
        return match SchemaDifference::between(schema, &older) {
            Some(difference) => Err(mismatch(difference)),
            None => Ok(Admission::Raised { gone }),
        };
    }
    if let Some(difference) = SchemaDifference::between(schema, ours) {
        return Err(mismatch(difference));
    }
    let complete = states.iter().all(|state| *state == IndexState::Complete);
    let fresh: Vec<bool> =
        ours.indexes.iter().map(|index| !is_same_index(index, schema, ours)).collect();
    if complete && gone.is_empty() && !fresh.contains(&true) {
        return Ok(Admission::Same);
    }
    Ok(Admission::Indexes { fresh, gone })
}

fn no_upgrade(stored: u32) -> SchemaDifference {
    SchemaDifference::of_line(format!(
        "version: stored {stored}, which no type upgrades: name the type that it had by \
         `#[emdb(from = ...)]`"
    ))
}

/// Whether an index of ours is there as it is: of fields whose types are written alike, for types of
/// one shape can have different bytes as keys.
fn is_same_index(index: &IndexSchema, stored: &Schema, ours: &Schema) -> bool {
    let written = |schema: &Schema| -> Vec<Option<String>> {
        let field = |name: &str| schema.fields().find(|field| field.name() == name);
        let text = |name: &str| field(name).map(|field| field.type_text().to_owned());
        index.fields.iter().map(|name| text(name)).collect()
    };
    stored.indexes.contains(index) && written(stored) == written(ours)
}

/// The indexes that are stored and that ours has not, or has otherwise.
fn gone(stored: &Schema, ours: &Schema) -> Vec<String> {
    let there = |name: &str| ours.indexes.iter().any(|index| index.name == name);
    let gone = stored.indexes.iter().filter(|index| !there(&index.name));
    gone.map(|index| index.name.clone().into_owned()).collect()
}

/// Whether the table is still the one of the schema with which it was opened.
pub(crate) fn check_unchanged<T: Record>(db: &Emdb, ours: &Schema) -> Result<(), TableError> {
    let stored = stored::<T>(db)?;
    let version = stored.as_ref().map_or(0, |entry| entry.schema.version);
    match compare::<T>(stored.as_ref(), ours)? {
        Admission::Same => Ok(()),
        _ if version > ours.version => {
            let (table, ours) = (T::NAMESPACE.to_owned(), ours.version);
            Err(TableError::SchemaNewer { table, stored: version, ours })
        }
        _ => Err(TableError::SchemaMismatch {
            table: T::NAMESPACE.to_owned(),
            difference: SchemaDifference::of_line(
                "another type with other indexes has opened the table since".to_owned(),
            ),
        }),
    }
}

pub(crate) fn encode<T: Record>(entry: &Entry) -> Result<Vec<u8>, TableError> {
    codec::encode(LAYOUT, entry)
        .map_err(|source| TableError::Encode { table: T::NAMESPACE.to_owned(), source })
}

fn decode<T: Record>(bytes: &[u8]) -> Result<Entry, TableError> {
    decode_entry(bytes).map_err(|source| TableError::Decode {
        table: T::NAMESPACE.to_owned(),
        item: "its entry in the catalogue".to_owned(),
        source,
    })
}

/// Refuses an entry under which rows can't be read as those of `T`.
pub(crate) fn refuse<T: Record>(bytes: &[u8]) -> Result<(), TableError> {
    compare::<T>(Some(&decode::<T>(bytes)?), &Schema::of::<T>()).map(drop)
}

/// The mismatch of a table whose keys are stored otherwise than the type has them.
pub(crate) fn other_keys<T: Record>() -> TableError {
    let line = "key: the stored keys are not the ones that the type gives to its rows";
    let difference = SchemaDifference::of_line(line.to_owned());
    TableError::SchemaMismatch { table: T::NAMESPACE.to_owned(), difference }
}

pub(crate) fn decode_entry(bytes: &[u8]) -> Result<Entry, DecodeError> {
    match codec::split_version(bytes)? {
        (LAYOUT, entry) => {
            let entry: Entry = codec::decode(entry)?;
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

#[cfg(test)]
mod tests;
