//! Writes that a transaction holds back until its commit.
//!
//! Invariant: of each key there is one write, the latest, found by its hash. Walks need them sorted:
//! what came since the last walk is sorted in when the next one begins, so a transaction that never
//! walks never sorts.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex};

use crate::sync::lock;

/// Bytes of values that were replaced, from which on the rest is copied together.
const WASTE: usize = 1 << 20;

/// The writes sorted, for walks.
pub(crate) type Sorted = Arc<BTreeMap<Vec<u8>, Staged>>;

/// A write on its way to a commit.
#[derive(Clone)]
pub(crate) struct Staged {
    /// None for a removal.
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) expiry: Option<u64>,
}

impl Staged {
    /// The value, if it is one and not expired at `now`.
    pub(crate) fn live(&self, now: u64) -> Option<&[u8]> {
        self.value.as_deref().filter(|_| self.expiry.is_none_or(|at| at > now))
    }
}

/// The same, borrowed.
#[derive(Clone, Copy)]
pub(crate) struct StagedRef<'a> {
    pub(crate) key: &'a [u8],
    /// None for a removal.
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) expiry: Option<u64>,
}

impl<'a> StagedRef<'a> {
    /// The value, if it is one and not expired at `now`.
    pub(crate) fn live(self, now: u64) -> Option<&'a [u8]> {
        self.value.filter(|_| self.expiry.is_none_or(|at| at > now))
    }
}

/// What a transaction has written to one namespace.
#[derive(Default)]
pub(crate) struct Stage {
    list: Vec<Write>,
    /// Keys and values.
    bytes: Vec<u8>,
    /// Bytes of values that were replaced.
    waste: usize,
    /// The latest of the writes whose keys have a hash.
    latest: HashMap<u64, u32, BuildHasherDefault<AsIs>>,
    sorting: Mutex<Sorting>,
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The file that it goes to may be encrypted: no key and no value is shown.
        f.debug_struct("Stage").field("writes", &self.list.len()).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy)]
struct Write {
    key: (usize, usize),
    value: Option<(usize, usize)>,
    expiry: Option<u64>,
    /// Another write whose key has the same hash.
    before: Option<u32>,
}

#[derive(Default)]
struct Sorting {
    sorted: Sorted,
    /// How many of the list are in it.
    up_to: usize,
    /// Those of them that were replaced since.
    replaced: Vec<usize>,
}

impl Stage {
    /// How many writes there are.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// All writes, in the order in which their keys came first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = StagedRef<'_>> {
        (0..self.list.len()).map(|at| self.at(at))
    }

    /// The write to `key`, whose hash is `hash`.
    #[inline]
    pub(crate) fn get(&self, key: &[u8], hash: u64) -> Option<StagedRef<'_>> {
        if self.list.is_empty() {
            return None;
        }
        self.find(key, hash).map(|at| self.at(at))
    }

    /// Stages a put, or a removal.
    pub(crate) fn set(&mut self, key: &[u8], hash: u64, value: Option<&[u8]>, expiry: Option<u64>) {
        match self.find(key, hash) {
            Some(at) => self.replace(at, value, expiry),
            None => {
                let (key, value) = (self.keep(key), value.map(|value| self.keep(value)));
                // As many as there are bytes of journal positions would not fit into memory.
                let at = self.list.len() as u32;
                let before = self.latest.insert(hash, at);
                self.list.push(Write { key, value, expiry, before });
            }
        }
    }

    /// The writes, sorted.
    pub(crate) fn sorted(&self) -> Sorted {
        let mut sorting = lock(&self.sorting);
        let Sorting { sorted, up_to, replaced } = &mut *sorting;
        if *up_to < self.list.len() || !replaced.is_empty() {
            let map = Arc::make_mut(sorted);
            for at in replaced.drain(..).chain(*up_to..self.list.len()) {
                let StagedRef { key, value, expiry } = self.at(at);
                map.insert(key.to_vec(), Staged { value: value.map(<[u8]>::to_vec), expiry });
            }
            *up_to = self.list.len();
        }
        sorted.clone()
    }

    fn replace(&mut self, at: usize, value: Option<&[u8]>, expiry: Option<u64>) {
        let former = self.list[at].value;
        let place = match (former, value) {
            // In its place, so that what is written again and again takes room once.
            (Some((start, end)), Some(value)) if value.len() <= end - start => {
                self.bytes[start..start + value.len()].copy_from_slice(value);
                self.waste += end - start - value.len();
                Some((start, start + value.len()))
            }
            (former, value) => {
                self.waste += former.map_or(0, |(start, end)| end - start);
                value.map(|value| self.keep(value))
            }
        };
        self.list[at].value = place;
        self.list[at].expiry = expiry;
        let sorting = self.sorting.get_mut().unwrap_or_else(|e| e.into_inner());
        if at < sorting.up_to {
            sorting.replaced.push(at);
        }
        if self.waste > WASTE && self.waste > self.bytes.len() / 2 {
            self.compact();
        }
    }

    /// Leaves out the values that were replaced.
    fn compact(&mut self) {
        let former = std::mem::take(&mut self.bytes);
        self.bytes.reserve(former.len() - self.waste);
        for at in 0..self.list.len() {
            let Write { key, value, .. } = self.list[at];
            self.list[at].key = self.keep(&former[key.0..key.1]);
            self.list[at].value = value.map(|value| self.keep(&former[value.0..value.1]));
        }
        self.waste = 0;
    }

    fn keep(&mut self, bytes: &[u8]) -> (usize, usize) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        (start, self.bytes.len())
    }

    fn at(&self, at: usize) -> StagedRef<'_> {
        let Write { key, value, expiry, .. } = self.list[at];
        let slice = |(start, end): (usize, usize)| &self.bytes[start..end];
        StagedRef { key: slice(key), value: value.map(slice), expiry }
    }

    #[inline]
    fn find(&self, key: &[u8], hash: u64) -> Option<usize> {
        let mut at = self.latest.get(&hash).copied();
        while let Some(found) = at {
            let write = &self.list[found as usize];
            if self.bytes[write.key.0..write.key.1] == *key {
                return Some(found as usize);
            }
            at = write.before;
        }
        None
    }
}

/// For a map whose keys are hashes already.
#[derive(Debug, Default)]
pub struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use emdb_testing::Random;

    use super::*;

    /// Few hashes, so that many keys share one.
    fn hash(key: &[u8]) -> u64 {
        u64::from(key[0] % 3)
    }

    #[test]
    fn the_latest_write_of_each_key_is_found_and_walked() {
        let mut stage = Stage::default();
        let mut model = BTreeMap::new();
        let mut random = Random(7);
        for step in 0..5_000_u64 {
            let state = random.next();
            let key = [(state >> 33) as u8 % 50, 1];
            let value = vec![step as u8; (state >> 40) as usize % 2000];
            let value = (!state.is_multiple_of(5)).then_some(value);
            stage.set(&key, hash(&key), value.as_deref(), Some(step));
            model.insert(key.to_vec(), (value, Some(step)));
            if step.is_multiple_of(97) {
                let sorted = stage.sorted();
                let sorted = sorted.iter().map(|(k, s)| (k.clone(), (s.value.clone(), s.expiry)));
                assert_eq!(sorted.collect::<BTreeMap<_, _>>(), model);
            }
        }
        assert_eq!(stage.len(), model.len());
        for (key, (value, expiry)) in &model {
            let found = stage.get(key, hash(key)).unwrap();
            assert_eq!((found.value, found.expiry), (value.as_deref(), *expiry));
        }
        assert!(stage.get(b"other", 0).is_none());
    }

    #[test]
    fn a_value_that_is_replaced_again_and_again_takes_bounded_room() {
        let mut stage = Stage::default();
        for len in (0..10_000).chain((0..10_000).rev()) {
            stage.set(b"k", 1, Some(&vec![0; len]), None);
        }
        assert!(stage.bytes.len() < 4 << 20, "{}", stage.bytes.len());
    }
}
