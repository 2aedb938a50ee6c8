//! The names that the derives' expansions use besides `Record` and `Key`. No part of the API: it changes
//! whenever the derives do.

pub use std::string::String;
pub use std::vec::Vec;

pub use crate::codec::DecodeError;
pub use crate::index::{
    Description, Each, EntryWriter, Index, IndexKind, IndexSpec, Multi, Sparse, Unique,
};
pub use crate::key::{AsKey, EncodeKey, KeyError, KeyPrefix, as_key, write_some};
pub use crate::lent::{Fields, Lent};
pub use crate::lifetime::{Expires, Expiry, Lifetime, expires};
pub use crate::migration::{MigrateFailure, Migration};
pub use crate::record::{AutoKey, AutoRecord, OrderedRecord, Row};
pub use crate::schema::Schema;
pub use crate::seal::Seal;

use crate::key::Key;
use crate::record::Record;

/// All that [`Key`] demands of a type besides its bytes, as one bound for generated code.
pub trait Owned: Clone + Send + Sync + 'static {}

impl<T: Clone + Send + Sync + 'static> Owned for T {}

/// The work of a derived key on a field of type `K`.
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

/// Reads a row of a version; `None` if no type has it.
pub type Upgrade<T> = fn(u32, &[u8]) -> Option<Result<T, DecodeError>>;

/// How rows and schemas of older versions are read.
#[derive(Debug)]
pub struct Older<T> {
    /// For [`Record::upgrade`].
    pub upgrade: Upgrade<T>,
    /// For [`Record::older_schema`].
    pub schema: fn(u32) -> Option<Schema>,
    /// For [`Record::migrates`].
    pub migrates: fn(u32) -> bool,
    /// For [`Record::migrate`].
    pub migrate: Migrate<T>,
}

/// Makes a row of an older version one of `T`; `None` if it is dropped.
pub type Migrate<T> = fn(u32, &[u8], &mut Migration<'_>) -> Result<Option<T>, MigrateFailure>;

/// The version before that of `T`, whose type `P` the derive's `from` names. The two have keys of one
/// type, so that rows stay where they are.
#[track_caller]
pub const fn older<T, P>() -> Older<T>
where
    T: Record + From<P>,
    P: Record<Key = T::Key>,
{
    assert!(P::VERSION < T::VERSION, "the type in `from` has to have a lower version");
    Older {
        upgrade: upgrade::<T, P>,
        schema: older_schema::<P>,
        migrates: migrates_below::<P>,
        migrate: migrate_by_from::<T, P>,
    }
}

/// Refuses versions out of order when the type is compiled.
#[track_caller]
pub const fn in_order<T: Record, P: Record>() {
    assert!(P::VERSION < T::VERSION, "the type in `from` has to have a lower version");
}

fn upgrade<T, P>(version: u32, value: &[u8]) -> Option<Result<T, DecodeError>>
where
    T: Record + From<P>,
    P: Record<Key = T::Key>,
{
    let before = if version == P::VERSION {
        Some(crate::codec::decode::<P>(value))
    } else {
        P::upgrade(version, value)
    };
    before.map(|row| row.map(T::from))
}

fn migrates_below<P: Record>(version: u32) -> bool {
    version != P::VERSION && P::migrates(version)
}

fn migrate_by_from<T: Record + From<P>, P: Record>(
    version: u32,
    value: &[u8],
    migration: &mut Migration<'_>,
) -> Result<Option<T>, MigrateFailure> {
    Ok(before::<P>(version, value, migration)?.map(T::from))
}

/// A row of the version before, whichever older one wrote it.
fn before<P: Record>(
    version: u32,
    value: &[u8],
    migration: &mut Migration<'_>,
) -> Result<Option<P>, MigrateFailure> {
    match version == P::VERSION {
        true => crate::codec::decode(value).map(Some).map_err(MigrateFailure::Decode),
        false => P::migrate(version, value, migration),
    }
}

/// Whether rows of a version become ones of the type whose `from` is `P` and that has `migrate`.
pub fn migrates<P: Record>(version: u32) -> bool {
    older_schema::<P>(version).is_some()
}

/// Asks the function that `migrate` names.
pub fn migrate<T, P, E>(
    version: u32,
    value: &[u8],
    migration: &mut Migration<'_>,
    migrate: fn(P, &mut Migration<'_>) -> Result<Option<T>, E>,
) -> Result<Option<T>, MigrateFailure>
where
    T: Record,
    P: Record,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match before::<P>(version, value, migration)? {
        None => Ok(None),
        Some(row) => migrate(row, migration).map_err(|e| MigrateFailure::Refused(e.into())),
    }
}

/// The schema of an older version, for a type whose `from` is `P`.
pub fn older_schema<P: Record>(version: u32) -> Option<Schema> {
    if version == P::VERSION { Some(Schema::of::<P>().clone()) } else { P::older_schema(version) }
}

/// Asks the function that `validate` names.
pub fn validate<T, E: std::fmt::Display>(
    row: &T,
    validate: impl FnOnce(&T) -> Result<(), E>,
) -> Result<(), String> {
    validate(row).map_err(|error| error.to_string())
}

/// Asks the function that an index's `filter` names.
pub fn passes<T>(row: &T, filter: impl FnOnce(&T) -> bool) -> bool {
    filter(row)
}

/// Reads a record that nothing can be lent of.
pub fn lend_whole<'a, T: Record>(fields: &mut crate::lent::Fields<'a>) -> Result<T, DecodeError> {
    fields.owned()
}
