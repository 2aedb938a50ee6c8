//! Writing rows with all that belongs to them.

pub(crate) mod auto_key;
mod batch;
pub(crate) mod entries;

pub(crate) use batch::Batch;
