//! The journal: one file of records, appended to and made durable, scanned and recovered.

pub(crate) mod recovery;
pub(crate) mod scan;
pub(crate) mod sync;
pub(crate) mod writer;
