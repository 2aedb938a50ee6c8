//! Where the bytes of a member are in a stored row.
//!
//! Rows have no offsets: what precedes a member is passed over by the shapes that the type's fields were traced
//! to. Where those don't tell, as behind a type that can't be followed, the row is decoded.

use super::locate::Locate;
use super::path::{Path, Stored};
use crate::codec::Skipper;
use crate::describe::Findings;
use crate::record::Record;
use crate::schema::{Container, Kind, Shape, container};

/// How deep values may nest that are passed over.
const MAX_LEVELS: usize = 256;

/// The shapes in front of a member, and how it is read.
#[derive(Debug)]
pub(crate) struct Place<V> {
    pub(crate) stored: Option<Stored<V>>,
    before: Vec<&'static Shape>,
    types: &'static [Container],
}

impl<V: 'static> Place<V> {
    /// The place to which a path leads.
    pub(crate) fn of<R: Record, P: Path<R, Value = V>>() -> Self {
        let mut locate = Locate::of(&Findings::of::<R>().schema);
        let stored = P::stored(&mut locate);
        Place { stored, before: locate.before, types: locate.types }
    }

    /// The bytes from the member on; `None` where that can't be told.
    #[inline]
    pub(crate) fn seek<'a>(&self, value: &'a [u8]) -> Option<&'a [u8]> {
        let mut skipper = Skipper::new(value);
        for shape in &self.before {
            skip(&mut skipper, self.types, shape, 0)?;
        }
        Some(skipper.rest())
    }
}

/// Passes over a value of this shape.
fn skip(from: &mut Skipper<'_>, types: &[Container], shape: &Shape, level: usize) -> Option<()> {
    match shape {
        Shape::Bool | Shape::I8 | Shape::U8 => from.bytes(1),
        Shape::F32 => from.bytes(4),
        Shape::F64 => from.bytes(8),
        Shape::I16 | Shape::I32 | Shape::I64 | Shape::I128 => from.integer(),
        Shape::U16 | Shape::U32 | Shape::U64 | Shape::U128 => from.integer(),
        Shape::Char => from.char(),
        Shape::Str | Shape::Bytes => from.counted(),
        Shape::Unit => Some(()),
        Shape::Opaque(_) => None,
        nested => skip_nested(from, types, nested, level.checked_add(1).filter(below_max)?),
    }
}

fn below_max(level: &usize) -> bool {
    *level < MAX_LEVELS
}

fn skip_nested(
    from: &mut Skipper<'_>,
    types: &[Container],
    shape: &Shape,
    level: usize,
) -> Option<()> {
    match shape {
        Shape::Option(inner) => match from.byte()? {
            0 => Some(()),
            _ => skip(from, types, inner, level),
        },
        Shape::Seq(element) => {
            let len = from.length()?;
            skip_elements(from, len, |from| skip(from, types, element, level))
        }
        Shape::Array(element, len) => {
            let len = usize::try_from(*len).ok()?;
            skip_elements(from, len, |from| skip(from, types, element, level))
        }
        Shape::Map(key, value) => {
            let len = from.length()?;
            skip_elements(from, len, |from| {
                skip(from, types, key, level)?;
                skip(from, types, value, level)
            })
        }
        Shape::Tuple(parts) => parts.iter().try_for_each(|part| skip(from, types, part, level)),
        Shape::Named(at) => {
            let parts = match &container(types, *at)?.kind {
                Kind::Struct(parts) => parts,
                Kind::Enum(variants) => {
                    &variants.get(usize::try_from(from.variant()?).ok()?)?.parts
                }
            };
            parts.each_shape(|part| skip(from, types, part, level))
        }
        _ => None,
    }
}

/// Elements that take no bytes end it: there may be any number of them.
fn skip_elements(
    from: &mut Skipper<'_>,
    len: usize,
    mut one: impl FnMut(&mut Skipper<'_>) -> Option<()>,
) -> Option<()> {
    for _ in 0..len {
        let before = from.rest().len();
        one(from)?;
        if from.rest().len() == before {
            return Some(());
        }
    }
    Some(())
}
