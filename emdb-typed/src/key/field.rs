//! The work of a derive on a field that is a key.
//!
//! Invariant: one function demands a key, and the name of the field's type stands in its call alone. So a field
//! that is none is reported once, at that name.

use super::decode::Key;
use super::error::KeyError;

/// How a field of type `K` is written and read. It demands nothing of `K`.
#[derive(Debug)]
pub struct KeyField<K> {
    /// Writes the final form, for the last field.
    pub encode_last: fn(&K, &mut Vec<u8>),
    /// Writes the part form, for the others.
    pub encode: fn(&K, &mut Vec<u8>),
    /// Reads the final form.
    pub decode_last: fn(&[u8]) -> Result<K, KeyError>,
    /// Reads the part form.
    pub decode: fn(&mut &[u8]) -> Result<K, KeyError>,
    /// Whether its bytes agree with its comparisons.
    pub agrees: fn() -> bool,
}

/// How a key is written and read.
#[inline]
pub fn key_field<K: Key>() -> KeyField<K> {
    KeyField {
        encode_last: K::encode_into,
        encode: K::encode_part,
        decode_last: K::decode,
        decode: K::decode_part,
        agrees: K::agrees,
    }
}
