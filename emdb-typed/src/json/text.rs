//! The strings of JSON that stand for something else.

use std::fmt::Write;

use serde_json::Value;

use super::shape::transparent;
use crate::schema::{Container, Kind, Parts, Shape, container};

pub(super) fn signed(number: i128) -> Value {
    match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => number.into(),
        (_, Ok(number)) => number.into(),
        _ => number.to_string().into(),
    }
}

pub(super) fn unsigned(number: u128) -> Value {
    u64::try_from(number).map_or_else(|_| number.to_string().into(), Value::from)
}

/// NaNs have many bit patterns, and this is the usual one.
const NAN_32: u32 = 0x7FC0_0000;
const NAN_64: u64 = 0x7FF8_0000_0000_0000;

pub(super) fn single(number: f32) -> Value {
    if number.is_finite() {
        number.into()
    } else if number.is_nan() && number.to_bits() != NAN_32 {
        format!("NaN({:#010x})", number.to_bits()).into()
    } else {
        number.to_string().into()
    }
}

pub(super) fn double(number: f64) -> Value {
    if number.is_finite() {
        number.into()
    } else if number.is_nan() && number.to_bits() != NAN_64 {
        format!("NaN({:#018x})", number.to_bits()).into()
    } else {
        number.to_string().into()
    }
}

/// The float that [`single`] made a value of.
pub(super) fn to_single(value: &Value) -> Option<f32> {
    match value {
        Value::String(text) => match bits(text) {
            Some(bits) => u32::try_from(bits).ok().map(f32::from_bits).filter(|x| x.is_nan()),
            None => special(text).map(|number| match number.is_nan() {
                true => f32::from_bits(NAN_32),
                false => number as f32,
            }),
        },
        // Beyond its range a number would become infinite.
        value => value.as_f64().map(|number| number as f32).filter(|number| number.is_finite()),
    }
}

/// The float that [`double`] made a value of.
pub(super) fn to_double(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => match bits(text) {
            Some(bits) => Some(f64::from_bits(bits)).filter(|number| number.is_nan()),
            None => special(text),
        },
        value => value.as_f64(),
    }
}

fn special(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::from_bits(NAN_64)),
        "inf" => Some(f64::INFINITY),
        "-inf" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn bits(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("NaN(0x")?.strip_suffix(')')?;
    u64::from_str_radix(digits, 16).ok()
}

pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(16 * digit(*high)? + digit(*low)?).ok(),
        _ => None,
    };
    text.as_bytes().chunks(2).map(byte).collect()
}

/// Whether keys of this shape are strings in JSON.
pub(super) fn is_key(types: &[Container], shape: &Shape) -> bool {
    match transparent(types, shape) {
        Shape::Bool | Shape::Char | Shape::Str | Shape::F32 | Shape::F64 => true,
        Shape::I8 | Shape::I16 | Shape::I32 | Shape::I64 | Shape::I128 => true,
        Shape::U8 | Shape::U16 | Shape::U32 | Shape::U64 | Shape::U128 => true,
        Shape::Named(at) => match container(types, *at).map(|known| &known.kind) {
            Some(Kind::Enum(variants)) => variants.iter().all(|v| v.parts == Parts::Unit),
            _ => false,
        },
        _ => false,
    }
}

/// The string for a key whose JSON elsewhere is `key`.
pub(super) fn of_key(types: &[Container], shape: &Shape, key: &Value) -> Option<String> {
    match (transparent(types, shape), key) {
        (_, Value::String(text)) => Some(text.clone()),
        // An `f32` has fewer digits than the same number as an `f64`.
        (Shape::F32, number) => serde_json::to_string(&to_single(number)?).ok(),
        (_, Value::Bool(_) | Value::Number(_)) => Some(key.to_string()),
        _ => None,
    }
}

/// The JSON that a key has elsewhere, for one that is this string, in the one way of writing it: `7`
/// and `07` would be one key twice, of which only one stayed.
pub(super) fn to_key(types: &[Container], shape: &Shape, text: &str) -> Option<Value> {
    let key = parse_key(types, shape, text)?;
    (of_key(types, shape, &key)? == text).then_some(key)
}

fn parse_key(types: &[Container], shape: &Shape, text: &str) -> Option<Value> {
    match transparent(types, shape) {
        Shape::Bool => text.parse().ok().map(Value::Bool),
        Shape::F32 => Some(text.parse().ok().filter(|x: &f32| x.is_finite()).map(single))
            .map(|number| number.unwrap_or_else(|| text.into())),
        Shape::F64 => Some(text.parse().ok().filter(|x: &f64| x.is_finite()).map(double))
            .map(|number| number.unwrap_or_else(|| text.into())),
        Shape::Char | Shape::Str | Shape::Named(_) => Some(text.into()),
        Shape::U128 => text.parse().ok().map(unsigned),
        _ => text.parse().ok().map(signed),
    }
}
