//! Versions: which committed states are looked at, and what namespaces held in them.

mod count;
pub(crate) mod generation;
pub(crate) mod hidden_runs;
pub(crate) mod incarnation;
pub(crate) mod names;
pub(crate) mod namespace;
pub(crate) mod retired;
pub(crate) mod sorted_writes;
pub(crate) mod views;
pub(crate) mod write_set;
