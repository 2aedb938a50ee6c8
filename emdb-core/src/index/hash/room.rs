//! Room for keys whose number is known before they come, so that no segment is made anew meanwhile.

use std::sync::atomic::Ordering;

use crossbeam_epoch::{Atomic, Guard, Owned};

use crate::index::hash::segment::Segment;
use crate::index::hash::slot::{FULL_BITS, TAG_BITS};
use crate::index::hash::table::{Directory, Table};
use crate::os::sync::lock;

/// Keys of a segment: fewer than it takes, since chance puts more into some than into others, and
/// beside each other.
const SEGMENT_MAX_KEYS: u64 = Segment::limit_of(FULL_BITS) as u64 / 4 * 3;

impl Table {
    /// Makes room for so many keys. The table is empty, and nobody reads it yet.
    pub(crate) fn make_room(&self, keys: u64, guard: &Guard) {
        let _changing = lock(&self.changing);
        let segments = keys.div_ceil(SEGMENT_MAX_KEYS).next_power_of_two();
        let depth = segments.trailing_zeros();
        let is_small = keys <= SEGMENT_MAX_KEYS / 2;
        let [only] = &self.directory(guard).entries[..] else { return };
        if is_small || depth > TAG_BITS || self.segment(0, guard).used() > 0 {
            return;
        }
        let mut bytes = 0;
        let entries = (0..segments).map(|_| {
            let segment = Segment::of_full_size(depth);
            bytes += segment.bytes();
            Atomic::from(Owned::new(segment))
        });
        let former = only.load(Ordering::Acquire, guard);
        let directory = Directory { depth, entries: entries.collect() };
        self.exchange(directory, guard);
        self.forget(former, guard);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::hash::table::Published;
    use std::ops::ControlFlow;

    #[test]
    fn as_many_keys_as_were_said_find_their_places_and_more_do_as_well() {
        for keys in [0u64, 1, 12_000, 13_000, 19_000, 60_000, 200_000] {
            let table = Table::new();
            let guard = crossbeam_epoch::pin();
            table.make_room(keys, &guard);
            let room = table.bytes();
            let hash = |key| crate::format::place::Place::new([1; 16], 1).mix(key);
            for key in 1..=2 * keys {
                let slot = (key, false);
                let placed = table.publish(hash(key), None, slot, || 0, |_| false, &guard);
                assert_eq!(placed, Some(Published::New));
                if key == keys && keys > 13_000 {
                    assert_eq!(table.bytes(), room, "none was made anew for {keys} keys");
                }
            }
            let found = |key| {
                let is_it = |slot: crate::index::hash::Slot| match slot.position() == key {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                };
                table.probe(hash(key), &guard, is_it).unwrap().is_some()
            };
            assert!((1..=2 * keys).all(found));
            // A second time does nothing to keys that are there.
            table.make_room(1_000_000, &guard);
            assert!((1..=2 * keys).all(found));
        }
    }
}
