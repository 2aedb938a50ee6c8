//! What the derives' expansions name besides `Record` and `Key`. No part of the API: it changes
//! whenever the derives do.

pub use std::vec::Vec;

pub use crate::key::{AsKey, EncodeKey, KeyError, KeyPrefix};
pub use crate::record::Row;
pub use crate::schema::Schema;

use crate::key::Key;
use crate::record::Record;

/// Seals a trait: it has a constant of this type, which nobody else can name by a public path.
#[derive(Debug)]
pub struct Seal;

/// All that [`Key`] demands of a type besides its bytes, as one bound for generated code.
pub trait Owned: Clone + Send + Sync + 'static {}

impl<T: Clone + Send + Sync + 'static> Owned for T {}

/// What a derived key does with a field of type `K`.
///
/// It demands nothing of `K`: that is left to [`part`], the one call that names the field's type. So
/// a field that is no key is reported once, at that name.
#[derive(Debug)]
pub struct Part<K> {
    /// Writes the final form, for the last field.
    pub encode_last: fn(&K, &mut Vec<u8>),
    /// Writes the part form, for the others.
    pub encode: fn(&K, &mut Vec<u8>),
    /// Reads the final form.
    pub decode_last: fn(&[u8]) -> Result<K, KeyError>,
    /// Reads the part form.
    pub decode: fn(&mut &[u8]) -> Result<K, KeyError>,
}

/// How a key is written and read.
#[inline]
pub fn part<K: Key>() -> Part<K> {
    Part {
        encode_last: K::encode_into,
        encode: K::encode_part,
        decode_last: K::decode,
        decode: K::decode_part,
    }
}

/// The bytes of an enum without fields: the position of the variant.
pub fn encode_variant<const WIDTH: usize>(position: u16, out: &mut Vec<u8>) {
    let bytes = position.to_be_bytes();
    out.extend_from_slice(&bytes[bytes.len() - WIDTH..]);
}

/// Reads the position of a variant from all of `bytes`.
pub fn decode_variant<const WIDTH: usize>(mut bytes: &[u8]) -> Result<u16, KeyError> {
    if bytes.len() != WIDTH {
        return Err(KeyError::Length { expected: WIDTH, found: bytes.len() });
    }
    decode_variant_part::<WIDTH>(&mut bytes)
}

/// Reads the position of a variant from the beginning of `bytes`.
pub fn decode_variant_part<const WIDTH: usize>(bytes: &mut &[u8]) -> Result<u16, KeyError> {
    let short = KeyError::Length { expected: WIDTH, found: bytes.len() };
    let (position, rest) = bytes.split_at_checked(WIDTH).ok_or(short)?;
    *bytes = rest;
    Ok(position.iter().fold(0, |position, byte| position << 8 | u16::from(*byte)))
}

/// A copy of the key, for `Record::key`.
///
/// It asks for nothing but the record itself, so that a field that is no key is reported once,
/// where the derive names it, and not a second time here.
pub fn clone_key<T: Record>(key: &T::Key) -> T::Key {
    key.clone()
}
