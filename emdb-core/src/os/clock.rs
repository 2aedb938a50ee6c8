//! Wall time in unix milliseconds, as the database judges expiries by it.
//!
//! A record that has expired stays expired through the small steps back that clocks make: time stands still
//! until the system's clock has caught up. It must not stand still for long, or a clock that was
//! wrong once would keep rows of a minute for a day. So while a database is open, a step back by more
//! than [`STANDS_STILL_MAX`] is followed at once: somebody has put the clock right. At an open, the
//! time that the journal has a mark of holds for that long, however far the clock is behind: a
//! machine without a battery starts with an early clock, which is put right in its first minutes.
//! If it is not, it was the marked time that was wrong, and the clock is followed.
//!
//! Nothing but expiry depends on it, and what depends on expiry bears any clock: a commit that
//! takes the place of what has expired removes it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};

/// How far the system's clock may be behind for time to stand still, while a database is open; and
/// for how long it does after an open.
pub(crate) const STANDS_STILL_MAX: Duration = Duration::from_secs(5 * 60);

const STANDS_STILL_MAX_MS: u64 = STANDS_STILL_MAX.as_millis() as u64;

/// A clock that a test sets by hand.
#[derive(Debug, Clone, Default)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock that stands at `now_ms`, in unix milliseconds.
    pub fn new(now_ms: u64) -> ManualClock {
        ManualClock(Arc::new(AtomicU64::new(now_ms)))
    }

    /// Sets the time, backwards too: the engine must bear that.
    pub fn set(&self, now_ms: u64) {
        self.0.store(now_ms, Relaxed);
    }
}

/// The clock of one open.
#[derive(Debug)]
pub(crate) struct Clock {
    manual: Option<ManualClock>,
    /// The latest time given out. Written at most once a millisecond, and only by calls that
    /// meet a record with an expiry.
    latest: AtomicU64,
    /// Whether something was found expired that the journal's last mark of the time does not cover.
    owes_mark: AtomicBool,
    /// The time that the journal's last mark has; 0 if there is none.
    marked: AtomicU64,
    opened: Opened,
}

/// The state of the clocks when the database was opened.
#[derive(Debug, Clone, Copy)]
struct Opened {
    /// The time that the journal had a mark of.
    marked: u64,
    system: u64,
    at: Instant,
}

impl Clock {
    /// The clock of an open whose journal has a mark of the time `marked`, or none: 0.
    pub(crate) fn new(manual: Option<ManualClock>, marked: u64) -> Clock {
        let system = system_ms(manual.as_ref());
        Clock {
            manual,
            latest: AtomicU64::new(marked),
            owes_mark: AtomicBool::new(false),
            marked: AtomicU64::new(marked),
            opened: Opened { marked, system, at: Instant::now() },
        }
    }

    pub(crate) fn now(&self) -> u64 {
        let (system, latest) = (system_ms(self.manual.as_ref()), self.latest.load(Relaxed));
        if system == latest {
            latest
        } else if system > latest {
            self.latest.fetch_max(system, Relaxed).max(system)
        } else {
            self.now_behind()
        }
    }

    /// The time when the system's clock is behind what was given out.
    #[cold]
    fn now_behind(&self) -> u64 {
        // In this order: what others give out meanwhile must not seem to be a step back.
        let latest = self.latest.load(Relaxed);
        let system = system_ms(self.manual.as_ref());
        let behind = latest.saturating_sub(system);
        if behind <= STANDS_STILL_MAX_MS || latest == self.opened.marked && !self.is_settled(system)
        {
            return latest;
        }
        match self.latest.compare_exchange(latest, system, Relaxed, Relaxed) {
            Ok(_) => {
                // The mark says what is too late now.
                self.owe_mark();
                system
            }
            Err(latest) => latest,
        }
    }

    /// Whether so much time has passed since the open that the system's clock must be right by now.
    fn is_settled(&self, system: u64) -> bool {
        system.saturating_sub(self.opened.system) >= STANDS_STILL_MAX_MS
            || self.opened.at.elapsed() >= STANDS_STILL_MAX
    }

    /// Whether the expiry `at` has passed now. If so, a mark of the time is owed: no later open may
    /// take that back.
    #[inline]
    pub(crate) fn has_passed(&self, at: u64) -> bool {
        let passed = at <= self.now();
        if passed {
            self.note_passed(at);
        }
        passed
    }

    /// Notes that something was found expired, and taken for gone.
    pub(crate) fn note_passed(&self, at: u64) {
        if at > self.marked.load(Relaxed) && !self.owes_mark.load(Relaxed) {
            self.owe_mark();
        }
    }

    /// Owes a mark, though there may be one: it does not count everywhere.
    pub(crate) fn owe_mark(&self) {
        self.owes_mark.store(true, Relaxed);
    }

    /// Whether the journal is to have a mark of the time before anything else is committed.
    #[inline]
    pub(crate) fn owes_mark(&self) -> bool {
        self.owes_mark.load(Relaxed)
    }

    /// The time for a mark, if anything was ever found expired.
    pub(crate) fn to_mark(&self) -> Option<u64> {
        let needed = self.owes_mark() || self.marked.load(Relaxed) > 0;
        needed.then(|| self.latest.load(Relaxed))
    }

    /// Notes that the journal has a mark of this time. Called by the one writer.
    pub(crate) fn note_marked(&self, marked: u64) {
        self.owes_mark.store(false, Relaxed);
        self.marked.store(marked, Relaxed);
    }

    /// The moment `ttl` from now; one that no clock can show is refused.
    pub(crate) fn after(&self, ttl: Duration) -> Result<u64> {
        u64::try_from(ttl.as_millis()).ok().and_then(|ms| self.now().checked_add(ms)).ok_or_else(
            || {
                Error::config(format!(
                    "a time to live of {ttl:?} overflows the clock; use Ttl::None"
                ))
            },
        )
    }
}

/// A moment by which a view judges expiries, whatever time it is meanwhile.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    ms: u64,
    clock: Arc<Clock>,
}

impl Moment {
    pub(crate) fn now(clock: &Arc<Clock>) -> Moment {
        Moment { ms: clock.now(), clock: clock.clone() }
    }

    /// In unix milliseconds.
    pub(crate) fn ms(&self) -> u64 {
        self.ms
    }

    /// Whether the expiry `at` had passed then; see [`Clock::has_passed`].
    pub(crate) fn has_passed(&self, at: u64) -> bool {
        let passed = at <= self.ms;
        if passed {
            self.clock.note_passed(at);
        }
        passed
    }
}

/// The system's time; a clock before 1970 counts as 1970.
pub(crate) fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

fn system_ms(manual: Option<&ManualClock>) -> u64 {
    match manual {
        Some(manual) => manual.0.load(Relaxed),
        None => unix_ms(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 24 * 60 * 60 * 1000;

    #[test]
    fn time_stands_still_while_the_clock_is_a_little_behind() {
        let manual = ManualClock::new(DAY_MS);
        let clock = Clock::new(Some(manual.clone()), 0);
        assert_eq!(clock.now(), DAY_MS);
        for behind in [1, 40, STANDS_STILL_MAX_MS] {
            manual.set(DAY_MS - behind);
            assert_eq!(clock.now(), DAY_MS);
        }
        manual.set(DAY_MS + 1);
        assert_eq!(clock.now(), DAY_MS + 1);
    }

    #[test]
    fn a_clock_that_is_put_right_is_followed() {
        let manual = ManualClock::new(2 * DAY_MS);
        let clock = Clock::new(Some(manual.clone()), 0);
        assert!(clock.has_passed(2 * DAY_MS));
        manual.set(DAY_MS);
        assert_eq!(clock.now(), DAY_MS);
        assert_eq!(clock.after(Duration::from_secs(60)).unwrap(), DAY_MS + 60_000);
        assert!(clock.owes_mark() && clock.to_mark() == Some(DAY_MS));
    }

    #[test]
    fn a_marked_time_holds_for_some_minutes_after_an_open_and_then_no_more() {
        let manual = ManualClock::new(DAY_MS);
        let clock = Clock::new(Some(manual.clone()), 3 * DAY_MS);
        assert_eq!(clock.now(), 3 * DAY_MS);
        manual.set(DAY_MS + STANDS_STILL_MAX_MS - 1);
        assert_eq!(clock.now(), 3 * DAY_MS);
        manual.set(DAY_MS + STANDS_STILL_MAX_MS);
        assert_eq!(clock.now(), DAY_MS + STANDS_STILL_MAX_MS);
    }

    #[test]
    fn a_clock_that_is_put_right_after_an_open_goes_on_from_the_marked_time() {
        let manual = ManualClock::new(0);
        let clock = Clock::new(Some(manual.clone()), 3 * DAY_MS);
        assert_eq!(clock.now(), 3 * DAY_MS);
        manual.set(3 * DAY_MS + 1000);
        assert_eq!(clock.now(), 3 * DAY_MS + 1000);
    }

    #[test]
    fn a_mark_is_owed_for_what_was_found_expired_behind_the_last_one() {
        let manual = ManualClock::new(100);
        let clock = Clock::new(Some(manual.clone()), 0);
        assert!(!clock.has_passed(101) && !clock.owes_mark());
        assert_eq!(clock.to_mark(), None);
        assert!(clock.has_passed(90) && clock.owes_mark());
        clock.note_marked(100);
        assert!(clock.has_passed(100) && !clock.owes_mark());
        manual.set(101);
        assert!(clock.has_passed(101) && clock.owes_mark());
        assert_eq!(clock.to_mark(), Some(101));
    }

    #[test]
    fn an_overflowing_ttl_is_refused() {
        let clock = Clock::new(Some(ManualClock::new(u64::MAX - 5)), 0);
        assert!(clock.after(Duration::from_millis(5)).is_ok());
        assert!(matches!(clock.after(Duration::from_millis(6)), Err(Error::InvalidConfig(_))));
        assert!(matches!(clock.after(Duration::MAX), Err(Error::InvalidConfig(_))));
    }
}
