//! The JSON of one row, by its schema.

use std::cell::Cell;

use serde_json::{Map, Value};

use super::shape::{REST, object, split};
use super::{read, text, write};
use crate::codec::{self, CODEC, DecodeError, EncodeError, RowReader};
use crate::schema::{Field, Form, Schema};

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

/// Whether the JSON tells a part of the row by its bytes, since the schema doesn't know the type.
pub(super) fn has_bytes(schema: &Schema, value: &Value) -> bool {
    let last = match value {
        Value::Array(parts) => parts.last(),
        other => Some(other),
    };
    split(schema).1 && last.is_some_and(|last| last.get(REST).is_some())
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
