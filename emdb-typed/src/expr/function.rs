//! Conditions that a function tells of a member.

use std::borrow::Cow;

use super::expression::{Expr, Leaf};
use super::field::Field;
use super::path::Path;
use super::place::Place;
use super::row_bytes::RowBytes;
use super::wanted::{Access, Form};
use crate::error::TableError;
use crate::record::Record;

/// A function of the value at a path, with what a plan and a cursor know of it.
pub(super) struct Function<R, P: Path<R>, F> {
    name: Cow<'static, str>,
    verb: &'static str,
    place: Place<P::Value>,
    test: F,
    /// The values in it, as bytes.
    values: Vec<u8>,
    /// Where an index over the elements has the rows.
    elements: Option<Access>,
}

impl<R: Record, P: Path<R>, F: Fn(&P::Value) -> bool + Send + Sync + 'static> Function<R, P, F> {
    pub(super) fn expr(verb: &'static str, values: Vec<u8>, test: F) -> Expr<R> {
        Self::indexed(verb, values, None, test)
    }

    pub(super) fn indexed(
        verb: &'static str,
        values: Vec<u8>,
        elements: Option<Access>,
        test: F,
    ) -> Expr<R> {
        let (name, place) = (P::name(), Place::of::<R, P>());
        Expr::leaf(Function::<R, P, F> { name, verb, place, test, values, elements })
    }
}

impl<R: Record, P: Path<R>, F: Fn(&P::Value) -> bool + Send + Sync + 'static> Leaf<R>
    for Function<R, P, F>
{
    fn holds(&self, row: &RowBytes<'_, R>) -> Result<bool, TableError> {
        row.read::<P, _>(&self.place, &self.test)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn verb(&self) -> &'static str {
        self.verb
    }

    fn access(&self, form: Form) -> Option<Access> {
        if form == Form::Element { self.elements.clone() } else { None }
    }

    fn write_values(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.values);
    }
}

impl<R: Record, V: 'static, P: Path<R, Value = V>> Field<R, V, P> {
    /// The rows for whose value a function says so. No index serves it.
    pub fn matches(self, test: impl Fn(&V) -> bool + Send + Sync + 'static) -> Expr<R> {
        Function::<R, P, _>::expr("matches", Vec::new(), test)
    }

    /// For the derive: the rows whose enum has this variant.
    #[doc(hidden)]
    pub fn is_kind(self, kind: usize, test: fn(&V) -> bool) -> Expr<R> {
        Function::<R, P, _>::expr("is a", kind.to_be_bytes().to_vec(), test)
    }
}
