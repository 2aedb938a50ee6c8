//! Writes that are gathered before any of them is made: those of a transaction, and of one call of
//! the typed layer.
//!
//! Invariant: of each key there is one write, the latest. While there are few, a key is looked for
//! one by one; once there are many, by its hash. Walks need them sorted: what came since the last
//! walk is sorted in when the next one begins, so a write set that nobody walks never sorts. Counts
//! are kept in the same way.

mod marks;
mod undo;

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::error::Result;
use crate::mvcc::sorted_writes::{SortedWrite, SortedWrites};
pub(crate) use undo::Mark;
use undo::Undo;

/// Up to so many writes are searched one by one.
const LINEAR_MAX_WRITES: usize = 12;

/// Bytes of values that were replaced, from which on the rest is copied together.
const WASTE_MAX_BYTES: usize = 1 << 20;

/// A write on its way to a commit.
#[derive(Clone, Copy)]
pub struct WriteRef<'a, K = ()> {
    /// Where.
    pub keyspace: K,
    /// The key.
    pub key: &'a [u8],
    /// The value that is put; none for a removal.
    pub value: Option<&'a [u8]>,
    /// When that expires.
    pub expiry: Option<u64>,
}

impl<'a, K> WriteRef<'a, K> {
    /// The value, if it is one and not expired at `now`, which is asked if it could be.
    pub fn live(self, now: impl FnOnce() -> u64) -> Option<&'a [u8]> {
        self.value.filter(|_| self.expiry.is_none_or(|at| at > now()))
    }
}

impl<K: fmt::Debug> fmt::Debug for WriteRef<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The file that it goes to may be encrypted: no key and no value is shown.
        f.debug_struct("WriteRef").field("keyspace", &self.keyspace).finish_non_exhaustive()
    }
}

/// The name of one of the keyspaces that a [`WriteSet`] has writes to; `()` if there is one.
pub trait KeyspaceId: Copy + PartialEq {
    /// A number that no other keyspace of the set has, so that one key hashes differently in each.
    fn number(self) -> u64;
}

impl KeyspaceId for () {
    #[inline]
    fn number(self) -> u64 {
        0
    }
}

/// Writes to one keyspace, or to several that `K` names.
pub struct WriteSet<K = ()> {
    list: Vec<Write<K>>,
    /// Keys and values.
    bytes: Vec<u8>,
    /// Bytes of values that were replaced.
    waste: usize,
    /// Once there are many writes: how they are found.
    hashed: Option<Box<Hashed>>,
    sorting: RefCell<Option<Sorting>>,
    counted: RefCell<Counted>,
    /// While marks are open: how to go back to them.
    undo: Option<Box<Undo>>,
}

impl<K> Default for WriteSet<K> {
    #[inline]
    fn default() -> Self {
        WriteSet {
            list: Vec::new(),
            bytes: Vec::new(),
            waste: 0,
            hashed: None,
            sorting: RefCell::new(None),
            counted: RefCell::default(),
            undo: None,
        }
    }
}

impl<K> fmt::Debug for WriteSet<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The file that it goes to may be encrypted: no key and no value is shown.
        f.debug_struct("WriteSet").field("writes", &self.list.len()).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
struct Write<K> {
    keyspace: K,
    key: (usize, usize),
    /// None for a removal.
    value: Option<(usize, usize)>,
    expiry: Option<u64>,
    /// Another write whose key has the same hash.
    before: Option<u32>,
}

/// The latest of the writes whose keys have a hash.
struct Hashed {
    /// A secret of this set, so that nobody can choose keys that lie together.
    seed: u64,
    latest: HashMap<u64, u32, BuildHasherDefault<AsIs>>,
}

impl Hashed {
    #[inline]
    fn hash<K: KeyspaceId>(&self, keyspace: K, key: &[u8]) -> u64 {
        let apart = keyspace.number().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        xxh3_64_with_seed(key, self.seed.wrapping_add(apart))
    }
}

/// The writes sorted, for walks.
#[derive(Default)]
struct Sorting {
    /// Values that have expired then show nothing.
    now: u64,
    sorted: SortedWrites,
    /// How many of the list are in it.
    up_to: usize,
    /// Those of them that were replaced since.
    replaced: Vec<usize>,
}

/// By how much the writes change the number of records.
#[derive(Debug, Default)]
struct Counted {
    records: i64,
    /// For each of the list that is counted, whether there is a record below it.
    stored: Vec<bool>,
}

fn length(place: Option<(usize, usize)>) -> usize {
    place.map_or(0, |(start, end)| end - start)
}

impl<K: KeyspaceId> WriteSet<K> {
    /// How many writes there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The bytes that keys and values take.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// All writes, in the order in which their keys came first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = WriteRef<'_, K>> {
        (0..self.list.len()).map(|at| self.at(at))
    }

    /// The write to `key`.
    #[inline]
    pub fn get(&self, keyspace: K, key: &[u8]) -> Option<WriteRef<'_, K>> {
        self.find(keyspace, key).ok().map(|at| self.at(at))
    }

    /// Adds a put, or a removal if there is no value, in place of a former write to `key`.
    pub fn set(&mut self, keyspace: K, key: &[u8], value: Option<&[u8]>, expiry: Option<u64>) {
        let hash = match self.find(keyspace, key) {
            Ok(at) => return self.replace(at, value, expiry),
            Err(hash) => hash,
        };
        let (key, value) = (self.keep(key), value.map(|value| self.keep(value)));
        // As many as there are bytes of journal positions would not fit into memory.
        let at = self.list.len() as u32;
        let before = match (&mut self.hashed, hash) {
            (Some(hashed), Some(hash)) => hashed.latest.insert(hash, at),
            _ => None,
        };
        self.list.push(Write { keyspace, key, value, expiry, before });
        if self.hashed.is_none() && self.list.len() > LINEAR_MAX_WRITES {
            self.hash_all();
        }
    }

    fn replace(&mut self, at: usize, value: Option<&[u8]>, expiry: Option<u64>) {
        let Write { value: former, expiry: former_expiry, .. } = self.list[at];
        let is_kept = self.undo.as_mut().is_some_and(|undo| undo.note(at, former, former_expiry));
        let place = match (former, value) {
            // In its place, so that what is written again and again takes room once.
            (Some((start, end)), Some(value)) if !is_kept && value.len() <= end - start => {
                self.bytes[start..start + value.len()].copy_from_slice(value);
                self.waste += end - start - value.len();
                Some((start, start + value.len()))
            }
            (former, value) => {
                self.waste += if is_kept { 0 } else { length(former) };
                value.map(|value| self.keep(value))
            }
        };
        self.list[at].value = place;
        self.list[at].expiry = expiry;
        self.note_change(at, former.is_some(), place.is_some());
        self.compact_if_due();
    }

    /// Keeps what is counted and sorted in step with a write that has changed.
    #[inline]
    fn note_change(&mut self, at: usize, was_put: bool, is_put: bool) {
        let counted = self.counted.get_mut();
        if at < counted.stored.len() {
            counted.records += i64::from(is_put) - i64::from(was_put);
        }
        let sorting = self.sorting.get_mut();
        if let Some(sorting) = sorting.as_mut().filter(|sorting| at < sorting.up_to) {
            sorting.replaced.push(at);
        }
    }

    #[inline]
    fn compact_if_due(&mut self) {
        if self.waste > WASTE_MAX_BYTES && self.waste > self.bytes.len() / 2 {
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
        if let Some(mut undo) = self.undo.take() {
            for replaced in &mut undo.replaced {
                replaced.value = replaced.value.map(|value| self.keep(&former[value.0..value.1]));
            }
            self.undo = Some(undo);
        }
        self.waste = 0;
    }

    fn keep(&mut self, bytes: &[u8]) -> (usize, usize) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        (start, self.bytes.len())
    }

    #[inline]
    fn at(&self, at: usize) -> WriteRef<'_, K> {
        let Write { keyspace, key, value, expiry, .. } = self.list[at];
        let slice = |(start, end): (usize, usize)| &self.bytes[start..end];
        WriteRef { keyspace, key: slice(key), value: value.map(slice), expiry }
    }

    /// The position of the write to `key`; if there is none, the hash by which it would be found.
    #[inline]
    fn find(&self, keyspace: K, key: &[u8]) -> Result<usize, Option<u64>> {
        let is = |write: &Write<K>| {
            write.keyspace == keyspace && self.bytes[write.key.0..write.key.1] == *key
        };
        let Some(hashed) = &self.hashed else {
            return self.list.iter().position(is).ok_or(None);
        };
        let hash = hashed.hash(keyspace, key);
        let mut at = hashed.latest.get(&hash).copied();
        while let Some(found) = at {
            let write = &self.list[found as usize];
            if is(write) {
                return Ok(found as usize);
            }
            at = write.before;
        }
        Err(Some(hash))
    }

    /// Lets all writes be found by their hashes from now on.
    #[cold]
    fn hash_all(&mut self) {
        let (seed, latest) = (RandomState::new().hash_one(0), HashMap::default());
        let mut hashed = Box::new(Hashed { seed, latest });
        for (at, write) in (0..).zip(&mut self.list) {
            let hash = hashed.hash(write.keyspace, &self.bytes[write.key.0..write.key.1]);
            write.before = hashed.latest.insert(hash, at);
        }
        self.hashed = Some(hashed);
    }
}

impl WriteSet {
    /// The writes, sorted. Values that have expired at `now`, which is always the same, show nothing.
    pub(crate) fn sorted(&self, now: u64) -> SortedWrites {
        let mut sorting = self.sorting.borrow_mut();
        let sorting = sorting.get_or_insert_with(|| Sorting { now, ..Sorting::default() });
        self.sort(sorting);
        sorting.sorted.clone()
    }

    fn sort(&self, sorting: &mut Sorting) {
        let Sorting { now, sorted, up_to, replaced } = sorting;
        for at in replaced.drain(..).chain(*up_to..self.list.len()) {
            let write = self.at(at);
            sorted.insert(SortedWrite {
                key: write.key.into(),
                value: write.value.map(Box::from),
                expiry: write.expiry,
                shows: write.live(|| *now).is_some(),
            });
        }
        *up_to = self.list.len();
    }

    /// By how much the writes change the number of records; `is_stored` tells whether there is one
    /// below a write. Each write is asked for once, however often this is called.
    pub(crate) fn count(&self, mut is_stored: impl FnMut(&[u8]) -> Result<bool>) -> Result<i64> {
        let mut counted = self.counted.borrow_mut();
        for at in counted.stored.len()..self.list.len() {
            let WriteRef { key, value, .. } = self.at(at);
            let is_stored = is_stored(key)?;
            counted.records += i64::from(value.is_some()) - i64::from(is_stored);
            counted.stored.push(is_stored);
        }
        Ok(counted.records)
    }
}

/// For a map whose keys are hashes already.
#[derive(Debug, Default)]
struct AsIs(u64);

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
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    struct Space(u8);

    impl KeyspaceId for Space {
        fn number(self) -> u64 {
            u64::from(self.0)
        }
    }

    #[test]
    fn the_latest_write_of_each_key_is_found_and_walked() {
        for keys in [5, 50, 250] {
            let mut set = WriteSet::default();
            let mut model = BTreeMap::new();
            let mut random = emdb_testing::Random(7);
            for step in 0..5_000_u64 {
                let state = random.next();
                let key = [(state >> 33) as u8 % keys, 1];
                let value = vec![step as u8; (state >> 40) as usize % 2000];
                let value = (!state.is_multiple_of(5)).then_some(value);
                set.set((), &key, value.as_deref(), Some(step));
                model.insert(key.to_vec(), (value, Some(step)));
                if step.is_multiple_of(97) {
                    let mut sorted = BTreeMap::new();
                    let all = set.sorted(0).for_each(|write| {
                        let value = write.value.as_deref().map(<[u8]>::to_vec);
                        sorted.insert(write.key.to_vec(), (value, write.expiry));
                        Ok::<_, ()>(())
                    });
                    assert_eq!((all, &sorted), (Ok(()), &model));
                }
            }
            assert_eq!(set.len(), model.len());
            for (key, (value, expiry)) in &model {
                let found = set.get((), key).unwrap();
                assert_eq!((found.value, found.expiry), (value.as_deref(), *expiry));
            }
            assert!(set.get((), b"other").is_none());
        }
    }

    #[test]
    fn one_key_in_several_keyspaces_is_several_writes() {
        let mut set = WriteSet::default();
        for round in 0..3_u8 {
            for at in 0..40_u8 {
                let value = [round, at];
                set.set(Space(at % 4), &[at / 4], Some(&value), None);
            }
        }
        assert_eq!(set.len(), 40);
        for at in 0..40_u8 {
            let found = set.get(Space(at % 4), &[at / 4]).unwrap();
            assert_eq!((found.keyspace, found.value), (Space(at % 4), Some(&[2, at][..])));
        }
        assert!(set.get(Space(4), &[0]).is_none());
    }

    #[test]
    fn a_value_that_is_replaced_again_and_again_takes_bounded_room() {
        let mut set = WriteSet::default();
        for len in (0..10_000).chain((0..10_000).rev()) {
            set.set((), b"k", Some(&vec![0; len]), None);
        }
        assert!(set.size_bytes() < 4 << 20, "{}", set.size_bytes());
    }
}
