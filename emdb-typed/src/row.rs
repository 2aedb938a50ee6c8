//! Rows of one type to bytes and back, with the errors of a table.
//!
//! Invariant: all rows pass through here, so that versions are checked on every read.

use crate::codec::{self, DecodeError, Fault};
use crate::describe::Findings;
use crate::error::TableError;
use crate::hex::hex;
use crate::key::{self, Key};
use crate::lent::Fields;
use crate::record::Record;

/// The bytes of `row`, in the version of its type.
pub(crate) fn encode<T: Record>(row: &T) -> Result<Vec<u8>, TableError> {
    codec::encode(T::VERSION, row)
        .map_err(|source| TableError::Encode { table: T::NAMESPACE.to_owned(), source })
}

/// The bytes of a row that is to be stored. Rows of a type that has not been seen to read them back are
/// read back first.
pub(crate) fn encode_to_store<T: Record>(
    row: &T,
    findings: &Findings,
) -> Result<Vec<u8>, TableError> {
    let bytes = encode(row)?;
    if !findings.is_proven() {
        read_back(row, &bytes, findings)?;
    }
    Ok(bytes)
}

#[cold]
fn read_back<T: Record>(row: &T, bytes: &[u8], findings: &Findings) -> Result<(), TableError> {
    let value = codec::split_version(bytes).map_or(bytes, |(_, value)| value);
    // Of a type that is known, the first row has to tell about all: more than equal bytes do.
    if !findings.is_complete() && codec::is_stable::<T>(value) {
        return Ok(());
    }
    match codec::fault(row) {
        Some(fault) => Err(not_readable::<T>(&fault)),
        None => {
            findings.prove();
            Ok(())
        }
    }
}

/// Refuses a type whose rows could not be read back.
pub(crate) fn not_readable<T: Record>(fault: &Fault) -> TableError {
    let (table, field) = (T::NAMESPACE.to_owned(), fault.field());
    TableError::Unreadable { table, field, reason: fault.cause.to_string() }
}

/// The row behind `key`; one of an older version is upgraded.
#[inline(always)]
pub(crate) fn decode<T: Record>(key: &[u8], bytes: &[u8]) -> Result<T, TableError> {
    let fail = |source| unreadable::<T>("the row", key, source);
    let (version, value) = codec::split_version(bytes).map_err(fail)?;
    if version == T::VERSION {
        return codec::decode(value).map_err(fail);
    }
    decode_older(version, key, value)
}

/// Calls `read` with the row behind `key`, lent.
#[inline(always)]
pub(crate) fn lend<T: Record, R>(
    key: &[u8],
    bytes: &[u8],
    read: impl FnOnce(T::Ref<'_>) -> R,
) -> Result<R, TableError> {
    let fail = |source| unreadable::<T>("the row", key, source);
    let (version, value) = codec::split_version(bytes).map_err(fail)?;
    if version == T::VERSION {
        return lend_value::<T, R>(value, read).map_err(fail);
    }
    // Lent from the bytes that the row has in this version.
    let upgraded = encode(&decode_older::<T>(version, key, value)?)?;
    let (_, value) = codec::split_version(&upgraded).map_err(fail)?;
    lend_value::<T, R>(value, read).map_err(fail)
}

#[inline(always)]
fn lend_value<T: Record, R>(
    value: &[u8],
    read: impl FnOnce(T::Ref<'_>) -> R,
) -> Result<R, DecodeError> {
    let mut fields = Fields::new(value);
    let row = T::lend(&mut fields)?;
    fields.finish()?;
    Ok(read(row))
}

/// The bytes of the key that the type gives to a row; `None` if it can't be read.
pub(crate) fn key_of<T: Record>(bytes: &[u8]) -> Option<Vec<u8>> {
    let (version, value) = codec::split_version(bytes).ok()?;
    let row: T = match version == T::VERSION {
        true => codec::decode(value).ok()?,
        false => T::upgrade(version, value)?.ok()?,
    };
    Some(key::to_bytes(&row.key()))
}

/// Whether a row was written by an older version of the type.
pub(crate) fn is_older<T: Record>(key: &[u8], bytes: &[u8]) -> Result<bool, TableError> {
    let version = codec::split_version(bytes).map_err(|e| unreadable::<T>("the row", key, e))?.0;
    Ok(version != T::VERSION)
}

#[cold]
fn decode_older<T: Record>(version: u32, key: &[u8], value: &[u8]) -> Result<T, TableError> {
    if version > T::VERSION {
        let table = T::NAMESPACE.to_owned();
        return Err(TableError::SchemaNewer { table, stored: version, ours: T::VERSION });
    }
    let fail = |source| unreadable::<T>("the row", key, source);
    let row: T = match T::upgrade(version, value) {
        Some(row) => row.map_err(fail)?,
        None => {
            let reason = format!("it has version {version} of the type, which nothing upgrades");
            return Err(fail(DecodeError::new(reason)));
        }
    };
    if key::to_bytes(&row.key()) != key {
        let reason = "the upgrade from an older version gives it another key; keep the key, and \
                      copy the rows into another table";
        return Err(fail(DecodeError::new(reason)));
    }
    Ok(row)
}

/// The key that has these bytes.
pub(crate) fn decode_key<T: Record>(bytes: &[u8]) -> Result<T::Key, TableError> {
    T::Key::decode(bytes)
        .map_err(|error| unreadable::<T>("the key", bytes, DecodeError::new(error.to_string())))
}

#[cold]
pub(crate) fn unreadable<T: Record>(what: &str, key: &[u8], source: DecodeError) -> TableError {
    let item = format!("{what} 0x{}", hex(key));
    TableError::Decode { table: T::NAMESPACE.to_owned(), item, source }
}
