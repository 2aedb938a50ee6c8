//! Requests to the thread that takes checkpoints, compacts and gives memory back.

use std::sync::Arc;

use crate::os::worker::Worker;

/// The thread of a database `D`.
#[derive(Debug)]
pub(crate) struct MaintenanceWorker<D>(pub(super) Arc<Worker<D, Requests>>);

/// The requests that the thread has not met yet.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// The journal has grown, or what it holds has become much less.
    pub(super) look: bool,
}

impl<D> Default for MaintenanceWorker<D> {
    fn default() -> MaintenanceWorker<D> {
        MaintenanceWorker(Arc::default())
    }
}

impl<D: Send + Sync + 'static> MaintenanceWorker<D> {
    /// Gives a call by which the thread is told that there may be something to do.
    pub(super) fn look_request(&self) -> impl Fn() + Send + Sync + 'static {
        let worker = self.0.clone();
        move || {
            worker.tell(|requests| {
                requests.look = true;
                true
            });
        }
    }

    /// Ends the thread, a checkpoint that it is taking included, and waits for it, unless this is
    /// the thread.
    pub(crate) fn stop(&self) {
        self.0.stop();
    }
}
