//! Giving memory back: of indexes whose keys have gone, and of what views kept that have gone.
//!
//! Nothing of it is done by whoever removes or reads. The thread that looks after the database looks
//! whether the indexes take much more than their records need, shrinks those, and sees to it that
//! what was replaced is freed, for which readers have to move on.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::maintenance::database::Database;
use crate::mvcc::generation::GenerationHandle;
use crate::mvcc::incarnation::Incarnation;
use crate::os::heap;
use crate::os::sync::lock;

/// Looks after the last change, since readers leave former parts by and by.
const LOOKS_AFTER: u32 = 4;
/// How often readers are asked whether they have moved on, at each look.
const STEPS: u32 = 4;
/// So many times as long as a look took there is none.
const REST: u32 = 8;
/// Bytes that have gone for good with which the heap is to give back what is free: at any time, and when
/// nothing is written.
const GONE_MIN_BYTES: usize = 4 << 20;
const GONE_QUIET_MIN_BYTES: usize = 512 << 10;
/// When to look again for what a view kept from being given back.
const HELD_LOOK: Duration = Duration::from_secs(1);

/// The state that one look leaves to the next.
#[derive(Debug, Default)]
pub(super) struct Memory {
    rest_until: Option<Instant>,
    /// Looks that are to follow.
    to_come: u32,
    /// Incarnations that took too much when they were last looked at, by their ids.
    tried: HashMap<u32, Attempt>,
    /// The compactions there were then; ids are of one generation.
    compactions: u64,
    /// Whether views keep versions.
    kept: bool,
    /// The end of what was written then.
    end: u64,
}

/// The circumstances in which an index was as small as could be.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    /// The watermark of the oldest view.
    oldest: u64,
    records: u64,
}

impl Memory {
    /// Notes that there may be something to do.
    pub(super) fn wake(&mut self) {
        self.to_come = LOOKS_AFTER;
    }

    /// When to look again though nothing is written; none if there is no reason to.
    pub(super) fn look_again_at(&self) -> Option<Instant> {
        (self.kept || !self.tried.is_empty()).then(|| Instant::now() + HELD_LOOK)
    }

    /// Gives back what can be; tells whether to look again soon.
    pub(super) fn look(&mut self, database: &Database, stopped: &dyn Fn() -> bool) -> bool {
        let began = Instant::now();
        if self.rest_until.is_some_and(|until| began < until) {
            return true;
        }
        let engine = &*database.engine;
        self.kept = engine.trim_between_commits();
        if self.shrink(database, stopped) {
            self.wake();
        }
        for _ in 0..STEPS {
            crossbeam_epoch::pin().flush();
        }
        self.to_come = self.to_come.saturating_sub(1);
        let end = engine.data_end();
        let is_quiet = std::mem::replace(&mut self.end, end) == end;
        if self.to_come == 0 {
            heap::give_back(if is_quiet { GONE_QUIET_MIN_BYTES } else { GONE_MIN_BYTES });
        }
        self.rest_until = Some(Instant::now() + began.elapsed() * REST);
        self.to_come > 0
    }

    /// Shrinks the indexes that take too much; tells whether there was one, or it is not the time.
    fn shrink(&mut self, database: &Database, stopped: &dyn Fn() -> bool) -> bool {
        let engine = &*database.engine;
        // Nobody writes an image of a table, or copies it, meanwhile.
        let Some(_guard) = database.maintenance.try_acquire(engine.lock_family) else {
            return true;
        };
        let compactions = database.compactions.done();
        if self.compactions != compactions {
            self.compactions = compactions;
            self.tried.clear();
        }
        let mut tried = std::mem::take(&mut self.tried);
        let states: Vec<_> = engine.names.lock().live.values().cloned().collect();
        let mut found = false;
        for state in states {
            let (handle, incarnation) = state.now();
            heap::note_gone(lock(&incarnation.expiries).take_gone_bytes());
            let records = incarnation.records.load(Ordering::Relaxed);
            if stopped() || !takes_too_much(&incarnation, records) {
                continue;
            }
            let oldest = handle.generation.views.oldest();
            let attempt = match tried.remove(&incarnation.id) {
                Some(last) if last.is_good(oldest, records) => last,
                _ => {
                    found = true;
                    shrink_one(engine, &handle, &incarnation, records, stopped);
                    Attempt { oldest, records }
                }
            };
            if takes_too_much(&incarnation, records) {
                self.tried.insert(incarnation.id, attempt);
            }
        }
        found
    }
}

impl Attempt {
    /// Whether another one would find nothing.
    fn is_good(self, oldest: u64, records: u64) -> bool {
        self.oldest == oldest && (records == self.records || records > self.records / 2)
    }
}

fn takes_too_much(incarnation: &Incarnation, records: u64) -> bool {
    let order = incarnation.order.get();
    incarnation.table.is_roomy(records) || order.is_some_and(|order| order.is_roomy(records))
}

fn shrink_one(
    engine: &Engine,
    handle: &GenerationHandle,
    incarnation: &Incarnation,
    records: u64,
    stopped: &dyn Fn() -> bool,
) {
    if incarnation.table.is_roomy(records) {
        let before = incarnation.table.bytes();
        engine.shrink_table(handle, incarnation, stopped);
        heap::note_gone(before.saturating_sub(incarnation.table.bytes()));
    }
    if let Some(order) = incarnation.order.get().filter(|order| order.is_roomy(records)) {
        heap::note_gone(order.bytes());
        order.want_renewal();
        engine.background.tidy_later();
    }
}
