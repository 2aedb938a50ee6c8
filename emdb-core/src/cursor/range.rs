//! The types that a range of keys can be written as.

use std::cmp::Ordering;
use std::ops::{
    Bound, Range, RangeBounds, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive,
};

/// A range of keys in byte order: any range expression over anything that is bytes, such as
/// `b"a"..b"c"`, `"a"..="c"`, `start_vec..`, `..`, or a pair of [`Bound`]s.
///
/// A range whose start lies behind its end is empty.
///
/// ```
/// # fn main() -> emdb::Result<()> {
/// use emdb::Emdb;
/// use std::ops::Bound;
///
/// let db = Emdb::builder().enable_range_scans(true).build()?;
/// for key in ["a", "b", "c"] {
///     db.insert(key, "")?;
/// }
/// assert_eq!(db.range("a".."c")?.len(), 2);
/// assert_eq!(db.range("a"..="c")?.len(), 3);
/// assert_eq!(db.range((Bound::Excluded("a"), Bound::Unbounded))?.len(), 2);
/// assert_eq!(db.range(..)?.len(), 3);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no range of keys",
    label = "not a range over bytes",
    note = "write a range whose ends are both of one type that is bytes, such as `\"a\"..\"b\"` or `start.as_slice()..`"
)]
pub trait KeyRange: sealed::Sealed {}

pub(crate) mod sealed {
    use super::Bounds;

    pub trait Sealed {
        /// The range, owned.
        #[doc(hidden)]
        fn bounds(&self) -> Bounds;
    }
}

/// The ends of a range.
#[derive(Debug, Clone)]
#[doc(hidden)]
pub struct Bounds {
    pub(crate) low: Bound<Vec<u8>>,
    pub(crate) high: Bound<Vec<u8>>,
}

impl Bounds {
    pub(crate) fn all() -> Bounds {
        Bounds { low: Bound::Unbounded, high: Bound::Unbounded }
    }

    /// Every key that begins with `prefix`.
    pub(crate) fn prefix(prefix: &[u8]) -> Bounds {
        // The first key behind them all: the prefix with its last byte that can grow grown.
        let high = match prefix.iter().rposition(|b| *b != 0xFF) {
            Some(last) => {
                let mut next = prefix[..=last].to_vec();
                next[last] += 1;
                Bound::Excluded(next)
            }
            None => Bound::Unbounded,
        };
        Bounds { low: Bound::Included(prefix.to_vec()), high }
    }

    /// Whether no key can lie between the ends.
    pub(crate) fn is_empty(&self) -> bool {
        use Bound::{Excluded, Included};
        match (&self.low, &self.high) {
            (Included(low), Included(high)) => low > high,
            (Included(low) | Excluded(low), Included(high) | Excluded(high)) => low >= high,
            _ => false,
        }
    }

    /// Whether `key` lies before the range, in it, or behind it.
    #[inline]
    pub(crate) fn place(&self, key: &[u8]) -> Ordering {
        let before = match &self.low {
            Bound::Included(low) => key < low.as_slice(),
            Bound::Excluded(low) => key <= low.as_slice(),
            Bound::Unbounded => false,
        };
        let behind = match &self.high {
            Bound::Included(high) => key > high.as_slice(),
            Bound::Excluded(high) => key >= high.as_slice(),
            Bound::Unbounded => false,
        };
        match (before, behind) {
            (true, _) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => Ordering::Equal,
        }
    }
}

macro_rules! key_ranges {
    ($($range:ident),*) => {$(
        impl<K: AsRef<[u8]>> KeyRange for $range<K> {}
        impl<K: AsRef<[u8]>> sealed::Sealed for $range<K> {
            fn bounds(&self) -> Bounds {
                owned::<K>(RangeBounds::<K>::start_bound(self), RangeBounds::<K>::end_bound(self))
            }
        }
    )*};
}

key_ranges!(Range, RangeInclusive, RangeFrom, RangeTo, RangeToInclusive);

impl<K: AsRef<[u8]>> KeyRange for (Bound<K>, Bound<K>) {}
impl<K: AsRef<[u8]>> sealed::Sealed for (Bound<K>, Bound<K>) {
    fn bounds(&self) -> Bounds {
        owned(self.0.as_ref(), self.1.as_ref())
    }
}

impl KeyRange for RangeFull {}
impl sealed::Sealed for RangeFull {
    fn bounds(&self) -> Bounds {
        Bounds::all()
    }
}

fn owned<K: AsRef<[u8]>>(low: Bound<&K>, high: Bound<&K>) -> Bounds {
    Bounds { low: low.map(|k| k.as_ref().to_vec()), high: high.map(|k| k.as_ref().to_vec()) }
}
