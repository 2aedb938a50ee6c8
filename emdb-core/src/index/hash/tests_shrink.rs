//! Tables that lose their keys, against a model and beside readers.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::index::hash::segment::Segment;
use crate::index::hash::slot::*;
use crate::index::hash::source::{DamageAlarm, ImageSource};
use crate::index::hash::table::*;
use crate::os::fork::Process;
use crate::storage::sim::Random;

fn hash(key: u64) -> u64 {
    crate::format::place::Place::new([1; 16], 1).mix(key)
}

/// A table, and what is in it: the position of a key's newest record, and whether that removed it.
struct Model {
    table: Table,
    newest: HashMap<u64, (u64, bool)>,
    keys: Vec<u64>,
}

impl Model {
    fn new() -> Model {
        Model { table: Table::new(), newest: HashMap::new(), keys: vec![u64::MAX] }
    }

    fn position_of_next(&self) -> u64 {
        self.keys.len() as u64
    }

    fn write(&mut self, key: u64, removed: bool, oldest: u64) {
        let position = self.position_of_next();
        self.keys.push(key);
        let guard = crossbeam_epoch::pin();
        let old = self.find(key);
        let new = (position, removed);
        self.table.publish(hash(key), old, new, || oldest, |_| false, &guard).unwrap();
        self.newest.insert(key, new);
    }

    fn find(&self, key: u64) -> Option<u64> {
        let guard = crossbeam_epoch::pin();
        let found = self.table.probe(hash(key), &guard, |slot| {
            match self.keys[slot.position() as usize] == key {
                true => ControlFlow::Break(slot.position()),
                false => ControlFlow::Continue(()),
            }
        });
        found.unwrap()
    }

    /// Shrinks some of it, beginning anywhere, or all.
    fn shrink(&self, from: Option<u32>, oldest: u64) {
        let guard = crossbeam_epoch::pin();
        let mut tag = Some(from.unwrap_or(0));
        while let Some(at) = tag {
            tag = self.table.shrink_at(at, oldest, &guard).filter(|_| from.is_none());
        }
        self.table.shrink_directory(&guard);
    }

    /// Everything that a view from `oldest` on can ask for is there.
    fn check(&self, oldest: u64) {
        for (&key, &(position, removed)) in &self.newest {
            let found = self.find(key);
            if removed && position < oldest {
                assert!(found.is_none_or(|found| found == position), "key {key}");
            } else {
                assert_eq!(found, Some(position), "key {key}");
            }
        }
    }
}

#[test]
fn what_a_view_can_ask_for_stays_while_keys_come_and_go_and_the_table_shrinks() {
    for seed in 1..=6 {
        let (mut model, mut random) = (Model::new(), Random(seed));
        let (mut oldest, mut few) = (0, false);
        for _ in 0..30 {
            // Times of many keys and of few follow each other.
            few = if random.below(3) == 0 { !few } else { few };
            for _ in 0..random.below(20_000) {
                let key = random.below(90_000);
                model.write(key, few || random.below(9) == 0, oldest);
            }
            if random.below(2) == 0 {
                oldest = model.position_of_next() - random.below(2) * random.below(5_000);
                oldest = oldest.max(1);
            }
            let anywhere = random.below(1 << TAG_BITS) as u32;
            model.shrink((random.below(3) == 0).then_some(anywhere), oldest);
            if random.below(4) == 0 {
                model.check(oldest);
            }
        }
        model.check(oldest);
        for key in 0..90_000 {
            model.write(key, true, u64::MAX);
        }
        (0..20).for_each(|_| model.shrink(None, u64::MAX));
        assert!(model.table.bytes() <= Table::new().bytes(), "{} bytes", model.table.bytes());
    }
}

#[test]
fn a_table_is_as_small_as_its_keys_allow_and_no_smaller() {
    let mut model = Model::new();
    (0..200_000).for_each(|key| model.write(key, false, 0));
    let full = model.table.bytes();
    for left in [100_000, 50_000, 10_000, 1_000, 10] {
        for key in left..200_000 {
            if !model.newest[&key].1 {
                model.write(key, true, 0);
            }
        }
        // A view needs all of them.
        let before = model.table.bytes();
        model.shrink(None, 0);
        assert_eq!(model.table.bytes(), before);
        (0..20).for_each(|_| model.shrink(None, u64::MAX));
        let bytes = model.table.bytes();
        assert!(bytes <= full && bytes as u64 <= 60 * left + 4096, "{bytes} bytes for {left} keys");
        assert!(!model.table.is_roomy(left));
        // There is room for some more.
        let more = 1_000_000..1_000_000 + left / 5;
        more.clone().for_each(|key| model.write(key, false, u64::MAX));
        assert_eq!(model.table.bytes(), bytes);
        more.for_each(|key| model.write(key, true, u64::MAX));
    }
    model.check(u64::MAX);
}

/// Its directory takes more than all that is left.
#[test]
fn a_table_of_an_image_that_lost_all_keys_counts_what_it_takes() {
    let (id, below, damaged) = (0, 1, AtomicBool::new(false));
    let (alarm, process) = (DamageAlarm::default().into(), Process::current());
    let source = ImageSource { id, below: below.into(), damaged, alarm, process };
    let segments = (0..64).map(|_| Segment::filled(6, FULL_BITS, &[]).unwrap()).collect();
    let model = Model { table: Table::of(source, segments), ..Model::new() };
    (0..20).for_each(|_| model.shrink(None, u64::MAX));
    assert_eq!(model.table.bytes(), Table::new().bytes());
    assert!(!model.table.is_roomy(0));
}

#[test]
fn a_walk_meets_each_key_once_while_segments_are_joined() {
    for seed in 1..=8 {
        let (mut model, mut random) = (Model::new(), Random(seed));
        (0..120_000).for_each(|key| model.write(key, key % 20 != 0, 0));
        let (mut slots, mut from) = (Vec::new(), Some(0));
        while let Some(tag) = from {
            let guard = crossbeam_epoch::pin();
            from = model.table.read_segment(tag, &mut slots, &guard).unwrap();
            if random.below(3) == 0 {
                model.shrink(None, u64::MAX);
            }
        }
        let mut met: Vec<_> = slots.iter().filter(|slot| !slot.is_tombstone()).collect();
        met.sort_unstable_by_key(|slot| slot.position());
        let met: Vec<_> = met.iter().map(|slot| model.keys[slot.position() as usize]).collect();
        assert_eq!(met, (0..120_000).step_by(20).collect::<Vec<_>>(), "{seed}");
    }
}

#[test]
fn readers_find_what_stays_while_a_writer_fills_empties_and_shrinks_the_table() {
    const STAY: u64 = 500;
    const COME: u64 = 60_000;
    let table = Table::new();
    let is_at = |position: u64| {
        move |slot: Slot| match slot.position() == position {
            true => ControlFlow::Break(slot.is_tombstone()),
            false => ControlFlow::Continue(()),
        }
    };
    let publish = |key: u64, old: Option<u64>, new: (u64, bool)| {
        let guard = crossbeam_epoch::pin();
        table.publish(hash(key), old, new, || u64::MAX, |_| false, &guard).unwrap();
    };
    (0..STAY).for_each(|key| publish(key, None, (key + 1, false)));
    let (done, lookups) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for reader in 0..2 {
            let (table, done, lookups) = (&table, &done, &lookups);
            scope.spawn(move || {
                let mut random = Random(reader + 1);
                while !done.load(Ordering::Relaxed) {
                    let key = random.below(STAY);
                    let guard = crossbeam_epoch::pin();
                    let found = table.probe(hash(key), &guard, is_at(key + 1)).unwrap();
                    assert_eq!(found, Some(false), "lost key {key}");
                    lookups.fetch_add(1, Ordering::Relaxed);
                    if random.below(2_000) == 0 {
                        let (mut slots, mut from) = (Vec::new(), Some(0));
                        while let Some(tag) = from {
                            from = table.read_segment(tag, &mut slots, &guard).unwrap();
                        }
                        let stay = slots.iter().filter(|slot| slot.position() <= STAY).count();
                        assert_eq!(stay as u64, STAY, "a walk meets each once");
                    }
                }
            });
        }
        for round in 0..6 {
            let at = STAY + 1 + round * 2 * COME;
            (0..COME).for_each(|key| publish(STAY + key, None, (at + key, false)));
            for key in 0..COME {
                publish(STAY + key, Some(at + key), (at + COME + key, true));
            }
            for _ in 0..10 {
                let mut tag = Some(0);
                while let Some(from) = tag {
                    tag = table.shrink_at(from, u64::MAX, &crossbeam_epoch::pin());
                }
                table.shrink_directory(&crossbeam_epoch::pin());
            }
            assert!(!table.is_roomy(STAY));
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(lookups.load(Ordering::Relaxed) > 0);
}
