//! The changes of one call, gathered before any of them is made.
//!
//! Invariant: until [`StoreMut::apply`] nothing has happened, so a
//! call that fails on the way leaves nothing behind, inside a transaction too. Of each key there is
//! one change, the latest; reads through the batch see it.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use emdb_core::internal::{self, AsIs, Write};
use emdb_core::{Error, Namespace};

use crate::store::{Part, Spaces, Store, StoreMut};

/// From how many changes on a key is looked for by its hash, and no more one by one.
const FEW: usize = 12;

/// The changes.
#[doc(hidden)]
#[derive(Debug)]
pub struct Changes {
    /// Whose hash and whose time are used.
    hasher: Namespace,
    list: Vec<Change>,
    /// Keys and values.
    bytes: Vec<u8>,
    /// Once there are many: the latest change of each hash.
    latest: HashMap<u64, usize, BuildHasherDefault<AsIs>>,
}

#[derive(Debug)]
struct Change {
    part: Part,
    key: (usize, usize),
    /// None for a removal.
    value: Option<(usize, usize)>,
    expiry: Option<u64>,
    /// Another change whose key has the same hash.
    before: Option<usize>,
}

impl Changes {
    fn new(hasher: &Namespace) -> Self {
        let (list, bytes, latest) = (Vec::new(), Vec::new(), HashMap::default());
        Changes { hasher: hasher.clone(), list, bytes, latest }
    }

    /// The bytes that they take.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The same for the engine.
    pub(crate) fn writes<'a>(
        &'a self,
        spaces: &'a Spaces,
    ) -> impl ExactSizeIterator<Item = Write<'a>> {
        self.list.iter().map(|change| Write {
            namespace: spaces.get(change.part),
            key: self.slice(change.key),
            value: change.value.map(|value| self.slice(value)),
            expiry: change.expiry,
        })
    }

    fn is_live(&self, change: &Change) -> bool {
        change.expiry.is_none_or(|at| at > internal::now(&self.hasher))
    }

    fn slice(&self, (start, end): (usize, usize)) -> &[u8] {
        &self.bytes[start..end]
    }

    fn keep(&mut self, bytes: &[u8]) -> (usize, usize) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        (start, self.bytes.len())
    }

    fn find(&self, part: Part, key: &[u8]) -> Option<usize> {
        let is = |change: &Change| change.part == part && self.slice(change.key) == key;
        if self.list.len() <= FEW {
            return self.list.iter().position(is);
        }
        let mut at = self.latest.get(&self.hash(part, key)).copied();
        while let Some(found) = at {
            if is(&self.list[found]) {
                break;
            }
            at = self.list[found].before;
        }
        at
    }

    fn set(&mut self, part: Part, key: &[u8], value: Option<&[u8]>, expiry: Option<u64>) {
        if let Some(at) = self.find(part, key) {
            let value = value.map(|value| self.keep(value));
            self.list[at].value = value;
            self.list[at].expiry = expiry;
            return;
        }
        let (key, value) = (self.keep(key), value.map(|value| self.keep(value)));
        self.list.push(Change { part, key, value, expiry, before: None });
        let many = self.list.len();
        if many == FEW + 1 {
            (0..many).for_each(|at| self.hash_in(at));
        } else if many > FEW {
            self.hash_in(many - 1);
        }
    }

    fn hash(&self, part: Part, key: &[u8]) -> u64 {
        let part = match part {
            Part::Rows => 0,
            Part::Mark => 1,
            Part::Catalogue => 2,
            Part::Index(index) => 3 + index as u64,
        };
        // So that one key has another hash in each part.
        internal::hash(&self.hasher, key).wrapping_add(part.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn hash_in(&mut self, at: usize) {
        let hash = self.hash(self.list[at].part, self.slice(self.list[at].key));
        self.list[at].before = self.latest.insert(hash, at);
    }
}

/// Changes over what is stored.
pub(crate) struct Batch<'s, S> {
    store: &'s S,
    pub(crate) changes: Changes,
}

impl<'s, S: Store> Batch<'s, S> {
    pub(crate) fn new(store: &'s S, spaces: &Spaces) -> Self {
        Batch { store, changes: Changes::new(&spaces.rows) }
    }

    /// The value of a key, lent.
    pub(crate) fn read<R>(
        &self,
        part: Part,
        key: &[u8],
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, Error> {
        self.entry(part, key, |value, _| take(value))
    }

    /// The value of a key, lent, and when it expires.
    pub(crate) fn entry<R>(
        &self,
        part: Part,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>, Error> {
        match self.changes.find(part, key) {
            Some(at) => {
                let change = &self.changes.list[at];
                let live = change.value.filter(|_| self.changes.is_live(change));
                Ok(live.map(|value| take(self.changes.slice(value), change.expiry)))
            }
            None => self.store.entry(part, key, take),
        }
    }

    /// What is there, expired or not, and whether it is not.
    pub(crate) fn stored<R>(
        &self,
        part: Part,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>, bool) -> R,
    ) -> Result<Option<R>, Error>
    where
        S: StoreMut,
    {
        match self.changes.find(part, key) {
            Some(at) => {
                let change = &self.changes.list[at];
                let live = self.changes.is_live(change);
                Ok(change.value.map(|value| take(self.changes.slice(value), change.expiry, live)))
            }
            None => self.store.stored(part, key, take),
        }
    }

    /// When a key, if it is there, expires.
    pub(crate) fn expiry(&self, part: Part, key: &[u8]) -> Result<Option<u64>, Error> {
        match self.changes.find(part, key) {
            Some(at) => {
                let change = &self.changes.list[at];
                Ok(change.value.and(change.expiry))
            }
            None => self.store.expiry(part, key),
        }
    }

    pub(crate) fn put(&mut self, part: Part, key: &[u8], value: &[u8], expiry: Option<u64>) {
        self.changes.set(part, key, Some(value), expiry);
    }

    pub(crate) fn remove(&mut self, part: Part, key: &[u8]) {
        self.changes.set(part, key, None, None);
    }
}
