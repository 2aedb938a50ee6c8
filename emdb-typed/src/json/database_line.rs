//! One line of a database's JSON.

use serde_json::Value;

use super::line;
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
    pub(super) fn read(mut line: Value) -> Result<Line, String> {
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
            return Ok(Line::Keyspace { name, ordered, entry: None, mark: None });
        }
        let name = text(&line, "table").ok_or_else(|| missing("table"))?;
        let entry = serde_json::from_value(line["entry"].take()).map_err(|e| e.to_string())?;
        let mark = text(&line, "mark").map(|mark| line::unhex(&mark)).transpose()?;
        Ok(Line::Keyspace { name, ordered, entry: Some(entry), mark })
    }
}
