//! The threads of an engine, and how they do what was requested.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::engine::background::{Requests, Task, next_task};
use crate::os::worker::Worker;

impl Engine {
    /// Lets the thread that syncs work, now and then by itself if that is wanted.
    pub(crate) fn allow_syncing(self: &Arc<Engine>, flush_every: Option<Duration>) {
        let sync = &self.background.sync;
        // The thread reads it once, as it begins.
        sync.requests().flush_every = flush_every;
        sync.allow(self, "emdb-sync", run);
        sync.tell(|_| flush_every.is_some());
    }

    /// Lets the thread that orders work.
    pub(crate) fn allow_ordering(self: &Arc<Engine>) {
        if !self.is_forked_child() {
            self.background.order.allow(self, "emdb-order", run);
        }
    }
}

fn run(engine: &Weak<Engine>, worker: &Worker<Engine, Requests>) {
    let flush_every = worker.requests().flush_every;
    let mut flush_at = flush_every.map(|every| Instant::now() + every);
    loop {
        let task = next_task(worker, flush_at);
        let Some(engine) = engine.upgrade() else { return };
        let done = match task {
            Task::Stop => return,
            Task::Sync => {
                // Writes from here on may ask again.
                engine.background.take_sync_request();
                engine.flush()
            }
            Task::RefreshHeader => engine.refresh_header(),
            Task::Repair => {
                // Readers meet damage that can't be repaired again, and report it.
                let _ = engine.repair_damaged();
                Ok(())
            }
            Task::Settle | Task::Tidy => {
                let all = matches!(task, Task::Tidy);
                if engine.settle_orders(all, || worker.is_stopping()) {
                    engine.background.tidy_later();
                }
                Ok(())
            }
        };
        if done.is_err() {
            // Poisoned: there is nothing left to do for this thread.
            engine.background.note_failure();
            return;
        }
        if flush_at.is_some_and(|at| at <= Instant::now()) {
            flush_at = flush_every.map(|every| Instant::now() + every);
        }
    }
}
