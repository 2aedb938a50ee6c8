//! Checkpoints: images of the index at a position of the journal, which spare an open the reading of it.

pub(crate) mod load;
pub(crate) mod take;
pub(crate) mod write;
