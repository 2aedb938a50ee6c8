//! The names that the derives' expansions use besides `Record` and `Key`. No part of the API: it changes
//! whenever the derives do.

pub use std::string::String;
pub use std::vec::Vec;

pub use crate::codec::DecodeError;
pub use crate::expr::{
    ElementForm, Expr, Field, HasKeys, HasNoKeys, IsKey, IsNoKey, IsNotStored, IsStored, KeyForm,
    Member, MemberField, Path, Probe, Root, Stored,
};
pub use crate::index::{
    Computed, ComputedEach, ComputedSparse, Description, Each, EntryWriter, Index, IndexKind,
    IndexSpec, Multi, Named, Sparse, Unique,
};
pub use crate::key::{AsKey, EncodeKey, KeyError, KeyPrefix, as_key, key_field, write_some};
pub use crate::lent::{Fields, Lent};
pub use crate::lifetime::{Expires, ExpiryTime, Lifetime};
pub use crate::migration::{MigrateFailure, Migration};
pub use crate::predecessor::{
    FromVersion, MigrateError, SameKey, in_order, migrate, migrates, migrates_before, older_schema,
    upgrade,
};
pub use crate::record::{AutoKey, AutoRecord, OrderedRecord, RevisedRecord, Row};
pub use crate::revision::Revision;
pub use crate::schema::Schema;
pub use crate::seal::Seal;
pub use crate::validate::ValidateError;

use crate::record::Record;

/// All that [`Key`](crate::Key) demands of a type besides its bytes, as one bound for generated code.
pub trait Owned: Clone + Send + Sync + 'static {}

impl<T: Clone + Send + Sync + 'static> Owned for T {}

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

/// Writes the part form of a text, or of bytes, that is lent.
#[inline]
pub fn encode_lent<Q: EncodeKey + ?Sized>(lent: &Q, out: &mut Vec<u8>) {
    lent.encode_part(out);
}

/// A copy of the key, for `Record::key`.
///
/// It asks for nothing but the record itself, so that a field that is no key is reported once,
/// where the derive names it, and not a second time here.
pub fn clone_key<T: Record>(key: &T::Key) -> T::Key {
    key.clone()
}

/// Reads a record that nothing can be lent of.
pub fn lend_whole<'a, T: Record>(fields: &mut crate::lent::Fields<'a>) -> Result<T, DecodeError> {
    fields.owned()
}
