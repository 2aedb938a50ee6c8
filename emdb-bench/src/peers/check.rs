//! The results that reads must have, computed from the workload alone.

use std::ops::Range;

use super::engine::Outcome;
use crate::workload::{Record, Workload};

/// How many entries a range reads.
pub const RANGE: usize = 10;

/// A sum over the entries of a scan, which has touched each key and each value for it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Sum {
    entries: u64,
    bytes: u64,
}

impl Sum {
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        let first = |bytes: &[u8]| u64::from(bytes.first().copied().unwrap_or(0));
        self.entries += 1;
        self.bytes += (key.len() + value.len()) as u64 + first(key) + first(value);
    }
}

/// The sums of right scans.
pub struct Expected {
    /// Of one scan over all.
    pub all: Sum,
    /// Of the ranges together that start at [`range_starts`].
    pub ranges: Sum,
}

/// The records at which ranges start, as positions in the workload's random order.
pub fn range_starts(workload: &Workload) -> Range<usize> {
    0..workload.order.len() / 2
}

impl Expected {
    /// With all records but those that are `gone`.
    pub fn new(workload: &Workload, gone: &[bool]) -> Expected {
        let mut sorted: Vec<(&Record, Option<usize>)> = Vec::new();
        let numbered = workload.records.iter().enumerate();
        sorted.extend(numbered.map(|(number, record)| (record, Some(number))));
        sorted.extend(workload.extra.iter().map(|record| (record, None)));
        sorted.sort_unstable_by_key(|(record, _)| &record.0);

        let mut starts = vec![false; workload.records.len()];
        for &number in &workload.order[range_starts(workload)] {
            starts[number as usize] = true;
        }
        let mut expected = Expected { all: Sum::default(), ranges: Sum::default() };
        let is_left = |number: Option<usize>| number.is_none_or(|number| !gone[number]);
        for (place, (record, number)) in sorted.iter().enumerate() {
            if is_left(*number) {
                expected.all.add(&record.0, &record.1);
            }
            if number.is_some_and(|number| starts[number]) {
                let left = sorted[place..].iter().filter(|(_, number)| is_left(*number));
                for (record, _) in left.take(RANGE) {
                    expected.ranges.add(&record.0, &record.1);
                }
            }
        }
        expected
    }
}

/// Fails unless `right`, and says what is wrong.
pub fn ensure(right: bool, wrong: &str) -> Outcome<()> {
    if right { Ok(()) } else { Err(wrong.into()) }
}
