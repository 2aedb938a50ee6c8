//! Primary keys as bytes.
//!
//! Invariant: the bytes of two keys of one type compare as the keys do, and different keys have
//! different bytes. So an ordered namespace walks a table in the order of its keys. Decoding is
//! strict: bytes that no key is encoded to are refused, so that one row has one key.
//!
//! # Two forms of a key
//!
//! A key at the *end* of the bytes needs no mark of where it ends: a `String` that is the whole
//! key is stored as its bytes, so that [`Table::raw`](crate::Table::raw) finds it under what it
//! says, and no byte is spent on escapes. That is the *final form*.
//!
//! In front of something else (the leading fields of a composite key, the indexed value before the
//! primary key) a string must be escaped and closed, or `("a", "b")` and `("ab", "")` would be one
//! key. That is the *part form*: no part is the beginning of another one of its type, and so
//! parts sort as their keys do, whatever follows them. Keys of a fixed width have one form for
//! both; the module `escape` has the one of strings.
//!
//! Both forms are a file format: they never change.

#[macro_use]
mod as_key;
mod decode;
mod encode;
mod error;
mod escape;
mod field;
#[macro_use]
mod fixed;
#[macro_use]
mod stand_in;

mod array;
mod bounds;
mod integer;
mod net;
mod option;
mod prefix;
mod reverse;
mod scalar;
mod text;
mod tuple;

#[cfg(any(feature = "chrono", feature = "jiff", feature = "time"))]
mod calendar;
#[cfg(feature = "chrono")]
mod chrono;
#[cfg(feature = "jiff")]
mod jiff;
#[cfg(feature = "time")]
mod time;
#[cfg(feature = "uuid")]
mod uuid;

#[cfg(test)]
mod tests;

pub(crate) use as_key::final_form;
#[cfg(test)]
pub(crate) use as_key::part_form;
pub use as_key::{AsKey, as_key, write_some};
pub use bounds::KeyBounds;
pub(crate) use bounds::{around_parts, beginning_with};
pub use decode::Key;
pub use encode::EncodeKey;
pub(crate) use encode::to_bytes;
pub use error::KeyError;
pub use field::key_field;
pub use prefix::KeyPrefix;
