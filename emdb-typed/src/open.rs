//! Opening a table: its entry in the catalogue, its namespaces, and the indexes that it lacks.
//!
//! Invariant: a handle exists only when all indexes of its type are complete. What a crash leaves
//! half built is finished, or begun anew, by the next open.

use std::ops::ControlFlow;

use emdb_core::internal::{self, View};
use emdb_core::{Emdb, Namespace, NamespaceOptions, Progress, Transaction};

use crate::build;
use crate::catalogue::{self, Admission, Entry, IndexState};
use crate::definition::Definition;
use crate::error::TableError;
use crate::record::Record;
use crate::row;
use crate::schema::Schema;
use crate::shared::{Opening, Shared};
use crate::store::Spaces;

/// The child that keeps the highest key of a table with automatic keys.
pub(crate) const MARK: &str = "mark";

/// The child that holds an index.
pub(crate) fn index_child(name: &str) -> String {
    format!("index:{name}")
}

/// Opens the table of `T`.
pub(crate) fn open<T: Record>(
    db: &Emdb,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Definition<T>, TableError> {
    let ours = Schema::of::<T>();
    // Before anything is made: a type that may not come in leaves nothing behind.
    let admission = catalogue::compare::<T>(catalogue::stored::<T>(db)?.as_ref(), &ours)?;

    let rows = rows_of::<T>(db)?;
    if admission != Admission::New {
        check_keys::<T>(&rows)?;
    }
    let shared = Shared::of(&rows);
    // In this order: what comes after the epoch shows in a later one.
    let epoch = shared.epoch();
    let stored = catalogue::stored::<T>(db)?;
    if catalogue::compare::<T>(stored.as_ref(), &ours)? == Admission::Same {
        let spaces = spaces::<T>(db, &rows, &ours)?;
        if !build::lacks_mark(&spaces)? {
            return Ok(Definition::new(db, spaces, ours, (shared, epoch)));
        }
    }

    let opening = shared.begin(db)?;
    let spaces = spaces::<T>(db, &rows, &ours)?;
    let entry = settle::<T>(db, &spaces, &ours, &opening)?;
    let definition = Definition::new(db, spaces, ours, (shared.clone(), shared.epoch()));
    build::finish(&definition, entry, progress)?;
    build::mark(&definition)?;
    drop(opening);
    Ok(definition)
}

/// The namespaces of the table, made if they are not there.
fn spaces<T: Record>(db: &Emdb, rows: &Namespace, ours: &Schema) -> Result<Spaces, TableError> {
    let child = |name: &str| internal::child(db, rows, name);
    let indexes = ours.indexes.iter().map(|index| child(&index_child(&index.name)));
    let indexes = indexes.collect::<Result<Vec<_>, _>>()?;
    let mark = if T::AUTO { Some(child(MARK)?) } else { None };
    let catalogue = internal::catalogue(db)?;
    Ok(Spaces { rows: rows.clone(), indexes, mark, catalogue })
}

/// Types of one shape can have different bytes as keys: a number, and the same turned round. One row
/// tells. One that can't be read tells nothing, and is for whoever reads it to report.
fn check_keys<T: Record>(rows: &Namespace) -> Result<(), TableError> {
    let mut scan = View::now(rows)?.scan()?;
    let Some(Ok((key, value))) = scan.forward() else { return Ok(()) };
    match row::key_of::<T>(value) {
        Some(ours) if ours != key => Err(catalogue::other_keys::<T>()),
        _ => Ok(()),
    }
}

fn rows_of<T: Record>(db: &Emdb) -> Result<Namespace, TableError> {
    let options = NamespaceOptions::new().ordered(T::describe().ordered);
    Ok(db.namespace_with(T::NAMESPACE, options)?)
}

/// Makes the entry what it has to be for `T`, and empties the indexes that begin anew.
fn settle<T: Record>(
    db: &Emdb,
    spaces: &Spaces,
    ours: &Schema,
    opening: &Opening<'_>,
) -> Result<Entry, TableError> {
    let stored = catalogue::stored::<T>(db)?;
    if let (Some(entry), Admission::Same) =
        (&stored, catalogue::compare::<T>(stored.as_ref(), ours)?)
    {
        return Ok(entry.clone());
    }
    let catalogue = &spaces.catalogue;
    let gone = gone_spaces::<T>(db, spaces, stored.as_ref(), ours)?;
    let _change = opening.change();
    db.transaction(|tx| {
        let stored = catalogue::read::<T>(|name| tx.namespace(catalogue).get(name))?;
        let admission = catalogue::compare::<T>(stored.as_ref(), ours)?;
        let states = states(tx, spaces, stored.as_ref(), ours, &admission)?;
        for space in &gone {
            tx.namespace(space).clear()?;
        }
        let older = stored.clone().map_or(Vec::new(), |entry| entry.older_than(ours));
        let building = states.iter().any(|state| *state != IndexState::Complete);
        let raised = matches!(admission, Admission::Raised { .. });
        let raising = building && (raised || stored.as_ref().is_some_and(|entry| entry.raising));
        let entry = Entry { schema: ours.clone(), states, older, raising };
        if stored.as_ref() != Some(&entry) {
            let bytes = catalogue::encode::<T>(&entry)?;
            tx.namespace(catalogue).insert(T::NAMESPACE, bytes)?;
        }
        Ok(entry)
    })
}

/// The namespaces of indexes that the type has no more.
fn gone_spaces<T: Record>(
    db: &Emdb,
    spaces: &Spaces,
    stored: Option<&Entry>,
    ours: &Schema,
) -> Result<Vec<Namespace>, TableError> {
    let names = match catalogue::compare::<T>(stored, ours)? {
        Admission::Indexes { gone, .. } | Admission::Raised { gone } => gone,
        Admission::Same | Admission::New => Vec::new(),
    };
    let child = |name: &String| Ok(internal::child(db, &spaces.rows, &index_child(name))?);
    names.iter().map(child).collect()
}

/// How far each index is from now on. Those that begin anew are emptied.
fn states(
    tx: &mut Transaction<'_>,
    spaces: &Spaces,
    stored: Option<&Entry>,
    ours: &Schema,
    admission: &Admission,
) -> Result<Vec<IndexState>, TableError> {
    let empty = tx.namespace(&spaces.rows).is_empty()?;
    let begin = if empty { IndexState::Complete } else { IndexState::Building { after: None } };
    let mut states = Vec::with_capacity(ours.indexes.len());
    for (at, index) in ours.indexes.iter().enumerate() {
        let fresh = match admission {
            Admission::Same => false,
            Admission::New | Admission::Raised { .. } => true,
            Admission::Indexes { fresh, .. } => fresh[at],
        };
        let kept = stored.filter(|_| !fresh).and_then(|entry| {
            let position = entry.schema.indexes.iter().position(|known| known == index)?;
            entry.states.get(position).cloned()
        });
        if kept.is_none() {
            tx.namespace(&spaces.indexes[at]).clear()?;
        }
        states.push(kept.unwrap_or_else(|| begin.clone()));
    }
    Ok(states)
}
