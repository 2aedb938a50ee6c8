//! The entries of one row: all of them, or whether a certain one is among them.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::ops::Range;

use super::kind::IndexKind;
use crate::key::{EncodeKey, Key};
use crate::seal::Seal;

/// From how many entries on they are sorted, to be found without looking at each.
const SORTED_MIN_ENTRIES: usize = 16;

/// The entries of one row. Takes the indexed values, in the part form.
///
/// It gathers them, or compares each with the one that is sought, which takes no memory.
#[derive(Debug, Default)]
pub struct EntryWriter {
    /// The row's key, then the keys of the entries. When one is sought, its value.
    bytes: Vec<u8>,
    key: usize,
    /// The index of each entry, and where its key is.
    list: Vec<(usize, Range<usize>)>,
    /// The index whose entries are being written, and whether the row's key follows the value.
    index: usize,
    keyed: bool,
    /// Whether the one that is sought was written, if one is.
    found: Option<bool>,
}

impl EntryWriter {
    /// Writes one entry: `write` appends the part forms of its values.
    #[inline]
    pub fn entry(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        if self.found.is_some() {
            return self.compare(start);
        }
        if self.keyed {
            self.bytes.extend_from_within(..self.key);
        }
        self.list.push((self.index, start..self.bytes.len()));
    }

    /// For the row whose key has these bytes.
    pub(crate) fn of(key: &[u8], indexes: usize) -> Self {
        let mut bytes = Vec::with_capacity(if indexes == 0 { 0 } else { 32 + 40 * indexes });
        if indexes > 0 {
            bytes.extend_from_slice(key);
        }
        let list = Vec::with_capacity(indexes);
        EntryWriter { key: bytes.len(), bytes, list, ..EntryWriter::default() }
    }

    /// To seek the entry with this value.
    pub(crate) fn seeking(value: Vec<u8>) -> Self {
        EntryWriter { bytes: value, found: Some(false), ..EntryWriter::default() }
    }

    /// The value that is sought.
    #[inline]
    pub(crate) fn sought(&self) -> &[u8] {
        &self.bytes
    }

    /// Seeks another one from now on.
    #[inline]
    pub(crate) fn seek(&mut self, value: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(value);
    }

    /// Whether the entry that is sought is one of those that `write` writes.
    #[inline]
    pub(crate) fn finds(&mut self, write: impl FnOnce(&mut EntryWriter)) -> bool {
        self.found = Some(false);
        write(self);
        self.found == Some(true)
    }

    /// Compares what was written from `start` on with what is sought, in place.
    fn compare(&mut self, start: usize) {
        let (sought, written) = self.bytes.split_at(start);
        if sought == written {
            self.found = Some(true);
        }
        self.bytes.truncate(start);
    }

    /// Begins the entries of an index.
    pub(crate) fn begin(&mut self, index: usize, kind: IndexKind) {
        self.index = index;
        self.keyed = !kind.is_unique();
    }

    /// Ends the entries: an element can be there twice, an entry can't.
    pub(crate) fn finish(mut self) -> Self {
        let EntryWriter { bytes, list, .. } = &mut self;
        let key = |(index, span): &(usize, Range<usize>)| (*index, &bytes[span.clone()]);
        if list.len() > SORTED_MIN_ENTRIES {
            list.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
            list.dedup_by(|a, b| key(a) == key(b));
        } else {
            let mut at = 0;
            while at < list.len() {
                if list[..at].iter().any(|before| key(before) == key(&list[at])) {
                    list.remove(at);
                } else {
                    at += 1;
                }
            }
        }
        self
    }

    /// The index and the key of each entry.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.list.iter().map(|(index, span)| (*index, &self.bytes[span.clone()]))
    }

    pub(crate) fn contains(&self, index: usize, entry: &[u8]) -> bool {
        if self.list.len() > SORTED_MIN_ENTRIES {
            let key = |(index, span): &(usize, Range<usize>)| (*index, &self.bytes[span.clone()]);
            return self.list.binary_search_by(|known| key(known).cmp(&(index, entry))).is_ok();
        }
        self.iter().any(|known| known == (index, entry))
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

    /// The type that is indexed.
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
pub trait Sparse {
    #[doc(hidden)]
    const SEAL: Seal;

    /// Whether there is a value.
    fn is_there(&self) -> bool;

    /// For the derive: one entry, or none for `None`.
    #[doc(hidden)]
    fn write(&self, entries: &mut EntryWriter);
}

impl<K: Key> Sparse for Option<K> {
    const SEAL: Seal = Seal;

    fn is_there(&self) -> bool {
        self.is_some()
    }

    fn write(&self, entries: &mut EntryWriter) {
        if self.is_some() {
            entries.entry(|out| self.encode_part(out));
        }
    }
}
