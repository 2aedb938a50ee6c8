//! Opening a table: its entry in the catalogue, its keyspaces, and the indexes that it lacks.
//!
//! Invariant: a handle exists only when all indexes of its type are complete. An index that a crash leaves
//! half built is finished, or begun anew, by the next open. One that disagrees with the rows begins
//! anew; where nothing may be written, the handle gives no answer from it.

use std::ops::ControlFlow;

use super::admission::{self, Admission, Look};
use super::build;
use super::definition::{Agreement, Definition};
use super::entry::{Entry, IndexState};
use super::migrate::{self, Plan};
use super::sample::{self, SAMPLE_MAX_RECORDS};
use crate::backend::{
    Backend, Cursor, Keyspace, KeyspaceOptions, Keyspaces, ReadView, SchemaEpoch, SchemaLock,
    Store, StoreMut, WriteGuard,
};
use crate::describe::Findings;
use crate::error::TableError;
use crate::record::Record;
use crate::row;
use crate::schema::Schema;
use crate::vocabulary::Progress;
use crate::write::{Batch, auto_key};

/// The child that holds an index.
pub(crate) fn index_child(name: &str) -> String {
    format!("index:{name}")
}

/// An open table.
type Opened<T, B> = (Definition<T>, <B as Backend>::Store);

/// Opens the table of `T`.
pub(crate) fn open<T: Record, B: Backend + ?Sized>(
    db: &B,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Opened<T, B>, TableError> {
    let Findings { schema: ours, fault, .. } = Findings::of::<T>();
    if let Some(fault) = fault {
        return Err(row::not_readable::<T>(fault));
    }
    // Before anything is made: a type that may not come in leaves nothing behind.
    let mut entry = db.catalogue_entry(T::NAMESPACE)?;
    if entry.is_none() && take_former_name::<T, B>(db, ours)? {
        entry = db.catalogue_entry(T::NAMESPACE)?;
    }
    let look = admission::look::<T>(entry.as_deref())?;

    let rows = db.keyspace(T::NAMESPACE, KeyspaceOptions { ordered: T::describe().ordered })?;
    if look.admission != Admission::New {
        check_keys::<T, B>(db, &rows)?;
    }
    if db.is_read_only() {
        return open_to_read::<T, B>(db, &rows, ours);
    }
    let schema_epoch = db.schema_epoch(&rows);
    let found = found::<T, B>(db, &rows, ours, &schema_epoch, &look)?;
    let found = match found {
        Some(Found { table, coarse: false }) if table.0.answers_all() => return Ok(table),
        found => found.map(|found| found.table),
    };
    match (make::<T, B>(db, &rows, ours, &schema_epoch, progress), found) {
        // Nothing was needed: the entry would only have said more.
        (Err(_), Some(found)) if found.0.answers_all() => Ok(found),
        (made, _) => made,
    }
}

/// A table that is there.
struct Found<T, B: Backend + ?Sized> {
    table: Opened<T, B>,
    /// Whether its entry knows less of the type than is known now.
    coarse: bool,
}

/// The table as it is, if it is there and all indexes are complete. Those of which a sample disagrees
/// with the rows give no answers. Where the type was found to agree since the entry changed last, nothing is
/// looked at again.
fn found<T: Record, B: Backend + ?Sized>(
    db: &B,
    rows: &B::Handle,
    ours: &Schema,
    schema_epoch: &SchemaEpoch,
    first_look: &Look,
) -> Result<Option<Found<T, B>>, TableError> {
    // In this order: what comes after the epoch shows in a later one.
    let epoch = schema_epoch.current();
    let agrees = epoch.is_some_and(|epoch| schema_epoch.agrees::<T>(epoch));
    let again;
    let look = if agrees && first_look.is_same() {
        first_look
    } else {
        again = admission::look::<T>(db.catalogue_entry(T::NAMESPACE)?.as_deref())?;
        &again
    };
    if look.admission != Admission::Same {
        return Ok(None);
    }
    let coarse = look.coarse;
    let store = db.store(keyspaces::<T, B>(db, rows, ours)?);
    if auto_key::lacks_mark::<T>(&store)? {
        return Ok(None);
    }
    // A backend without epochs looks at the entry with each call.
    let definition = Definition::new(Agreement::now(&store, store.epoch().and(epoch)));
    if agrees {
        return Ok(Some(Found { table: (definition, store), coarse }));
    }
    let stale = sample::disagreeing(&definition.indexes, &store)?;
    if let (Some(epoch), false) = (epoch, stale.contains(&true)) {
        schema_epoch.note_agreement::<T>(epoch);
    }
    Ok(Some(Found { table: (definition.without(stale), store), coarse }))
}

/// Opens a table for which something has to be written.
fn make<T: Record, B: Backend + ?Sized>(
    db: &B,
    rows: &B::Handle,
    ours: &Schema,
    schema_epoch: &SchemaEpoch,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Opened<T, B>, TableError> {
    let lock = schema_epoch.lock(db.in_transaction())?;
    let keyspaces = keyspaces::<T, B>(db, rows, ours)?;
    if let Some(plan) = plan::<T, B>(db, ours)? {
        let definition = Definition::<T>::new(None);
        migrate::run::<T, B>(db, &keyspaces, &definition, plan, &lock, progress)?;
    }
    let stale = match stored::<T, B>(db)? {
        Some(entry) => stale::<T, B::Store>(&db.store(keyspaces.clone()), ours, &entry)?,
        None => vec![false; ours.indexes.len()],
    };
    let entry = settle::<T, B>(db, &keyspaces, ours, &lock, &stale)?;
    let store = db.store(keyspaces);
    build::finish(&Definition::<T>::new(None), &store, entry, progress)?;
    auto_key::make_mark::<T>(&store)?;
    // The next open knows the table by these bytes.
    admission::look::<T>(db.catalogue_entry(T::NAMESPACE)?.as_deref())?;
    if let Some(epoch) = schema_epoch.current() {
        schema_epoch.note_agreement::<T>(epoch);
    }
    let definition = Definition::new(Agreement::now(&store, store.epoch()));
    drop(lock);
    Ok((definition, store))
}

/// Which of the indexes that are complete disagree with the rows.
fn stale<T: Record, S: Store>(
    store: &S,
    ours: &Schema,
    entry: &Entry,
) -> Result<Vec<bool>, TableError> {
    let complete: Vec<bool> = ours.indexes.iter().map(|index| entry.is_complete(index)).collect();
    if !complete.contains(&true) {
        return Ok(complete);
    }
    let found = sample::disagreeing(&T::describe().indexes, store)?;
    Ok(found.into_iter().zip(complete).map(|(stale, complete)| stale && complete).collect())
}

/// Gives the table the name that the type has for it, if it has its former one still.
fn take_former_name<T: Record, B: Backend + ?Sized>(
    db: &B,
    ours: &Schema,
) -> Result<bool, TableError> {
    let Some(was) = T::WAS else { return Ok(false) };
    let Some(entry) = db.catalogue_entry(was)? else { return Ok(false) };
    admission::compare::<T>(Some(&Entry::decode(was, &entry)?), ours)?;
    Ok(db.rename(was, T::NAMESPACE)?)
}

/// Opens the table as it is there: nothing is made, raised or built.
fn open_to_read<T: Record, B: Backend + ?Sized>(
    db: &B,
    rows: &B::Handle,
    ours: &Schema,
) -> Result<Opened<T, B>, TableError> {
    let store = db.store(keyspaces::<T, B>(db, rows, ours)?);
    let (epoch, entry) = (store.epoch(), stored::<T, B>(db)?);
    let agreement = Agreement::now(&store, epoch);
    let empty = store.count(Keyspace::Rows)? == 0;
    let lacking = admission::lacking::<T>(entry.as_ref(), ours, empty)?;
    let stale = match &entry {
        Some(entry) if lacking.contains(&false) => stale::<T, B::Store>(&store, ours, entry)?,
        _ => Vec::new(),
    };
    Ok((Definition::to_read(agreement, lacking).without(stale), store))
}

/// The migration that the table needs, if it needs one.
fn plan<T: Record, B: Backend + ?Sized>(db: &B, ours: &Schema) -> Result<Option<Plan>, TableError> {
    let entry = stored::<T, B>(db)?;
    let admission = admission::compare::<T>(entry.as_ref(), ours)?;
    let (Some(entry), Admission::Migrated { fresh, gone }) = (entry, admission) else {
        return Ok(None);
    };
    let gone = gone.iter().map(|name| index_child(name)).collect();
    Ok(Some(Plan::of(&entry, ours, fresh, gone)))
}

/// The entry as it is stored now.
fn stored<T: Record, B: Backend + ?Sized>(db: &B) -> Result<Option<Entry>, TableError> {
    let entry = db.catalogue_entry(T::NAMESPACE)?;
    entry.map(|bytes| Entry::decode(T::NAMESPACE, &bytes)).transpose()
}

/// The keyspaces of the table, made if they are not there.
fn keyspaces<T: Record, B: Backend + ?Sized>(
    db: &B,
    rows: &B::Handle,
    ours: &Schema,
) -> Result<Keyspaces<B::Handle>, TableError> {
    let child = |name: &str| db.child(rows, name);
    let indexes = ours.indexes.iter().map(|index| child(&index_child(&index.name)));
    let indexes = indexes.collect::<Result<Vec<_>, _>>()?;
    let mark = if T::AUTO { Some(child(auto_key::KEYSPACE)?) } else { None };
    Ok(Keyspaces { rows: rows.clone(), indexes, mark, catalogue: db.catalogue()? })
}

/// Types of one shape can have different bytes as keys: a number, and the same turned round. One row
/// tells. One that can't be read tells nothing, and is for whoever reads it to report.
fn check_keys<T: Record, B: Backend + ?Sized>(db: &B, rows: &B::Handle) -> Result<(), TableError> {
    let (rows, catalogue) = (rows.clone(), db.catalogue()?);
    let store = db.store(Keyspaces { rows, indexes: Vec::new(), mark: None, catalogue });
    let mut sample = store.view(Keyspace::Rows)?.sample(SAMPLE_MAX_RECORDS)?;
    let Some(Ok((key, value))) = sample.forward() else { return Ok(()) };
    match row::key_of::<T>(value) {
        Some(ours) if ours != key => Err(admission::other_keys::<T>()),
        _ => Ok(()),
    }
}

/// Makes the entry what it has to be for `T`, and empties the indexes that begin anew.
fn settle<T: Record, B: Backend + ?Sized>(
    db: &B,
    keyspaces: &Keyspaces<B::Handle>,
    ours: &Schema,
    lock: &SchemaLock<'_>,
    stale: &[bool],
) -> Result<Entry, TableError> {
    let stored = stored::<T, B>(db)?;
    let admission = admission::compare::<T>(stored.as_ref(), ours)?;
    let kept = stored.as_ref().filter(|entry| !entry.schema.is_coarser_than(ours));
    if let (Some(entry), Admission::Same, false) = (kept, &admission, stale.contains(&true)) {
        return Ok(entry.clone());
    }
    // Behind the indexes of the type those that it has no more, to be emptied with the same commit.
    let mut with_gone = keyspaces.clone();
    for name in gone(admission) {
        with_gone.indexes.push(db.child(&keyspaces.rows, &index_child(&name))?);
    }
    let gone = keyspaces.indexes.len()..with_gone.indexes.len();
    let store = db.store(with_gone);
    let _change = lock.change();
    let mut batch = Batch::new(store.lock()?);
    let stored = batch.reads().catalogue_entry(T::NAMESPACE)?;
    let stored = stored.map(|bytes| Entry::decode(T::NAMESPACE, &bytes)).transpose()?;
    let admission = admission::compare::<T>(stored.as_ref(), ours)?;
    gone.for_each(|at| batch.clear(Keyspace::Index(at)));
    let states = states(&mut batch, stored.as_ref(), ours, &admission, stale)?;
    let older = stored.clone().map_or(Vec::new(), |entry| entry.older_than(ours));
    let building = states.iter().any(|state| *state != IndexState::Complete);
    let raised = matches!(admission, Admission::Raised { .. });
    let raising = building && (raised || stored.as_ref().is_some_and(|entry| entry.raising));
    let entry = Entry { schema: ours.clone(), states, older, raising, migrating: false };
    if stored.as_ref() != Some(&entry) {
        let bytes = entry.encode(T::NAMESPACE)?;
        batch.put(Keyspace::Catalogue, T::NAMESPACE.as_bytes(), &bytes, None);
    }
    batch.commit()?;
    Ok(entry)
}

/// The names of the indexes that the type has no more.
fn gone(admission: Admission) -> Vec<String> {
    match admission {
        Admission::Indexes { gone, .. }
        | Admission::Raised { gone }
        | Admission::Migrated { gone, .. } => gone,
        Admission::Same | Admission::New => Vec::new(),
    }
}

/// How far each index is from now on. Those that begin anew are emptied.
fn states<G: WriteGuard>(
    batch: &mut Batch<G>,
    stored: Option<&Entry>,
    ours: &Schema,
    admission: &Admission,
    stale: &[bool],
) -> Result<Vec<IndexState>, TableError> {
    let empty = batch.reads().count(Keyspace::Rows)? == 0;
    let begin = if empty { IndexState::Complete } else { IndexState::Building { after: None } };
    let mut states = Vec::with_capacity(ours.indexes.len());
    for (at, index) in ours.indexes.iter().enumerate() {
        let fresh = match admission {
            Admission::Same => stale[at],
            Admission::New | Admission::Raised { .. } | Admission::Migrated { .. } => true,
            Admission::Indexes { fresh, .. } => fresh[at] || stale[at],
        };
        let kept = stored.filter(|_| !fresh).and_then(|entry| {
            let position = entry.schema.indexes.iter().position(|known| known == index)?;
            entry.states.get(position).cloned()
        });
        if kept.is_none() {
            batch.clear(Keyspace::Index(at));
        }
        states.push(kept.unwrap_or_else(|| begin.clone()));
    }
    Ok(states)
}
