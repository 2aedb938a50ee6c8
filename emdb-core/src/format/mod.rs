//! Every byte on disk: header slots, records, marks, and the checks that bind them to their place.
//!
//! `docs/format.md` describes the same for readers. Nothing here knows files or the index.

pub(crate) mod checksum;
pub(crate) mod envelope;
pub(crate) mod header;
pub(crate) mod image;
pub(crate) mod limits;
pub(crate) mod mark;
pub(crate) mod options;
pub(crate) mod place;
pub(crate) mod prepared;
pub(crate) mod record;
pub(crate) mod sealed;
pub(crate) mod varint;

pub(crate) use limits::{
    JOURNAL_START, KEY_MAX_BYTES, MAX_POSITION, STORED_MAX_BYTES, VALUE_MAX_BYTES,
};
