//! Versions: which committed states are looked at, and what namespaces held in them.

pub(crate) mod generation;
pub(crate) mod names;
pub(crate) mod views;
pub(crate) mod write_set;
