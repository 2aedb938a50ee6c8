//! What is done in the background: one thread syncs what has waited too long and brings a lagging
//! header up to date, another keeps ordered namespaces in order ahead of their readers, which can
//! take longer, and a third takes checkpoints and compacts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::maintenance::schedule::Maintain;
use crate::os::worker::Worker;

/// How long order can wait when little is written.
const TIDY_AFTER: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
pub(crate) struct Background {
    sync: Arc<Worker<Requests>>,
    /// A sync is ordered already.
    sync_asked: AtomicBool,
    /// Allowed when the first namespace is ordered.
    order: Arc<Worker<Requests>>,
    pub(crate) maintain: Maintain,
}

impl Background {
    /// Lets the thread that syncs help, now and then by itself if that is wanted.
    pub(crate) fn start_sync(engine: &Arc<Engine>, flush_every: Option<Duration>) {
        let sync = &engine.background.sync;
        // The thread reads it once, as it begins.
        sync.requests().flush_every = flush_every;
        sync.allow(engine, "emdb-sync", run);
        sync.tell(|_| flush_every.is_some());
    }

    /// Lets the thread that orders help.
    pub(crate) fn start_order(engine: &Arc<Engine>) {
        if !engine.is_forked_child() {
            engine.background.order.allow(engine, "emdb-order", run);
        }
    }

    /// Asks for order soon: much has been written.
    pub(crate) fn settle_soon(&self) {
        self.order.tell(|requests| {
            requests.settle = true;
            true
        });
    }

    /// Asks for order in a while: a reader found something to do.
    pub(crate) fn tidy_later(&self) {
        self.order.tell(|requests| {
            let first = requests.tidy_at.is_none();
            requests.tidy_at.get_or_insert_with(|| Instant::now() + TIDY_AFTER);
            first
        });
    }

    /// Asks for a sync soon.
    pub(crate) fn sync_soon(&self) {
        if !self.sync_asked.swap(true, Ordering::AcqRel) {
            self.sync.tell(|requests| {
                requests.sync = true;
                true
            });
        }
    }

    /// What asks for damaged parts of the index to be put right.
    pub(crate) fn healer(&self) -> impl Fn() + Send + Sync + 'static {
        let sync = self.sync.clone();
        move || {
            sync.tell(|requests| {
                requests.heal = true;
                true
            });
        }
    }

    /// Asks for a header refresh after `delay`.
    pub(crate) fn refresh_after(&self, delay: Duration) {
        self.sync.tell(|requests| {
            let first = requests.refresh_at.is_none();
            requests.refresh_at.get_or_insert_with(|| Instant::now() + delay);
            first
        });
    }

    /// Ends the threads and waits for them. None begins any more.
    pub(crate) fn stop(&self) {
        self.maintain.stop();
        self.order.stop();
        self.sync.stop();
    }
}

#[derive(Debug, Default)]
struct Requests {
    flush_every: Option<Duration>,
    sync: bool,
    refresh_at: Option<Instant>,
    heal: bool,
    settle: bool,
    /// When to put in order what was written since, if nothing else asks for it before.
    tidy_at: Option<Instant>,
}

enum Task {
    Sync,
    Refresh,
    Heal,
    Settle,
    Tidy,
    Stop,
}

fn run(engine: &Weak<Engine>, worker: &Worker<Requests>) {
    let flush_every = worker.requests().flush_every;
    let mut flush_at = flush_every.map(|every| Instant::now() + every);
    loop {
        let order = next(worker, flush_at);
        let Some(engine) = engine.upgrade() else { return };
        let done = match order {
            Task::Stop => return,
            Task::Sync => {
                // What is written from here on may ask again. A swap, because an engine alone could be
                // seen later than what the sync reads first: a writer in between would not ask.
                engine.background.sync_asked.swap(false, Ordering::AcqRel);
                engine.flush()
            }
            Task::Refresh => engine.refresh_header(),
            Task::Heal => {
                // What can't be put right, readers meet again and tell.
                let _ = engine.heal();
                Ok(())
            }
            Task::Settle | Task::Tidy => {
                let all = matches!(order, Task::Tidy);
                if engine.settle_orders(all, || worker.is_stopping()) {
                    engine.background.tidy_later();
                }
                Ok(())
            }
        };
        if done.is_err() {
            // Poisoned: there is nothing left to do for this thread.
            engine.durability.background_failures.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if flush_at.is_some_and(|at| at <= Instant::now()) {
            flush_at = flush_every.map(|every| Instant::now() + every);
        }
    }
}

fn next(worker: &Worker<Requests>, flush_at: Option<Instant>) -> Task {
    let mut requests = worker.requests();
    loop {
        let now = Instant::now();
        if worker.is_stopping() {
            return Task::Stop;
        }
        if std::mem::take(&mut requests.sync) {
            return Task::Sync;
        }
        if requests.refresh_at.is_some_and(|at| at <= now) {
            requests.refresh_at = None;
            return Task::Refresh;
        }
        if flush_at.is_some_and(|at| at <= now) {
            return Task::Sync;
        }
        if std::mem::take(&mut requests.heal) {
            return Task::Heal;
        }
        if std::mem::take(&mut requests.settle) {
            return Task::Settle;
        }
        if requests.tidy_at.is_some_and(|at| at <= now) {
            requests.tidy_at = None;
            return Task::Tidy;
        }
        let times = flush_at.into_iter().chain(requests.refresh_at).chain(requests.tidy_at);
        requests = worker.wait(requests, times.min());
    }
}
