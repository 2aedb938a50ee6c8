use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use crate::error::Result;
use crate::index::ordered::levels::{SKIP_LIST_MAX_FRESH_KEYS, SKIP_LIST_MAX_KEYS};
use crate::index::ordered::order::READER_MERGE_RUNS;
use crate::index::ordered::*;

/// Keys in a vector; a position is an index into it. A later position of an equal key is newer.
#[derive(Clone, Copy)]
struct Listed<'k>(&'k [Vec<u8>]);

impl<'k> Keys<'k> for Listed<'k> {
    fn key(self, position: u64) -> Result<std::borrow::Cow<'k, [u8]>> {
        Ok(std::borrow::Cow::Borrowed(&self.0[position as usize]))
    }

    fn prefetch(self, _: u64, _: usize) {}

    fn newest(self, position: u64) -> Result<Option<u64>> {
        Ok(Some(position))
    }

    fn all(self) -> Result<Vec<u64>> {
        Ok((0..self.0.len() as u64).collect())
    }
}

/// Keys that share prefixes, are prefixes of each other, and repeat.
fn keys() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let short = prop::collection::vec(prop::sample::select(vec![0, 1, b'a', 0xFE, 0xFF]), 0..5);
    let key = (prop::sample::select(vec!["", "common prefix of many:", "comm"]), short)
        .prop_map(|(prefix, rest)| [prefix.as_bytes(), &rest].concat());
    prop_oneof![
        prop::collection::vec(key, 0..200),
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..600),
    ]
}

fn model(keys: &[Vec<u8>]) -> BTreeMap<&[u8], u64> {
    keys.iter().enumerate().map(|(i, key)| (&key[..], i as u64)).collect()
}

fn positions(run: &Run) -> Vec<u64> {
    (0..run.len()).map_while(|i| run.position(i)).collect()
}

proptest! {
    #[test]
    fn a_run_holds_each_key_once_in_order(keys in keys()) {
        let listed = Listed(&keys);
        let run = Run::sort(&listed.all().unwrap(), listed).unwrap();
        prop_assert_eq!(positions(&run), model(&keys).into_values().collect::<Vec<_>>());
    }

    #[test]
    fn a_merge_is_the_run_of_both(keys in keys(), cut in any::<prop::sample::Index>()) {
        let listed = Listed(&keys);
        let all = listed.all().unwrap();
        let (left, right) = all.split_at(cut.index(keys.len() + 1));
        let left = Run::sort(left, listed).unwrap();
        let right = Run::sort(right, listed).unwrap();
        for merged in [left.merge(&right, listed, |p| Ok(Some(p))), right.merge(&left, listed, |p| Ok(Some(p)))] {
            let merged = merged.unwrap();
            prop_assert_eq!(positions(&merged), model(&keys).into_values().collect::<Vec<_>>());
            for key in &keys {
                let below = model(&keys).keys().filter(|k| **k < key.as_slice()).count();
                prop_assert_eq!(merged.search(key, false, listed).unwrap(), below);
            }
        }
    }

    #[test]
    fn a_search_finds_what_a_count_would(keys in keys(), probes in keys()) {
        let listed = Listed(&keys);
        let run = Run::sort(&listed.all().unwrap(), listed).unwrap();
        let model = model(&keys);
        for probe in keys.iter().chain(&probes) {
            let below = model.keys().filter(|k| **k < probe.as_slice()).count();
            let present = usize::from(model.contains_key(probe.as_slice()));
            prop_assert_eq!(run.search(probe, false, listed).unwrap(), below);
            prop_assert_eq!(run.search(probe, true, listed).unwrap(), below + present);
        }
    }

    #[test]
    fn levels_hold_what_was_noted(keys in keys(), looks in prop::collection::vec(0..300usize, 0..8)) {
        let listed = Listed(&keys);
        let order = Order::empty();
        let mut rest = listed.all().unwrap().into_iter();
        for some in looks {
            rest.by_ref().take(some).for_each(|p| { order.note(p); });
            order.levels(listed).unwrap();
        }
        rest.for_each(|p| { order.note(p); });
        let levels = order.levels(listed).unwrap();
        let mut found: Vec<&[u8]> = Vec::new();
        for run in &levels.runs {
            found.extend(positions(run).iter().map(|p| &keys[*p as usize][..]));
        }
        let recent: Vec<_> = levels.recent.iter().map(|e| e.value().load(Ordering::Relaxed)).collect();
        found.extend(recent.iter().map(|p| &keys[*p as usize][..]));
        found.sort_unstable();
        found.dedup();
        prop_assert_eq!(found, model(&keys).into_keys().collect::<Vec<_>>());
    }
}

proptest! {
    #[test]
    fn what_is_buried_is_passed_over_and_merged_away(
        keys in keys(),
        dead in prop::collection::vec(any::<prop::sample::Index>(), 0..300),
    ) {
        let listed = Listed(&keys);
        let run = Run::sort(&listed.all().unwrap(), listed).unwrap();
        let mut left = model(&keys);
        if !keys.is_empty() {
            for key in dead.iter().map(|i| &keys[i.index(keys.len())]) {
                if let Some(position) = left.remove(&key[..]) {
                    // Another record of the key is not its anchor.
                    run.bury(key, position + 1000, listed).unwrap();
                    run.bury(key, position, listed).unwrap();
                }
            }
        }
        let left: Vec<u64> = left.into_values().collect();
        let (mut forwards, mut at) = (Vec::new(), 0);
        while { at = run.skip(at, run.len()); at < run.len() } {
            forwards.push(run.at(at));
            at += 1;
        }
        prop_assert_eq!(&forwards, &left);
        let (mut backwards, mut at) = (Vec::new(), run.len());
        while { at = run.skip_back(at, 0); at > 0 } {
            at -= 1;
            backwards.push(run.at(at));
        }
        backwards.reverse();
        prop_assert_eq!(&backwards, &left);
        let merged = run.merge(&Run::default(), listed, |p| Ok(Some(p))).unwrap();
        prop_assert_eq!(&positions(&merged), &left);
    }
}

#[test]
fn a_key_that_went_and_came_again_is_there() {
    let keys = [b"a".to_vec(), b"b".to_vec(), b"a".to_vec()];
    let listed = Listed(&keys);
    let order = Order::empty();
    order.note(0);
    order.note(1);
    let levels = order.levels(listed).unwrap();
    let anchors =
        || levels.recent.iter().map(|e| e.value().load(Ordering::Relaxed)).collect::<Vec<_>>();
    order.bury(&levels, b"a", 0, listed).unwrap();
    assert_eq!(anchors(), [1]);
    order.note(2);
    order.levels(listed).unwrap();
    // Who has found it gone a moment ago is too late.
    order.bury(&levels, b"a", 0, listed).unwrap();
    assert_eq!(anchors(), [2, 1]);
}

#[test]
fn much_is_sorted_little_goes_to_the_skip_list_and_all_ends_in_one_run() {
    let keys: Vec<Vec<u8>> = (0..20_000u32).map(|n| n.to_be_bytes().to_vec()).collect();
    let listed = Listed(&keys);
    let order = Order::empty();
    let mut next = 0..20_000;
    next.by_ref().take(SKIP_LIST_MAX_FRESH_KEYS).for_each(|p| {
        order.note(p);
    });
    assert_eq!(order.levels(listed).unwrap().recent.len(), SKIP_LIST_MAX_FRESH_KEYS);
    while let Some(position) = next.next() {
        order.note(position);
        next.by_ref().take(SKIP_LIST_MAX_FRESH_KEYS - 1).for_each(|p| {
            order.note(p);
        });
        assert!(order.levels(listed).unwrap().recent.len() <= SKIP_LIST_MAX_KEYS);
    }
    assert!(!order.is_behind());
    order.settle(1, true, listed, || false).unwrap();
    let levels = order.levels(listed).unwrap();
    assert_eq!(levels.runs.len(), 1);
    assert!(order.bytes() > 20_000 * 16);
}

#[test]
fn readers_alone_keep_the_runs_few() {
    let keys: Vec<Vec<u8>> = (0..60_000u32).map(|n| n.to_be_bytes().to_vec()).collect();
    let listed = Listed(&keys);
    let order = Order::empty();
    for some in listed.all().unwrap().chunks(2 * SKIP_LIST_MAX_FRESH_KEYS) {
        some.iter().for_each(|p| {
            order.note(*p);
        });
        // The runs that are left are each more than twice as long as the next.
        assert!(order.levels(listed).unwrap().runs.len() <= READER_MERGE_RUNS + 2);
    }
}
