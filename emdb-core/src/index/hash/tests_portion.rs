//! Segments copied beside a writer, at the fullest that they get.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::index::hash::image::{Portion, Unfit};

use crate::index::hash::segment::*;
use crate::index::hash::table::*;

fn hash(key: u64) -> u64 {
    crate::format::place::Place::new([1; 16], 1).mix(key)
}

/// Every portion of the table as of `below`: how many slots there are.
fn portions(table: &Table, below: u64) -> usize {
    let (mut tag, mut found) = (Some(0), 0);
    while let Some(from) = tag {
        // Records behind `below` replace nothing.
        let portion = table.portion(from, below, |_| Ok::<_, ()>(None), &crossbeam_epoch::pin());
        let portion = match portion {
            Ok(portion) => portion,
            Err(Unfit::Full) => panic!("what a segment held has no room in one of its size"),
            Err(other) => panic!("{other:?}"),
        };
        tag = portion.next(from);
        found += match portion {
            Portion::Small { bucket_bits, slots } => {
                assert!(Segment::stored(bucket_bits, &slots, u64::MAX).is_some());
                slots.len()
            }
            Portion::Full { words, used, .. } => {
                assert_eq!(words.iter().filter(|word| **word != 0).count(), used as usize);
                used as usize
            }
        };
    }
    found
}

#[test]
fn what_was_there_before_is_in_each_copy_that_is_taken_beside_a_writer() {
    const FIRST: u64 = crate::format::JOURNAL_START;
    for seed in 0..6_u64 {
        let table = Table::new();
        let publish = |n: u64| {
            let (hash, guard) = (hash(seed << 40 | n), crossbeam_epoch::pin());
            table.publish(hash, None, (FIRST + n, false), || 0, |_| false, &guard).unwrap();
        };
        let times = AtomicU64::new(0);
        let done = AtomicBool::new(false);
        // As many as a segment takes, so that it is divided meanwhile.
        let (before, mut all) = (19_000 + 700 * seed, 60_000);
        (0..before).for_each(publish);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(portions(&table, FIRST + before), before as usize);
                    times.fetch_add(1, Ordering::Relaxed);
                }
            });
            (before..all).for_each(publish);
            while times.load(Ordering::Relaxed) < 3 && !reader.is_finished() {
                publish(all);
                all += 1;
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(portions(&table, FIRST + before), before as usize);
        assert_eq!(portions(&table, FIRST + all), all as usize);
    }
}

#[test]
fn small_segments_have_room_for_what_they_held_too() {
    const FIRST: u64 = crate::format::JOURNAL_START;
    for seed in 0..200_u64 {
        let table = Table::new();
        for n in 0..2_000 {
            let (hash, guard) = (hash(seed << 40 | n), crossbeam_epoch::pin());
            table.publish(hash, None, (FIRST + n, false), || 0, |_| false, &guard).unwrap();
            if n.is_multiple_of(37) {
                for below in [n + 1, n / 2, n / 3] {
                    assert_eq!(portions(&table, FIRST + below), below as usize);
                }
            }
        }
    }
}
