//! The traced types in the form in which they are stored: fields from the first to the last, containers
//! in the order in which the fields name them.

use std::collections::BTreeMap;

use super::tracer::{Tracer, name};
use crate::schema::description::{Field, Form};
use crate::schema::shape::Text;
use crate::schema::shape::{Container, Kind, Part, Parts, Shape, Variant, container};

/// A record's structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Structure {
    pub(super) form: Form,
    pub(super) fields: Vec<Field>,
    pub(super) types: Vec<Container>,
}

/// The findings, with the written texts for the fields that are not known.
pub(super) fn assemble(described: &[(&'static str, &'static str)], tracer: &Tracer) -> Structure {
    let (form, parts) = fields(tracer);
    let complete = parts.iter().all(|part| tracer.knows_shape(&part.shape));
    // Which fields there are is known if all are; else the derive tells.
    let counted = complete || tracer.has_named_root();
    let count = if counted && !parts.is_empty() { parts.len() } else { described.len() };
    let named = parts.len() == count && parts.iter().all(|part| !part.name.starts_with('#'));
    let mut canon = Canon::new(tracer);
    let mut fields = Vec::with_capacity(count);
    for at in 0..count {
        let known = parts.get(at).map(|part| &part.shape);
        let known = known.filter(|shape| tracer.knows_shape(shape));
        let told = described.get(at).filter(|_| described.len() == count);
        let written = told.map_or(Text::Borrowed(""), |(_, written)| Text::Borrowed(written));
        let shape = match known {
            Some(shape) => canon.shape(shape),
            None => Shape::Opaque(written.clone()),
        };
        let name = match (parts.get(at), told) {
            (Some(part), _) if named => part.name.clone(),
            (_, Some((name, _))) => Text::Borrowed(*name),
            _ => name(None, at),
        };
        fields.push(Field { name, written, shape });
    }
    Structure { form, fields, types: canon.finish() }
}

/// The fields as they were traced.
fn fields(tracer: &Tracer) -> (Form, Vec<Part>) {
    let unnamed = |shapes: Vec<&Shape>| {
        let part = |(at, shape): (usize, &&Shape)| Part {
            name: name(None, at),
            shape: Shape::clone(shape),
        };
        shapes.iter().enumerate().map(part).collect()
    };
    match (&tracer.root_parts(), &tracer.root) {
        (Some(Parts::Named(parts)), _) => (Form::Struct, parts.clone()),
        (Some(parts @ Parts::Tuple(_)), _) => (Form::Tuple, unnamed(parts.shapes())),
        (Some(parts @ Parts::Newtype(_)), _) => (Form::Plain, unnamed(parts.shapes())),
        (None, Some(root)) if *root != Shape::UNKNOWN => (Form::Plain, unnamed(vec![root])),
        (Some(Parts::Unit) | None, _) => (Form::Struct, Vec::new()),
    }
}

/// Numbers containers anew, in the order in which they are named.
struct Canon<'t> {
    tracer: &'t Tracer,
    numbers: BTreeMap<u32, u32>,
    types: Vec<Container>,
}

impl<'t> Canon<'t> {
    fn new(tracer: &'t Tracer) -> Self {
        Canon { tracer, numbers: BTreeMap::new(), types: Vec::new() }
    }

    fn finish(self) -> Vec<Container> {
        self.types
    }

    fn shape(&mut self, shape: &Shape) -> Shape {
        match shape {
            Shape::Option(inner) => Shape::Option(Box::new(self.shape(inner))),
            Shape::Seq(inner) => Shape::Seq(Box::new(self.shape(inner))),
            Shape::Map(key, value) => {
                Shape::Map(Box::new(self.shape(key)), Box::new(self.shape(value)))
            }
            Shape::Tuple(parts) => self.tuple(parts),
            Shape::Named(at) => self.named(*at),
            other => other.clone(),
        }
    }

    fn tuple(&mut self, parts: &[Shape]) -> Shape {
        match (parts.split_first(), u32::try_from(parts.len())) {
            (Some((first, rest)), Ok(len)) if rest.iter().all(|part| part == first) => {
                Shape::Array(Box::new(self.shape(first)), len)
            }
            _ => Shape::Tuple(parts.iter().map(|part| self.shape(part)).collect()),
        }
    }

    fn named(&mut self, at: u32) -> Shape {
        if let Some(&number) = self.numbers.get(&at) {
            return Shape::Named(number);
        }
        let Some(known) = container(&self.tracer.types, at) else { return Shape::UNKNOWN };
        let position = self.types.len();
        let number = u32::try_from(position).unwrap_or(u32::MAX);
        self.numbers.insert(at, number);
        // Its place is taken before what it names takes one.
        let name = known.name.clone();
        self.types.push(Container { name, kind: Kind::Struct(Parts::Unit) });
        self.types[position].kind = match &known.kind {
            Kind::Struct(_) => {
                let parts = self.tracer.struct_parts(at as usize);
                Kind::Struct(self.parts(&parts.unwrap_or(Parts::Unit)))
            }
            Kind::Enum(variants) => Kind::Enum(self.variants(at, variants)),
        };
        Shape::Named(number)
    }

    fn variants(&mut self, at: u32, variants: &[Variant]) -> Vec<Variant> {
        let names = self.tracer.progress.get(at as usize).map_or(&[][..], |known| known.names);
        // Names are told by position as long as no variant has an alias.
        let exact = names.len() == variants.len();
        let named = variants.iter().enumerate();
        named
            .map(|(position, variant)| Variant {
                name: name(names.get(position).filter(|_| exact), position),
                parts: self.parts(&self.tracer.variant_parts(at as usize, position, variant)),
            })
            .collect()
    }

    fn parts(&mut self, parts: &Parts) -> Parts {
        match parts {
            Parts::Unit => Parts::Unit,
            Parts::Newtype(shape) => Parts::Newtype(self.shape(shape)),
            Parts::Tuple(shapes) => {
                Parts::Tuple(shapes.iter().map(|shape| self.shape(shape)).collect())
            }
            Parts::Named(parts) => Parts::Named(
                parts
                    .iter()
                    .map(|part| Part { name: part.name.clone(), shape: self.shape(&part.shape) })
                    .collect(),
            ),
        }
    }
}
