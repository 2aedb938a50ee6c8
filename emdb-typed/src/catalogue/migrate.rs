//! Migrating the rows of older versions by the functions that `migrate` names.
//!
//! Rows go in batches. One is one commit: the new rows with their index entries, what the functions wrote to
//! other tables, and the end of the old rows. So each row is migrated once, whatever happens in between, and
//! the rows of older versions that are left are those that are still to be done.
//!
//! A row whose new key is that of an old row that has not had its turn waits in a child, `moved`, until all
//! old rows are done. The entry in the catalogue says from the first batch to the end that rows are being
//! migrated; until there is a first batch, nothing has changed.

use std::cell::RefCell;
use std::ops::ControlFlow;

use super::definition::Definition;
use super::entry::{Entry, IndexState};
use crate::backend::{
    Backend, Cursor, Keyspace, Keyspaces, ReadView, SchemaLock, Store, StoreMut, WriteGuard,
};
use crate::codec::{self, DecodeError};
use crate::error::TableError;
use crate::key;
use crate::migration::{KnownTypes, MigrateFailure, Migration, Within};
use crate::record::Record;
use crate::row;
use crate::schema::Schema;
use crate::vocabulary::{Error, Progress};
use crate::write::{Batch, auto_key, entries};

/// The child that holds rows whose keys are still taken.
const MOVED: &str = "moved";

/// The bytes of old rows that are migrated by one commit: a small table is migrated whole or not at all.
const BATCH_MAX_BYTES: usize = 4 << 20;

/// The beginning of a migration.
pub(super) struct Plan {
    /// The entry as the first batch leaves it.
    pub(super) entry: Entry,
    /// The indexes of the type begin anew.
    pub(super) clears: bool,
    /// The children of indexes that the type has no more.
    pub(super) gone: Vec<String>,
    /// The first batch was made before.
    pub(super) begun: bool,
}

impl Plan {
    /// The plan for a table with this entry; `fresh` if not all of the type's indexes are there as they are.
    pub(super) fn of(entry: &Entry, ours: &Schema, fresh: bool, gone: Vec<String>) -> Plan {
        let same = entry.schema.version == ours.version;
        if entry.migrating && same && !fresh && gone.is_empty() {
            return Plan { entry: entry.clone(), clears: false, gone, begun: true };
        }
        // Where all rows are older, each gives its entries as it is migrated.
        let state = if same { IndexState::Building { after: None } } else { IndexState::Complete };
        let states = vec![state; ours.indexes.len()];
        let older = entry.clone().older_than(ours);
        let entry = Entry { schema: ours.clone(), states, older, raising: false, migrating: true };
        Plan { entry, clears: true, gone, begun: false }
    }
}

/// Migrates the rows of older versions; the entry says afterwards that there are none.
pub(super) fn run<T: Record, B: Backend + ?Sized>(
    db: &B,
    keyspaces: &Keyspaces<B::Handle>,
    definition: &Definition<T>,
    plan: Plan,
    lock: &SchemaLock<'_>,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(), TableError> {
    let mut keyspaces = keyspaces.clone();
    for name in &plan.gone {
        keyspaces.indexes.push(db.child(&keyspaces.rows, name)?);
    }
    let moved = Keyspace::Index(keyspaces.indexes.len());
    keyspaces.indexes.push(db.child(&keyspaces.rows, MOVED)?);
    let store = db.store(keyspaces);
    let total = store.count(Keyspace::Rows)? + store.count(moved)?;
    let progress = Telling { progress: Progress::new(0, total as u64), callback: progress };
    let known = RefCell::default();
    let mut run = Run { db, store, definition, plan, moved, lock, known, progress };
    run.all_of(Keyspace::Rows)?;
    run.all_of(moved)?;
    run.finish()
}

struct Run<'a, T, B: Backend + ?Sized> {
    db: &'a B,
    store: B::Store,
    definition: &'a Definition<T>,
    plan: Plan,
    moved: Keyspace,
    lock: &'a SchemaLock<'a>,
    known: RefCell<KnownTypes>,
    progress: Telling<'a>,
}

struct Telling<'a> {
    progress: Progress,
    callback: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
}

impl Telling<'_> {
    fn step(&mut self, rows: usize) -> Result<(), TableError> {
        let Progress { done, total, .. } = self.progress;
        self.progress.done = total.min(done + rows as u64);
        match (self.callback)(self.progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(TableError::Core(Error::Cancelled)),
        }
    }
}

/// A row on its way.
struct Moving<T> {
    /// Its key in the older version.
    from: Vec<u8>,
    /// None if it is dropped.
    row: Option<T>,
    expiry: Option<u64>,
}

impl<T: Record, B: Backend + ?Sized> Run<'_, T, B> {
    /// Migrates the rows of a keyspace that are to leave it, or to become others in it.
    fn all_of(&mut self, source: Keyspace) -> Result<(), TableError> {
        let mut scan = self.store.view(source)?.scan()?;
        loop {
            let (mut keys, mut bytes, mut looked) = (Vec::new(), 0, 0);
            while bytes < BATCH_MAX_BYTES {
                let Some(next) = scan.forward() else { break };
                let (key, value) = next?;
                looked += 1;
                if source == self.moved || row::is_older::<T>(key, value)? {
                    keys.push(key.to_vec());
                    bytes += key.len() + value.len();
                }
            }
            if looked == 0 {
                return Ok(());
            }
            if !keys.is_empty() {
                self.batch(source, &keys)?;
            }
            self.progress.step(looked)?;
        }
    }

    /// Migrates these rows, by one commit.
    fn batch(&mut self, source: Keyspace, keys: &[Vec<u8>]) -> Result<(), TableError> {
        let Run { db, store, definition, plan, moved, lock, known, .. } = &*self;
        let change = (!plan.begun).then(|| lock.change());
        db.transact(|transaction| {
            begin::<T, _>(&B::staged(transaction, store), plan)?;
            let mut rows = Vec::with_capacity(keys.len());
            for key in keys {
                let keep = |bytes: &[u8], expiry| (bytes.to_vec(), expiry);
                let found = B::staged(transaction, store).entry(source, key, keep)?;
                // It may have changed, or expired, since it was seen.
                let Some((bytes, expiry)) = found else { continue };
                if source == Keyspace::Rows && !row::is_older::<T>(key, &bytes)? {
                    continue;
                }
                let within = Within { db: *db, transaction: &*transaction };
                let mut migration = Migration { transaction: &within, known };
                let row = migrate::<T>(key, &bytes, &mut migration)?;
                rows.push(Moving { from: key.clone(), row, expiry });
            }
            let staged = B::staged(transaction, store);
            let mut batch = Batch::new(staged.lock()?);
            for moving in &rows {
                put(&mut batch, definition, (source, *moved), moving)?;
            }
            batch.commit_rows(&definition.indexes)
        })?;
        drop(change);
        self.plan.begun = true;
        Ok(())
    }

    /// Notes that no row of an older version is left.
    fn finish(&self) -> Result<(), TableError> {
        let Run { db, store, plan, lock, .. } = self;
        let _change = lock.change();
        db.transact(|transaction| {
            let staged = B::staged(transaction, store);
            begin::<T, _>(&staged, plan)?;
            let entry = Entry { migrating: false, older: Vec::new(), ..plan.entry.clone() };
            let mut batch = Batch::new(staged.lock()?);
            put_entry::<T, _>(&mut batch, &entry)?;
            Ok(batch.commit()?)
        })
    }
}

/// Makes the entry what the plan says, in the commit of the first batch, and empties the indexes.
fn begin<T: Record, S: StoreMut>(staged: &S, plan: &Plan) -> Result<(), TableError> {
    if plan.begun {
        return Ok(());
    }
    let mut batch = Batch::new(staged.lock()?);
    let own = plan.entry.schema.indexes.len();
    let cleared = if plan.clears { 0 } else { own };
    (cleared..own + plan.gone.len()).for_each(|at| batch.clear(Keyspace::Index(at)));
    put_entry::<T, _>(&mut batch, &plan.entry)?;
    Ok(batch.commit()?)
}

fn put_entry<T: Record, G: WriteGuard>(
    batch: &mut Batch<G>,
    entry: &Entry,
) -> Result<(), TableError> {
    let bytes = entry.encode(T::NAMESPACE)?;
    batch.put(Keyspace::Catalogue, T::NAMESPACE.as_bytes(), &bytes, None);
    Ok(())
}

/// The row that stored bytes become.
fn migrate<T: Record>(
    key: &[u8],
    bytes: &[u8],
    migration: &mut Migration<'_>,
) -> Result<Option<T>, TableError> {
    let unreadable = |source| row::unreadable::<T>("the row", key, source);
    let (version, value) = codec::split_version(bytes).map_err(unreadable)?;
    if version == T::VERSION {
        return codec::decode(value).map(Some).map_err(unreadable);
    }
    T::migrate(version, value, migration).map_err(|failure| match failure {
        MigrateFailure::Decode(source) => unreadable(source),
        MigrateFailure::Refused(source) => refused::<T>(key, source),
        MigrateFailure::Unknown => unreadable(DecodeError::new(format!(
            "it has version {version} of the type, which nothing migrates"
        ))),
    })
}

fn refused<T: Record>(
    row: &[u8],
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> TableError {
    let (table, row, source) = (T::NAMESPACE.to_owned(), row.to_vec(), source.into());
    TableError::Migration { table, row, source }
}

/// Stages a row in its new place, with its entries.
fn put<T: Record, G: WriteGuard>(
    batch: &mut Batch<G>,
    definition: &Definition<T>,
    (source, moved): (Keyspace, Keyspace),
    Moving { from, row, expiry }: &Moving<T>,
) -> Result<(), TableError> {
    batch.remove(source, from);
    let Some(row) = row else { return Ok(()) };
    row.check().map_err(|reason| refused::<T>(from, reason))?;
    let (key, value) = (key::to_bytes(&row.key()), row::encode(row)?);
    let place =
        place::<T, G>(batch, moved, &key)?.filter(|place| *place != source || *place != moved);
    let Some(place) = place else {
        let (table, row) = (T::NAMESPACE.to_owned(), from.clone());
        return Err(TableError::MigrationCollision { table, row, other: key });
    };
    let specs = &*definition.indexes;
    let made = entries::all(specs, row, &key);
    entries::claim(batch, specs, &key, None, (&made, *expiry)).map_err(|e| match e {
        taken @ TableError::UniqueViolation { .. } => refused::<T>(from, taken),
        other => other,
    })?;
    auto_key::advance::<T, _>(batch, &key)?;
    batch.put(place, &key, &value, *expiry);
    Ok(())
}

/// The keyspace that takes a row of this key: that of the rows, or `moved` as long as an old row has the key.
/// None if another row of the present version has it.
fn place<T: Record, G: WriteGuard>(
    batch: &Batch<G>,
    moved: Keyspace,
    key: &[u8],
) -> Result<Option<Keyspace>, TableError> {
    if batch.read(moved, key, |_| ())?.is_some() {
        return Ok(None);
    }
    let older = batch.read(Keyspace::Rows, key, |bytes| row::is_older::<T>(key, bytes))?;
    Ok(match older.transpose()? {
        None => Some(Keyspace::Rows),
        Some(true) => Some(moved),
        Some(false) => None,
    })
}
