//! Shapes as people write types.

use super::shape::{Container, Kind, Parts, Shape, container};

/// A shape in one line: containers by their names.
pub(super) fn shape(types: &[Container], of: &Shape) -> String {
    let text = |of: &Shape| shape(types, of);
    match of {
        Shape::Bool => "bool".to_owned(),
        Shape::I8 => "i8".to_owned(),
        Shape::I16 => "i16".to_owned(),
        Shape::I32 => "i32".to_owned(),
        Shape::I64 => "i64".to_owned(),
        Shape::I128 => "i128".to_owned(),
        Shape::U8 => "u8".to_owned(),
        Shape::U16 => "u16".to_owned(),
        Shape::U32 => "u32".to_owned(),
        Shape::U64 => "u64".to_owned(),
        Shape::U128 => "u128".to_owned(),
        Shape::F32 => "f32".to_owned(),
        Shape::F64 => "f64".to_owned(),
        Shape::Char => "char".to_owned(),
        Shape::Str => "String".to_owned(),
        Shape::Bytes => "Bytes".to_owned(),
        Shape::Unit => "()".to_owned(),
        Shape::Option(inner) => format!("Option<{}>", text(inner)),
        Shape::Seq(inner) => format!("Vec<{}>", text(inner)),
        Shape::Map(key, value) => format!("Map<{}, {}>", text(key), text(value)),
        Shape::Tuple(parts) => format!("({})", list(types, parts)),
        Shape::Array(inner, len) => format!("[{}; {len}]", text(inner)),
        Shape::Named(at) => match container(types, *at) {
            Some(container) => container.name.to_string(),
            None => format!("type {at}"),
        },
        Shape::Opaque(written) => written.to_string(),
    }
}

fn list(types: &[Container], shapes: &[Shape]) -> String {
    let shapes: Vec<_> = shapes.iter().map(|of| shape(types, of)).collect();
    shapes.join(", ")
}

/// A container as it is defined, in one line.
pub(super) fn definition(types: &[Container], of: &Container) -> String {
    match &of.kind {
        Kind::Struct(held) => format!("struct {}{}", of.name, parts(types, held)),
        Kind::Enum(variants) => {
            let variants = variants.iter().map(|v| format!("{}{}", v.name, parts(types, &v.parts)));
            format!("enum {} {{ {} }}", of.name, variants.collect::<Vec<_>>().join(", "))
        }
    }
}

/// The text that follows the name of a struct or of a variant.
pub(super) fn parts(types: &[Container], of: &Parts) -> String {
    match of {
        Parts::Unit => String::new(),
        Parts::Newtype(inner) => format!("({})", shape(types, inner)),
        Parts::Tuple(shapes) => format!("({})", list(types, shapes)),
        Parts::Named(parts) => {
            let parts = parts.iter().map(|p| format!("{}: {}", p.name, shape(types, &p.shape)));
            format!(" {{ {} }}", parts.collect::<Vec<_>>().join(", "))
        }
    }
}
