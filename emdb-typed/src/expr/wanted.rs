//! The values that a comparison wants, and where an index has them.

use std::cmp::Ordering;
use std::ops::Bound;

use super::path::KeyForm;
use crate::key::{around_parts, beginning_with};

/// The values that match.
#[derive(Debug, Clone)]
pub(crate) enum Wanted<V> {
    /// One of these.
    Points(Vec<V>),
    /// Those in a range.
    Range(Bound<V>, Bound<V>),
}

/// The form of an index's or a key's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// In front of something else.
    Part,
    /// At the end of a primary key.
    Whole,
    /// Of the elements, which have entries each.
    Element,
}

/// The bytes that an index or a key has for what matches, and for nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Access {
    /// Beginning with one of these, which differ and are in order; of a final form, they are all.
    Points(Vec<Vec<u8>>),
    /// Those in a range.
    Range(Bound<Vec<u8>>, Bound<Vec<u8>>),
}

impl Access {
    /// The points in order, each once.
    pub(crate) fn points(mut points: Vec<Vec<u8>>) -> Self {
        points.sort_unstable();
        points.dedup();
        Access::Points(points)
    }

    /// All that begins with these bytes.
    pub(crate) fn prefix(bytes: Vec<u8>) -> Self {
        let (start, end) = beginning_with(bytes);
        Access::Range(start, end)
    }
}

impl<V> Wanted<V> {
    /// Where an index has them.
    pub(crate) fn access(&self, key: &KeyForm<V>, form: Form) -> Option<Access> {
        let bytes = |value: &V| {
            let mut out = Vec::new();
            match form {
                Form::Part => (key.part)(value, &mut out),
                Form::Whole | Form::Element => (key.whole)(value, &mut out),
            }
            out
        };
        match (self, form) {
            (_, Form::Element) => None,
            (Wanted::Points(values), _) => Some(Access::points(values.iter().map(bytes).collect())),
            (Wanted::Range(start, end), _) => {
                let (start, end) = (start.as_ref().map(bytes), end.as_ref().map(bytes));
                let (start, end) = match form {
                    Form::Part => around_parts(start, end),
                    _ => (start, end),
                };
                Some(Access::Range(start, end))
            }
        }
    }
}

impl<V> Wanted<V> {
    /// Whether a value is among them of which `order` tells how others stand to it.
    pub(crate) fn contains_by(&self, order: impl Fn(&V) -> Ordering) -> bool {
        match self {
            Wanted::Points(points) => points.iter().any(|point| order(point).is_eq()),
            Wanted::Range(start, end) => {
                let behind_start = match start {
                    Bound::Included(start) => order(start).is_le(),
                    Bound::Excluded(start) => order(start).is_lt(),
                    Bound::Unbounded => true,
                };
                behind_start
                    && match end {
                        Bound::Included(end) => order(end).is_ge(),
                        Bound::Excluded(end) => order(end).is_gt(),
                        Bound::Unbounded => true,
                    }
            }
        }
    }
}

impl<V: PartialEq> Wanted<V> {
    /// Whether a value is among the points.
    pub(crate) fn equals(&self, value: &V) -> bool {
        match self {
            Wanted::Points(points) => points.contains(value),
            Wanted::Range(..) => false,
        }
    }
}

impl<V: PartialOrd> Wanted<V> {
    /// Whether a value is in the range.
    pub(crate) fn spans(&self, value: &V) -> bool {
        let Wanted::Range(start, end) = self else { return false };
        let behind_start = match start {
            Bound::Included(start) => value >= start,
            Bound::Excluded(start) => value > start,
            Bound::Unbounded => true,
        };
        behind_start
            && match end {
                Bound::Included(end) => value <= end,
                Bound::Excluded(end) => value < end,
                Bound::Unbounded => true,
            }
    }
}
