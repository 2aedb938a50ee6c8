//! The order of a namespace's keys, beside its hash index.
//!
//! It holds *anchors*: for each key the position of some record of it. Which version of the key a
//! reader sees is found from there, through links or the hash index, so an overwrite or removal
//! changes nothing here. Only a key that was absent gets an anchor. There may be anchors of keys
//! that are gone and two for one key; there is always one for a key that a view can see.
//!
//! Three levels, each cheaper to read and dearer to change than the one before:
//!
//! - `fresh`: positions as the writer appended them, 8 bytes each. No reader looks here: whoever
//!   wants the order first moves them on.
//! - `recent`: a skip list (Pugh, "Skip Lists: A Probabilistic Alternative to Balanced Trees",
//!   1990) of some hundred keys. Nothing is ever inserted over a key that is present.
//! - [`Run`]s: sorted arrays, merged when two are of like size.
//!
//! A reader takes the levels as they are at one moment and keeps them. Keys that are added later
//! can't be of its state, or are there already under another record.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::index::ordered::keys::Keys;
use crate::index::ordered::levels::{Levels, SKIP_LIST_MAX_FRESH_KEYS, SKIP_LIST_MAX_KEYS};
use crate::index::ordered::run::Run;
use crate::index::ordered::stored::Stored;
use crate::os::ranked::{Family, Rank, RankedMutex};
use crate::os::sync::lock;

/// Fresh anchors with which a time in which keys come isn't one for putting all in order.
const BUSY_MIN_KEYS: usize = 2048;
/// Runs at which a reader merges some itself.
pub(super) const READER_MERGE_RUNS: usize = 8;
/// Nanoseconds of quiet that allow for one more anchor in a merge: ten times what it costs.
const QUIET_NS_A_KEY: u128 = 200;
/// Fresh anchors at which the writer asks for help.
pub(crate) const SETTLE_MIN_KEYS: usize = 1 << 15;

#[derive(Debug)]
pub(crate) struct Order {
    /// None until the order is first asked for, if the namespace held keys before it had one.
    fresh: RankedMutex<Option<Vec<u64>>>,
    /// The place of the oldest run until the order is first asked for.
    stored: Mutex<Option<Stored>>,
    /// Anchors that aren't in the levels yet, or one if the order isn't built. Zero only when a
    /// reader of what is committed finds all of it in the levels.
    waiting: AtomicUsize,
    /// Held while fresh anchors are moved in.
    levels: RankedMutex<Arc<Levels>>,
    /// Held by whoever merges runs.
    merging: Mutex<()>,
    /// How many keys have come, and how many had when a worker last saw a change, and when.
    noted: AtomicUsize,
    looked: Mutex<Option<(usize, Instant)>>,
    /// Until when stale anchors are left as they are, so that renewing them takes a part of the
    /// time at most.
    rest: Mutex<Option<Instant>>,
    /// Anchors in runs, when those were last replaced.
    sorted: AtomicUsize,
    sorted_bytes: AtomicUsize,
    /// Anchors whose record was replaced or removed since the runs were last gone through.
    stale: AtomicUsize,
    /// The anchors are to be gone through however many are stale.
    renewal_wanted: AtomicBool,
}

impl Order {
    fn new(fresh: Option<Vec<u64>>) -> Order {
        let family = Family::new();
        Order {
            waiting: AtomicUsize::new(usize::from(fresh.is_none())),
            fresh: RankedMutex::new(family, Rank::Fresh, fresh),
            stored: Mutex::default(),
            levels: RankedMutex::new(family, Rank::Levels, Arc::default()),
            merging: Mutex::default(),
            noted: AtomicUsize::new(0),
            looked: Mutex::default(),
            rest: Mutex::default(),
            sorted: AtomicUsize::new(0),
            sorted_bytes: AtomicUsize::new(0),
            stale: AtomicUsize::new(0),
            renewal_wanted: AtomicBool::new(false),
        }
    }

    /// The order of a namespace that holds nothing yet.
    pub(crate) fn empty() -> Order {
        Order::new(Some(Vec::new()))
    }

    /// The order of a namespace that may hold keys: built when it is first asked for.
    pub(crate) fn unbuilt() -> Order {
        Order::new(None)
    }

    /// The order of a namespace whose keys an image has in order, and of which those that come
    /// later are noted.
    pub(crate) fn stored(stored: Stored) -> Order {
        let order = Order::new(Some(Vec::new()));
        *lock(&order.stored) = Some(stored);
        order.waiting.store(1, Ordering::Relaxed);
        order
    }

    /// Notes no keys from now on, of the many that come in order: [`Order::take_in`] follows, or all is
    /// built when it is first asked for. Nothing is in it yet.
    pub(crate) fn expect_run(&self) {
        *self.fresh.lock() = None;
        self.waiting.store(1, Ordering::Relaxed);
    }

    /// Takes in the run of all keys that have come. Called by the one writer alone.
    pub(crate) fn take_in(&self, run: Run) {
        let mut levels = self.levels.lock();
        let runs = Some(Arc::new(run)).filter(|run| run.len() > 0);
        let all = Levels { recent: Arc::default(), runs: runs.into_iter().collect() };
        self.sum_up(&all);
        *levels = Arc::new(all);
        *self.fresh.lock() = Some(Vec::new());
        self.waiting.store(0, Ordering::Release);
    }

    /// Whether asking for the order is cheap.
    pub(crate) fn is_built(&self) -> bool {
        self.fresh.lock().is_some()
    }

    /// Takes in the record of a key that was absent, before the watermark moves past it. Tells
    /// when many have come together. Called by the one writer alone.
    pub(crate) fn note(&self, position: u64) -> bool {
        match &mut *self.fresh.lock() {
            Some(fresh) => {
                fresh.push(position);
                self.noted.fetch_add(1, Ordering::Relaxed);
                let waiting = self.waiting.fetch_add(1, Ordering::Release) + 1;
                waiting.is_multiple_of(SETTLE_MIN_KEYS)
            }
            None => false,
        }
    }

    /// Merges runs of like size on behalf of a reader, where nobody else does.
    fn merge_here<'k>(&self, levels: &mut Levels, keys: impl Keys<'k>) {
        let Ok(_merging) = self.merging.try_lock() else { return };
        while let Some(start) = levels.mergeable(false, 0) {
            let mut merged = Run::default();
            for run in levels.runs[start..].iter().rev() {
                match run.merge(&merged, keys, |p| keys.newest(p).or(Ok(Some(p)))) {
                    Ok(more) => merged = more,
                    // Damage is met again, and told, by whoever reads.
                    Err(_) => return,
                }
            }
            levels.runs.splice(start.., Some(Arc::new(merged)).filter(|m| m.len() > 0));
        }
    }

    /// Keeps the figures that are asked for without the lock.
    fn sum_up(&self, levels: &Levels) {
        self.sorted.store(levels.runs.iter().map(|r| r.len()).sum(), Ordering::Relaxed);
        self.sorted_bytes.store(levels.runs.iter().map(|r| r.bytes()).sum(), Ordering::Relaxed);
    }

    /// Counts a record that has got a successor.
    pub(crate) fn note_stale(&self) {
        self.stale.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether a reader has more work than it would after a call of `settle`.
    pub(crate) fn is_behind(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0 || self.stale() > 0
    }

    /// Whether it holds many more anchors than `records` need.
    pub(crate) fn is_roomy(&self, records: u64) -> bool {
        let sorted = self.sorted.load(Ordering::Relaxed);
        sorted > SKIP_LIST_MAX_KEYS && records.saturating_mul(2) < sorted as u64
    }

    /// Has the next call of `settle` that may do all go through the anchors, and leave out those of
    /// keys that have gone.
    pub(crate) fn want_renewal(&self) {
        self.renewal_wanted.store(true, Ordering::Release);
    }

    /// The stale anchors, if they are a good part of all.
    fn stale(&self) -> usize {
        let stale = self.stale.load(Ordering::Relaxed);
        let many = SKIP_LIST_MAX_FRESH_KEYS + self.sorted.load(Ordering::Relaxed) / 8;
        if stale > many { stale } else { 0 }
    }

    /// Bytes of memory that the order takes, but for the skip list's few.
    pub(crate) fn bytes(&self) -> usize {
        let fresh = self.waiting.load(Ordering::Relaxed) * size_of::<u64>();
        fresh + self.sorted_bytes.load(Ordering::Relaxed)
    }

    /// The levels, with all in them that was committed before the call.
    pub(crate) fn levels<'k>(&self, keys: impl Keys<'k>) -> Result<Arc<Levels>> {
        let mut levels = self.levels.lock();
        if self.waiting.load(Ordering::Acquire) > 0 {
            self.absorb(&mut levels, keys)?;
        }
        Ok(levels.clone())
    }

    /// Moves the fresh anchors into the levels.
    fn absorb<'k>(&self, levels: &mut Arc<Levels>, keys: impl Keys<'k>) -> Result<()> {
        self.absorb_stored(levels);
        let taken = match &mut *self.fresh.lock() {
            Some(fresh) => Some(std::mem::take(fresh)),
            unbuilt => {
                // Keys that come from now on are noted; those that came before are in the hash
                // index.
                *unbuilt = Some(Vec::new());
                None
            }
        };
        let (anchors, weight) = match taken {
            Some(fresh) => {
                let weight = fresh.len();
                (fresh, weight)
            }
            None => {
                let all = keys.all().inspect_err(|_| {
                    // Nothing is known of the order again.
                    let noted = self.fresh.lock().take().map_or(0, |fresh| fresh.len());
                    self.waiting.fetch_sub(noted, Ordering::Release);
                });
                (all?, 1)
            }
        };
        match Levels::with(levels, &anchors, keys) {
            Ok(mut more) => {
                if more.runs.len() > READER_MERGE_RUNS {
                    self.merge_here(&mut more, keys);
                }
                self.sum_up(&more);
                *levels = Arc::new(more);
            }
            Err(e) => {
                // A key is damaged. The next reader meets it again: nothing is skipped silently.
                let mut fresh = self.fresh.lock();
                self.waiting.fetch_add(anchors.len().wrapping_sub(weight), Ordering::Release);
                let later = fresh.take().unwrap_or_default();
                *fresh = Some(anchors.into_iter().chain(later).collect());
                return Err(e);
            }
        }
        self.waiting.fetch_sub(weight, Ordering::Release);
        Ok(())
    }

    /// Takes in the run of the image. If that is damaged, the order is as good as unbuilt.
    fn absorb_stored(&self, levels: &mut Arc<Levels>) {
        let Some(stored) = lock(&self.stored).take() else { return };
        let Some(run) = stored.load() else {
            let noted = self.fresh.lock().take().map_or(0, |fresh| fresh.len());
            self.waiting.fetch_sub(noted, Ordering::Release);
            return;
        };
        let mut more = Levels::clone(levels);
        if run.len() > 0 {
            more.runs.insert(0, Arc::new(run));
        }
        self.sum_up(&more);
        *levels = Arc::new(more);
        self.waiting.fetch_sub(1, Ordering::Release);
    }

    /// Lets walks over `levels` pass over the record at `position`, whose key has gone for every
    /// view, unless it has come again meanwhile.
    pub(crate) fn bury<'k>(
        &self,
        levels: &Levels,
        key: &[u8],
        position: u64,
        keys: impl Keys<'k>,
    ) -> Result<()> {
        {
            // Against one who moves the key in again.
            let _levels = self.levels.lock();
            let found = levels.recent.get(key);
            if let Some(entry) = found.filter(|e| e.value().load(Ordering::Acquire) == position) {
                entry.remove();
            }
        }
        levels.runs.iter().try_for_each(|run| run.bury(key, position, keys))
    }

    /// Does what readers would otherwise pay for: moves fresh anchors on if there are at least
    /// `from`, and merges runs of like size. With `all`, for a time when little is written, it
    /// also merges smaller ones, and once renews anchors if many are stale. Tells whether a later
    /// call with `all` may find more.
    pub(crate) fn settle<'k>(
        &self,
        from: usize,
        all: bool,
        keys: impl Keys<'k>,
        stopped: impl Fn() -> bool,
    ) -> Result<bool> {
        let waiting = self.waiting.load(Ordering::Acquire);
        let quiet = self.quiet();
        if all && waiting > BUSY_MIN_KEYS && quiet.is_zero() {
            return Ok(true);
        }
        if waiting >= from.max(1) {
            self.levels(keys)?;
        }
        let Ok(_merging) = self.merging.try_lock() else { return Ok(true) };
        if all && !quiet.is_zero() {
            self.empty_recent();
        }
        // The cost that a merge may have by how long it has been quiet: a small part of that time.
        let patience = (quiet.as_nanos() / QUIET_NS_A_KEY) as usize;
        let rested = lock(&self.rest).is_none_or(|until| until <= Instant::now());
        let is_wanted = all && self.renewal_wanted.swap(false, Ordering::AcqRel);
        let mut renews = is_wanted || all && rested && self.stale() > 0;
        let stale = self.stale.load(Ordering::Relaxed);
        while !stopped() {
            let began = Instant::now();
            let levels = self.levels.lock().clone();
            let start = if renews { Some(0) } else { levels.mergeable(all, patience) };
            let Some(start) = start.filter(|_| !levels.runs.is_empty()) else { break };
            let mut merged = Run::default();
            for run in levels.runs[start..].iter().rev() {
                // An anchor that can't be read stays: who meets it gets the error.
                let renewed = run.merge(&merged, keys, |p| keys.newest(p).or(Ok(Some(p))));
                merged = renewed.inspect_err(|_| self.stale.store(0, Ordering::Relaxed))?;
            }
            if renews {
                self.stale.fetch_sub(stale, Ordering::Relaxed);
                renews = false;
                *lock(&self.rest) = Some(Instant::now() + 4 * began.elapsed());
            }
            self.replace(start, levels.runs.len(), merged);
        }
        let levels = self.levels.lock().clone();
        if levels.runs.is_empty() {
            self.stale.store(0, Ordering::Relaxed);
        }
        let one = levels.runs.len() <= 1 && levels.recent.is_empty();
        let wanted = self.renewal_wanted.load(Ordering::Relaxed);
        Ok(all && !one || levels.mergeable(true, 0).is_some() || waiting > 0 || wanted)
    }

    /// For how long no key has come, as far as former calls saw.
    fn quiet(&self) -> Duration {
        let noted = self.noted.load(Ordering::Relaxed);
        let mut looked = lock(&self.looked);
        match *looked {
            Some((seen, since)) if seen == noted => since.elapsed(),
            _ => {
                *looked = Some((noted, Instant::now()));
                Duration::ZERO
            }
        }
    }

    /// Turns what the skip list holds into a run.
    fn empty_recent(&self) {
        let mut levels = self.levels.lock();
        if !levels.recent.is_empty() {
            let mut emptied = Levels::clone(&levels);
            emptied.turn_recent();
            *levels = Arc::new(emptied);
        }
    }

    /// Puts `merged` in the place of the runs from `start` to `end`. Runs are only added behind
    /// those meanwhile.
    fn replace(&self, start: usize, end: usize, merged: Run) {
        let mut levels = self.levels.lock();
        let mut runs = levels.runs.clone();
        runs.splice(start..end, Some(Arc::new(merged)).filter(|m| m.len() > 0));
        let merged = Levels { recent: levels.recent.clone(), runs };
        self.sum_up(&merged);
        *levels = Arc::new(merged);
    }
}
