//! All of a database: tables by their schemas, and what is no table as bytes.
//!
//! # Lines
//!
//! - `{"table": name, "ordered": .., "entry": .., "mark": hex}`: a table, with what the catalogue has
//!   of it, and the highest automatic key that was ever used, if there is one.
//! - `{"namespace": name, "ordered": ..}`: a namespace that is no table; the default one has an
//!   empty name.
//! - `{"in": name, "key": hex, "version": .., "row": ..}`: a row, after the line of its table.
//! - `{"in": name, "key": hex, "value": hex}`: a record that is no row of the schema, or of no table.
//!
//! The last two may have `"expires_at"`.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::sync::Arc;

use emdb_core::internal::{self, View, WriteLock};
use emdb_core::{Emdb, Namespace, NamespaceOptions};
use serde_json::{Value, json};

use crate::build;
use crate::catalogue::{self, Entry, IndexState};
use crate::codec;
use crate::dynamic;
use crate::error::TableError;
use crate::open;
use crate::schema::{IndexSchema, Schema, SchemaDifference};
use crate::shared::{Opening, Shared};
use crate::store::for_each;

use super::{CHUNK_BYTES, CHUNK_ROWS, bad_line, io, line};

/// Writes all namespaces of the database as lines of JSON, in one state, without their Rust types;
/// gives how many records there were.
///
/// Rows of tables are written as [`decode`](dynamic::decode) shows them, with their keys in
/// hexadecimal digits; what is in no table, or is no row, as bytes.
///
/// # Errors
///
/// [`TableError::Core`] when the engine can't read, and with `Io` when `out` fails;
/// [`TableError::Decode`] when an entry of the catalogue can't be read.
///
/// # Example
///
/// ```
/// use emdb_core::Emdb;
/// use emdb_typed::{Table, TableError, dynamic};
///
/// #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
/// #[emdb(crate = "emdb_typed")]
/// struct City {
///     #[emdb(key)]
///     name: String,
///     #[emdb(index)]
///     inhabitants: u32,
/// }
///
/// let db = Emdb::open_in_memory();
/// Table::<City>::open(&db)?.insert(&City { name: "Basel".into(), inhabitants: 173_000 })?;
/// let mut out = Vec::new();
/// dynamic::export_json(&db, &mut out)?;
///
/// let copy = Emdb::open_in_memory();
/// dynamic::import_json(&copy, &out[..])?;
/// let cities = Table::<City>::open(&copy)?; // builds the index
/// assert_eq!(cities.by(City::INHABITANTS).count(173_000)?, 1);
/// # Ok::<(), TableError>(())
/// ```
pub fn export_json(db: &Emdb, mut out: impl Write) -> Result<u64, TableError> {
    let snapshot = db.snapshot();
    let catalogue = View::catalogue(&snapshot);
    let mut records = 0;
    for (name, ordered) in View::names(&snapshot) {
        let bytes = catalogue.read(name.as_bytes(), <[u8]>::to_vec)?;
        let entry = bytes.map(|bytes| entry_of(&name, &bytes)).transpose()?;
        let mut head = match &entry {
            Some(entry) => json!({ "table": name, "ordered": ordered, "entry": to_json(entry)? }),
            None => json!({ "namespace": name, "ordered": ordered }),
        };
        let mark = View::child_of(&snapshot, &name, open::MARK).read(build::MARK, line::hex)?;
        if let Some(mark) = mark {
            head["mark"] = mark.into();
        }
        write_line(&mut out, &head)?;
        let view = View::of(&snapshot, &name);
        for_each(view.scan()?, |key, value| {
            let mut line = record_line(&name, entry.as_ref(), key, value);
            if let Some(at) = view.expiry(key)? {
                line["expires_at"] = at.into();
            }
            records += 1;
            write_line(&mut out, &line)
        })?;
    }
    out.flush().map_err(io)?;
    Ok(records)
}

fn entry_of(name: &str, bytes: &[u8]) -> Result<Entry, TableError> {
    catalogue::decode_entry(bytes).map_err(|source| TableError::Decode {
        table: name.to_owned(),
        item: "its entry in the catalogue".to_owned(),
        source,
    })
}

fn to_json(entry: &Entry) -> Result<Value, TableError> {
    serde_json::to_value(entry).map_err(io)
}

fn write_line(out: &mut impl Write, line: &Value) -> Result<(), TableError> {
    serde_json::to_writer(&mut *out, line).map_err(io)?;
    out.write_all(b"\n").map_err(io)
}

fn record_line(name: &str, entry: Option<&Entry>, key: &[u8], value: &[u8]) -> Value {
    let row = entry.and_then(|entry| {
        let (version, row) = codec::split_version(value).ok()?;
        let row = dynamic::decode(entry.schema_of(version)?, row).ok()?;
        Some(json!({ "in": name, "key": line::hex(key), "version": version, "row": row }))
    });
    row.unwrap_or_else(|| json!({ "in": name, "key": line::hex(key), "value": line::hex(value) }))
}

/// Reads what [`export_json`] wrote into the database; gives how many records there were.
///
/// Records with the same keys are replaced. Tables that are there already must have the same
/// schema. Indexes are built when a program opens the tables next; handles that are open are
/// refused until then.
///
/// Records are committed in chunks. When the call fails, chunks before that are in place.
///
/// # Errors
///
/// [`TableError::Invalid`], with the number of the line, for one that can't be read;
/// [`TableError::SchemaMismatch`] when a table is there with another schema;
/// [`TableError::Core`] when the engine refuses, and with `Io` when `lines` fails.
pub fn import_json(db: &Emdb, lines: impl BufRead) -> Result<u64, TableError> {
    let mut import = Import { db, target: None, chunk: Vec::new(), bytes: 0, records: 0 };
    for (at, line) in lines.lines().enumerate() {
        let line = line.map_err(io)?;
        if line.trim().is_empty() {
            continue;
        }
        let bad = |reason: String| bad_line(&import.name(), at + 1, reason);
        let line: Value = serde_json::from_str(&line).map_err(|e| bad(e.to_string()))?;
        match Line::read(line).map_err(bad)? {
            Line::Space { name, ordered, entry, mark } => {
                import.begin(&name, ordered, entry, mark)?;
            }
            Line::Record { name, key, value, expiry } => {
                let value = import.value(&name, value).map_err(|e| bad_line(&name, at + 1, e))?;
                import.add((key, value, expiry))?;
            }
        }
    }
    import.flush()?;
    Ok(import.records)
}

enum Line {
    Space { name: String, ordered: bool, entry: Option<Entry>, mark: Option<Vec<u8>> },
    Record { name: String, key: Vec<u8>, value: Body, expiry: Option<u64> },
}

enum Body {
    Bytes(Vec<u8>),
    Row(u32, Value),
}

impl Line {
    fn read(mut line: Value) -> Result<Line, String> {
        let text = |line: &Value, name: &str| line[name].as_str().map(str::to_owned);
        let missing = |name: &str| format!("`{name}` is missing");
        if let Some(name) = text(&line, "in") {
            let key = line::unhex(&text(&line, "key").ok_or_else(|| missing("key"))?)?;
            let expiry = line["expires_at"].as_u64();
            let value = match (text(&line, "value"), line["version"].as_u64()) {
                (Some(value), _) => Body::Bytes(line::unhex(&value)?),
                (None, Some(version)) => {
                    let version = u32::try_from(version).map_err(|e| e.to_string())?;
                    Body::Row(version, line["row"].take())
                }
                (None, None) => return Err(missing("value")),
            };
            return Ok(Line::Record { name, key, value, expiry });
        }
        let ordered = line["ordered"].as_bool().ok_or_else(|| missing("ordered"))?;
        if let Some(name) = text(&line, "namespace") {
            return Ok(Line::Space { name, ordered, entry: None, mark: None });
        }
        let name = text(&line, "table").ok_or_else(|| missing("table"))?;
        let entry = serde_json::from_value(line["entry"].take()).map_err(|e| e.to_string())?;
        let mark = text(&line, "mark").map(|mark| line::unhex(&mark)).transpose()?;
        Ok(Line::Space { name, ordered, entry: Some(entry), mark })
    }
}

/// Where the records go.
struct Target {
    namespace: Namespace,
    table: Option<TableTarget>,
}

/// What a target has besides, if it is a table.
struct TableTarget {
    entry: Entry,
    catalogue: Namespace,
    indexes: Vec<Namespace>,
    mark: Namespace,
    shared: Arc<Shared>,
}

/// A key, its value, and when it expires.
type Item = (Vec<u8>, Vec<u8>, Option<u64>);

struct Import<'db> {
    db: &'db Emdb,
    target: Option<Target>,
    chunk: Vec<Item>,
    bytes: usize,
    records: u64,
}

impl Import<'_> {
    fn name(&self) -> String {
        self.target.as_ref().map_or("", |target| target.namespace.name()).to_owned()
    }

    fn begin(
        &mut self,
        name: &str,
        ordered: bool,
        entry: Option<Entry>,
        mark: Option<Vec<u8>>,
    ) -> Result<(), TableError> {
        self.flush()?;
        let namespace = if name.is_empty() {
            Namespace::clone(self.db)
        } else {
            self.db.namespace_with(name, NamespaceOptions::new().ordered(ordered))?
        };
        let mut target = Target { namespace, table: None };
        if let Some(entry) = entry {
            target.table = Some(self.table(&target.namespace, entry, mark)?);
        }
        self.target = Some(target);
        Ok(())
    }

    fn table(
        &self,
        rows: &Namespace,
        mut entry: Entry,
        mark: Option<Vec<u8>>,
    ) -> Result<TableTarget, TableError> {
        entry.states = vec![IndexState::Building { after: None }; entry.schema.indexes.len()];
        let child = |name: &str| internal::child(self.db, rows, name);
        let index = |index: &IndexSchema| child(&open::index_child(&index.name));
        let table = TableTarget {
            indexes: entry.schema.indexes.iter().map(index).collect::<Result<_, _>>()?,
            catalogue: internal::catalogue(self.db)?,
            mark: child(open::MARK)?,
            shared: Shared::of(rows),
            entry,
        };
        let opening = table.shared.begin(self.db)?;
        self.admit(rows, &table, &opening)?;
        let highest = table.highest()?;
        if let Some(mark) = mark.filter(|mark| highest.as_ref() < Some(mark)) {
            table.mark.insert(build::MARK, mark)?;
        }
        drop(opening);
        Ok(table)
    }

    /// Puts the entry into the catalogue, with indexes that are still to be built.
    fn admit(
        &self,
        rows: &Namespace,
        table: &TableTarget,
        opening: &Opening<'_>,
    ) -> Result<(), TableError> {
        let name = rows.name();
        let _change = opening.change();
        self.db.transaction(|tx| {
            let mut entry = table.entry.clone();
            if let Some(stored) = tx.namespace(&table.catalogue).get(name)? {
                let stored = entry_of(name, &stored)?;
                if let Some(difference) = differ(&stored.schema, &entry.schema) {
                    return Err(TableError::SchemaMismatch { table: name.to_owned(), difference });
                }
                // Rows of versions that only the database knows stay readable.
                for older in stored.older {
                    if entry.schema_of(older.version).is_none() {
                        entry.older.push(older);
                    }
                }
            }
            let bytes = codec::encode(catalogue::LAYOUT, &entry)
                .map_err(|source| TableError::Encode { table: name.to_owned(), source })?;
            tx.namespace(&table.catalogue).insert(name, bytes)?;
            for index in &table.indexes {
                tx.namespace(index).clear()?;
            }
            Ok(())
        })
    }

    fn value(&self, name: &str, body: Body) -> Result<Vec<u8>, String> {
        let target = self.target.as_ref().filter(|target| target.namespace.name() == name);
        let target = target.ok_or_else(|| format!("`{name}` has not been named before"))?;
        match body {
            Body::Bytes(bytes) => Ok(bytes),
            Body::Row(version, row) => {
                let schema = target.table.as_ref().and_then(|t| t.entry.schema_of(version));
                let schema = schema.ok_or_else(|| format!("no schema has version {version}"))?;
                let value = dynamic::encode(schema, &row).map_err(|e| e.to_string())?;
                codec::with_version(version, &value).map_err(|e| e.to_string())
            }
        }
    }

    fn add(&mut self, item: Item) -> Result<(), TableError> {
        self.bytes += item.0.len() + item.1.len();
        self.chunk.push(item);
        if self.chunk.len() == CHUNK_ROWS || self.bytes >= CHUNK_BYTES {
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
        let opening = target.table.as_ref().map(|table| table.shared.begin(self.db)).transpose()?;
        if let (Some(table), Some(opening)) = (&target.table, &opening)
            && !table.is_building(target.namespace.name())?
        {
            self.admit(&target.namespace, table, opening)?;
        }
        let mark = target.table.as_ref().map(|table| table.raised(&chunk)).transpose()?.flatten();
        let sole = WriteLock::begin(&target.namespace)?;
        let rows = chunk.iter().map(|(key, (value, expiry))| internal::Write {
            namespace: &target.namespace,
            key,
            value: Some(value),
            expiry: *expiry,
        });
        let mut writes: Vec<_> = rows.collect();
        if let (Some(table), Some(mark)) = (&target.table, &mark) {
            let (namespace, value) = (&table.mark, Some(mark.as_slice()));
            writes.push(internal::Write { namespace, key: build::MARK, value, expiry: None });
        }
        sole.commit(writes.into_iter())?;
        self.records += chunk.len() as u64;
        Ok(())
    }
}

impl TableTarget {
    /// Whether no index counts as complete.
    fn is_building(&self, name: &str) -> Result<bool, TableError> {
        let Some(bytes) = self.catalogue.get(name)? else { return Ok(false) };
        let entry = entry_of(name, &bytes)?;
        let building = |state: &IndexState| *state == IndexState::Building { after: None };
        Ok(entry.schema == self.entry.schema && entry.states.iter().all(building))
    }

    /// The highest automatic key that was used.
    fn highest(&self) -> Result<Option<Vec<u8>>, TableError> {
        Ok(self.mark.get(build::MARK)?)
    }

    /// What that is with these rows, if they raise it.
    fn raised<V>(&self, rows: &BTreeMap<Vec<u8>, V>) -> Result<Option<Vec<u8>>, TableError> {
        let Some(highest) = self.highest()? else { return Ok(None) };
        Ok(rows.keys().next_back().filter(|key| **key > highest).cloned())
    }
}

fn differ(stored: &Schema, ours: &Schema) -> Option<SchemaDifference> {
    if stored.version == ours.version {
        return SchemaDifference::between(stored, ours);
    }
    let line = format!("version: stored {}, in the file {}", stored.version, ours.version);
    Some(SchemaDifference::of_line(line))
}
