//! Every byte on disk: header slots, records, marks, and the checks that bind them to their place.
//!
//! `docs/format.md` describes the same for readers. Nothing here knows files or the index.

pub(crate) mod checksum;
pub(crate) mod envelope;
pub(crate) mod header;
pub(crate) mod image;
pub(crate) mod mark;
pub(crate) mod options;
pub(crate) mod place;
pub(crate) mod prepared;
pub(crate) mod record;
pub(crate) mod sealed;
pub(crate) mod varint;

/// Where the journal begins: behind the two header slots.
pub(crate) const JOURNAL_START: u64 = 8192;

/// Positions have 42 bits in an index slot, which bounds a data file to 4 TiB.
pub(crate) const MAX_POSITION: u64 = (1 << 42) - 1;

/// The longest key in bytes.
pub(crate) const MAX_KEY: usize = (1 << 16) - 1;

/// The longest value in bytes.
pub(crate) const MAX_VALUE: usize = 1 << 30;

/// The longest value of a record as it lies in the journal: sealed, that of the longest key and value.
pub(crate) const MAX_STORED: usize = MAX_VALUE + MAX_KEY + sealed::INNER + sealed::TRAILER;
