//! The rules of the JSON of a value, whichever way it goes.

use serde_json::{Map, Value};

use crate::schema::{Container, Field, Kind, Parts, Schema, Shape, container};

/// The name of what stands for all that is not known.
pub(super) const REST: &str = "...";

/// The name of what stands in a `Some` of `null`.
pub(super) const SOME: &str = "some";

/// The fields whose types are known, and whether there are others behind them.
pub(super) fn split(schema: &Schema) -> (&[Field], bool) {
    let opaque = |field: &Field| matches!(field.shape, Shape::Opaque(_));
    match schema.fields.iter().position(opaque) {
        Some(at) => (&schema.fields[..at], true),
        None => (&schema.fields, false),
    }
}

/// An object with each name once.
pub(super) fn object(entries: impl Iterator<Item = (String, Value)>) -> Result<Value, String> {
    let mut object = Map::new();
    for (name, value) in entries {
        if object.contains_key(&name) {
            return Err(format!("the schema has two fields `{name}`"));
        }
        object.insert(name, value);
    }
    Ok(Value::Object(object))
}

/// The shape inside of newtypes.
pub(super) fn transparent<'s>(types: &'s [Container], mut shape: &'s Shape) -> &'s Shape {
    // Stored bytes may name a newtype of itself.
    for _ in 0..=types.len() {
        match shape {
            Shape::Named(at) => match container(types, *at).map(|known| &known.kind) {
                Some(Kind::Struct(Parts::Newtype(inner))) => shape = inner,
                _ => break,
            },
            _ => break,
        }
    }
    shape
}

/// Whether a value of this shape can be `null`, so that an option of it has two of them.
pub(super) fn is_nullable(types: &[Container], shape: &Shape) -> bool {
    match transparent(types, shape) {
        Shape::Option(_) | Shape::Unit => true,
        Shape::Named(at) => {
            let known = container(types, *at).map(|known| &known.kind);
            matches!(known, Some(Kind::Struct(Parts::Unit)))
        }
        _ => false,
    }
}

/// Whether the JSON of a value inside of a `Some` has to be marked, or looks as if it was.
pub(super) fn is_marked(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.len() == 1 && object.contains_key(SOME))
}
