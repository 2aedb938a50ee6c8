//! Iterators over a namespace.

use crate::cursor::end::End;
use crate::cursor::walk::Walk;
use crate::error::Result;

/// Keys and values of a namespace; see [`crate::Namespace::iter`].
///
/// A damaged record ends the iteration; [`status`](EmdbIter::status) then gives the error, and
/// [`results`](EmdbIter::results) puts it among the items.
#[derive(Debug)]
pub struct EmdbIter(pub(crate) Walk);

/// Keys of a namespace; see [`crate::Namespace::keys`].
///
/// A damaged record ends the iteration; [`status`](EmdbKeyIter::status) then gives the error, and
/// [`results`](EmdbKeyIter::results) puts it among the items.
#[derive(Debug)]
pub struct EmdbKeyIter(pub(crate) Walk);

/// Keys and values of an ordered namespace in the order of their keys, from both ends; see
/// [`crate::Namespace::range_iter`].
///
/// It costs what is taken from it, not what the range holds. A damaged record ends the iteration;
/// [`status`](EmdbRangeIter::status) then gives the error, and
/// [`results`](EmdbRangeIter::results) puts it among the items.
#[derive(Debug)]
pub struct EmdbRangeIter(pub(crate) Walk);

fn owned(key: &[u8], value: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (key.to_vec(), value.to_vec())
}

impl Iterator for EmdbIter {
    type Item = (Vec<u8>, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next(End::Front, owned)
    }
}

impl Iterator for EmdbKeyIter {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_key(End::Front)
    }
}

impl Iterator for EmdbRangeIter {
    type Item = (Vec<u8>, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next(End::Front, owned)
    }
}

impl DoubleEndedIterator for EmdbRangeIter {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next(End::Back, owned)
    }
}

macro_rules! checked {
    ($iter:ident) => {
        impl std::iter::FusedIterator for $iter {}

        impl $iter {
            /// Whether all is well so far.
            ///
            /// # Errors
            /// The error that ended the iteration: `Corrupted` for a damaged record.
            ///
            /// ```
            /// # fn main() -> emdb::Result<()> {
            /// # let db = emdb::Emdb::open_in_memory();
            /// db.insert("key", "value")?;
            /// let mut iter = db.iter()?;
            /// assert_eq!(iter.by_ref().count(), 1);
            /// iter.status()?;
            /// # Ok(())
            /// # }
            /// ```
            pub fn status(&self) -> Result<()> {
                self.0.status()
            }

            /// The same items as results: the error that ends the iteration is the last one.
            ///
            /// ```
            /// # fn main() -> emdb::Result<()> {
            /// # let db = emdb::Emdb::open_in_memory();
            /// db.insert("key", "value")?;
            /// for item in db.iter()?.results() {
            ///     let (key, value) = item?;
            ///     assert_eq!((&key[..], &value[..]), (&b"key"[..], &b"value"[..]));
            /// }
            /// # Ok(())
            /// # }
            /// ```
            pub fn results(self) -> Results<$iter> {
                Results { inner: self, done: false }
            }
        }

        impl Iterator for Results<$iter> {
            type Item = Result<<$iter as Iterator>::Item>;

            fn next(&mut self) -> Option<Self::Item> {
                let item = if self.done { None } else { self.inner.next() };
                item.map(Ok).or_else(|| self.end())
            }
        }

        impl Results<$iter> {
            /// The error, once.
            fn end<T>(&mut self) -> Option<Result<T>> {
                let first = !std::mem::replace(&mut self.done, true);
                if first { self.inner.status().err().map(Err) } else { None }
            }
        }
    };
}

checked!(EmdbIter);
checked!(EmdbKeyIter);
checked!(EmdbRangeIter);

macro_rules! lending {
    ($iter:ident) => {
        impl $iter {
            /// The next key and value as they lie in the mapped journal, neither copied nor
            /// allocated. The faster way through many records.
            ///
            /// ```
            /// # fn main() -> emdb::Result<()> {
            /// # let db = emdb::Emdb::open_in_memory();
            /// db.insert("key", "value")?;
            /// let mut iter = db.iter()?;
            /// while let Some((key, value)) = iter.next_entry() {
            ///     assert_eq!((key, value), (&b"key"[..], &b"value"[..]));
            /// }
            /// iter.status()?;
            /// # Ok(())
            /// # }
            /// ```
            pub fn next_entry(&mut self) -> Option<(&[u8], &[u8])> {
                self.0.next_entry(End::Front)
            }
        }
    };
}

lending!(EmdbIter);
lending!(EmdbRangeIter);

impl EmdbRangeIter {
    /// As [`next_entry`](EmdbRangeIter::next_entry), from the other end.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::builder().enable_range_scans(true).build()?;
    /// db.insert("a", "1")?;
    /// db.insert("b", "2")?;
    /// assert_eq!(db.range_iter(..)?.next_entry_back(), Some((&b"b"[..], &b"2"[..])));
    /// # Ok(())
    /// # }
    /// ```
    pub fn next_entry_back(&mut self) -> Option<(&[u8], &[u8])> {
        self.0.next_entry(End::Back)
    }
}

impl DoubleEndedIterator for Results<EmdbRangeIter> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let item = if self.done { None } else { self.inner.next_back() };
        item.map(Ok).or_else(|| self.end())
    }
}

/// An iterator whose items are results; see [`EmdbIter::results`].
#[derive(Debug)]
pub struct Results<I> {
    inner: I,
    done: bool,
}
