//! The notes by which a write set goes back to a mark.

use std::collections::HashSet;

/// A moment of a write set, to go back to. Marks are open within each other: the last one is the
/// first to be rolled back or released.
#[derive(Debug)]
pub(crate) struct Mark {
    /// How many writes there were.
    pub(super) writes: usize,
    /// How many marks were open.
    pub(super) depth: usize,
    /// How much was noted.
    pub(super) noted: usize,
    /// The notes of the mark before it.
    pub(super) since: Since,
}

/// The writes that were replaced while marks are open.
#[derive(Debug, Default)]
pub(super) struct Undo {
    pub(super) depth: usize,
    pub(super) since: Since,
    pub(super) replaced: Vec<Replaced>,
}

/// The notes since the last mark.
#[derive(Debug, Default)]
pub(super) struct Since {
    /// How many writes there were when it was made.
    pub(super) writes: usize,
    /// Those of them that were replaced since.
    pub(super) noted: HashSet<usize>,
}

/// A write as it was.
#[derive(Debug)]
pub(super) struct Replaced {
    pub(super) at: usize,
    pub(super) value: Option<(usize, usize)>,
    pub(super) expiry: Option<u64>,
}

impl Undo {
    /// Notes that a write is replaced; tells whether its value has to be kept for that.
    pub(super) fn note(
        &mut self,
        at: usize,
        value: Option<(usize, usize)>,
        expiry: Option<u64>,
    ) -> bool {
        let is_first = at < self.since.writes && self.since.noted.insert(at);
        if is_first {
            self.replaced.push(Replaced { at, value, expiry });
        }
        is_first
    }
}
