//! Primary keys as bytes.
//!
//! Invariant: the bytes of two keys of one type compare as the keys do, and different keys have
//! different bytes. So an ordered namespace walks a table in the order of its keys.
//!
//! # Two forms of a key
//!
//! A key at the *end* of the bytes needs no mark of where it ends: a `String` that is the whole
//! key is stored as its bytes, so that [`Table::raw`](crate::Table::raw) finds it under what it
//! says, and no byte is spent on escapes. In front of something else (the leading fields of a
//! composite key, the indexed value before the primary key) a string must be escaped and closed,
//! or `("a", "b")` and `("ab", "")` would be one key. That is a second, self-delimiting form,
//! which composite keys bring along as a method of its own: [`EncodeKey::encode_into`] is
//! the final form for good, and the bytes of a single key never change. Integers have a fixed
//! width, and both of their forms are the same.

mod integer;
mod text;

#[cfg(test)]
mod tests;

/// The key of a table: what one row is found by.
///
/// Implemented for the integers of a fixed width (`u8` to `u128`, `i8` to `i128`) and for
/// `String`. `usize` and `isize` are deliberately left out: their width, and with it every
/// stored key, would depend on the machine.
///
/// # Example
///
/// ```
/// use emdb_typed::{EncodeKey, Key};
///
/// let mut bytes = Vec::new();
/// (-1_i16).encode_into(&mut bytes);
/// assert_eq!(bytes, [0x7F, 0xFF]);
/// assert_eq!(i16::decode(&bytes)?, -1);
/// # Ok::<(), emdb_typed::KeyError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the key of a table",
    label = "not a key type",
    note = "keys are the integers of a fixed width (`u8` to `u128`, `i8` to `i128`) and `String`",
    note = "`usize` and `isize` differ between machines: use `u64` or `i64`"
)]
pub trait Key: EncodeKey + Clone + Send + Sync + 'static {
    /// Reads a key back from all of `bytes`.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when no key of this type has these bytes.
    fn decode(bytes: &[u8]) -> Result<Self, KeyError>;
}

/// A key, or what a lookup may use in its place: `str` for `String`.
///
/// Lookups take `&Q` where the table's key implements [`Borrow<Q>`](std::borrow::Borrow). As with
/// `Hash` and the maps of the standard library, the borrowed form must give the same bytes as
/// the key itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be used to look up a row",
    label = "neither a key nor the borrowed form of one",
    note = "pass a reference to the key: `get(&7)`, or `get(\"abc\")` for a `String`"
)]
pub trait EncodeKey {
    /// Appends the key's bytes, in the form for the end of the bytes.
    fn encode_into(&self, out: &mut Vec<u8>);
}

/// Why bytes are no key of the type that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Keys of this type have another length.
    #[error("a key of this type has {expected} bytes, and this one has {found}")]
    Length {
        /// The bytes that every key of the type has.
        expected: usize,
        /// The bytes that there are.
        found: usize,
    },
    /// The bytes of a string are no UTF-8.
    #[error("the bytes of the key are not UTF-8")]
    Utf8,
}

/// The bytes of one key.
pub(crate) fn to_bytes<Q: EncodeKey + ?Sized>(key: &Q) -> Vec<u8> {
    // Room for the integers, so that they allocate once.
    let mut bytes = Vec::with_capacity(16);
    key.encode_into(&mut bytes);
    bytes
}
