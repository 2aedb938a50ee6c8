//! The entries of one row in one index.

use std::collections::{BTreeSet, HashSet, VecDeque};

use crate::__private::Seal;
use crate::key::{EncodeKey, Key};

/// Takes the indexed values of a row, in the part form.
#[derive(Debug, Default)]
pub struct EntryWriter {
    bytes: Vec<u8>,
    /// Where each entry ends.
    ends: Vec<usize>,
}

impl EntryWriter {
    /// Writes one entry: `write` appends the part forms of its values.
    #[inline]
    pub fn entry(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// The values, in the order in which they were written, repeated ones too.
    pub(crate) fn values(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
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
