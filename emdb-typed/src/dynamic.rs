//! Rows as JSON, by their stored [`Schema`] and without the Rust type: for tools that show,
//! export and repair what a database holds.
//!
//! [`decode`] gives what `serde_json::to_value(&row)` would give, wherever that tells the value:
//! structs are objects, options their value or `null`, enums externally tagged, byte strings arrays
//! of numbers, maps whose keys serde_json can write as strings are objects. Objects keep the order
//! of the fields, and of the entries of a map.
//!
//! Where `serde_json` would fail, or would lose something, the JSON is:
//!
//! | value | JSON |
//! | --- | --- |
//! | floats that are no numbers | `"NaN"`, `"inf"`, `"-inf"`; other NaNs with their bits, `"NaN(0x7fc00001)"` |
//! | 128-bit integers beyond 64 bits | strings of decimal digits |
//! | `Some` of what is itself `null` (`Some(None)`, `Some(())`) | `{"some": null}`, as deep as it is |
//! | maps whose keys are no strings, or with a key twice | arrays of pairs |
//! | fields whose type is not known ([`FieldSchema::is_opaque`]) | one entry `"..."` with the rest of the row in hexadecimal digits, in place of the first such field and all after it |
//!
//! A row that is no struct with named fields shows the last as an object `{"...": "0a1b"}` at the
//! end of its array, or instead of its value.
//!
//! Invariant: [`encode`] of what `decode` gave is the same bytes, for all bytes that the library has
//! written. Neither panics, whatever the bytes, the schema and the JSON are; what they take is
//! bounded by their input.
//!
//! The bytes are those of a row's value, without the version that stands before it: see
//! [`split_version`]. Text loses nothing either, if it is read by a `serde_json` with the feature
//! `float_roundtrip`.
//!
//! # Example
//!
//! ```
//! use emdb_core::Emdb;
//! use emdb_typed::{Table, TableError, dynamic};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, emdb_derive::Record)]
//! #[emdb(crate = "emdb_typed")] // not needed with the facade
//! struct City {
//!     #[emdb(key)]
//!     name: String,
//!     inhabitants: Option<u32>,
//! }
//!
//! let db = Emdb::open_in_memory();
//! let cities = Table::<City>::open(&db)?;
//! cities.insert(&City { name: "Basel".into(), inhabitants: Some(173_000) })?;
//!
//! let row = cities.raw().get("Basel")?.unwrap_or_default();
//! let (_version, value) = dynamic::split_version(&row).unwrap();
//! let json = dynamic::decode(cities.schema(), value).unwrap();
//! assert_eq!(json.to_string(), r#"{"name":"Basel","inhabitants":173000}"#);
//! assert_eq!(dynamic::encode(cities.schema(), &json).unwrap(), value);
//! # Ok::<(), TableError>(())
//! ```
//!
//! [`FieldSchema::is_opaque`]: crate::FieldSchema::is_opaque

mod read;
mod table;
mod text;
mod write;

#[cfg(test)]
mod tests;

use std::cell::Cell;

use serde_json::{Map, Value};

pub use crate::json::{export_json, import_json};
pub use table::{DynamicRows, DynamicTable, tables};

use crate::codec::{self, CODEC, DecodeError, EncodeError, RowReader};
use crate::schema::{Container, Field, Form, Kind, Parts, Schema, Shape, container};

/// The name of what stands for all that is not known.
const REST: &str = "...";

/// The name of what stands in a `Some` of `null`.
const SOME: &str = "some";

/// Splits what is stored of a row into the version of the type that wrote it, and its value.
///
/// # Errors
///
/// [`DecodeError`] if there is no version.
pub fn split_version(row: &[u8]) -> Result<(u32, &[u8]), DecodeError> {
    codec::split_version(row)
}

/// The JSON of a row's value.
///
/// # Errors
///
/// [`DecodeError`] if the bytes are not a row of this schema.
pub fn decode(schema: &Schema, value: &[u8]) -> Result<Value, DecodeError> {
    if schema.codec != CODEC {
        return Err(DecodeError::new(format!(
            "the rows have encoding {}, and this release reads encoding {CODEC}",
            schema.codec
        )));
    }
    let mut reader = RowReader::new(value);
    let budget = Cell::new(read::budget(value.len()));
    let (known, unknown) = split(schema);
    let mut values = Vec::new();
    for field in known {
        let seed = read::Any { types: &schema.types, shape: &field.shape, budget: &budget };
        let read = reader.next_by(seed);
        values.push(read.map_err(|e| DecodeError::new(format!("field `{}`: {e}", field.name)))?);
    }
    let rest = unknown.then(|| Value::String(text::to_hex(reader.rest())));
    if rest.is_none() {
        reader.finish()?;
    }
    row(schema.form, known, values, rest).map_err(DecodeError::new)
}

/// The bytes of a row's value whose JSON is `value`.
///
/// # Errors
///
/// [`EncodeError`] if the JSON doesn't fit the schema; it names the place.
pub fn encode(schema: &Schema, value: &Value) -> Result<Vec<u8>, EncodeError> {
    codec::encode_value(&write::Row { schema, value })
}

/// The fields whose types are known, and whether there are others behind them.
fn split(schema: &Schema) -> (&[Field], bool) {
    let opaque = |field: &Field| matches!(field.shape, Shape::Opaque(_));
    match schema.fields.iter().position(opaque) {
        Some(at) => (&schema.fields[..at], true),
        None => (&schema.fields, false),
    }
}

fn row(
    form: Form,
    known: &[Field],
    mut values: Vec<Value>,
    rest: Option<Value>,
) -> Result<Value, String> {
    let rest = rest.map(|rest| (REST.to_owned(), rest));
    match form {
        Form::Struct => {
            let named = known.iter().map(|field| field.name.to_string()).zip(values);
            object(named.chain(rest))
        }
        Form::Tuple => {
            values.extend(rest.map(|rest| Value::Object(Map::from_iter([rest]))));
            Ok(Value::Array(values))
        }
        Form::Plain => match (values.pop(), rest) {
            (Some(value), None) if values.is_empty() => Ok(value),
            (None, Some(rest)) => Ok(Value::Object(Map::from_iter([rest]))),
            _ => Err("the schema has other than one field for a row of one".to_owned()),
        },
    }
}

/// An object with each name once.
fn object(entries: impl Iterator<Item = (String, Value)>) -> Result<Value, String> {
    let mut object = Map::new();
    for (name, value) in entries {
        if object.contains_key(&name) {
            return Err(format!("the schema has two fields `{name}`"));
        }
        object.insert(name, value);
    }
    Ok(Value::Object(object))
}

/// What newtypes hold.
fn transparent<'s>(types: &'s [Container], mut shape: &'s Shape) -> &'s Shape {
    // Stored bytes may name a newtype of itself.
    for _ in 0..=types.len() {
        match shape {
            Shape::Named(at) => match container(types, *at).map(|known| &known.kind) {
                Some(Kind::Struct(Parts::Newtype(inner))) => shape = inner,
                _ => break,
            },
            _ => break,
        }
    }
    shape
}

/// Whether a value of this shape can be `null`, so that an option of it has two of them.
fn is_nullable(types: &[Container], shape: &Shape) -> bool {
    match transparent(types, shape) {
        Shape::Option(_) | Shape::Unit => true,
        Shape::Named(at) => {
            let known = container(types, *at).map(|known| &known.kind);
            matches!(known, Some(Kind::Struct(Parts::Unit)))
        }
        _ => false,
    }
}

/// Whether the JSON of a value inside of a `Some` has to be marked, or looks as if it was.
fn is_marked(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.len() == 1 && object.contains_key(SOME))
}
