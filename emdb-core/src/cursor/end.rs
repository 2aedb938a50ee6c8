//! The two ends of a walk.

use std::ops::Bound;

use crate::cursor::range::Bounds;

/// The end that the next item is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Front = 0,
    Back = 1,
}

impl End {
    pub(super) fn other(self) -> End {
        match self {
            End::Front => End::Back,
            End::Back => End::Front,
        }
    }

    /// Where this end begins.
    pub(super) fn bound(self, bounds: &Bounds) -> Bound<&[u8]> {
        match self {
            End::Front => bounds.low.as_ref().map(Vec::as_slice),
            End::Back => bounds.high.as_ref().map(Vec::as_slice),
        }
    }

    /// Whether `key` lies behind the range for who comes from this end.
    #[inline(always)]
    pub(super) fn is_past(self, bounds: &Bounds, key: &[u8]) -> bool {
        match (self, &bounds.low, &bounds.high) {
            (End::Front, _, Bound::Included(high)) => key > high.as_slice(),
            (End::Front, _, Bound::Excluded(high)) => key >= high.as_slice(),
            (End::Back, Bound::Included(low), _) => key < low.as_slice(),
            (End::Back, Bound::Excluded(low), _) => key <= low.as_slice(),
            (End::Front, _, Bound::Unbounded) | (End::Back, Bound::Unbounded, _) => false,
        }
    }

    /// Whether this end meets `a` before `b`.
    pub(super) fn precedes(self, a: &[u8], b: &[u8]) -> bool {
        match self {
            End::Front => a < b,
            End::Back => a > b,
        }
    }

    pub(super) fn advance(self, at: usize) -> usize {
        match self {
            End::Front => at + 1,
            End::Back => at - 1,
        }
    }
}
