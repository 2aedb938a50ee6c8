//! How far a long call is.

use std::ops::ControlFlow;

use crate::error::{Error, Result};

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

/// Bytes between two reports.
const STEP: u64 = 1 << 20;

/// Tells a callback how far a call is.
pub(crate) struct Meter<'a> {
    tell: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    done: u64,
    total: u64,
    told: u64,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(tell: &'a mut dyn FnMut(Progress) -> ControlFlow<()>, total: u64) -> Self {
        Meter { tell, done: 0, total, told: 0 }
    }

    /// Counts bytes; `Cancelled` if the callback says so.
    #[inline]
    pub(crate) fn advance(&mut self, bytes: u64) -> Result<()> {
        self.done += bytes;
        if self.done - self.told < STEP {
            return Ok(());
        }
        self.report()
    }

    #[cold]
    fn report(&mut self) -> Result<()> {
        self.told = self.done;
        self.total = self.total.max(self.done);
        match (self.tell)(Progress::new(self.done, self.total)) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled),
        }
    }

    /// All is done.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.done = self.done.max(self.total);
        self.report()
    }
}
