//! One line of a database's JSON.

use serde_json::Value;

use super::members::Members;
use crate::catalogue::Entry;

/// A line.
pub(super) enum Line {
    Keyspace { name: String, ordered: bool, entry: Option<Entry>, mark: Option<Vec<u8>> },
    Record { name: String, key: Vec<u8>, value: Body, expiry: Option<u64> },
}

/// The value of a record.
pub(super) enum Body {
    Bytes(Vec<u8>),
    Row(u32, Value),
}

impl Line {
    /// The line, if all of it is known.
    pub(super) fn read(line: Value) -> Result<Line, String> {
        let mut members = Members::of(line)?;
        let line = if let Some(name) = members.text("in")? {
            record(name, &mut members)?
        } else if let Some(name) = members.text("namespace")? {
            let ordered = ordered(&mut members)?;
            Line::Keyspace { name, ordered, entry: None, mark: None }
        } else if let Some(name) = members.text("table")? {
            let (ordered, mark) = (ordered(&mut members)?, members.bytes("mark")?);
            let entry = Some(entry(members.demand("entry")?)?);
            Line::Keyspace { name, ordered, entry, mark }
        } else {
            return Err("none of `table`, `namespace` and `in` is there".to_owned());
        };
        members.finish()?;
        Ok(line)
    }
}

fn record(name: String, members: &mut Members) -> Result<Line, String> {
    let key = members.bytes("key")?.ok_or("`key` is missing")?;
    let expiry = members.expiry("expires_at")?.flatten();
    let value = match members.bytes("value")? {
        Some(value) => Body::Bytes(value),
        None => {
            let row = members.take("row").ok_or("`value` or `row` is missing")?;
            let version = members.demand("version")?;
            let number = version.as_u64().and_then(|version| u32::try_from(version).ok());
            let number = number.ok_or_else(|| format!("`version` is {version}"))?;
            Body::Row(number, row)
        }
    };
    Ok(Line::Record { name, key, value, expiry })
}

fn ordered(members: &mut Members) -> Result<bool, String> {
    let ordered = members.demand("ordered")?;
    ordered.as_bool().ok_or_else(|| "`ordered` is neither true nor false".to_owned())
}

/// The entry, if there is nothing in it that this release doesn't know.
fn entry(given: Value) -> Result<Entry, String> {
    let bad = |e: serde_json::Error| format!("`entry`: {e}");
    let entry = serde_json::from_value(given.clone()).map_err(bad)?;
    let known = serde_json::to_value(&entry).map_err(bad)?;
    match unknown(&given, &known) {
        None => Ok(entry),
        Some(name) => Err(format!("`entry`: this release doesn't know `{name}`")),
    }
}

/// A member somewhere in `given` that `known` lacks.
fn unknown<'v>(given: &'v Value, known: &Value) -> Option<&'v str> {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => {
            given.iter().find_map(|(name, value)| match known.get(name) {
                None => Some(name.as_str()),
                Some(known) => unknown(value, known),
            })
        }
        (Value::Array(given), Value::Array(known)) => {
            given.iter().zip(known).find_map(|(given, known)| unknown(given, known))
        }
        _ => None,
    }
}
