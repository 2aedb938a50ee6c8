//! Progress of a long call.

use std::ops::ControlFlow;

use crate::error::{Error, Result};

/// The progress of a long call; its callback gets one from time to time, and may end the call by
/// [`ControlFlow::Break`], which gives [`Error::Cancelled`].
///
/// The unit depends on the call: bytes, or rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The work that has been done, from 0 to `total`.
    pub done: u64,
    /// The work that there is to do, as known now.
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

/// Told how far a call is; may end it.
pub(crate) type OnProgress<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// Bytes, or rows, between two reports.
const STEP_UNITS: u64 = 1 << 20;

/// Tells from time to time how far a call is.
pub(crate) struct ProgressMeter<'a> {
    tell: OnProgress<'a>,
    done: u64,
    pub(crate) total: u64,
    told: Option<u64>,
}

impl<'a> ProgressMeter<'a> {
    pub(crate) fn new(tell: OnProgress<'a>, total: u64) -> ProgressMeter<'a> {
        ProgressMeter { tell, done: 0, total, told: None }
    }

    /// Counts bytes; `Cancelled` if the callback says so, as are the following.
    #[inline]
    pub(crate) fn advance(&mut self, bytes: u64) -> Result<()> {
        self.at(self.done + bytes)
    }

    /// So many bytes are done.
    #[inline]
    pub(crate) fn at(&mut self, done: u64) -> Result<()> {
        self.done = done;
        match self.told {
            Some(told) if done < told + STEP_UNITS => Ok(()),
            _ => self.now(),
        }
    }

    /// Tells now.
    pub(crate) fn now(&mut self) -> Result<()> {
        self.told = Some(self.done);
        // The work can turn out to be more than was known.
        self.total = self.total.max(self.done);
        match (self.tell)(Progress::new(self.done, self.total)) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled),
        }
    }

    /// Tells that all is done.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.done = self.total;
        self.now()
    }
}
