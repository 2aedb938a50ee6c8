//! Requests to the threads that work for an engine: one syncs what has waited too long and brings a
//! lagging header up to date, another keeps ordered namespaces in order ahead of their readers,
//! which can take longer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::os::worker::Worker;

/// The time that order can wait when little is written.
const TIDY_AFTER: Duration = Duration::from_millis(20);

/// The threads of an engine `E`.
#[derive(Debug)]
pub(crate) struct Background<E> {
    pub(super) sync: Arc<Worker<E, Requests>>,
    /// A sync is requested already.
    sync_asked: AtomicBool,
    /// Allowed when the first namespace is ordered.
    pub(super) order: Arc<Worker<E, Requests>>,
    /// Work that failed, after which its thread ended.
    failures: AtomicU64,
}

impl<E> Default for Background<E> {
    fn default() -> Background<E> {
        Background {
            sync: Arc::default(),
            sync_asked: AtomicBool::new(false),
            order: Arc::default(),
            failures: AtomicU64::new(0),
        }
    }
}

impl<E: Send + Sync + 'static> Background<E> {
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

    /// Lets a sync be asked for again: the one that was is about to begin.
    pub(super) fn take_sync_request(&self) {
        // A swap, because a store alone could be seen later than what the sync reads first: a writer
        // in between would not ask.
        self.sync_asked.swap(false, Ordering::AcqRel);
    }

    /// Gives a call that asks for damaged parts of the index to be repaired.
    pub(crate) fn repair_request(&self) -> impl Fn() + Send + Sync + 'static {
        let sync = self.sync.clone();
        move || {
            sync.tell(|requests| {
                requests.repair = true;
                true
            });
        }
    }

    /// Asks for a header refresh after `delay`.
    pub(crate) fn refresh_header_after(&self, delay: Duration) {
        self.sync.tell(|requests| {
            let first = requests.refresh_at.is_none();
            requests.refresh_at.get_or_insert_with(|| Instant::now() + delay);
            first
        });
    }

    /// Notes that work failed.
    pub(super) fn note_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// How much work has failed since the open.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Ends the threads and waits for them. None begins any more.
    pub(crate) fn stop(&self) {
        self.order.stop();
        self.sync.stop();
    }
}

/// The requests that a thread has not met yet.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    pub(super) flush_every: Option<Duration>,
    sync: bool,
    refresh_at: Option<Instant>,
    repair: bool,
    settle: bool,
    /// When to put in order what was written since, if nothing else asks for it before.
    tidy_at: Option<Instant>,
}

/// The next thing to do.
pub(super) enum Task {
    Sync,
    RefreshHeader,
    Repair,
    Settle,
    Tidy,
    Stop,
}

/// Waits for the next task; a sync is one at `flush_at`.
pub(super) fn next_task<E: Send + Sync + 'static>(
    worker: &Worker<E, Requests>,
    flush_at: Option<Instant>,
) -> Task {
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
            return Task::RefreshHeader;
        }
        if flush_at.is_some_and(|at| at <= now) {
            return Task::Sync;
        }
        if std::mem::take(&mut requests.repair) {
            return Task::Repair;
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
