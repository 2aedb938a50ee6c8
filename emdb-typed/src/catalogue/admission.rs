//! Whether a type may have a table, by the entry that the catalogue has of it.
//!
//! Invariant: a table is open only while its entry and its type agree. An entry changes in a
//! commit that looks at it first, so that two types can't both have the table.

use super::entry::{Entry, IndexState};
use crate::describe::Findings;
use crate::error::TableError;
use crate::record::Record;
use crate::schema::{self, IndexSchema, Schema, SchemaDifference};
use crate::vocabulary::Error;

/// The task of an open about the entry of its table.
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
    /// Rows of older versions have to become others before anybody reads them; `fresh` if not all indexes of
    /// the type are there as they are.
    Migrated { fresh: bool, gone: Vec<String> },
}

/// The task, and whether the entry knows less of the type than is known now.
pub(super) struct Look {
    pub(super) admission: Admission,
    pub(super) coarse: bool,
}

impl Look {
    /// Whether nothing is to be done, and the entry says all.
    pub(super) fn is_same(&self) -> bool {
        self.admission == Admission::Same && !self.coarse
    }
}

/// The task of letting `T` in, by the bytes of the entry; or why it may not come in. Bytes that were looked at
/// before, by any table of the type, are known again.
pub(super) fn look<T: Record>(bytes: Option<&[u8]>) -> Result<Look, TableError> {
    let findings = Findings::of::<T>();
    let Some(bytes) = bytes else { return Ok(Look { admission: Admission::New, coarse: false }) };
    if findings.agrees(bytes) {
        return Ok(Look { admission: Admission::Same, coarse: false });
    }
    let entry = Entry::decode(T::NAMESPACE, bytes)?;
    let admission = compare::<T>(Some(&entry), &findings.schema)?;
    let look = Look { admission, coarse: entry.schema.is_coarser_than(&findings.schema) };
    if look.is_same() {
        findings.note_agreement(bytes);
    }
    Ok(look)
}

/// The task of letting `T`, whose schema is `ours`, in; or why it may not come in.
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
    let version = ours.version.max(schema.version + 1);
    let mismatch = |difference| TableError::SchemaMismatch {
        table: table(),
        difference,
        // Rows keep their keys through all versions.
        next_version: match schema.key == ours.key {
            true => schema::next_version(T::NAMESPACE, name_of::<T>(), schema, version),
            false => String::new(),
        },
    };
    let gone = gone(schema, ours);
    if schema.version < ours.version {
        let Some(older) = T::older_schema(schema.version) else {
            return Err(mismatch(no_upgrade(schema.version)));
        };
        return match SchemaDifference::between(schema, &older) {
            Some(difference) => Err(mismatch(difference)),
            None if migrates::<T>(entry) => Ok(Admission::Migrated { fresh: true, gone }),
            None => Ok(Admission::Raised { gone }),
        };
    }
    if let Some(difference) = SchemaDifference::between(schema, ours) {
        return Err(mismatch(difference));
    }
    let complete = states.iter().all(|state| *state == IndexState::Complete);
    let fresh: Vec<bool> =
        ours.indexes.iter().map(|index| !is_same_index(index, schema, ours)).collect();
    if migrates::<T>(entry) {
        return Ok(Admission::Migrated { fresh: fresh.contains(&true), gone });
    }
    if complete && gone.is_empty() && !fresh.contains(&true) {
        return Ok(Admission::Same);
    }
    Ok(Admission::Indexes { fresh, gone })
}

/// The name of a type, without the path to it.
fn name_of<T>() -> &'static str {
    let path = std::any::type_name::<T>();
    let path = path.split_once('<').map_or(path, |(path, _)| path);
    path.rsplit_once("::").map_or(path, |(_, name)| name)
}

/// Whether there may be rows that can't be read before a function has made others of them.
fn migrates<T: Record>(entry: &Entry) -> bool {
    let mut versions =
        std::iter::once(&entry.schema).chain(&entry.older).map(|known| known.version);
    entry.migrating || versions.any(|version| version < T::VERSION && T::migrates(version))
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
        // Of `address.city` the field has a type that is written.
        let first = |name: &str| name.split('.').next().and_then(field);
        let text = |name: &str| first(name).map(|field| field.type_text().to_owned());
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

/// Whether the table, which has this entry now, is still the one of the schema with which it was
/// opened.
pub(crate) fn check_unchanged<T: Record>(
    stored: Option<&[u8]>,
    ours: &Schema,
) -> Result<(), TableError> {
    let stored = stored.map(|bytes| Entry::decode(T::NAMESPACE, bytes)).transpose()?;
    let version = stored.as_ref().map_or(0, |entry| entry.schema.version);
    match compare::<T>(stored.as_ref(), ours)? {
        Admission::Same => Ok(()),
        _ if version > ours.version => {
            let (table, ours) = (T::NAMESPACE.to_owned(), ours.version);
            Err(TableError::SchemaNewer { table, stored: version, ours })
        }
        Admission::New => Err(TableError::Core(Error::NamespaceDropped)),
        Admission::Indexes { fresh, gone } if gone.is_empty() && !fresh.contains(&true) => {
            Err(changed::<T>(
                "an index of the table is being built by another call of `open`: wait for its end",
            ))
        }
        _ => Err(opened_by_another::<T>()),
    }
}

/// The mismatch of a table that somebody else has changed.
fn changed<T: Record>(line: &str) -> TableError {
    TableError::SchemaMismatch {
        table: T::NAMESPACE.to_owned(),
        difference: SchemaDifference::of_line(line.to_owned()),
        next_version: String::new(),
    }
}

/// The mismatch of a table that has the indexes of another type by now.
pub(crate) fn opened_by_another<T: Record>() -> TableError {
    changed::<T>(
        "another type with other indexes has opened the table since: open it again by this one",
    )
}

/// Which of the type's indexes a table that is only read doesn't have, with the entries that the type
/// gives. A table without rows has all of them.
pub(crate) fn lacking<T: Record>(
    stored: Option<&Entry>,
    ours: &Schema,
    empty: bool,
) -> Result<Vec<bool>, TableError> {
    let admission = compare::<T>(stored, ours)?;
    if matches!(admission, Admission::Migrated { .. }) {
        return Err(TableError::Core(Error::ReadOnly));
    }
    let lacks = |at: usize| match &admission {
        _ if empty => false,
        Admission::Same => false,
        // Rows of an older version have the entries that it gave them.
        Admission::New | Admission::Raised { .. } | Admission::Migrated { .. } => true,
        Admission::Indexes { fresh, .. } => {
            fresh[at] || stored.is_none_or(|entry| !entry.is_complete(&ours.indexes[at]))
        }
    };
    Ok((0..ours.indexes.len()).map(lacks).collect())
}

/// Refuses an entry under which rows can't be read as those of `T`.
pub(crate) fn refuse<T: Record>(bytes: &[u8]) -> Result<(), TableError> {
    let entry = Entry::decode(T::NAMESPACE, bytes)?;
    match compare::<T>(Some(&entry), Schema::of::<T>())? {
        Admission::Migrated { .. } => {
            let difference = SchemaDifference::of_line(format!(
                "version: rows of {} are there, which have become others since, by `migrate`",
                entry.schema.version
            ));
            let (table, next_version) = (T::NAMESPACE.to_owned(), String::new());
            Err(TableError::SchemaMismatch { table, difference, next_version })
        }
        _ => Ok(()),
    }
}

/// The mismatch of a table whose keys are stored otherwise than the type has them.
pub(crate) fn other_keys<T: Record>() -> TableError {
    let line = "key: the stored keys are not the ones that the type gives to its rows";
    changed::<T>(line)
}
