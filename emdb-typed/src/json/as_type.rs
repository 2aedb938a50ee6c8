//! JSON to a row by the type's own serde: `default` fills in what is absent, `alias` is another name, and
//! `Option` may be left out.
//!
//! It reads all that an export writes of a type whose structure is known, where serde_json would stop:
//! floats that are no numbers, large integers, options of options, maps whose keys are no strings. A type
//! may have two forms, one for machines (an export has that one) and one for people (a `Uuid` as text); a row
//! is read in the first, or else in the second.
//!
//! Invariant: nothing of the JSON is passed over.

mod failed;
mod key;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use super::shape::{SOME, is_marked};
use super::text;
use failed::Failed;
use key::Key;

/// The row that a line tells.
pub(super) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    let given = |readable| Given { value, readable, inside_some: false };
    let first = match T::deserialize(given(false)) {
        Ok(row) => return Ok(row),
        Err(failed) => failed.to_string(),
    };
    T::deserialize(given(true)).map_err(|failed| match failed.to_string() {
        second if second == first => first,
        second => format!("{first}; or, in the form for people, {second}"),
    })
}

/// A value, which a type asks for.
#[derive(Clone, Copy)]
struct Given<'de> {
    value: &'de Value,
    readable: bool,
    /// It stands in a `Some`, where what may be `null` itself is marked.
    inside_some: bool,
}

impl<'de> Given<'de> {
    fn of(self, value: &'de Value) -> Given<'de> {
        Given { value, inside_some: false, ..self }
    }

    /// The value without the mark, for a type that may be `null`.
    fn unmarked(self) -> Given<'de> {
        match self.value.get(SOME) {
            Some(held) if self.inside_some && is_marked(self.value) => self.of(held),
            _ => self.of(self.value),
        }
    }

    fn mistaken<T>(self, visitor: &dyn serde::de::Expected) -> Result<T, Failed> {
        let found = match self.value {
            Value::Null => Unexpected::Unit,
            Value::Bool(flag) => Unexpected::Bool(*flag),
            Value::Number(_) => Unexpected::Other("number"),
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        };
        Err(Failed::invalid_type(found, visitor))
    }

    fn array<V: Visitor<'de>>(self, values: &'de [Value], visitor: V) -> Result<V::Value, Failed> {
        let mut elements = Elements { given: self, values, at: 0 };
        let read = visitor.visit_seq(&mut elements)?;
        match elements.values.get(elements.at) {
            None => Ok(read),
            Some(_) => Err(Failed::custom(format!(
                "expected {} parts, found {}",
                elements.at,
                values.len()
            ))),
        }
    }

    fn object<V: Visitor<'de>>(
        self,
        members: &'de Map<String, Value>,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        let mut members = Members { given: self, members: members.iter(), value: None };
        let read = visitor.visit_map(&mut members)?;
        match members.members.next() {
            None => Ok(read),
            Some((name, _)) => Err(no_field().below(format_args!("`{name}`"))),
        }
    }
}

fn no_field() -> Failed {
    Failed::custom("there is no such field")
}

impl<'de> Deserializer<'de> for Given<'de> {
    type Error = Failed;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), _, _) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                (_, _, Some(number)) => visitor.visit_f64(number),
                _ => self.mistaken(&visitor),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(values) => self.array(values, visitor),
            Value::Object(members) => self.object(members, visitor),
        }
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        match self.value.as_str().and_then(|digits| digits.parse().ok()) {
            Some(number) => visitor.visit_i128(number),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        match self.value.as_str().and_then(|digits| digits.parse().ok()) {
            Some(number) => visitor.visit_u128(number),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        match text::to_single(self.value) {
            Some(number) => visitor.visit_f32(number),
            None => self.mistaken(&visitor),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        match text::to_double(self.value) {
            Some(number) => visitor.visit_f64(number),
            None => self.mistaken(&visitor),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        let Value::Array(values) = self.value else { return self.deserialize_any(visitor) };
        let byte = |value: &Value| value.as_u64().and_then(|byte| u8::try_from(byte).ok());
        match values.iter().map(byte).collect() {
            Some(bytes) => visitor.visit_byte_buf(bytes),
            None => self.mistaken(&visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        let given = self.unmarked();
        match given.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(Given { inside_some: true, ..given }),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.unmarked().deserialize_any(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        match self.value {
            Value::Object(members) => self.object(members, visitor),
            Value::Array(pairs) => {
                visitor.visit_map(Pairs { given: self, pairs: pairs.iter(), value: None })
            }
            _ => self.mistaken(&visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        match self.value {
            Value::Object(members) => self.object(members, visitor),
            _ => self.mistaken(&visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        let (name, held) = match self.value {
            Value::String(name) => (name, None),
            Value::Object(object) if object.len() == 1 => match object.iter().next() {
                Some((name, held)) => (name, Some(held)),
                None => return self.mistaken(&visitor),
            },
            _ => return self.mistaken(&visitor),
        };
        visitor.visit_enum(Variant { given: self, name, held })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Failed> {
        Err(no_field())
    }

    fn is_human_readable(&self) -> bool {
        self.readable
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 char str string seq tuple tuple_struct identifier
    }
}

/// The elements of an array.
struct Elements<'de> {
    given: Given<'de>,
    values: &'de [Value],
    at: usize,
}

impl<'de> SeqAccess<'de> for &mut Elements<'de> {
    type Error = Failed;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Failed> {
        let Some(value) = self.values.get(self.at) else { return Ok(None) };
        let read = seed.deserialize(self.given.of(value)).map_err(|e| e.below(self.at))?;
        self.at += 1;
        Ok(Some(read))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.values.len() - self.at)
    }
}

/// The members of an object.
struct Members<'de> {
    given: Given<'de>,
    members: serde_json::map::Iter<'de>,
    value: Option<(&'de str, &'de Value)>,
}

impl<'de> MapAccess<'de> for &mut Members<'de> {
    type Error = Failed;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Failed> {
        let Some((text, value)) = self.members.next() else { return Ok(None) };
        self.value = Some((text, value));
        seed.deserialize(Key { text, readable: self.given.readable }).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failed> {
        let (name, value) = self.value.take().ok_or_else(no_field)?;
        let read = seed.deserialize(self.given.of(value));
        read.map_err(|e| e.below(format_args!("`{name}`")))
    }
}

/// The entries of a map whose keys are no strings.
struct Pairs<'de> {
    given: Given<'de>,
    pairs: std::slice::Iter<'de, Value>,
    value: Option<&'de Value>,
}

impl<'de> MapAccess<'de> for Pairs<'de> {
    type Error = Failed;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Failed> {
        let Some(pair) = self.pairs.next() else { return Ok(None) };
        let Some([key, value]) = pair.as_array().map(Vec::as_slice) else {
            return Err(Failed::custom("an entry of a map is no pair"));
        };
        self.value = Some(value);
        seed.deserialize(self.given.of(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failed> {
        let value = self.value.take().ok_or_else(no_field)?;
        seed.deserialize(self.given.of(value))
    }
}

/// A variant of an enum, and what it holds.
struct Variant<'de> {
    given: Given<'de>,
    name: &'de str,
    held: Option<&'de Value>,
}

impl<'de> Variant<'de> {
    fn held(&self) -> Result<Given<'de>, Failed> {
        let held = self.held.map(|held| self.given.of(held));
        held.ok_or_else(|| Failed::custom(format!("`{}` is told without what it holds", self.name)))
    }
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Failed;
    type Variant = Variant<'de>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Variant<'de>), Failed> {
        let name = Key { text: self.name, readable: self.given.readable };
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Failed;

    fn unit_variant(self) -> Result<(), Failed> {
        match self.held {
            None | Some(Value::Null) => Ok(()),
            Some(_) => Err(Failed::custom(format!("`{}` holds nothing", self.name))),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Failed> {
        let read = seed.deserialize(self.held()?);
        read.map_err(|e| e.below(format_args!("`{}`", self.name)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failed> {
        let read = self.held()?.deserialize_tuple(len, visitor);
        read.map_err(|e| e.below(format_args!("`{}`", self.name)))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        let read = self.held()?.deserialize_struct("", fields, visitor);
        read.map_err(|e| e.below(format_args!("`{}`", self.name)))
    }
}
