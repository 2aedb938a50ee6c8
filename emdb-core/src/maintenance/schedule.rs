//! The thread that takes checkpoints as the journal grows, compacts it if that is asked for, and gives
//! memory back.
//!
//! It sleeps until a commit finds that enough has come since it last looked, or that much has gone; then
//! it looks now and then whether this is a good moment, until there is nothing left to do.

use std::ops::ControlFlow;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::checkpoint::state::BACKGROUND_MIN_BYTES;
use crate::error::{Error, Result};
use crate::maintenance::compact::compact;
use crate::maintenance::database::Database;
use crate::maintenance::memory::Memory;
use crate::maintenance::moment::{Budget, Moment, PASSING_MIN_BYTES, SHORT_PAUSE};
use crate::maintenance::worker::Requests;
use crate::os::worker::Worker;
use crate::progress::ProgressMeter;

/// Bytes of the journal with which it looks for the first time, if it is to compact.
const FIRST_LOOK_BYTES: u64 = 64 << 10;
/// Bytes of the journal with which it looks whether indexes have lost keys.
const MEMORY_LOOK_BYTES: u64 = 64 << 10;
/// How often it looks.
const TICK: Duration = Duration::from_millis(10);
/// How long a failure lets it rest, at first and at the most.
const RETRY_AFTER: Duration = Duration::from_secs(1);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

impl Database {
    /// Begins to take checkpoints when they are due.
    pub(super) fn start_maintaining(self: &Arc<Database>) {
        // Without the thread opens take longer.
        self.worker.0.allow(self, "emdb-maintain", run);
        self.engine.growth.set_call(self.worker.look_request());
        self.wait_for_more();
        self.look_if_due();
    }

    /// Lets the thread be told when enough has come.
    pub(super) fn wait_for_more(&self) {
        let end = self.engine.data_end();
        let mut due_at = end + MEMORY_LOOK_BYTES;
        if self.engine.file.is_some() {
            due_at = due_at.min(self.checkpoints.kept().saturating_add(BACKGROUND_MIN_BYTES));
        }
        if let Some(auto) = self.compactions.auto {
            // Records that die are written first, or written over.
            let more = (auto.min_bytes / 4).clamp(FIRST_LOOK_BYTES, BACKGROUND_MIN_BYTES);
            due_at = due_at.min(end + more);
        }
        self.engine.growth.wait_until(due_at);
    }

    /// Has the thread look if enough has come already.
    fn look_if_due(&self) {
        self.engine.growth.check(self.engine.data_end());
    }

    /// Compacts if that is due; tells whether it was.
    fn compact_if_due(&self, stopped: &dyn Fn() -> bool) -> Result<bool> {
        let Some(auto) = self.compactions.auto else { return Ok(false) };
        let figures = self.engine.figures();
        if !auto.is_due(figures.dead_bytes(), figures.journal_bytes()) {
            return Ok(false);
        }
        let go_on = &mut |_| {
            if stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        match compact(self, &mut ProgressMeter::new(go_on, self.engine.live_bytes())) {
            Err(Error::Cancelled) => Ok(true),
            Err(e) => {
                self.compactions.note_failed();
                Err(e)
            }
            Ok(()) => Ok(true),
        }
    }
}

fn run(database: &Weak<Database>, worker: &Worker<Database, Requests>) {
    let mut memory = Memory::default();
    let Some(begun) = database.upgrade().map(|database| database.checkpoints.kept()) else {
        return;
    };
    let mut budget = Budget::from(begun);
    loop {
        {
            let mut requests = worker.requests();
            let until = memory.look_again_at();
            let is_over = || until.is_some_and(|until| until <= Instant::now());
            while !requests.look && !worker.is_stopping() && !is_over() {
                requests = worker.wait(requests, until);
            }
            if worker.is_stopping() {
                return;
            }
            requests.look = false;
        }
        memory.wake();
        if !watch(database, worker, &mut memory, &mut budget) {
            return;
        }
    }
}

/// When something that failed is tried again.
#[derive(Default)]
struct Retry {
    pause: Duration,
    until: Option<Instant>,
}

impl Retry {
    fn is_over(&self) -> bool {
        self.until.is_none_or(|until| until <= Instant::now())
    }

    fn note(&mut self, failed: bool) {
        self.pause = if failed {
            (2 * self.pause).clamp(RETRY_AFTER, RETRY_AFTER_MAX)
        } else {
            Duration::ZERO
        };
        self.until = failed.then(|| Instant::now() + self.pause);
    }
}

/// Looks until there is nothing to do; false when the thread is to end.
fn watch(
    database: &Weak<Database>,
    worker: &Worker<Database, Requests>,
    memory: &mut Memory,
    budget: &mut Budget,
) -> bool {
    let mut changed = (0, Instant::now());
    let (mut checkpoints, mut compactions) = (Retry::default(), Retry::default());
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
        let Some(database) = database.upgrade() else { return false };
        let engine = &database.engine;
        if engine.durability.check().is_err() {
            return false;
        }
        let mut compacted = false;
        if compactions.is_over() {
            let done = database.compact_if_due(&stopped);
            compacted = matches!(done, Ok(true));
            compactions.note(done.is_err());
        }
        let look_again = memory.look(&database, &stopped);
        let end = engine.data_end();
        if changed.0 != end {
            changed = (end, Instant::now());
        }
        let since = database.checkpoints.since(end);
        if since.kept < BACKGROUND_MIN_BYTES || engine.file.is_none() {
            if compacted || !compactions.is_over() || look_again {
                continue;
            }
            database.wait_for_more();
            // For what came since the end was looked at: nobody told.
            database.look_if_due();
            return true;
        }
        let quiet = changed.1.elapsed();
        if since.any < PASSING_MIN_BYTES && quiet < SHORT_PAUSE {
            continue;
        }
        // An image takes about as much.
        let image = engine.hash_index_bytes();
        let Some(moment) = Moment::of((since, end), quiet, image, budget) else { continue };
        if checkpoints.is_over() {
            let yields = || stopped() || database.maintenance.is_wanted();
            let done = database.checkpoint(moment.kind(), yields);
            if done.is_ok() {
                budget.note(moment, database.checkpoints.size(), end);
            }
            checkpoints.note(done.is_err_and(|e| !matches!(e, Error::Cancelled)));
        }
    }
}
