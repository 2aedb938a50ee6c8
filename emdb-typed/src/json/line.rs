//! One row as one line.

use serde_json::{Map, Value};

use super::members::Members;

/// The name of a row's expiry, beside its fields.
const EXPIRY: &str = "$expires_at";
/// The name of the row itself, where its expiry can't stand beside its fields.
const ROW: &str = "$row";

/// The row with its expiry; `None` for one that goes without saying.
pub(super) fn join(row: Value, expiry: Option<Option<u64>>) -> Value {
    let mut object = match row {
        Value::Object(fields) if !fields.contains_key(EXPIRY) && !fields.contains_key(ROW) => {
            fields
        }
        other if expiry.is_none() && !other.is_object() => return other,
        other => Map::from_iter([(ROW.to_owned(), other)]),
    };
    if let Some(expiry) = expiry {
        object.insert(EXPIRY.to_owned(), expiry.into());
    }
    Value::Object(object)
}

/// The reverse.
pub(super) fn split(line: Value) -> Result<(Value, Option<Option<u64>>), String> {
    let Value::Object(object) = line else { return Ok((line, None)) };
    let mut members = Members::of(Value::Object(object))?;
    let expiry = members.expiry(EXPIRY)?;
    let row = members.take(ROW);
    let rest = members.rest();
    match row {
        Some(row) if rest.is_empty() => Ok((row, expiry)),
        Some(_) => Err(format!("there are fields beside `{ROW}`")),
        None => Ok((Value::Object(rest), expiry)),
    }
}
