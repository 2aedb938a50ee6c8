//! The members of an object, taken one by one until none is left.

use serde_json::{Map, Value};

use super::text::from_hex;

/// Those that nobody has asked for yet.
pub(super) struct Members(Map<String, Value>);

impl Members {
    pub(super) fn of(line: Value) -> Result<Members, String> {
        match line {
            Value::Object(members) => Ok(Members(members)),
            _ => Err("the line is no object".to_owned()),
        }
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// One that has to be there.
    pub(super) fn demand(&mut self, name: &str) -> Result<Value, String> {
        self.take(name).ok_or_else(|| format!("`{name}` is missing"))
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("`{name}` is no string")),
        }
    }

    /// Bytes that are written in hexadecimal digits.
    pub(super) fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let text = self.text(name)?;
        let bad = || format!("`{name}` is not written in pairs of hexadecimal digits");
        text.map(|text| from_hex(&text).ok_or_else(bad)).transpose()
    }

    /// An expiry: `None` if it isn't told, `Some(None)` if it is told that there is none.
    pub(super) fn expiry(&mut self, name: &str) -> Result<Option<Option<u64>>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(at) => at.as_u64().map(|at| Some(Some(at))).ok_or_else(|| {
                format!("`{name}` is {at}, which is no whole number of milliseconds since 1970")
            }),
        }
    }

    /// Refuses what nobody has asked for.
    pub(super) fn finish(self) -> Result<(), String> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("`{name}` has no place in such a line")),
        }
    }

    /// Those that nobody has asked for.
    pub(super) fn rest(self) -> Map<String, Value> {
        self.0
    }
}
