//! The lines of an import: each a JSON value, with its number.
//!
//! Invariant: a line that isn't blank is taken whole or refused. Nothing of it is passed over, and
//! nothing is read as something else: no member that comes twice, no text behind the value.

use std::fmt;
use std::io::BufRead;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::failure::{bad_line, io};
use crate::error::TableError;

/// The mark that some editors put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Lines that are read one after the other.
pub(super) struct Lines<R> {
    from: R,
    bytes: Vec<u8>,
    number: usize,
}

/// A line that isn't blank.
pub(super) struct NumberedLine {
    /// From 1, blank lines counted.
    pub(super) number: usize,
    pub(super) value: Value,
    pub(super) size_bytes: usize,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(from: R) -> Self {
        Lines { from, bytes: Vec::new(), number: 0 }
    }

    /// The next line, if there is one; `table` is named where it can't be read.
    pub(super) fn next(&mut self, table: &str) -> Result<Option<NumberedLine>, TableError> {
        loop {
            self.bytes.clear();
            if self.from.read_until(b'\n', &mut self.bytes).map_err(io)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            let mut line = &*self.bytes;
            if self.number == 1 {
                line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
            }
            if line.iter().all(|byte| b" \t\r\n".contains(byte)) {
                continue;
            }
            let value = parse(line).map_err(|e| bad_line(table, self.number, e))?;
            return Ok(Some(NumberedLine { number: self.number, value, size_bytes: line.len() }));
        }
    }
}

/// The value of a whole line.
fn parse(line: &[u8]) -> Result<Value, String> {
    let text = str::from_utf8(line)
        .map_err(|e| format!("it is no UTF-8 from its byte {} on", e.valid_up_to() + 1))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    // The line that is meant there is always the first one.
    value.map_err(|e| e.to_string().replace(" at line 1 column", " at column"))
}

/// Any value in which no object has a member twice.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        let number = Number::from_f64(number);
        number.map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = from.next_element_seed(Strict)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = from.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format!("`{name}` is there twice")));
            }
            let value = from.next_value_seed(Strict)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}
