//! Writing rows with all that belongs to them.

pub(crate) mod auto_key;
mod batch;
pub(crate) mod entries;
mod limits;

pub(crate) use batch::Batch;
