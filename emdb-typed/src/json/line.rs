//! One row as one line.

use serde_json::{Map, Value};

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
    let Value::Object(mut object) = line else { return Ok((line, None)) };
    let expiry = match object.remove(EXPIRY) {
        None => None,
        Some(Value::Null) => Some(None),
        Some(at) => Some(Some(
            at.as_u64()
                .ok_or_else(|| format!("`{EXPIRY}` is not a number of milliseconds since 1970"))?,
        )),
    };
    match object.remove(ROW) {
        Some(row) if object.is_empty() => Ok((row, expiry)),
        Some(_) => Err(format!("there are fields beside `{ROW}`")),
        None => Ok((Value::Object(object), expiry)),
    }
}

/// Bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The reverse.
pub(super) fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => {
            Ok(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
        }
        _ => Err("bytes are written as pairs of hexadecimal digits".to_owned()),
    }
}
