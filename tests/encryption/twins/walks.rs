//! Walks and snapshots that are held over what comes.

use super::*;

impl Twins {
    fn bounds(&mut self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        let mut one = || match self.rng.below(4) {
            0 => Bound::Unbounded,
            1 => Bound::Excluded(self.key()),
            _ => Bound::Included(self.key()),
        };
        let (low, high) = (one(), one());
        (low, high)
    }

    fn within(records: &Records, bounds: &(Bound<Vec<u8>>, Bound<Vec<u8>>)) -> Pairs {
        let after = |k: &Vec<u8>| match bounds.0.as_ref() {
            Bound::Unbounded => true,
            Bound::Included(low) => k >= low,
            Bound::Excluded(low) => k > low,
        };
        let before = |k: &Vec<u8>| match bounds.1.as_ref() {
            Bound::Unbounded => true,
            Bound::Included(high) => k <= high,
            Bound::Excluded(high) => k < high,
        };
        pairs(records).into_iter().filter(|(k, _)| after(k) && before(k)).collect()
    }

    pub(super) fn walk(&mut self) {
        let name = self.name();
        let (bounds, handles) = (self.bounds(), self.handles(name));
        let expected = Twins::within(self.records(name), &bounds);
        let all = pairs(self.records(name));
        for handle in handles {
            if handle.is_ordered() {
                assert!(handle.range(bounds.clone()).unwrap() == expected);
                let mut back: Pairs = handle.range_iter(bounds.clone()).unwrap().rev().collect();
                back.reverse();
                assert!(back == expected);
            }
            let mut found: Pairs = handle.iter().unwrap().results().map(Result::unwrap).collect();
            found.sort();
            assert!(found == all);
            let mut keys: Vec<_> = handle.keys().unwrap().results().map(Result::unwrap).collect();
            keys.sort();
            assert!(keys.iter().eq(all.iter().map(|(k, _)| k)));
        }
    }

    pub(super) fn hold_range(&mut self) {
        if self.ranges.len() > 3 {
            self.ranges.remove(0);
        }
        let name = self.name();
        let (bounds, handles) = (self.bounds(), self.handles(name));
        if handles[0].is_ordered() {
            let left = Twins::within(self.records(name), &bounds).into();
            let walk = |handle: &Namespace| handle.range_iter(bounds.clone()).unwrap();
            self.ranges.push(HeldRange { walks: [walk(&handles[0]), walk(&handles[1])], left });
        }
    }

    pub(super) fn go_on_walking(&mut self) {
        for HeldRange { walks, left } in &mut self.ranges {
            for _ in 0..self.rng.below(40) {
                let front = self.rng.below(2) == 0;
                let expected = if front { left.pop_front() } else { left.pop_back() };
                for walk in &mut *walks {
                    let found = if front { walk.next() } else { walk.next_back() };
                    walk.status().unwrap();
                    assert!(found == expected, "{found:?} instead of {expected:?}");
                }
            }
        }
    }

    pub(super) fn hold_snapshot(&mut self) {
        if self.snapshots.len() > 3 {
            let gone = self.rng.below(4) as usize;
            self.snapshots.remove(gone);
        }
        let both = [self.dbs[0].snapshot(), self.dbs[1].snapshot()];
        self.snapshots.push((both, self.model.clone()));
    }

    pub(super) fn look_at_snapshots(&mut self) {
        let (bounds, key) = (self.bounds(), self.key());
        for (both, model) in &self.snapshots {
            for snapshot in both {
                for (name, records) in model {
                    let seen = match name.as_str() {
                        "" => None,
                        name => Some(snapshot.namespace(name).unwrap()),
                    };
                    let seen = seen.as_ref().unwrap_or(snapshot);
                    let mut found: Pairs =
                        seen.iter().unwrap().results().map(Result::unwrap).collect();
                    found.sort();
                    assert!(found == pairs(records), "a snapshot of {name:?} differs");
                    let value = seen.get(&key).unwrap();
                    assert_eq!(value, records.get(&key).map(|r| r.0.clone()));
                    assert_eq!(seen.contains_key(&key).unwrap(), value.is_some());
                    if name == "sorted" || self.ordered {
                        let found = seen.range(bounds.clone()).unwrap();
                        assert!(found == Twins::within(records, &bounds));
                    }
                }
            }
        }
    }
}
