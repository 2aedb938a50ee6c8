//! The structure of types, as far as it decides what their values' bytes mean.
//!
//! Invariant: a shape says all that is needed to read a value's bytes without its type. Containers
//! stand in a list beside the shapes and are named by their position in it: that makes recursive
//! types finite, and keeps apart types that have the same name.
//!
//! # File format
//!
//! Shapes are stored in the catalogue by serde and the encoding of rows: the order of the fields
//! and of the variants in this file is what gives them meaning there. Append; a variant that is
//! moved makes stored schemas unreadable. A test pins the bytes.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// A name, or a piece of source.
pub(crate) type Text = Cow<'static, str>;

/// The structure of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Shape {
    Bool,
    I8,
    I16,
    I32,
    I64,
    I128,
    U8,
    U16,
    U32,
    U64,
    U128,
    F32,
    F64,
    Char,
    Str,
    Bytes,
    Unit,
    Option(Box<Shape>),
    Seq(Box<Shape>),
    Map(Box<Shape>, Box<Shape>),
    /// Parts of different shapes, one after the other.
    Tuple(Vec<Shape>),
    /// A tuple whose parts have one shape.
    Array(Box<Shape>, u32),
    /// The container at this position.
    Named(u32),
    /// A type that could not be followed, as it stands in the source.
    Opaque(Text),
}

/// A struct or an enum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Container {
    pub(crate) name: Text,
    pub(crate) kind: Kind,
}

/// The kind of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Struct(Parts),
    /// The variants; their positions are their indexes.
    Enum(Vec<Variant>),
}

/// One variant of an enum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Variant {
    pub(crate) name: Text,
    pub(crate) parts: Parts,
}

/// The parts of a struct or of a variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Parts {
    Unit,
    Newtype(Shape),
    Tuple(Vec<Shape>),
    Named(Vec<Part>),
}

/// A field of a struct or of a variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) name: Text,
    pub(crate) shape: Shape,
}

impl Shape {
    /// The shape of what is not known yet.
    pub(super) const UNKNOWN: Shape = Shape::Opaque(Text::Borrowed(""));

    /// The shapes that stand directly in this one.
    fn parts(&self) -> Vec<&Shape> {
        match self {
            Shape::Option(inner) | Shape::Seq(inner) | Shape::Array(inner, _) => vec![inner],
            Shape::Map(key, value) => vec![key, value],
            Shape::Tuple(parts) => parts.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Calls `see` with this shape and all in it, but not with what containers hold.
    pub(super) fn walk(&self, see: &mut impl FnMut(&Shape)) {
        see(self);
        for part in self.parts() {
            part.walk(see);
        }
    }
}

impl Parts {
    /// The shapes of the parts, in order.
    pub(crate) fn shapes(&self) -> Vec<&Shape> {
        match self {
            Parts::Unit => Vec::new(),
            Parts::Newtype(shape) => vec![shape],
            Parts::Tuple(shapes) => shapes.iter().collect(),
            Parts::Named(parts) => parts.iter().map(|part| &part.shape).collect(),
        }
    }
}

impl Parts {
    /// Calls `each` with the shapes of the parts, in order, for as long as it gives something.
    #[inline]
    pub(crate) fn each_shape(&self, mut each: impl FnMut(&Shape) -> Option<()>) -> Option<()> {
        match self {
            Parts::Unit => Some(()),
            Parts::Newtype(shape) => each(shape),
            Parts::Tuple(shapes) => shapes.iter().try_for_each(each),
            Parts::Named(parts) => parts.iter().try_for_each(|part| each(&part.shape)),
        }
    }
}

impl Container {
    /// The shapes of all parts.
    pub(super) fn shapes(&self) -> Vec<&Shape> {
        match &self.kind {
            Kind::Struct(parts) => parts.shapes(),
            Kind::Enum(variants) => variants.iter().flat_map(|v| v.parts.shapes()).collect(),
        }
    }
}

/// The container at a position; `None` where stored bytes name one that is not there.
pub(crate) fn container(types: &[Container], at: u32) -> Option<&Container> {
    types.get(usize::try_from(at).ok()?)
}

/// Whether `test` holds for `shape` and for all that can be reached from it.
pub(super) fn all_reachable(
    types: &[Container],
    shape: &Shape,
    mut test: impl FnMut(&Shape) -> bool,
) -> bool {
    let (mut holds, mut seen, mut left) = (true, BTreeSet::new(), vec![shape]);
    while let Some(shape) = left.pop() {
        let mut named = Vec::new();
        shape.walk(&mut |shape| {
            holds &= test(shape);
            if let Shape::Named(at) = shape {
                named.push(*at);
            }
        });
        for at in named.into_iter().filter(|at| seen.insert(*at)) {
            left.extend(container(types, at).iter().flat_map(|container| container.shapes()));
        }
    }
    holds
}
