//! JSON to bytes: values that tell the row's writer what the shape says. The writer's limits hold
//! here as they do for the Rust type.

use std::fmt;

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeTuple, SerializeTupleVariant, Serializer,
};
use serde_json::{Map, Value};

use super::shape::{REST, SOME, is_marked, is_nullable, split};
use super::text;
use crate::codec::CODEC;
use crate::schema::{Container, Form, Kind, Part, Parts, Schema, Shape, Variant, container};

/// A row.
pub(super) struct Row<'a> {
    pub(super) schema: &'a Schema,
    pub(super) value: &'a Value,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (values, rest) = self.values().map_err(S::Error::custom)?;
        let (known, _) = split(self.schema);
        let mut row = to.serialize_tuple(values.len() + rest.len())?;
        for (field, value) in known.iter().zip(values) {
            let path = Path { above: None, step: PathStep::Name(&field.name) };
            let types = &self.schema.types;
            row.serialize_element(&Typed { types, shape: &field.shape, value, path: &path })?;
        }
        for byte in &rest {
            row.serialize_element(byte)?;
        }
        row.end()
    }
}

impl<'a> Row<'a> {
    /// The values of the fields that are known, and the bytes of the others.
    fn values(&self) -> Result<(Vec<&'a Value>, Vec<u8>), String> {
        if self.schema.codec != CODEC {
            let other = self.schema.codec;
            return Err(format!(
                "the rows have encoding {other}, and this release writes encoding {CODEC}"
            ));
        }
        let (known, unknown) = split(self.schema);
        let (values, rest) = match self.schema.form {
            Form::Struct => {
                let names = known.iter().map(|field| &*field.name);
                let object = self.value.as_object().ok_or("the row is no object")?;
                let all = by_name(object, names.chain(unknown.then_some(REST)))?;
                let (values, rest) = all.split_at(known.len());
                (values.to_vec(), rest.first().copied())
            }
            Form::Tuple => {
                let all = self.value.as_array().ok_or("the row is no array")?;
                let (values, rest) =
                    all.split_at_checked(known.len()).ok_or("parts are missing")?;
                if rest.len() != usize::from(unknown) {
                    return Err("the row has other parts than the schema".to_owned());
                }
                (values.iter().collect(), rest.first().and_then(|rest| rest.get(REST)))
            }
            Form::Plain if unknown => (Vec::new(), self.value.get(REST)),
            Form::Plain => (vec![self.value], None),
        };
        if values.len() != known.len() {
            return Err("the schema has other than one field for a row of one".to_owned());
        }
        if !unknown {
            return Ok((values, Vec::new()));
        }
        let rest = rest.and_then(Value::as_str).and_then(text::from_hex);
        Ok((values, rest.ok_or("`...` is no string of hexadecimal digits")?))
    }
}

/// The values of an object that has exactly these names.
fn by_name<'v, 'n>(
    object: &'v Map<String, Value>,
    names: impl Iterator<Item = &'n str>,
) -> Result<Vec<&'v Value>, String> {
    let (mut values, mut known) = (Vec::new(), Vec::new());
    for name in names {
        values.push(object.get(name).ok_or_else(|| format!("`{name}` is missing"))?);
        known.push(name);
    }
    if object.len() == known.len() {
        return Ok(values);
    }
    let other = object.keys().find(|name| !known.contains(&name.as_str()));
    Err(format!("there is no field `{}`", other.map_or("", String::as_str)))
}

/// Where in the JSON a value stands.
struct Path<'a> {
    above: Option<&'a Path<'a>>,
    step: PathStep<'a>,
}

enum PathStep<'a> {
    Name(&'a str),
    At(usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(above) = self.above {
            write!(f, "{above}.")?;
        }
        match self.step {
            PathStep::Name(name) => write!(f, "`{name}`"),
            PathStep::At(at) => write!(f, "{at}"),
        }
    }
}

/// A value of this shape.
struct Typed<'a> {
    types: &'a [Container],
    shape: &'a Shape,
    value: &'a Value,
    path: &'a Path<'a>,
}

impl<'a> Typed<'a> {
    fn below<'b>(&'b self, step: PathStep<'b>) -> Path<'b> {
        Path { above: Some(self.path), step }
    }

    fn of<'b>(&'b self, shape: &'b Shape, value: &'b Value, path: &'b Path<'b>) -> Typed<'b> {
        Typed { types: self.types, shape, value, path }
    }

    fn error<E: Error>(&self, reason: impl fmt::Display) -> E {
        E::custom(format!("field {}: {reason}", self.path))
    }

    fn expected<E: Error>(&self, what: &str) -> E {
        let found = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number that is none of these, or out of range",
            Value::String(_) => "a string that is none of these",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        self.error(format_args!("expected {what}, found {found}"))
    }

    /// An integer: a number, or decimal digits where JSON's numbers end.
    fn integer<T: TryFrom<i128>, E: Error>(&self) -> Result<T, E> {
        let number = match self.value {
            Value::Number(number) => {
                let signed = number.as_i64().map(i128::from);
                signed.or_else(|| number.as_u64().map(i128::from))
            }
            Value::String(digits) if *self.shape == Shape::I128 => digits.parse().ok(),
            _ => None,
        };
        let fits = number.and_then(|number| T::try_from(number).ok());
        fits.ok_or_else(|| self.expected("an integer of its type"))
    }

    fn unsigned<E: Error>(&self) -> Result<u128, E> {
        let number = match self.value {
            Value::String(digits) => digits.parse().ok(),
            value => value.as_u64().map(u128::from),
        };
        number.ok_or_else(|| self.expected("an integer of its type"))
    }

    fn text<E: Error>(&self) -> Result<&'a str, E> {
        self.value.as_str().ok_or_else(|| self.expected("a string"))
    }

    fn array<E: Error>(&self) -> Result<&'a [Value], E> {
        self.value.as_array().map(Vec::as_slice).ok_or_else(|| self.expected("an array"))
    }
}

impl Serialize for Typed<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.shape {
            Shape::Bool => match self.value {
                Value::Bool(flag) => to.serialize_bool(*flag),
                _ => Err(self.expected("a boolean")),
            },
            Shape::I8 => to.serialize_i8(self.integer()?),
            Shape::I16 => to.serialize_i16(self.integer()?),
            Shape::I32 => to.serialize_i32(self.integer()?),
            Shape::I64 => to.serialize_i64(self.integer()?),
            Shape::I128 => to.serialize_i128(self.integer()?),
            Shape::U8 => to.serialize_u8(self.integer()?),
            Shape::U16 => to.serialize_u16(self.integer()?),
            Shape::U32 => to.serialize_u32(self.integer()?),
            Shape::U64 => to.serialize_u64(self.integer()?),
            Shape::U128 => to.serialize_u128(self.unsigned()?),
            Shape::F32 => match text::to_single(self.value) {
                Some(number) => to.serialize_f32(number),
                None => Err(self.expected("a number, \"NaN\", \"inf\" or \"-inf\"")),
            },
            Shape::F64 => match text::to_double(self.value) {
                Some(number) => to.serialize_f64(number),
                None => Err(self.expected("a number, \"NaN\", \"inf\" or \"-inf\"")),
            },
            Shape::Char => {
                let mut letters = self.text()?.chars();
                match (letters.next(), letters.next()) {
                    (Some(letter), None) => to.serialize_char(letter),
                    _ => Err(self.expected("a string of one character")),
                }
            }
            Shape::Str => to.serialize_str(self.text()?),
            Shape::Bytes => self.bytes(to),
            Shape::Option(inner) => self.option(inner, to),
            Shape::Seq(inner) => self.sequence(inner, to),
            Shape::Map(key, value) => self.map(key, value, to),
            Shape::Unit => self.parts(&Parts::Unit, to),
            Shape::Tuple(shapes) => self.tuple(shapes.iter(), to),
            Shape::Array(inner, len) => {
                self.tuple(std::iter::repeat_n(&**inner, *len as usize), to)
            }
            Shape::Named(at) => match container(self.types, *at).map(|known| &known.kind) {
                Some(Kind::Struct(parts)) => self.parts(parts, to),
                Some(Kind::Enum(variants)) => self.variant(variants, to),
                None => Err(self.error(format_args!("the schema has no type {at}"))),
            },
            Shape::Opaque(written) => {
                Err(self.error(format_args!("the structure of `{written}` is not known")))
            }
        }
    }
}

impl Typed<'_> {
    fn bytes<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let byte = |value: &Value| value.as_u64().and_then(|byte| u8::try_from(byte).ok());
        let bytes: Option<Vec<u8>> = self.array()?.iter().map(byte).collect();
        to.serialize_bytes(&bytes.ok_or_else(|| self.expected("an array of bytes"))?)
    }

    fn option<S: Serializer>(&self, inner: &Shape, to: S) -> Result<S::Ok, S::Error> {
        if self.value.is_null() {
            return to.serialize_none();
        }
        let marked = is_nullable(self.types, inner) && is_marked(self.value);
        let held = if marked { self.value.get(SOME) } else { None };
        to.serialize_some(&self.of(inner, held.unwrap_or(self.value), self.path))
    }

    fn sequence<S: Serializer>(&self, inner: &Shape, to: S) -> Result<S::Ok, S::Error> {
        let values = self.array()?;
        let mut sequence = to.serialize_seq(Some(values.len()))?;
        for (at, value) in values.iter().enumerate() {
            let path = self.below(PathStep::At(at));
            sequence.serialize_element(&self.of(inner, value, &path))?;
        }
        sequence.end()
    }

    fn map<S: Serializer>(&self, key: &Shape, value: &Shape, to: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Object(object) if text::is_key(self.types, key) => {
                let mut map = to.serialize_map(Some(object.len()))?;
                for (name, held) in object {
                    let path = self.below(PathStep::Name(name));
                    let found = text::to_key(self.types, key, name);
                    let found = found.ok_or_else(|| self.error(format!("`{name}` is no key")))?;
                    map.serialize_key(&self.of(key, &found, &path))?;
                    map.serialize_value(&self.of(value, held, &path))?;
                }
                map.end()
            }
            Value::Array(pairs) => {
                let mut map = to.serialize_map(Some(pairs.len()))?;
                for (at, pair) in pairs.iter().enumerate() {
                    let path = self.below(PathStep::At(at));
                    let Some([found, held]) = pair.as_array().map(Vec::as_slice) else {
                        return Err(self.error(format!("entry {at} is no pair")));
                    };
                    map.serialize_key(&self.of(key, found, &path))?;
                    map.serialize_value(&self.of(value, held, &path))?;
                }
                map.end()
            }
            _ => Err(self.expected("an object of entries, or an array of pairs")),
        }
    }

    fn tuple<'s, S: Serializer>(
        &self,
        shapes: impl ExactSizeIterator<Item = &'s Shape>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let values = self.array()?;
        if values.len() != shapes.len() {
            return Err(self.error(format!(
                "expected {} parts, found {}",
                shapes.len(),
                values.len()
            )));
        }
        let mut tuple = to.serialize_tuple(values.len())?;
        for (at, (shape, value)) in shapes.zip(values).enumerate() {
            let path = self.below(PathStep::At(at));
            tuple.serialize_element(&self.of(shape, value, &path))?;
        }
        tuple.end()
    }

    /// A struct with these parts.
    fn parts<S: Serializer>(&self, parts: &Parts, to: S) -> Result<S::Ok, S::Error> {
        match parts {
            Parts::Unit if self.value.is_null() => to.serialize_unit(),
            Parts::Unit => Err(self.expected("null")),
            Parts::Newtype(inner) => {
                to.serialize_newtype_struct("", &self.of(inner, self.value, self.path))
            }
            Parts::Tuple(shapes) => self.tuple(shapes.iter(), to),
            Parts::Named(named) => {
                let values = self.named(named, self.value)?;
                let mut tuple = to.serialize_tuple(values.len())?;
                for (part, value) in named.iter().zip(values) {
                    let path = self.below(PathStep::Name(&part.name));
                    tuple.serialize_element(&self.of(&part.shape, value, &path))?;
                }
                tuple.end()
            }
        }
    }

    fn named<'v, E: Error>(&self, parts: &[Part], value: &'v Value) -> Result<Vec<&'v Value>, E> {
        let object = value.as_object().ok_or_else(|| self.expected("an object of its fields"))?;
        by_name(object, parts.iter().map(|part| &*part.name)).map_err(|e| self.error(e))
    }

    fn variant<S: Serializer>(&self, variants: &[Variant], to: S) -> Result<S::Ok, S::Error> {
        let null = Value::Null;
        let (name, held) = match self.value {
            Value::String(name) => (name, &null),
            Value::Object(object) if object.len() == 1 => {
                object.iter().next().ok_or_else(|| self.expected("a variant"))?
            }
            _ => return Err(self.expected("the name of a variant, or an object of one")),
        };
        let found = variants.iter().position(|variant| variant.name == *name);
        let at = found.ok_or_else(|| self.error(format!("there is no variant `{name}`")))?;
        let index = u32::try_from(at).map_err(|_| self.expected("a variant"))?;
        let path = self.below(PathStep::Name(name));
        let inner = self.of(self.shape, held, &path);
        match &variants[at].parts {
            Parts::Unit if held.is_null() => to.serialize_unit_variant("", index, ""),
            Parts::Unit => Err(inner.expected("null")),
            Parts::Newtype(shape) => {
                to.serialize_newtype_variant("", index, "", &self.of(shape, held, &path))
            }
            Parts::Tuple(shapes) => {
                let values = inner.array()?;
                if values.len() != shapes.len() {
                    return Err(inner.expected("an array of as many parts as the variant has"));
                }
                let steps = (0..).map(PathStep::At);
                let parts = steps.zip(shapes.iter().zip(values));
                inner.variant_parts(index, values.len(), parts, to)
            }
            Parts::Named(parts) => {
                let values = inner.named(parts, held)?;
                let len = values.len();
                let parts = parts.iter().zip(values);
                let parts = parts.map(|(p, value)| (PathStep::Name(&p.name), (&p.shape, value)));
                inner.variant_parts(index, len, parts, to)
            }
        }
    }

    fn variant_parts<'v, S: Serializer>(
        &self,
        index: u32,
        len: usize,
        parts: impl Iterator<Item = (PathStep<'v>, (&'v Shape, &'v Value))>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let mut variant = to.serialize_tuple_variant("", index, "", len)?;
        for (step, (shape, value)) in parts {
            let path = self.below(step);
            variant.serialize_field(&self.of(shape, value, &path))?;
        }
        variant.end()
    }
}
