//! The journal: one file of records, appended to and made durable, scanned and recovered.

pub(crate) mod commits;
pub(crate) mod durability;
pub(crate) mod file;
pub(crate) mod record_writer;
pub(crate) mod recovery;
pub(crate) mod scan;
#[cfg(test)]
mod tests;
pub(crate) mod writer;
