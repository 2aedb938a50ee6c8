//! Comparisons of a field with values.

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Bound;

use super::expression::{Expr, Leaf};
use super::field::Field;
use super::operand::{Operand, OperandRange};
use super::path::Path;
use super::place::Place;
use super::row_bytes::RowBytes;
use super::wanted::{Access, Form, Wanted};
use crate::error::TableError;
use crate::record::Record;

/// The values that match, with how they are compared.
struct Values<V> {
    verb: &'static str,
    wanted: Wanted<V>,
    test: fn(&Values<V>, &V) -> bool,
    /// The values that are not wanted match.
    negated: bool,
    /// It never matches.
    never: Option<V>,
}

impl<V: PartialEq> Values<V> {
    fn points(verb: &'static str, points: Vec<V>) -> Self {
        let test = |values: &Self, value: &V| values.wanted.equals(value);
        Values { verb, wanted: Wanted::Points(points), test, negated: false, never: None }
    }

    fn except(value: V, never: Option<V>) -> Self {
        let test = |values: &Self, value: &V| {
            values.never.as_ref() != Some(value) && !values.wanted.equals(value)
        };
        let wanted = Wanted::Points(vec![value]);
        Values { verb: "!=", wanted, test, negated: true, never }
    }
}

impl<V: PartialOrd> Values<V> {
    /// Those in a range. `never` is less than all others.
    fn range(verb: &'static str, (start, end): (Bound<V>, Bound<V>), never: Option<V>) -> Self {
        let start = match (start, never) {
            (Bound::Unbounded, Some(never)) => Bound::Excluded(never),
            (start, _) => start,
        };
        let test = |values: &Self, value: &V| values.wanted.spans(value);
        Values { verb, wanted: Wanted::Range(start, end), test, negated: false, never: None }
    }
}

impl<V> Values<V> {
    /// Whether a value matches of which `order` tells how others stand to it.
    fn match_by(&self, order: impl Fn(&V) -> Ordering) -> bool {
        if self.never.as_ref().is_some_and(|never| order(never).is_eq()) {
            return false;
        }
        self.wanted.contains_by(order) != self.negated
    }
}

/// Compares text where it lies, if `V` is some.
type Lent<V> = fn(&Values<V>, Option<&str>) -> bool;

fn lent<V: 'static>() -> Option<(Lent<V>, bool)> {
    fn test<V: 'static, W: 'static>(values: &Values<V>, order: impl Fn(&W) -> Ordering) -> bool {
        let values = (values as &dyn Any).downcast_ref::<Values<W>>();
        values.is_some_and(|values| values.match_by(order))
    }
    if TypeId::of::<V>() == TypeId::of::<String>() {
        let text: Lent<V> = |values, text| test(values, |at: &String| Some(at.as_str()).cmp(&text));
        return Some((text, false));
    }
    if TypeId::of::<V>() == TypeId::of::<Option<String>>() {
        let text: Lent<V> =
            |values, text| test(values, |at: &Option<String>| at.as_deref().cmp(&text));
        return Some((text, true));
    }
    None
}

/// A comparison of the value at a path.
struct Compare<R, P: Path<R>> {
    name: Cow<'static, str>,
    place: Place<P::Value>,
    values: Values<P::Value>,
    lent: Option<(Lent<P::Value>, bool)>,
}

impl<R: Record, P: Path<R>> Compare<R, P>
where
    P::Value: Send + Sync,
{
    fn expr(values: Values<P::Value>) -> Expr<R> {
        let place = Place::of::<R, P>();
        Expr::leaf(Compare::<R, P> { name: P::name(), place, values, lent: lent() })
    }
}

impl<R: Record, P: Path<R>> Leaf<R> for Compare<R, P>
where
    P::Value: Send + Sync,
{
    #[inline]
    fn holds(&self, row: &RowBytes<'_, R>) -> Result<bool, TableError> {
        if let Some((lent, optional)) = self.lent
            && let Some(text) = row.lend_text(&self.place, optional)
        {
            return Ok(lent(&self.values, text?));
        }
        row.read::<P, _>(&self.place, |value| (self.values.test)(&self.values, value))
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn verb(&self) -> &'static str {
        self.values.verb
    }

    fn access(&self, form: Form) -> Option<Access> {
        if self.values.negated {
            return None;
        }
        self.values.wanted.access(&P::key_form()?, form)
    }

    fn write_values(&self, out: &mut Vec<u8>) {
        let Some(stored) = &self.place.stored else { return };
        let mut value = |value: &P::Value| {
            let bytes = (stored.write)(value);
            out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            out.extend_from_slice(&bytes);
        };
        match &self.values.wanted {
            Wanted::Points(points) => points.iter().for_each(value),
            Wanted::Range(start, end) => {
                let mut ends = Vec::new();
                for bound in [start, end] {
                    match bound {
                        Bound::Unbounded => ends.push(0),
                        Bound::Included(end) => {
                            ends.push(1);
                            value(end);
                        }
                        Bound::Excluded(end) => {
                            ends.push(2);
                            value(end);
                        }
                    }
                }
                out.extend_from_slice(&ends);
            }
        }
    }
}

impl<R, V, P> Field<R, V, P>
where
    R: Record,
    V: PartialEq + Send + Sync + 'static,
    P: Path<R, Value = V>,
{
    /// The rows whose value is this one.
    pub fn eq(self, value: impl Operand<V>) -> Expr<R> {
        Compare::<R, P>::expr(Values::points("=", vec![value.into_value()]))
    }

    /// The rows whose value is another one; not those with `None`, if the value is given as what an `Option` has.
    pub fn ne<O: Operand<V>>(self, value: O) -> Expr<R> {
        Compare::<R, P>::expr(Values::except(value.into_value(), O::never()))
    }

    /// The rows whose value is one of these.
    pub fn one_of<O: Operand<V>>(self, values: impl IntoIterator<Item = O>) -> Expr<R> {
        let values = values.into_iter().map(O::into_value).collect();
        Compare::<R, P>::expr(Values::points("one of", values))
    }
}

impl<R, V, P> Field<R, V, P>
where
    R: Record,
    V: PartialOrd + Send + Sync + 'static,
    P: Path<R, Value = V>,
{
    fn between<O: Operand<V>>(verb: &'static str, start: Bound<O>, end: Bound<O>) -> Expr<R> {
        let bounds = (start.map(O::into_value), end.map(O::into_value));
        Compare::<R, P>::expr(Values::range(verb, bounds, O::never()))
    }

    /// The rows whose value is less than this one.
    pub fn lt<O: Operand<V>>(self, value: O) -> Expr<R> {
        Self::between("<", Bound::Unbounded, Bound::Excluded(value))
    }

    /// The rows whose value is at most this one.
    pub fn le<O: Operand<V>>(self, value: O) -> Expr<R> {
        Self::between("<=", Bound::Unbounded, Bound::Included(value))
    }

    /// The rows whose value is greater than this one.
    pub fn gt<O: Operand<V>>(self, value: O) -> Expr<R> {
        Self::between(">", Bound::Excluded(value), Bound::Unbounded)
    }

    /// The rows whose value is at least this one.
    pub fn ge<O: Operand<V>>(self, value: O) -> Expr<R> {
        Self::between(">=", Bound::Included(value), Bound::Unbounded)
    }

    /// The rows whose value is in a range.
    pub fn within<B: OperandRange<V>>(self, range: B) -> Expr<R> {
        Compare::<R, P>::expr(Values::range("within", range.into_bounds(), B::never()))
    }
}

impl<R, V, P> Field<R, Option<V>, P>
where
    R: Record,
    V: PartialOrd + Send + Sync + 'static,
    P: Path<R, Value = Option<V>>,
{
    /// The rows that have no value.
    pub fn is_none(self) -> Expr<R> {
        Compare::<R, P>::expr(Values { verb: "is none", ..Values::points("", vec![None]) })
    }

    /// The rows that have a value.
    pub fn is_some(self) -> Expr<R> {
        let bounds = (Bound::Excluded(None), Bound::Unbounded);
        Compare::<R, P>::expr(Values::range("is some", bounds, None))
    }
}
