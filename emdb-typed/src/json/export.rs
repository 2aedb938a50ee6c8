//! All of a database, out: tables by their schemas, and what is no table as bytes.
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

use std::io::Write;

use serde_json::{Value, json};

use super::failure::io;
use super::text::to_hex;
use super::value;
use crate::backend::{NamedKeyspace, ReadView, Snapshot, for_each};
use crate::catalogue::Entry;
use crate::codec;
use crate::error::TableError;
use crate::write::auto_key;

/// Writes all keyspaces of a snapshot as lines of JSON; gives how many records there were.
pub(crate) fn export<N: Snapshot>(snapshot: &N, mut out: impl Write) -> Result<u64, TableError> {
    let catalogue = snapshot.catalogue();
    let mut records = 0;
    for NamedKeyspace { name, ordered } in snapshot.keyspaces()? {
        let bytes = catalogue.read(name.as_bytes(), <[u8]>::to_vec)?;
        let entry = bytes.map(|bytes| Entry::decode(&name, &bytes)).transpose()?;
        entry.as_ref().map_or(Ok(()), |entry| entry.refuse_migrating(&name))?;
        let mut head = match &entry {
            Some(entry) => json!({ "table": name, "ordered": ordered, "entry": to_json(entry)? }),
            None => json!({ "namespace": name, "ordered": ordered }),
        };
        let mark = snapshot.child(&name, auto_key::KEYSPACE).read(auto_key::MARK, to_hex)?;
        if let Some(mark) = mark {
            head["mark"] = mark.into();
        }
        write_line(&mut out, &head)?;
        let view = snapshot.keyspace(&name);
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
        let row = value::decode(entry.schema_of(version)?, row).ok()?;
        Some(json!({ "in": name, "key": to_hex(key), "version": version, "row": row }))
    });
    row.unwrap_or_else(|| json!({ "in": name, "key": to_hex(key), "value": to_hex(value) }))
}
