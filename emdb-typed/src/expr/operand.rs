//! The values that comparisons take.

use std::ops::{
    Bound, Range, RangeBounds, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive,
};

use crate::seal::Seal;

/// A value that a field of type `V` is compared with.
///
/// | for a field of type | write |
/// | --- | --- |
/// | any `V` | a `V` or a `&V` |
/// | `String`, `Box<str>` | a `&str` |
/// | `Vec<u8>` | a `&[u8]` or a `&[u8; N]`, such as `b"abc"` |
/// | `Option<V>` | what stands for a `V`: rows with `None` never match. Or an `Option<V>`, which compares as it does in Rust: `None` is less than any other |
///
/// This trait is sealed: it is implemented for the types above, and for no others.
#[diagnostic::on_unimplemented(
    message = "a field of type `{V}` can't be compared with a `{Self}`",
    label = "expected `{V}`, or its borrowed form",
    note = "text is compared with a `&str`, bytes with a `&[u8]`, and an `Option<V>` with a `V`"
)]
pub trait Operand<V> {
    #[doc(hidden)]
    const SEAL: Seal;

    /// The value.
    #[doc(hidden)]
    fn into_value(self) -> V;

    /// The value that never matches.
    #[doc(hidden)]
    fn never() -> Option<V> {
        None
    }
}

impl<V> Operand<V> for V {
    const SEAL: Seal = Seal;

    fn into_value(self) -> V {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<V: Clone> Operand<V> for &V {
    const SEAL: Seal = Seal;

    fn into_value(self) -> V {
        self.clone()
    }
}

#[diagnostic::do_not_recommend]
impl<V> Operand<Option<V>> for V {
    const SEAL: Seal = Seal;

    fn into_value(self) -> Option<V> {
        Some(self)
    }

    fn never() -> Option<Option<V>> {
        Some(None)
    }
}

#[diagnostic::do_not_recommend]
impl<V: Clone> Operand<Option<V>> for &V {
    const SEAL: Seal = Seal;

    fn into_value(self) -> Option<V> {
        Some(self.clone())
    }

    fn never() -> Option<Option<V>> {
        Some(None)
    }
}

macro_rules! borrowed {
    ($([$($parameters:tt)*] $given:ty => $value:ty;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($parameters)*> Operand<$value> for &$given {
            const SEAL: Seal = Seal;

            fn into_value(self) -> $value {
                self.into()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($parameters)*> Operand<Option<$value>> for &$given {
            const SEAL: Seal = Seal;

            fn into_value(self) -> Option<$value> {
                Some(self.into())
            }

            fn never() -> Option<Option<$value>> {
                Some(None)
            }
        }
    )*};
}

borrowed! {
    [] str => String;
    [] str => Box<str>;
    [] [u8] => Vec<u8>;
    [const N: usize] [u8; N] => Vec<u8>;
}

/// A range of values of a field of type `V`: any range expression whose ends are [`Operand`]s, `..`, or a pair
/// of [`Bound`]s.
///
/// This trait is sealed: it is implemented for the types above, and for no others.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a range of values of type `{V}`",
    label = "not a range of `{V}`",
    note = "write a range whose ends are such values: `from..to`, `from..` or `..=to`"
)]
pub trait OperandRange<V> {
    #[doc(hidden)]
    const SEAL: Seal;

    /// Its ends.
    #[doc(hidden)]
    fn into_bounds(self) -> (Bound<V>, Bound<V>);

    /// The value that never matches.
    #[doc(hidden)]
    fn never() -> Option<V> {
        None
    }
}

impl<V> OperandRange<V> for RangeFull {
    const SEAL: Seal = Seal;

    fn into_bounds(self) -> (Bound<V>, Bound<V>) {
        (Bound::Unbounded, Bound::Unbounded)
    }
}

macro_rules! ranges {
    ($($range:ident $bounds:expr;)*) => {$(
        impl<V, E: Operand<V>> OperandRange<V> for $range<E> {
            const SEAL: Seal = Seal;

            fn into_bounds(self) -> (Bound<V>, Bound<V>) {
                let bounds: fn(Self) -> (Bound<E>, Bound<E>) = $bounds;
                let (start, end) = bounds(self);
                (start.map(E::into_value), end.map(E::into_value))
            }

            fn never() -> Option<V> {
                E::never()
            }
        }
    )*};
}

type Bounds<E> = (Bound<E>, Bound<E>);

ranges! {
    Range |range| (Bound::Included(range.start), Bound::Excluded(range.end));
    RangeFrom |range| (Bound::Included(range.start), Bound::Unbounded);
    RangeTo |range| (Bound::Unbounded, Bound::Excluded(range.end));
    RangeToInclusive |range| (Bound::Unbounded, Bound::Included(range.end));
    RangeInclusive |range| {
        // One that an iterator has come to the end of is empty.
        let exhausted = matches!(range.end_bound(), Bound::Excluded(_));
        let (start, end) = range.into_inner();
        (Bound::Included(start), if exhausted { Bound::Excluded(end) } else { Bound::Included(end) })
    };
    Bounds |range| range;
}
