//! Ranges of keys as ranges of bytes.

use std::ops::{
    Bound, Range, RangeBounds, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive,
};

use crate::seal::Seal;

use super::as_key::{AsKey, final_form, part_form};

/// A range of keys: any range expression whose ends are what [`AsKey`] takes, `..`, or a pair of
/// [`Bound`]s.
///
/// For keys of type `u64` that is `10..20`, `10..=20`, `10..` and so on; for `String`, `"a".."b"`; for
/// `(String, u64)`, `("a", 10)..("a", 20)`; for any key `K`, ends that are `K` or `&K`. Both ends are
/// of one type. A range whose start lies
/// behind its end is empty.
///
/// This trait is sealed: it is implemented for the types above, and for no others.
///
/// # Example
///
/// ```
/// use emdb::KeyBounds;
/// use std::ops::Bound;
///
/// fn bounds<K>(range: impl KeyBounds<K>) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
///     range.final_bounds()
/// }
///
/// assert_eq!(bounds::<u16>(10..), (Bound::Included(vec![0, 10]), Bound::Unbounded));
/// assert_eq!(bounds::<String>(..="b"), (Bound::Unbounded, Bound::Included(b"b".to_vec())));
/// assert_eq!(
///     bounds::<(u8, String)>(..=(7, "b")),
///     (Bound::Unbounded, Bound::Included(b"\x07b".to_vec()))
/// );
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a range of keys of type `{K}`",
    label = "not a range of `{K}`",
    note = "write a range whose ends are keys, such as `from..to`, `from..` or `..`"
)]
pub trait KeyBounds<K> {
    #[doc(hidden)]
    const SEAL: Seal;

    /// The range over keys that are stored in the final form.
    fn final_bounds(&self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>);

    /// The range over bytes that begin with a key in the part form, whatever follows it.
    fn part_bounds(&self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>);
}

impl<K> KeyBounds<K> for RangeFull {
    const SEAL: Seal = Seal;

    fn final_bounds(&self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        (Bound::Unbounded, Bound::Unbounded)
    }

    fn part_bounds(&self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        (Bound::Unbounded, Bound::Unbounded)
    }
}

macro_rules! key_bounds {
    ($($range:ty)*) => {$(
        impl<K, E: AsKey<K>> KeyBounds<K> for $range {
            const SEAL: Seal = Seal;

            fn final_bounds(&self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
                let (start, end): (Bound<&E>, Bound<&E>) = (self.start_bound(), self.end_bound());
                (start.map(final_form::<K>), end.map(final_form::<K>))
            }

            fn part_bounds(&self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
                let (start, end): (Bound<&E>, Bound<&E>) = (self.start_bound(), self.end_bound());
                around_parts(start.map(part_form::<K>), end.map(part_form::<K>))
            }
        }
    )*};
}

key_bounds! {
    Range<E>
    RangeInclusive<E>
    RangeFrom<E>
    RangeTo<E>
    RangeToInclusive<E>
    (Bound<E>, Bound<E>)
}

/// Bounds of the bytes that begin with a part in the range. As no part is the beginning of another,
/// what begins with `p` lies from `p` to before the first bytes behind it that don't.
pub(crate) fn around_parts(
    start: Bound<Vec<u8>>,
    end: Bound<Vec<u8>>,
) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let start = match start {
        Bound::Excluded(part) => match behind(&part) {
            Some(next) => Bound::Included(next),
            // Nothing is greater: a range that is empty.
            None => return (Bound::Included(part.clone()), Bound::Excluded(part)),
        },
        other => other,
    };
    let end = match end {
        Bound::Included(part) => behind(&part).map_or(Bound::Unbounded, Bound::Excluded),
        other => other,
    };
    (start, end)
}

/// The bytes that begin with `prefix`.
pub(crate) fn beginning_with(prefix: Vec<u8>) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let end = behind(&prefix).map_or(Bound::Unbounded, Bound::Excluded);
    (Bound::Included(prefix), end)
}

/// The least bytes above all that begin with `part`: its last byte that can grow, grown.
fn behind(part: &[u8]) -> Option<Vec<u8>> {
    let last = part.iter().rposition(|byte| *byte != 0xFF)?;
    let mut next = part[..=last].to_vec();
    next[last] += 1;
    Some(next)
}
