//! The state of a namespace that a savepoint goes back to.

use std::sync::Arc;

use crate::mvcc::incarnation::Incarnation;
use crate::mvcc::write_set::{Mark, WriteSet};

/// A namespace as it was when a savepoint came to it.
#[derive(Debug)]
pub(super) struct Frame {
    /// How many savepoints are around that one.
    pub(super) depth: usize,
    pub(super) mark: Mark,
    pub(super) followed: u32,
    /// The state that was put aside since, when the namespace was first cleared.
    pub(super) aside: Option<Box<Aside>>,
}

/// The state of a namespace before it was cleared.
#[derive(Debug)]
pub(super) struct Aside {
    pub(super) incarnation: Option<Arc<Incarnation>>,
    pub(super) clears: u32,
    pub(super) writes: WriteSet,
}
