//! Telling how far a long call is.

use std::ops::ControlFlow;

use crate::error::TableError;
use crate::vocabulary::{Error, Progress};

/// Tells a callback how far a call is, now and then.
pub(super) struct Reporter<F> {
    progress: Progress,
    callback: F,
}

impl<F: FnMut(Progress) -> ControlFlow<()>> Reporter<F> {
    pub(super) fn new(total: usize, callback: F) -> Self {
        Reporter { progress: Progress::new(0, total as u64), callback }
    }

    pub(super) fn step(&mut self, done: usize) -> Result<(), TableError> {
        let Progress { done: before, total, .. } = self.progress;
        self.progress.done = (before + done as u64).min(total);
        match (self.callback)(self.progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(TableError::Core(Error::Cancelled)),
        }
    }
}

pub(super) fn silent(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}
