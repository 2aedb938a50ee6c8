//! All of a database: tables by their schemas, and what is no table as bytes.
//!
//! # Lines
//!
//! - `{"table": name, "ordered": .., "entry": ..}`: a table, with what the catalogue has of it.
//! - `{"namespace": name, "ordered": ..}`: a namespace that is no table; the default one has an
//!   empty name.
//! - `{"in": name, "key": hex, "version": .., "row": ..}`: a row, after the line of its table.
//! - `{"in": name, "key": hex, "value": hex}`: a record that is no row of the schema, or of no table.
//!
//! The last two may have `"expires_at"`.

use std::io::{BufRead, Write};

use emdb_core::internal::{self, Sole, View};
use emdb_core::{Emdb, Namespace, NamespaceOptions};
use serde_json::{Value, json};

use crate::catalogue::{self, Entry, IndexState};
use crate::codec;
use crate::dynamic;
use crate::error::TableError;
use crate::schema::{Schema, SchemaDifference};
use crate::shared::Shared;
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
        let head = match &entry {
            Some(entry) => json!({ "table": name, "ordered": ordered, "entry": to_json(entry)? }),
            None => json!({ "namespace": name, "ordered": ordered }),
        };
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
            Line::Space { name, ordered, entry } => import.begin(&name, ordered, entry)?,
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
    Space { name: String, ordered: bool, entry: Option<Entry> },
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
            return Ok(Line::Space { name, ordered, entry: None });
        }
        let name = text(&line, "table").ok_or_else(|| missing("table"))?;
        let entry = serde_json::from_value(line["entry"].take()).map_err(|e| e.to_string())?;
        Ok(Line::Space { name, ordered, entry: Some(entry) })
    }
}

/// Where the records go.
struct Target {
    namespace: Namespace,
    entry: Option<Entry>,
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

    fn begin(&mut self, name: &str, ordered: bool, entry: Option<Entry>) -> Result<(), TableError> {
        self.flush()?;
        let namespace = if name.is_empty() {
            Namespace::clone(self.db)
        } else {
            self.db.namespace_with(name, NamespaceOptions::new().ordered(ordered))?
        };
        let entry = entry.map(|entry| self.admit(&namespace, entry)).transpose()?;
        self.target = Some(Target { namespace, entry });
        Ok(())
    }

    /// Puts the entry into the catalogue, with indexes that are still to be built.
    fn admit(&self, namespace: &Namespace, mut entry: Entry) -> Result<Entry, TableError> {
        let name = namespace.name();
        let catalogue = internal::catalogue(self.db)?;
        let mark = internal::child(self.db, namespace, crate::open::MARK)?;
        entry.states = vec![IndexState::Building { after: None }; entry.schema.indexes.len()];
        let children = entry.schema.indexes.iter().map(|index| {
            internal::child(self.db, namespace, &crate::open::index_child(&index.name))
        });
        let children = children.collect::<Result<Vec<_>, _>>()?;
        let shared = Shared::of(namespace);
        let opening = shared.begin(self.db)?;
        let _change = opening.change();
        self.db.transaction(|tx| {
            if let Some(stored) = tx.namespace(&catalogue).get(name)? {
                let stored = entry_of(name, &stored)?;
                if let Some(difference) = differ(&stored.schema, &entry.schema) {
                    return Err(TableError::SchemaMismatch { table: name.to_owned(), difference });
                }
            }
            let bytes = codec::encode(catalogue::LAYOUT, &entry)
                .map_err(|source| TableError::Encode { table: name.to_owned(), source })?;
            tx.namespace(&catalogue).insert(name, bytes)?;
            tx.namespace(&mark).clear()?;
            for child in &children {
                tx.namespace(child).clear()?;
            }
            Ok(entry)
        })
    }

    fn value(&self, name: &str, body: Body) -> Result<Vec<u8>, String> {
        let target = self.target.as_ref().filter(|target| target.namespace.name() == name);
        let target = target.ok_or_else(|| format!("`{name}` has not been named before"))?;
        match body {
            Body::Bytes(bytes) => Ok(bytes),
            Body::Row(version, row) => {
                let schema = target.entry.as_ref().and_then(|entry| entry.schema_of(version));
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
        let chunk: std::collections::BTreeMap<_, _> =
            self.chunk.drain(..).map(|(key, value, expiry)| (key, (value, expiry))).collect();
        self.records += chunk.len() as u64;
        self.bytes = 0;
        let sole = Sole::begin(&target.namespace)?;
        sole.commit(chunk.iter().map(|(key, (value, expiry))| internal::Write {
            namespace: &target.namespace,
            key,
            value: Some(value),
            expiry: *expiry,
        }))?;
        Ok(())
    }
}

fn differ(stored: &Schema, ours: &Schema) -> Option<SchemaDifference> {
    if stored.version == ours.version {
        return SchemaDifference::between(stored, ours);
    }
    let line = format!("version: stored {}, in the file {}", stored.version, ours.version);
    Some(SchemaDifference::of_line(line))
}
