//! The entries of one row.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::ops::Range;

use crate::__private::Seal;
use crate::key::{EncodeKey, Key};

/// The entries of one row. Takes the indexed values, in the part form.
#[derive(Debug, Default)]
pub struct EntryWriter {
    /// The row's key, then the keys of the entries.
    bytes: Vec<u8>,
    key: usize,
    /// The index of each entry, and where its key ends.
    list: Vec<(usize, usize)>,
    /// The index whose entries are being written, and whether the row's key follows the value.
    index: usize,
    keyed: bool,
}

impl EntryWriter {
    /// Writes one entry: `write` appends the part forms of its values.
    #[inline]
    pub fn entry(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        if self.keyed {
            self.bytes.extend_from_within(..self.key);
        }
        // An element can be there twice, an entry can't.
        let (before, entry) = self.bytes.split_at(start);
        let here = |other: usize| other == self.index;
        if self.spans().any(|(other, span)| here(other) && before[span] == *entry) {
            self.bytes.truncate(start);
        } else {
            self.list.push((self.index, self.bytes.len()));
        }
    }

    /// For the row whose key has these bytes.
    pub(crate) fn of(key: &[u8], indexes: usize) -> Self {
        let mut bytes = Vec::with_capacity(if indexes == 0 { 0 } else { 32 + 40 * indexes });
        if indexes > 0 {
            bytes.extend_from_slice(key);
        }
        let list = Vec::with_capacity(indexes);
        EntryWriter { key: bytes.len(), bytes, list, index: 0, keyed: false }
    }

    /// Begins the entries of an index.
    pub(crate) fn begin(&mut self, index: usize, unique: bool) {
        self.index = index;
        self.keyed = !unique;
    }

    /// The index and the key of each entry.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.spans().map(|(index, span)| (index, &self.bytes[span]))
    }

    pub(crate) fn contains(&self, index: usize, entry: &[u8]) -> bool {
        self.iter().any(|known| known == (index, entry))
    }

    fn spans(&self) -> impl Iterator<Item = (usize, Range<usize>)> {
        let starts = std::iter::once(self.key).chain(self.list.iter().map(|(_, end)| *end));
        starts.zip(&self.list).map(|(start, (index, end))| (*index, start..*end))
    }
}

/// A field with elements, for `index(each)`.
///
/// This trait is sealed: it is implemented for `Vec`, `VecDeque`, `BTreeSet`, `HashSet`, arrays,
/// boxed slices and `Option` of keys.
#[diagnostic::on_unimplemented(
    message = "`each` can't index a `{Self}`",
    label = "has no elements that are keys",
    note = "`index(each)` takes `Vec`, `VecDeque`, `BTreeSet`, `HashSet`, arrays, boxed slices and \
            `Option`s of keys; for one entry a row, write `index`"
)]
pub trait Each {
    #[doc(hidden)]
    const SEAL: Seal;

    /// What is indexed.
    type Item: Key;

    /// Calls `take` with each element.
    fn for_each(&self, take: impl FnMut(&Self::Item));

    /// For the derive: one entry for each element.
    #[doc(hidden)]
    fn write(&self, entries: &mut EntryWriter) {
        self.for_each(|element| entries.entry(|out| element.encode_part(out)));
    }
}

macro_rules! each {
    ($(($($parameters:tt)*) $collection:ty;)*) => {$(
        impl<K: Key, $($parameters)*> Each for $collection {
            const SEAL: Seal = Seal;
            type Item = K;

            fn for_each(&self, take: impl FnMut(&K)) {
                self.iter().for_each(take);
            }
        }
    )*};
}

each! {
    () Vec<K>;
    () VecDeque<K>;
    () BTreeSet<K>;
    (S) HashSet<K, S>;
    (const N: usize) [K; N];
    () Box<[K]>;
    () Option<K>;
}

/// A field that may have no value, for `index(sparse)`: an `Option` of a key.
///
/// This trait is sealed: it is implemented for `Option` alone.
#[diagnostic::on_unimplemented(
    message = "`sparse` can't index a `{Self}`",
    label = "not an `Option` of a key",
    note = "`sparse` leaves out the rows whose field is `None`; for other types, leave the word out"
)]
pub trait Sparse: Key {
    #[doc(hidden)]
    const SEAL: Seal;

    /// Whether there is a value.
    fn is_there(&self) -> bool;

    /// For the derive: one entry, or none for `None`.
    #[doc(hidden)]
    fn write(&self, entries: &mut EntryWriter) {
        if self.is_there() {
            entries.entry(|out| self.encode_part(out));
        }
    }
}

impl<K: Key> Sparse for Option<K> {
    const SEAL: Seal = Seal;

    fn is_there(&self) -> bool {
        self.is_some()
    }
}
