//! How far a long call is.

/// How far a long call is; its callback gets one from time to time, and may end the call by
/// [`ControlFlow::Break`](std::ops::ControlFlow::Break), which gives
/// [`Error::Cancelled`](crate::Error::Cancelled).
///
/// Which unit it counts in, the call says: bytes, or rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What has been done, from 0 to `total`.
    pub done: u64,
    /// What there is to do, as known now.
    pub total: u64,
}

impl Progress {
    /// For the calls that report it.
    #[doc(hidden)]
    #[must_use]
    pub fn new(done: u64, total: u64) -> Progress {
        Progress { done, total }
    }
}
