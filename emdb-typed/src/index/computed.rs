//! Indexes over what a function of the program gives.
//!
//! The function is the program's, so the catalogue can't tell what it does. It knows a hash of the
//! function's path and of the type of what it gives, and an index with another hash is another index.

use super::entries::EntryWriter;
use super::spec::IndexSpec;
use crate::key::AsKey;

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

/// The value that a function gives for an index with `type = K`.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` can't be indexed as a `{K}`",
    label = "gives a `{Self}`, and `type` says `{K}`",
    note = "the function gives a `{K}`, or what stands for it in calls: a `&str` for a `String`, a tuple of \
            what stands for the fields",
    note = "`type` is a key; for a type of your own, `#[derive(emdb::Key)]`"
)]
pub trait Computed<K> {
    /// Writes its entry.
    fn write(self, entries: &mut EntryWriter);
}

#[diagnostic::do_not_recommend]
impl<K, Q: AsKey<K>> Computed<K> for Q {
    #[inline]
    fn write(self, entries: &mut EntryWriter) {
        entries.entry(|out| self.write_part(out));
    }
}

/// The same with `sparse`.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` can't be indexed as an `Option` of a `{K}`",
    label = "gives a `{Self}`, and with `sparse` it has to be an `Option`",
    note = "the function gives an `Option` of a `{K}`, or of what stands for it in calls: a `&str` for a \
            `String`, say; rows with `None` are left out",
    note = "`type` is a key; for a type of your own, `#[derive(emdb::Key)]`"
)]
pub trait ComputedSparse<K> {
    /// Writes the entry of the value, if there is one.
    fn write(self, entries: &mut EntryWriter);
}

#[diagnostic::do_not_recommend]
impl<K, Q: AsKey<K>> ComputedSparse<K> for Option<Q> {
    #[inline]
    fn write(self, entries: &mut EntryWriter) {
        if let Some(value) = self {
            Computed::write(value, entries);
        }
    }
}

/// The same with `each`.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` can't be indexed as several of `{K}`",
    label = "gives a `{Self}`, and with `each` it has to be an iterator, or a collection",
    note = "the function gives an iterator or a collection of `{K}`, or of what stands for it in calls: `&str` \
            for `String`, say",
    note = "`type` is a key; for a type of your own, `#[derive(emdb::Key)]`"
)]
pub trait ComputedEach<K> {
    /// Writes an entry for each of the values.
    fn write(self, entries: &mut EntryWriter);
}

#[diagnostic::do_not_recommend]
impl<K, I: IntoIterator<Item: AsKey<K>>> ComputedEach<K> for I {
    #[inline]
    fn write(self, entries: &mut EntryWriter) {
        self.into_iter().for_each(|value| Computed::write(value, entries));
    }
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
