//! Bytes to JSON: a seed that asks the row's reader for what the shape says. The reader's limits
//! hold here as they do for the Rust type.

use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde_json::{Map, Value};

use super::shape::{SOME, is_marked, is_nullable, object};
use super::text;
use crate::schema::{Container, Kind, Parts, Shape, container};

/// How many values of no bytes a row may have. Stored schemas may claim arrays of any length.
pub(super) fn budget(len: usize) -> usize {
    (1 << 20) + 64 * len
}

/// A value of this shape.
#[derive(Clone, Copy)]
pub(super) struct Any<'s> {
    pub(super) types: &'s [Container],
    pub(super) shape: &'s Shape,
    pub(super) budget: &'s Cell<usize>,
}

impl<'s> Any<'s> {
    fn of(self, shape: &'s Shape) -> Self {
        Any { shape, ..self }
    }

    /// Counts a value of no bytes.
    fn charge<E: Error>(self) -> Result<(), E> {
        let left = self.budget.get().checked_sub(1);
        self.budget.set(left.unwrap_or(0));
        left.map(drop).ok_or_else(|| E::custom("too many values take no bytes"))
    }

    fn container<E: Error>(self, at: u32) -> Result<&'s Container, E> {
        container(self.types, at).ok_or_else(|| E::custom(format!("the schema has no type {at}")))
    }
}

impl<'de> DeserializeSeed<'de> for Any<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        match self.shape {
            Shape::Bool => bool::deserialize(from).map(Value::Bool),
            Shape::I8 => i8::deserialize(from).map(Value::from),
            Shape::I16 => i16::deserialize(from).map(Value::from),
            Shape::I32 => i32::deserialize(from).map(Value::from),
            Shape::I64 => i64::deserialize(from).map(Value::from),
            Shape::I128 => i128::deserialize(from).map(text::signed),
            Shape::U8 => u8::deserialize(from).map(Value::from),
            Shape::U16 => u16::deserialize(from).map(Value::from),
            Shape::U32 => u32::deserialize(from).map(Value::from),
            Shape::U64 => u64::deserialize(from).map(Value::from),
            Shape::U128 => u128::deserialize(from).map(text::unsigned),
            Shape::F32 => f32::deserialize(from).map(text::single),
            Shape::F64 => f64::deserialize(from).map(text::double),
            Shape::Char => char::deserialize(from).map(|letter| Value::String(letter.into())),
            Shape::Str => String::deserialize(from).map(Value::String),
            Shape::Bytes => from.deserialize_bytes(Bytes),
            Shape::Option(inner) => from.deserialize_option(Optional(self.of(inner))),
            Shape::Seq(inner) => from.deserialize_seq(Sequence(self.of(inner))),
            Shape::Map(key, value) => {
                from.deserialize_map(Entries { key: self.of(key), value: self.of(value) })
            }
            Shape::Unit => self.parts(&Parts::Unit, from),
            Shape::Tuple(shapes) => {
                let shapes = shapes.iter();
                from.deserialize_tuple(shapes.len(), Tuple { any: self, shapes })
            }
            Shape::Array(inner, len) => {
                let shapes = std::iter::repeat_n(&**inner, *len as usize);
                from.deserialize_tuple(shapes.len(), Tuple { any: self, shapes })
            }
            Shape::Named(at) => match &self.container(*at)?.kind {
                Kind::Struct(parts) => self.parts(parts, from),
                Kind::Enum(_) => from.deserialize_enum("", &[], Variants { any: self, at: *at }),
            },
            Shape::Opaque(written) => {
                Err(D::Error::custom(format!("the structure of `{written}` is not known")))
            }
        }
    }
}

impl<'s> Any<'s> {
    /// A struct with these parts.
    fn parts<'de, D: Deserializer<'de>>(
        self,
        parts: &'s Parts,
        from: D,
    ) -> Result<Value, D::Error> {
        match parts {
            Parts::Unit => {
                self.charge()?;
                <()>::deserialize(from).map(|()| Value::Null)
            }
            Parts::Newtype(inner) => from.deserialize_newtype_struct("", Newtype(self.of(inner))),
            Parts::Tuple(shapes) => {
                let shapes = shapes.iter();
                from.deserialize_tuple(shapes.len(), Tuple { any: self, shapes })
            }
            Parts::Named(named) => {
                let shapes = named.iter().map(|part| &part.shape);
                let read = from.deserialize_tuple(shapes.len(), Tuple { any: self, shapes })?;
                self.named(parts, read)
            }
        }
    }

    /// The elements that were read, as an array, with the names of the parts if they have some.
    fn named<E: Error>(self, parts: &Parts, read: Value) -> Result<Value, E> {
        match (parts, read) {
            (Parts::Named(parts), Value::Array(values)) => {
                let names = parts.iter().map(|part| part.name.to_string());
                object(names.zip(values)).map_err(E::custom)
            }
            (_, read) => Ok(read),
        }
    }
}

fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("a value as the schema tells")
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        expecting(f)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(bytes.iter().copied().collect())
    }
}

struct Optional<'s>(Any<'s>);

impl<'de> Visitor<'de> for Optional<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        expecting(f)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        let value = self.0.deserialize(from)?;
        let mark =
            is_nullable(self.0.types, self.0.shape) && (value.is_null() || is_marked(&value));
        Ok(if mark { Value::Object(Map::from_iter([(SOME.to_owned(), value)])) } else { value })
    }
}

struct Newtype<'s>(Any<'s>);

impl<'de> Visitor<'de> for Newtype<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        expecting(f)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        self.0.deserialize(from)
    }
}

struct Sequence<'s>(Any<'s>);

impl<'de> Visitor<'de> for Sequence<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        expecting(f)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = from.next_element_seed(self.0)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }
}

/// Parts of these shapes.
struct Tuple<'s, I> {
    any: Any<'s>,
    shapes: I,
}

impl<'de, 's, I: Iterator<Item = &'s Shape>> Visitor<'de> for Tuple<'s, I> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        expecting(f)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        for shape in self.shapes {
            let value = from.next_element_seed(self.any.of(shape))?;
            values.push(value.ok_or_else(|| A::Error::custom("a part is missing"))?);
        }
        if values.is_empty() {
            self.any.charge()?;
        }
        Ok(Value::Array(values))
    }
}

struct Entries<'s> {
    key: Any<'s>,
    value: Any<'s>,
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = from.next_entry_seed(self.key, self.value)? {
            entries.push(entry);
        }
        Ok(match self.names(&entries) {
            Some(names) => names.into_iter().zip(entries.into_iter().map(|(_, v)| v)).collect(),
            None => entries.into_iter().map(|(key, value)| Value::from(vec![key, value])).collect(),
        })
    }
}

impl Entries<'_> {
    /// The keys as strings, if they can be, and are different.
    fn names(&self, entries: &[(Value, Value)]) -> Option<Vec<String>> {
        if !text::is_key(self.key.types, self.key.shape) {
            return None;
        }
        let name = |key| text::of_key(self.key.types, self.key.shape, key);
        let names: Vec<String> = entries.iter().map(|(key, _)| name(key)).collect::<Option<_>>()?;
        let mut sorted: Vec<&String> = names.iter().collect();
        sorted.sort_unstable();
        let unique = sorted.windows(2).all(|pair| pair[0] != pair[1]);
        unique.then_some(names)
    }
}

struct Variants<'s> {
    any: Any<'s>,
    at: u32,
}

impl<'de> Visitor<'de> for Variants<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        expecting(f)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, from: A) -> Result<Value, A::Error> {
        let (index, from) = from.variant::<u32>()?;
        let container = self.any.container(self.at)?;
        let Kind::Enum(variants) = &container.kind else {
            return Err(A::Error::custom("the schema has no variants here"));
        };
        let none = || A::Error::custom(format!("`{}` has no variant {index}", container.name));
        let variant = variants.get(index as usize).ok_or_else(none)?;
        let name = variant.name.to_string();
        let any = self.any;
        let held = match &variant.parts {
            Parts::Unit => {
                from.unit_variant()?;
                return Ok(Value::String(name));
            }
            Parts::Newtype(inner) => from.newtype_variant_seed(any.of(inner))?,
            parts => {
                let shapes = parts.shapes();
                let tuple = Tuple { any, shapes: shapes.iter().copied() };
                let read = from.tuple_variant(shapes.len(), tuple)?;
                any.named(parts, read)?
            }
        };
        Ok(Value::Object(Map::from_iter([(name, held)])))
    }
}
