//! Conditions on what a field holds several of.

use std::any::Any;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::ops::RangeBounds;

use super::expression::Expr;
use super::field::Field;
use super::function::Function;
use super::operand::Operand;
use super::path::Path;
use super::wanted::Access;
use crate::record::Record;
use crate::seal::Seal;

/// A field with elements.
///
/// This trait is sealed: it is implemented for `Vec`, `VecDeque`, `BTreeSet`, `HashSet`, arrays and boxed slices.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no elements",
    label = "not a `Vec`, a `VecDeque`, a set, an array or a boxed slice",
    note = "`matches` takes a function of any value"
)]
pub trait Collection: 'static {
    #[doc(hidden)]
    const SEAL: Seal;

    /// The type of the elements.
    type Item: 'static;

    /// How many there are.
    #[doc(hidden)]
    fn count(&self) -> usize;

    /// Whether this is one of them.
    #[doc(hidden)]
    fn has(&self, element: &Self::Item) -> bool;
}

macro_rules! collections {
    ($(($($parameters:tt)*) $collection:ty;)*) => {$(
        impl<$($parameters)*> Collection for $collection {
            const SEAL: Seal = Seal;
            type Item = V;

            fn count(&self) -> usize {
                self.len()
            }

            fn has(&self, element: &V) -> bool {
                self.contains(element)
            }
        }
    )*};
}

collections! {
    (V: PartialEq + 'static) Vec<V>;
    (V: PartialEq + 'static) VecDeque<V>;
    (V: PartialEq + 'static) Box<[V]>;
    (V: Ord + 'static) BTreeSet<V>;
    (V: Eq + Hash + 'static, S: BuildHasher + 'static) HashSet<V, S>;
    (V: PartialEq + 'static, const N: usize) [V; N];
}

impl<R: Record, V: Collection, P: Path<R, Value = V>> Field<R, V, P> {
    /// The rows that have this element.
    pub fn has(self, element: impl Operand<V::Item>) -> Expr<R>
    where
        V::Item: Send + Sync,
    {
        let element = element.into_value();
        let access = P::element_form().map(|form| {
            let mut bytes = Vec::new();
            (form.part)(&element as &dyn Any, &mut bytes);
            Access::Points(vec![bytes])
        });
        let values = match &access {
            Some(Access::Points(points)) => points.concat(),
            _ => Vec::new(),
        };
        let test = move |elements: &V| elements.has(&element);
        Function::<R, P, _>::indexed("has", values, access, test)
    }

    /// The rows that have no element.
    pub fn is_empty(self) -> Expr<R> {
        Function::<R, P, _>::expr("is empty", Vec::new(), |elements: &V| elements.count() == 0)
    }

    /// The number of elements, to be compared.
    pub fn len(self) -> Length<R, V, P> {
        Length { types: PhantomData }
    }
}

/// The number of elements of a field, from [`Field::len`].
#[must_use = "compare it: `f.tags.len().ge(2)`"]
pub struct Length<R, V, P> {
    types: PhantomData<Types<R, V, P>>,
}

/// It has none of them.
type Types<R, V, P> = fn() -> (R, V, P);

impl<R: Record, V: Collection, P: Path<R, Value = V>> Length<R, V, P> {
    fn expr(
        verb: &'static str,
        lengths: &[usize],
        test: impl Fn(usize) -> bool + Send + Sync + 'static,
    ) -> Expr<R> {
        let values = lengths.iter().flat_map(|length| (*length as u64).to_be_bytes()).collect();
        Function::<R, P, _>::expr(verb, values, move |elements: &V| test(elements.count()))
    }

    /// The rows with so many elements.
    pub fn eq(self, length: usize) -> Expr<R> {
        Self::expr("has as many as", &[length], move |len| len == length)
    }

    /// The rows with more elements than that, or fewer.
    pub fn ne(self, length: usize) -> Expr<R> {
        Self::expr("has not as many as", &[length], move |len| len != length)
    }

    /// The rows with fewer elements.
    pub fn lt(self, length: usize) -> Expr<R> {
        Self::expr("has fewer than", &[length], move |len| len < length)
    }

    /// The rows with at most so many elements.
    pub fn le(self, length: usize) -> Expr<R> {
        Self::expr("has at most", &[length], move |len| len <= length)
    }

    /// The rows with more elements.
    pub fn gt(self, length: usize) -> Expr<R> {
        Self::expr("has more than", &[length], move |len| len > length)
    }

    /// The rows with at least so many elements.
    pub fn ge(self, length: usize) -> Expr<R> {
        Self::expr("has at least", &[length], move |len| len >= length)
    }

    /// The rows whose number of elements is in a range.
    pub fn within(self, range: impl RangeBounds<usize>) -> Expr<R> {
        let range = (range.start_bound().cloned(), range.end_bound().cloned());
        let values: Vec<u8> = format!("{range:?}").into_bytes();
        Function::<R, P, _>::expr("has as many as in", values, move |elements: &V| {
            range.contains(&elements.count())
        })
    }

    /// The rows whose number of elements is one of these.
    pub fn one_of(self, lengths: impl IntoIterator<Item = usize>) -> Expr<R> {
        let lengths: Vec<usize> = lengths.into_iter().collect();
        Self::expr("has as many as one of", &lengths.clone(), move |len| lengths.contains(&len))
    }
}

impl<R, V, P> Clone for Length<R, V, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, V, P> Copy for Length<R, V, P> {}

impl<R, V, P> fmt::Debug for Length<R, V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Length").finish_non_exhaustive()
    }
}
