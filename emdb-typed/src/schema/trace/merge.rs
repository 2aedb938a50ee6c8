//! The knowledge of several passes, put together.

use crate::schema::shape::{Part, Parts, Shape};

/// All that two passes know of one shape; `None` if they contradict each other.
pub(super) fn merge(known: &Shape, new: &Shape) -> Option<Shape> {
    let boxed = |known, new| merge(known, new).map(Box::new);
    Some(match (known, new) {
        (known, new) if *known == Shape::UNKNOWN => new.clone(),
        (known, new) if *new == Shape::UNKNOWN => known.clone(),
        (Shape::Option(known), Shape::Option(new)) => Shape::Option(boxed(known, new)?),
        (Shape::Seq(known), Shape::Seq(new)) => Shape::Seq(boxed(known, new)?),
        (Shape::Map(key, value), Shape::Map(new_key, new_value)) => {
            Shape::Map(boxed(key, new_key)?, boxed(value, new_value)?)
        }
        (Shape::Tuple(known), Shape::Tuple(new)) => Shape::Tuple(merge_all(known, new)?),
        (known, new) if known == new => known.clone(),
        _ => return None,
    })
}

/// Of two lists, a longer one comes from a pass that was refused before its end was known.
pub(super) fn merge_all(known: &[Shape], new: &[Shape]) -> Option<Vec<Shape>> {
    known.iter().zip(new).map(|(known, new)| merge(known, new)).collect()
}

pub(super) fn merge_parts(known: &Parts, new: &Parts) -> Option<Parts> {
    Some(match (known, new) {
        (Parts::Unit, Parts::Unit) => Parts::Unit,
        (Parts::Newtype(known), Parts::Newtype(new)) => Parts::Newtype(merge(known, new)?),
        (Parts::Tuple(known), Parts::Tuple(new)) => Parts::Tuple(merge_all(known, new)?),
        (Parts::Named(known), Parts::Named(new)) => {
            let names = if new.len() < known.len() { new } else { known };
            let parts = names.iter().zip(known.iter().zip(new)).map(|(named, (known, new))| {
                let shape = merge(&known.shape, &new.shape)?;
                Some(Part { name: named.name.clone(), shape })
            });
            Parts::Named(parts.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}
