//! Random tables of keys whose hashes somebody has chosen.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::index::hash::image::Portion;
use std::ops::ControlFlow;

use crate::index::hash::segment::*;
use crate::index::hash::slot::*;
use crate::index::hash::table::*;

const FIRST: u64 = crate::format::JOURNAL_START;
const HOME_SHIFT: u32 = 34;

fn mixed(n: u64) -> u64 {
    crate::format::place::Place::new([1; 16], 1).mix(n)
}

fn below(random: &mut u64, n: u64) -> u64 {
    *random += 1;
    mixed(*random) % n
}

/// A hash out of few tags and few homes, or any.
fn chosen(kind: u64, random: &mut u64) -> u64 {
    let low = below(random, 1 << HOME_SHIFT);
    let (tag, home) = (below(random, 1 << TAG_BITS), below(random, 1 << 12));
    let (tag, home) = match kind {
        // All in one bucket, whatever the tag.
        0 => (tag, 4095),
        // One tag, all buckets.
        1 => (0x2_AAAA, home),
        // Tags that differ in their last bits alone, in a few buckets around the border.
        2 => (0x3_FFF0 | tag & 15, home.wrapping_sub(2) & 3 | 0xFFE),
        // A cluster among others.
        3 if low & 1 == 0 => (tag & 1, home & 1),
        // Many in a tenth of the buckets.
        4 => (tag & 0x3_0001, home % 400),
        _ => (tag, home),
    };
    tag << (64 - TAG_BITS) | home << HOME_SHIFT | low
}

/// The expected content of a table: the position of each hash, and whether that is a tombstone.
struct Model {
    table: Table,
    newest: HashMap<u64, (u64, bool)>,
    /// The hashes of positions.
    hashes: Vec<u64>,
}

impl Model {
    fn new() -> Model {
        Model { table: Table::new(), newest: HashMap::new(), hashes: Vec::new() }
    }

    /// As the engine does it: what is there is looked up, and replaced.
    fn put(&mut self, hash: u64, removed: bool, oldest: u64) {
        let guard = crossbeam_epoch::pin();
        let position = FIRST + self.hashes.len() as u64;
        let old = self.find(hash);
        let placed = self
            .table
            .publish(hash, old, (position, removed), || oldest, |_| false, &guard)
            .unwrap_or_else(|| panic!("{hash:x} has no place"));
        assert_eq!(placed, old.map_or(Published::New, Published::Replaced));
        self.hashes.push(hash);
        self.newest.insert(hash, (position, removed));
    }

    fn find(&self, hash: u64) -> Option<u64> {
        let guard = crossbeam_epoch::pin();
        let mut found = Vec::new();
        let all = self.table.probe(hash, &guard, |slot| {
            if self.hashes[(slot.position() - FIRST) as usize] == hash {
                found.push(slot.position());
            }
            ControlFlow::<()>::Continue(())
        });
        assert_eq!(all.unwrap(), None);
        assert!(found.len() < 2, "{hash:x} is found more than once");
        found.pop()
    }

    /// Looks at everything; tombstones below `oldest` can have gone. Gives the number of wide
    /// segments.
    fn check(&self, oldest: u64) -> usize {
        for (&hash, &(position, removed)) in &self.newest {
            let found = self.find(hash);
            let gone = removed && position < oldest && found.is_none();
            assert!(gone || found == Some(position), "{hash:x}: {found:?}, not {position}");
        }
        let guard = crossbeam_epoch::pin();
        let (mut slots, mut from, mut bytes) = (Vec::new(), Some(0), 0);
        let mut images = BTreeSet::new();
        let mut wide = 0;
        while let Some(tag) = from {
            let segment = self.table.segment(u64::from(tag) << (64 - TAG_BITS), &guard);
            bytes += segment.bytes();
            wide += usize::from(segment.is_wide());
            from = self.table.read_segment(tag, &mut slots, &guard).unwrap();
            let below = FIRST + self.hashes.len() as u64;
            let portion = self.table.portion(tag, below, |_| Ok::<_, ()>(None), &guard);
            match portion {
                Ok(Portion::Small { bucket_bits, slots }) => {
                    let stored = Segment::stored(bucket_bits, &slots, below).unwrap();
                    assert_eq!(stored.used(), slots.len());
                    self.is_found_in(&stored, slots.iter().map(|&(word, _)| Slot(word)));
                    images.extend(slots.iter().map(|&(word, _)| Slot(word).position()));
                }
                Ok(Portion::Full { depth, used, words }) => {
                    let some = words.iter().filter(|word| **word != 0);
                    let some: Vec<_> = some.map(|&word| Slot(word)).collect();
                    assert_eq!(some.len(), used as usize);
                    let found: Vec<_> = some
                        .iter()
                        .map(|s| (self.hashes[(s.position() - FIRST) as usize], s.position()))
                        .collect();
                    assert!(Table::portion_of(&found, depth).is_some());
                    let live = some.iter().filter(|slot| !slot.is_tombstone());
                    images.extend(live.map(|slot| slot.position()));
                }
                Err(_) => assert!(segment.is_wide()),
            }
        }
        let directory = size_of::<usize>() << self.table.directory(&guard).depth;
        assert_eq!(self.table.bytes(), bytes + directory);
        let mut positions: Vec<_> = slots.iter().map(|slot| slot.position()).collect();
        positions.sort_unstable();
        assert!(positions.is_sorted_by(|a, b| a < b));
        let live: BTreeSet<_> = self.newest.values().filter(|n| !n.1).map(|n| n.0).collect();
        assert!(live.iter().all(|position| positions.binary_search(position).is_ok()));
        assert!(if wide == 0 { images == live } else { images.is_subset(&live) });
        wide
    }

    fn is_found_in(&self, segment: &Segment, slots: impl Iterator<Item = Slot>) {
        for slot in slots {
            let hash = self.hashes[(slot.position() - FIRST) as usize];
            let found = segment.probe(hash, |other| match other.position() == slot.position() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            });
            assert_eq!(found.unwrap(), Some(()));
        }
    }
}

#[test]
fn keys_of_any_hashes_are_found_once_whatever_is_written_and_removed() {
    for kind in 0..6 {
        let mut random = kind << 32;
        let mut model = Model::new();
        let mut known: Vec<u64> = Vec::new();
        let mut oldest = u64::MAX;
        for n in 0..24_000 {
            // Ordinary ones first, so that there are segments of full size.
            let kind = if n < 18_000 { 5 } else { kind };
            if below(&mut random, 1_000) == 0 {
                // A view begins, or goes.
                let now = FIRST + model.hashes.len() as u64;
                oldest = if oldest == u64::MAX { now } else { u64::MAX };
            }
            let old = below(&mut random, 3) == 0 && n > 0;
            let hash = match old {
                true => known[below(&mut random, known.len() as u64) as usize],
                false => chosen(kind, &mut random),
            };
            if !old {
                known.push(hash);
            }
            let present = model.find(hash).is_some();
            model.put(hash, present && below(&mut random, 2) == 0, oldest);
        }
        let wide = model.check(u64::MAX);
        let is_right = if kind == 5 { wide == 0 } else { wide > 0 || kind == 1 || kind == 4 };
        assert!(is_right, "{wide} wide segments of {kind}");
    }
}

#[test]
fn readers_find_keys_that_lie_too_close_while_the_table_makes_room_for_them() {
    for kind in [0, 3] {
        let table = Table::new();
        let mut random = kind << 40;
        let count = 6_000;
        let hashes: Vec<u64> = (0..count).map(|_| chosen(kind, &mut random)).collect();
        let (written, done) = (AtomicU64::new(0), AtomicBool::new(false));
        let find = |n: u64| {
            let guard = crossbeam_epoch::pin();
            let found = table.probe(hashes[n as usize], &guard, |slot| {
                if slot.position() == FIRST + n {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            assert!(found.unwrap().is_some(), "{n} is lost");
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut n = 0;
                while !done.load(Ordering::Relaxed) {
                    let limit = written.load(Ordering::Acquire);
                    if limit > 0 {
                        n = (n + 7919) % limit;
                        find(n);
                        find(limit - 1);
                    }
                }
            });
            for n in 0..count {
                let guard = crossbeam_epoch::pin();
                let new = (FIRST + n, false);
                table.publish(hashes[n as usize], None, new, || 0, |_| false, &guard).unwrap();
                written.store(n + 1, Ordering::Release);
            }
            done.store(true, Ordering::Relaxed);
        });
        (0..count).for_each(find);
    }
}
