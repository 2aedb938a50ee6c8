//! The trait of values with the bytes of a key.

use super::escape;

/// A value with the bytes of a key: a [`Key`], or the `str` and `[u8]` that strings are borrowed as.
///
/// [`AsKey`] says which values calls take in place of a key.
///
/// # By hand
///
/// [`encode_into`](EncodeKey::encode_into) and [`Key::decode`] are enough: the part form that comes
/// with them is right for any key. A type whose bytes tell by themselves where they end, because
/// there is always the same number of them, spares the escapes when it replaces
/// [`encode_part`](EncodeKey::encode_part) and [`Key::decode_part`]. The line
/// [`as_key!`](crate::as_key) lets calls take it.
///
/// ```
/// use emdb::{EncodeKey, Key, KeyError, as_key};
///
/// /// `u24`, so to speak.
/// #[derive(Debug, Clone, PartialEq, PartialOrd)]
/// struct Color([u8; 3]);
///
/// as_key!(Color);
///
/// impl EncodeKey for Color {
///     fn encode_into(&self, out: &mut Vec<u8>) {
///         out.extend_from_slice(&self.0);
///     }
/// }
///
/// impl Key for Color {
///     fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
///         <[u8; 3]>::decode(bytes).map(Color)
///     }
/// }
///
/// let mut bytes = Vec::new();
/// (Color([1, 0, 2]), 7_u8).encode_into(&mut bytes);
/// assert_eq!(<(Color, u8)>::decode(&bytes)?, (Color([1, 0, 2]), 7));
/// # Ok::<(), KeyError>(())
/// ```
///
/// [`AsKey`]: crate::AsKey
/// [`Key`]: trait@crate::Key
/// [`Key::decode`]: crate::Key::decode
/// [`Key::decode_part`]: crate::Key::decode_part
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no bytes of a key",
    label = "neither a key nor the borrowed form of one",
    note = "for a type of your own, `#[derive(emdb::Key)]` on a struct of keys or an enum without \
            fields",
    note = "types of the crates `uuid`, `jiff`, `time` and `chrono` are keys with the feature of emdb that is \
            called so: `emdb = {{ .., features = [\"uuid\"] }}`"
)]
pub trait EncodeKey {
    /// Appends the key's bytes in the final form, for the end of the bytes.
    fn encode_into(&self, out: &mut Vec<u8>);

    /// Appends the key's bytes in the part form, in front of something else.
    ///
    /// No part is the beginning of another part of its type, so that parts sort as their keys do,
    /// whatever follows them.
    fn encode_part(&self, out: &mut Vec<u8>) {
        escape::write(&to_bytes(self), out);
    }

    /// Whether the bytes are equal where `==` says so of the keys, and sort as `PartialOrd` has them. Not so
    /// for floats, and for enums with discriminants of their own.
    #[doc(hidden)]
    fn agrees() -> bool {
        true
    }
}

/// The bytes of one key.
pub(crate) fn to_bytes<Q: EncodeKey + ?Sized>(key: &Q) -> Vec<u8> {
    // Room for the integers, so that they allocate once.
    let mut bytes = Vec::with_capacity(16);
    key.encode_into(&mut bytes);
    bytes
}
