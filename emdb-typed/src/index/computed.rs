//! Indexes over what a function of the program gives.
//!
//! The function is the program's, so the catalogue can't tell what it does. It knows a hash of the
//! function's path and of the type of what it gives, and an index with another hash is another index.

use super::entries::EntryWriter;
use super::spec::IndexSpec;
use crate::key::{AsKey, Key};

impl<T> IndexSpec<T> {
    /// By what the catalogue knows the function, if there is one: FNV-1a over its path, a zero byte, and
    /// the type of what it gives.
    pub(crate) fn computed(&self) -> Option<u64> {
        let (function, ty) = self.with?;
        let bytes = function.bytes().chain([0]).chain(ty.bytes());
        Some(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }
}

/// The entry of the value that a function gave.
#[inline]
pub fn write_computed<K: Key, Q: AsKey<K>>(value: Q, entries: &mut EntryWriter) {
    entries.entry(|out| value.write_part(out));
}

/// The entry of the value that a function gave, if it gave one.
#[inline]
pub fn write_computed_sparse<K: Key, Q: AsKey<K>>(value: Option<Q>, entries: &mut EntryWriter) {
    if let Some(value) = value {
        write_computed::<K, Q>(value, entries);
    }
}

/// An entry for each of the values that a function gave.
#[inline]
pub fn write_computed_each<K: Key, I>(values: I, entries: &mut EntryWriter)
where
    I: IntoIterator<Item: AsKey<K>>,
{
    values.into_iter().for_each(|value| write_computed::<K, I::Item>(value, entries));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::IndexKind;

    /// It is in files.
    #[test]
    fn the_hash_of_a_function_and_its_type_is_fixed() {
        let computed = |with| {
            let entries = |_: &(), _: &mut EntryWriter| {};
            IndexSpec { name: "", fields: &[], with, kind: IndexKind::Multi, filter: None, entries }
                .computed()
        };
        assert_eq!(computed(None), None);
        assert_eq!(computed(Some(("", ""))), Some(0xaf63_bd4c_8601_b7df));
        assert_ne!(computed(Some(("a", "b"))), computed(Some(("ab", ""))));
    }
}
