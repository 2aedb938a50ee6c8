//! The thread that takes checkpoints as the journal grows, and compacts it if that is asked for.
//!
//! It sleeps until a commit finds that enough has come since it last looked; then it looks now and
//! then whether this is a good moment, until there is nothing left to do.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::checkpoint::take::{CheckpointKind, SOME};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::format::JOURNAL_START;
use crate::os::worker::Worker;
use crate::progress::ProgressMeter;

/// Bytes of the journal with which it looks for the first time, if it is to compact.
const LITTLE: u64 = 64 << 10;
/// How often it looks.
const TICK: Duration = Duration::from_millis(10);
/// With so much of the journal a short pause of the writers is a good moment,
const MUCH: u64 = 32 << 20;
const SHORT: Duration = Duration::from_millis(100);
/// with less than that a long one,
const LONG: Duration = Duration::from_secs(1);
/// and with so much, and twice the image, any. Before that, while much is written, one is taken in
/// passing with so much, and half of the image: it bounds what an open has to read after a kill.
const ENOUGH: u64 = 256 << 20;
const PASSING: u64 = 16 << 20;
/// How long a failure lets it rest, at first and at the most.
const REST: Duration = Duration::from_secs(1);
const REST_MAX: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
pub(crate) struct Maintain(Arc<Worker<Requests>>);

#[derive(Debug, Default)]
struct Requests {
    look: bool,
}

impl Maintain {
    fn look(&self) {
        self.0.tell(|requests| {
            requests.look = true;
            true
        });
    }

    /// Ends the thread, a checkpoint that it is taking included, and waits for it, unless this is
    /// the thread.
    pub(crate) fn stop(&self) {
        self.0.stop();
    }
}

impl Engine {
    /// Begins to take checkpoints when they are due.
    pub(crate) fn start_maintaining(self: &Arc<Engine>) {
        // Without the thread opens take longer.
        self.background.maintain.0.allow(self, "emdb-maintain", run);
        self.wait_for_more();
        self.maintain_if_due();
    }

    /// Lets the thread be told when enough has come.
    pub(crate) fn wait_for_more(&self) {
        let end = self.data_end.0.load(Ordering::Relaxed);
        let mut due_at = match self.file {
            Some(_) => self.checkpoints.kept.load(Ordering::Relaxed).saturating_add(SOME),
            None => u64::MAX,
        };
        if let Some(auto) = self.auto_compact {
            // What dies is written first, or written over.
            due_at = due_at.min(end + (auto.min_bytes / 4).clamp(LITTLE, SOME));
        }
        self.checkpoints.due_at.store(due_at, Ordering::Release);
    }

    /// Compacts if that is due; tells whether it was.
    fn compact_if_due(self: &Arc<Engine>, stopped: &dyn Fn() -> bool) -> Result<bool> {
        let Some(auto) = self.auto_compact else { return Ok(false) };
        let stats = self.stats()?;
        if !auto.is_due(stats.dead_bytes, stats.logical_size_bytes - JOURNAL_START) {
            return Ok(false);
        }
        let go_on = &mut |_| {
            if stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        match self.compact(&mut ProgressMeter::new(go_on, self.live_bytes())) {
            Err(Error::Cancelled) => Ok(true),
            Err(e) => {
                self.compaction_failures.fetch_add(1, Ordering::Relaxed);
                Err(e)
            }
            Ok(()) => Ok(true),
        }
    }

    /// Tells the thread when enough has come; after each commit.
    #[inline]
    pub(crate) fn maintain_if_due(&self) {
        let due_at = self.checkpoints.due_at.load(Ordering::Relaxed);
        if self.data_end.0.load(Ordering::Relaxed) >= due_at {
            // Once.
            self.checkpoints.due_at.store(u64::MAX, Ordering::Release);
            self.background.maintain.look();
        }
    }
}

fn run(engine: &Weak<Engine>, worker: &Worker<Requests>) {
    loop {
        {
            let mut requests = worker.requests();
            while !requests.look && !worker.is_stopping() {
                requests = worker.wait(requests, None);
            }
            if worker.is_stopping() {
                return;
            }
            requests.look = false;
        }
        if !watch(engine, worker) {
            return;
        }
    }
}

/// When something that failed is tried again.
#[derive(Default)]
struct Rest {
    pause: Duration,
    until: Option<Instant>,
}

impl Rest {
    fn is_over(&self) -> bool {
        self.until.is_none_or(|until| until <= Instant::now())
    }

    fn note(&mut self, failed: bool) {
        self.pause = if failed { (2 * self.pause).clamp(REST, REST_MAX) } else { Duration::ZERO };
        self.until = failed.then(|| Instant::now() + self.pause);
    }
}

/// Looks until there is nothing to do; false when the thread is to end.
fn watch(engine: &Weak<Engine>, worker: &Worker<Requests>) -> bool {
    let mut changed = (0, Instant::now());
    let (mut checkpoints, mut compactions) = (Rest::default(), Rest::default());
    let stopped = || worker.is_stopping();
    loop {
        let until = Instant::now() + TICK;
        {
            let mut requests = worker.requests();
            while !worker.is_stopping() && Instant::now() < until {
                requests = worker.wait(requests, Some(until));
            }
            if worker.is_stopping() {
                return false;
            }
        }
        let Some(engine) = engine.upgrade() else { return false };
        if engine.check_health().is_err() {
            return false;
        }
        let mut compacted = false;
        if compactions.is_over() {
            let done = engine.compact_if_due(&stopped);
            compacted = matches!(done, Ok(true));
            compactions.note(done.is_err());
        }
        let end = engine.data_end.0.load(Ordering::Relaxed);
        if changed.0 != end {
            changed = (end, Instant::now());
        }
        let [since, passed] = [&engine.checkpoints.kept, &engine.checkpoints.last]
            .map(|last| end.saturating_sub(last.load(Ordering::Relaxed)));
        if since < SOME || engine.file.is_none() {
            if compacted || !compactions.is_over() {
                continue;
            }
            engine.wait_for_more();
            // For what came since the end was looked at: nobody told.
            engine.maintain_if_due();
            return true;
        }
        let quiet = changed.1.elapsed();
        let size = engine.checkpoints.size.load(Ordering::Relaxed);
        let good = quiet >= LONG
            || quiet >= SHORT && since >= MUCH
            || since >= ENOUGH.max(size.saturating_mul(2));
        let kind = match good {
            true => CheckpointKind::Durable,
            false if passed >= PASSING.max(size / 2) => CheckpointKind::Passing,
            false => continue,
        };
        if checkpoints.is_over() {
            let yields = || stopped() || engine.maintenance.is_wanted();
            let done = engine.checkpoint(kind, yields);
            checkpoints.note(done.is_err_and(|e| !matches!(e, Error::Cancelled)));
        }
    }
}
