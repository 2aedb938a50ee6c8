//! Rows of one type to bytes and back, with the errors of a table.
//!
//! Invariant: all rows pass through here, so that versions are checked on every read.

use std::fmt::Write as _;

use crate::codec::{self, DecodeError};
use crate::error::TableError;
use crate::key::Key;
use crate::record::Record;

/// The bytes of `row`.
pub(crate) fn encode<T: Record>(row: &T) -> Result<Vec<u8>, TableError> {
    codec::encode(T::VERSION, row)
        .map_err(|source| TableError::Encode { table: T::NAMESPACE.to_owned(), source })
}

/// The row behind `key`.
pub(crate) fn decode<T: Record>(key: &[u8], bytes: &[u8]) -> Result<T, TableError> {
    let fail = |source| unreadable::<T>("the row", key, source);
    let (version, value) = codec::split_version(bytes).map_err(fail)?;
    if version > T::VERSION {
        let table = T::NAMESPACE.to_owned();
        return Err(TableError::SchemaNewer { table, stored: version, ours: T::VERSION });
    }
    if version < T::VERSION {
        let reason = format!("it has version {version} of the type, which nothing upgrades");
        return Err(fail(DecodeError::new(reason)));
    }
    codec::decode(value).map_err(fail)
}

/// The key that has these bytes.
pub(crate) fn decode_key<T: Record>(bytes: &[u8]) -> Result<T::Key, TableError> {
    T::Key::decode(bytes)
        .map_err(|error| unreadable::<T>("the key", bytes, DecodeError::new(error.to_string())))
}

fn unreadable<T: Record>(what: &str, key: &[u8], source: DecodeError) -> TableError {
    let item = format!("{what} 0x{}", hex(key));
    TableError::Decode { table: T::NAMESPACE.to_owned(), item, source }
}

/// Enough of a key to find it again; a long one is cut.
fn hex(key: &[u8]) -> String {
    const SHOWN: usize = 32;
    let mut text = String::with_capacity(2 * SHOWN + 3);
    for byte in key.iter().take(SHOWN) {
        // Writing to a `String` can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    if key.len() > SHOWN {
        text.push_str("...");
    }
    text
}
