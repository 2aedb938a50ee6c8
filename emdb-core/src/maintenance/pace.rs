//! How much of a long call is done under the append lock at once.

use std::time::Duration;

/// Records of the first batch, and of any.
const FIRST_RECORDS: usize = 256;
const MIN_RECORDS: usize = 16;
const MAX_RECORDS: usize = 1024;

/// The time for which a batch should hold the lock: writers wait about as long.
const HELD_MAX: Duration = Duration::from_millis(1);

/// The size of batches, by how long the ones before held the lock.
#[derive(Debug)]
pub(crate) struct Pace {
    records: usize,
}

impl Pace {
    pub(crate) fn new() -> Pace {
        Pace { records: FIRST_RECORDS }
    }

    /// Records of the next batch.
    pub(crate) fn records(&self) -> usize {
        self.records
    }

    /// Notes for how long the last batch held the lock.
    pub(crate) fn note(&mut self, held: Duration) {
        let next = match held {
            long if long > HELD_MAX => self.records / 2,
            short if short < HELD_MAX / 3 => self.records * 2,
            _ => self.records,
        };
        self.records = next.clamp(MIN_RECORDS, MAX_RECORDS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_grow_while_they_are_short_and_shrink_when_one_was_long() {
        let mut pace = Pace::new();
        for _ in 0..10 {
            pace.note(Duration::from_micros(100));
        }
        assert_eq!(pace.records(), MAX_RECORDS);
        pace.note(Duration::from_micros(700));
        assert_eq!(pace.records(), MAX_RECORDS);
        pace.note(Duration::from_millis(3));
        assert_eq!(pace.records(), MAX_RECORDS / 2);
        for _ in 0..10 {
            pace.note(Duration::from_secs(1));
        }
        assert_eq!(pace.records(), MIN_RECORDS);
    }
}
