use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use std::ops::ControlFlow;

use crate::index::hash::segment::*;
use crate::index::hash::slot::*;
use crate::index::hash::table::*;

fn hash(key: u64) -> u64 {
    crate::format::place::Place::new([1; 16], 1).mix(key)
}

/// A table whose record positions stand for keys: `positions[key]`, found by comparing.
struct Model {
    table: Table,
    newest: HashMap<u64, (u64, bool)>,
    keys: HashMap<u64, u64>,
    next: u64,
}

impl Model {
    fn new() -> Model {
        Model { table: Table::new(), newest: HashMap::new(), keys: HashMap::new(), next: 1 }
    }

    fn put(&mut self, key: u64, removed: bool, oldest: u64) {
        let position = self.next;
        self.next += 1;
        self.keys.insert(position, key);
        let old = self.newest.insert(key, (position, removed)).map(|(p, _)| p);
        let guard = crossbeam_epoch::pin();
        let found = self.find(key);
        // A tombstone may have been left out.
        let old = old.filter(|_| found.is_some());
        let placed = self
            .table
            .publish(hash(key), old, (position, removed), || oldest, |_| false, &guard)
            .unwrap();
        assert_eq!(placed, old.map_or(Published::New, Published::Replaced));
    }

    fn find(&self, key: u64) -> Option<u64> {
        let guard = crossbeam_epoch::pin();
        let found = self.table.probe(hash(key), &guard, |slot| {
            if self.keys[&slot.position()] == key {
                ControlFlow::Break(slot.position())
            } else {
                ControlFlow::Continue(())
            }
        });
        found.unwrap()
    }
}

#[test]
fn every_key_is_found_while_the_table_grows_through_doubling_and_splitting() {
    let mut model = Model::new();
    for key in 0..200_000 {
        model.put(key, false, 0);
        if key % 7 == 0 {
            model.put(key / 2, false, 0);
        }
    }
    for key in 0..200_000 {
        assert_eq!(model.find(key), Some(model.newest[&key].0));
    }
    for key in 200_000..300_000 {
        assert_eq!(model.find(key), None);
    }
    let per_key = model.table.bytes() as f64 / 200_000.0;
    assert!((9.0..=22.0).contains(&per_key), "{per_key} bytes a key");
}

#[test]
fn a_walk_meets_every_slot_once() {
    let mut model = Model::new();
    for key in 0..100_000 {
        model.put(key, false, 0);
    }
    let guard = crossbeam_epoch::pin();
    let (mut slots, mut from) = (Vec::new(), Some(0));
    while let Some(tag) = from {
        from = model.table.read_segment(tag, &mut slots, &guard).unwrap();
    }
    let mut positions: Vec<u64> = slots.iter().map(|s| s.position()).collect();
    positions.sort_unstable();
    assert_eq!(positions, (1..=100_000).collect::<Vec<_>>());
}

#[test]
fn tombstones_go_when_no_view_needs_them_and_stay_while_one_does() {
    // A queue: what is inserted is removed soon after, for ever.
    let mut model = Model::new();
    for key in 0..100_000 {
        model.put(key, false, u64::MAX);
        if key >= 10 {
            model.put(key - 10, true, u64::MAX);
        }
    }
    assert!(model.table.bytes() < 10_000, "{} bytes for 10 keys", model.table.bytes());
    let mut model = Model::new();
    for key in 0..1_000 {
        model.put(key, false, 0);
        model.put(key, true, 0);
    }
    assert!((0..1_000).all(|key| model.find(key) == Some(model.newest[&key].0)));
}

#[test]
fn a_later_duplicate_of_the_same_commit_takes_over_the_slot() {
    let table = Table::new();
    let guard = crossbeam_epoch::pin();
    let publish = |old, new, same: u64| {
        table.publish(hash(5), old, (new, false), || 0, |p| p == same, &guard).unwrap()
    };
    assert_eq!(publish(None, 10, 0), Published::New);
    assert_eq!(publish(None, 20, 10), Published::Replaced(10));
    assert_eq!(publish(Some(10), 30, 20), Published::Replaced(20));
}

#[test]
fn readers_find_present_keys_while_a_writer_grows_the_table() {
    let table = Table::new();
    let written = AtomicU64::new(0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut key = 0;
                while !done.load(Ordering::Relaxed) {
                    let limit = written.load(Ordering::Acquire);
                    if limit == 0 {
                        continue;
                    }
                    key = (key + 7919) % limit;
                    let guard = crossbeam_epoch::pin();
                    let found = table.probe(hash(key), &guard, |slot| {
                        if slot.position() == key + 1 {
                            ControlFlow::Break(())
                        } else {
                            ControlFlow::Continue(())
                        }
                    });
                    assert!(found.unwrap().is_some(), "lost key {key} of {limit}");
                }
            });
        }
        for key in 0..300_000 {
            let guard = crossbeam_epoch::pin();
            table.publish(hash(key), None, (key + 1, false), || 0, |_| false, &guard).unwrap();
            written.store(key + 1, Ordering::Release);
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// A full-size segment with as many keys as it took before one found no place.
fn crowded(seed: u64) -> (Segment, Vec<(u64, u64)>) {
    let segment = Segment::of_full_size(0);
    let mut keys = Vec::new();
    loop {
        let position = keys.len() as u64 + 1;
        let hash = hash(seed << 32 | position);
        match segment
            .place(hash, None, Slot::new(hash, position, false), usize::MAX, &mut |_| false)
        {
            Placed::New => keys.push((hash, position)),
            _ => return (segment, keys),
        }
    }
}

#[test]
fn what_a_segment_held_fits_in_one_of_its_size_in_whatever_order_it_is_found_again() {
    for seed in 0..40 {
        let (segment, mut keys) = crowded(seed);
        keys.sort_by_key(|&(_, position)| hash(position));
        for _ in 0..2 {
            let Some(crate::index::hash::image::Portion::Full { used, words, .. }) =
                Table::portion_of(&keys, 0)
            else {
                panic!("{} keys of {seed} have no room", keys.len());
            };
            assert_eq!(used as usize, keys.len());
            assert_eq!(words.iter().filter(|word| **word != 0).count(), keys.len());
            keys.reverse();
        }
        // Nor does leaving some out, or dividing the rest.
        for some in [2, 3, 10] {
            let entries = segment.entries(|slot| !slot.position().is_multiple_of(some));
            assert!(
                Segment::filled(0, segment.bucket_bits(), &entries).is_some(),
                "{seed}, {some}"
            );
            assert!(segment.split(&entries).is_some(), "{seed}, {some}");
        }
    }
}
