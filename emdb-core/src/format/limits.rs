//! The bounds of what a file holds.

/// The position at which the journal begins: behind the two header slots.
pub(crate) const JOURNAL_START: u64 = 8192;

/// Positions have 42 bits in an index slot, which bounds a data file to 4 TiB.
pub(crate) const MAX_POSITION: u64 = (1 << 42) - 1;

/// The longest key in bytes.
pub(crate) const KEY_MAX_BYTES: usize = (1 << 16) - 1;

/// The longest value in bytes.
pub(crate) const VALUE_MAX_BYTES: usize = 1 << 30;

/// The longest value of a record as it lies in the journal: sealed, that of the longest key and value.
pub(crate) const STORED_MAX_BYTES: usize =
    VALUE_MAX_BYTES + KEY_MAX_BYTES + INNER_LEN + TRAILER_LEN;

/// Bytes behind the text of a sealed record: session, counter and tag.
pub(crate) const TRAILER_LEN: usize = 24;

/// Bytes in the text of a sealed record beside key and value: the key's length and the namespace.
pub(crate) const INNER_LEN: usize = 6;
