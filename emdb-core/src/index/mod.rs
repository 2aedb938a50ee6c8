//! The index, which leads from keys to records: a hash index, the order of keys, and expiries.
//! Nothing here knows files.

pub(crate) mod expiry;
pub(crate) mod hash;
pub(crate) mod ordered;
