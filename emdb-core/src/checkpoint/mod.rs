//! Checkpoints: images of the index at a position of the journal, which spare an open the reading of it.

pub(crate) mod load;
pub(crate) mod state;
pub(crate) mod take;
mod write;
