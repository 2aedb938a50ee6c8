//! Rows as bytes: one varint with the version of the type, then bincode's `standard()` encoding
//! through serde.
//!
//! Invariants: this module is the only one that names bincode, and [`CODEC`] says in the catalogue
//! what wrote a table, so that another encoding can follow. All that [`encode`] accepts, [`decode`]
//! reads back; both keep the same limits. `decode` takes all of its bytes or fails: it doesn't
//! panic, and what it allocates is bounded by the input, whatever the bytes say.

mod bytes;
mod config;
mod failure;
mod fault;
mod input;
mod limits;
mod reader;
mod sides;
mod skipper;
mod tape;
mod text;
mod writer;

#[cfg(test)]
mod tests;

use serde::de::DeserializeOwned;
#[cfg(feature = "json")]
use serde::de::DeserializeSeed;
use serde::{Deserialize, Serialize};

use failure::Failure;
use input::Input;
use reader::Reader;
use writer::Writer;

pub(crate) use fault::{Cause, Fault};
pub(crate) use sides::{fault, is_stable};
pub(crate) use skipper::Skipper;

/// The id of this encoding in the catalogue: bincode 2 `standard()` behind a version varint.
pub(crate) const CODEC: u32 = 1;

/// Why a value can't be stored as a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct EncodeError {
    reason: String,
}

/// Why stored bytes are no row of the type that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct DecodeError {
    reason: String,
}

impl DecodeError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        DecodeError { reason: reason.into() }
    }
}

impl From<Failure> for DecodeError {
    #[cold]
    fn from(failure: Failure) -> Self {
        DecodeError { reason: failure.into_reason() }
    }
}

/// The bytes of a row: the version, then the value.
pub(crate) fn encode<T: Serialize>(version: u32, value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut writer = Writer::new();
    let written = writer.plain(version).and_then(|()| value.serialize(&mut writer));
    match written {
        Ok(()) => Ok(writer.into_bytes()),
        Err(error) => Err(EncodeError { reason: writer::reason(&error) }),
    }
}

/// The bytes of a value alone.
pub(crate) fn encode_value<T: Serialize>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut writer = Writer::new();
    match value.serialize(&mut writer) {
        Ok(()) => Ok(writer.into_bytes()),
        Err(error) => Err(EncodeError { reason: writer::reason(&error) }),
    }
}

/// The bytes of a row whose value is encoded already.
#[cfg(feature = "json")]
pub(crate) fn with_version(version: u32, value: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let mut row = encode(version, &())?;
    row.extend_from_slice(value);
    Ok(row)
}

/// Splits a row into its version and the bytes of its value.
#[inline]
pub(crate) fn split_version(row: &[u8]) -> Result<(u32, &[u8]), DecodeError> {
    let mut input = Input::new(row);
    let version = input.unsigned()?;
    Ok((version, input.rest()))
}

/// Reads a value back from all of `bytes`.
#[inline(always)]
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut reader = RowReader::new(bytes);
    let value = reader.next()?;
    reader.finish()?;
    Ok(value)
}

/// Reads the fields of a value one by one, and may lend what they hold.
pub(crate) struct RowReader<'a>(Reader<'a>);

impl<'a> RowReader<'a> {
    #[inline]
    pub(crate) fn new(value: &'a [u8]) -> Self {
        RowReader(Reader::new(value))
    }

    #[inline(always)]
    pub(crate) fn next<V: Deserialize<'a>>(&mut self) -> Result<V, DecodeError> {
        Ok(V::deserialize(&mut self.0)?)
    }

    /// Reads a field whose type is known at run time alone.
    #[cfg(feature = "json")]
    pub(crate) fn next_by<S: DeserializeSeed<'a>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, DecodeError> {
        Ok(seed.deserialize(&mut self.0)?)
    }

    /// The bytes that are not read yet.
    #[cfg(feature = "json")]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0.rest()
    }

    /// Nothing may be left.
    #[inline]
    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        match self.0.rest().len() {
            0 => Ok(()),
            left => Err(left_over(left)),
        }
    }
}

#[cold]
fn left_over(bytes: usize) -> DecodeError {
    DecodeError::new(format!("{bytes} bytes are left over after the last field"))
}

impl std::fmt::Debug for RowReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowReader").finish_non_exhaustive()
    }
}
