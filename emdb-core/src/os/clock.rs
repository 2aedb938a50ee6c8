//! Wall time in unix milliseconds that never runs backwards within one open.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};

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

#[derive(Debug, Default)]
pub(crate) struct Clock {
    manual: Option<ManualClock>,
    /// The latest time given out. Written at most once a millisecond, and only by calls that
    /// meet a record with an expiry.
    latest: AtomicU64,
}

impl Clock {
    pub(crate) fn new(manual: Option<ManualClock>) -> Clock {
        Clock { manual, latest: AtomicU64::new(0) }
    }

    pub(crate) fn now(&self) -> u64 {
        let now = match &self.manual {
            Some(manual) => manual.0.load(Relaxed),
            None => unix_ms(),
        };
        let latest = self.latest.load(Relaxed);
        if now > latest { self.latest.fetch_max(now, Relaxed).max(now) } else { latest }
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

/// The system's time; a clock before 1970 counts as 1970.
pub(crate) fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_runs_backwards() {
        let manual = ManualClock::new(100);
        let clock = Clock::new(Some(manual.clone()));
        assert_eq!(clock.now(), 100);
        manual.set(40);
        assert_eq!(clock.now(), 100);
        manual.set(101);
        assert_eq!(clock.now(), 101);
    }

    #[test]
    fn an_overflowing_ttl_is_refused() {
        let clock = Clock::new(Some(ManualClock::new(u64::MAX - 5)));
        assert!(clock.after(Duration::from_millis(5)).is_ok());
        assert!(matches!(clock.after(Duration::from_millis(6)), Err(Error::InvalidConfig(_))));
        assert!(matches!(clock.after(Duration::MAX), Err(Error::InvalidConfig(_))));
    }
}
