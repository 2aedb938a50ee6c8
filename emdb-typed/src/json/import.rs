//! All of a database, in: the lines that an export wrote.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::sync::Arc;

use super::database_line::{Body, Line};
use super::failure::bad_line;
use super::lines::{Lines, NumberedLine};
use super::value;
use crate::backend::{
    Backend, Keyspace, KeyspaceOptions, Keyspaces, SchemaEpoch, SchemaLock, Store, StoreMut,
};
use crate::catalogue::{CHUNK_MAX_BYTES, CHUNK_MAX_ROWS, Entry, IndexState, index_child};
use crate::codec;
use crate::error::TableError;
use crate::schema::{Schema, SchemaDifference};
use crate::write::{Batch, auto_key};

/// Reads what an export wrote into the database; gives how many records there were.
pub(crate) fn import<B: Backend>(db: &B, lines: impl BufRead) -> Result<u64, TableError> {
    let mut import = Import { db, target: None, chunk: Vec::new(), bytes: 0, records: 0 };
    let mut lines = Lines::new(lines);
    while let Some(NumberedLine { number, value, .. }) = lines.next(&import.name())? {
        match Line::read(value).map_err(|e| bad_line(&import.name(), number, e))? {
            Line::Keyspace { name, ordered, entry, mark } => {
                import.begin(&name, KeyspaceOptions { ordered }, entry, mark)?;
            }
            Line::Record { name, key, value, expiry } => {
                let value = import.value(&name, value).map_err(|e| bad_line(&name, number, e))?;
                import.add((key, value, expiry))?;
            }
        }
    }
    import.flush()?;
    Ok(import.records)
}

/// Where the records go.
struct Target<S> {
    name: String,
    store: S,
    table: Option<TableTarget>,
}

/// The entry and the epoch of a target that is a table.
struct TableTarget {
    entry: Entry,
    epoch: Arc<SchemaEpoch>,
}

/// A key, its value, and when it expires.
type Item = (Vec<u8>, Vec<u8>, Option<u64>);

struct Import<'db, B: Backend> {
    db: &'db B,
    target: Option<Target<B::Store>>,
    chunk: Vec<Item>,
    bytes: usize,
    records: u64,
}

impl<B: Backend> Import<'_, B> {
    fn name(&self) -> String {
        self.target.as_ref().map_or("", |target| &target.name).to_owned()
    }

    fn begin(
        &mut self,
        name: &str,
        options: KeyspaceOptions,
        entry: Option<Entry>,
        mark: Option<Vec<u8>>,
    ) -> Result<(), TableError> {
        self.flush()?;
        let rows = if name.is_empty() {
            self.db.default_keyspace()
        } else {
            self.db.keyspace(name, options)?
        };
        let epoch = self.db.schema_epoch(&rows);
        let mut keyspaces =
            Keyspaces { rows, indexes: Vec::new(), mark: None, catalogue: self.db.catalogue()? };
        let Some(mut entry) = entry else {
            let store = self.db.store(keyspaces);
            self.target = Some(Target { name: name.to_owned(), store, table: None });
            return Ok(());
        };
        for index in entry.schema.indexes() {
            let child = self.db.child(&keyspaces.rows, &index_child(index.name()))?;
            keyspaces.indexes.push(child);
        }
        keyspaces.mark = Some(self.db.child(&keyspaces.rows, auto_key::KEYSPACE)?);
        entry.states = vec![IndexState::Building { after: None }; entry.schema.indexes.len()];
        let store = self.db.store(keyspaces);
        let table = TableTarget { entry, epoch };
        let target = Target { name: name.to_owned(), store, table: None };
        let lock = table.epoch.lock(self.db.in_transaction())?;
        target.admit(&table, &lock)?;
        if let Some(mark) = mark {
            target.raise_mark(&mark)?;
        }
        drop(lock);
        self.target = Some(Target { table: Some(table), ..target });
        Ok(())
    }

    fn value(&self, name: &str, body: Body) -> Result<Vec<u8>, String> {
        let target = self.target.as_ref().filter(|target| target.name == name);
        let target = target.ok_or_else(|| format!("`{name}` has not been named before"))?;
        match body {
            Body::Bytes(bytes) => Ok(bytes),
            Body::Row(version, row) => {
                let schema = target.table.as_ref().and_then(|t| t.entry.schema_of(version));
                let schema = schema.ok_or_else(|| format!("no schema has version {version}"))?;
                let value = value::encode(schema, &row).map_err(|e| e.to_string())?;
                codec::with_version(version, &value).map_err(|e| e.to_string())
            }
        }
    }

    fn add(&mut self, item: Item) -> Result<(), TableError> {
        self.bytes += item.0.len() + item.1.len();
        self.chunk.push(item);
        if self.chunk.len() == CHUNK_MAX_ROWS || self.bytes >= CHUNK_MAX_BYTES {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> Result<(), TableError> {
        let Some(target) = &self.target else { return Ok(()) };
        // Of a key that is there twice, the later one.
        let chunk: BTreeMap<_, _> =
            self.chunk.drain(..).map(|(key, value, expiry)| (key, (value, expiry))).collect();
        self.bytes = 0;
        // Nobody opens the table while rows come that its indexes don't know.
        let in_transaction = || self.db.in_transaction();
        let lock = target.table.as_ref().map(|table| table.epoch.lock(in_transaction()));
        let lock = lock.transpose()?;
        if let (Some(table), Some(lock)) = (&target.table, &lock)
            && !target.is_building(table)?
        {
            target.admit(table, lock)?;
        }
        let mut batch = Batch::new(target.store.lock()?);
        for (key, (value, expiry)) in &chunk {
            batch.put(Keyspace::Rows, key, value, *expiry);
        }
        // Only a table with automatic keys has a mark.
        if let (Some(_), Some((highest, _))) = (&target.table, chunk.last_key_value())
            && target.mark()?.is_some_and(|mark| *highest > mark)
        {
            batch.put(Keyspace::Mark, auto_key::MARK, highest, None);
        }
        batch.commit()?;
        self.records += chunk.len() as u64;
        Ok(())
    }
}

impl<S: StoreMut> Target<S> {
    /// Puts the entry into the catalogue, with indexes that are still to be built.
    fn admit(&self, table: &TableTarget, lock: &SchemaLock<'_>) -> Result<(), TableError> {
        let name = &*self.name;
        let _change = lock.change();
        let mut batch = Batch::new(self.store.lock()?);
        let mut entry = table.entry.clone();
        if let Some(stored) = batch.reads().catalogue_entry(name)? {
            let stored = Entry::decode(name, &stored)?;
            stored.refuse_migrating(name)?;
            if let Some(difference) = differ(&stored.schema, &entry.schema) {
                return Err(TableError::SchemaMismatch {
                    table: name.to_owned(),
                    difference,
                    next_version: String::new(),
                });
            }
            // Rows of versions that only the database knows stay readable.
            for older in stored.older {
                if entry.schema_of(older.version()).is_none() {
                    entry.older.push(older);
                }
            }
        }
        let bytes = entry.encode(name)?;
        batch.put(Keyspace::Catalogue, name.as_bytes(), &bytes, None);
        (0..entry.schema.indexes.len()).for_each(|at| batch.clear(Keyspace::Index(at)));
        Ok(batch.commit()?)
    }

    /// Whether no index counts as complete.
    fn is_building(&self, table: &TableTarget) -> Result<bool, TableError> {
        let Some(bytes) = self.store.catalogue_entry(&self.name)? else { return Ok(false) };
        let entry = Entry::decode(&self.name, &bytes)?;
        let building = |state: &IndexState| *state == IndexState::Building { after: None };
        let same = !entry.migrating && entry.schema == table.entry.schema;
        Ok(same && entry.states.iter().all(building))
    }

    /// The highest automatic key that was used.
    fn mark(&self) -> Result<Option<Vec<u8>>, TableError> {
        Ok(self.store.read(Keyspace::Mark, auto_key::MARK, <[u8]>::to_vec)?)
    }

    /// Raises it.
    fn raise_mark(&self, to: &[u8]) -> Result<(), TableError> {
        let mut batch = Batch::new(self.store.lock()?);
        if self.mark()?.is_none_or(|mark| *mark < *to) {
            batch.put(Keyspace::Mark, auto_key::MARK, to, None);
        }
        Ok(batch.commit()?)
    }
}

fn differ(stored: &Schema, ours: &Schema) -> Option<SchemaDifference> {
    if stored.version == ours.version {
        return SchemaDifference::between(stored, ours);
    }
    let line = format!("version: stored {}, in the file {}", stored.version, ours.version);
    Some(SchemaDifference::of_line(line))
}
