//! Keys that are looked up beside each other, so that they wait for memory together.
//!
//! A lookup waits twice: for a bucket of the index, and for the record that it leads to. One key after
//! the other, these waits add up, and are nearly all that a lookup takes. Here a group of keys is taken
//! at a time: first the buckets of all are asked for, then all records that these lead to, and then each
//! key is looked up out of the cache: group prefetching (Chen et al., "Improving hash join performance
//! through prefetching", 2004).

use std::iter::Fuse;

use crossbeam_epoch::Guard;

use crate::engine::decoded::DecodedRecord;
use crate::engine::read_view::ReadView;
use crate::error::Result;
use crate::index::hash::Table;
use crate::index::hash::slot::Likely;
use crate::mvcc::generation::Generation;
use crate::mvcc::incarnation::Incarnation;

/// Keys of a group: about as many lines as a core can wait for at once.
const GROUP_KEYS: usize = 16;

/// A walk over keys whose lookups find their memory ready.
pub(crate) struct Lookahead<'v, I: Iterator> {
    view: &'v ReadView,
    incarnation: Option<&'v Incarnation>,
    keys: Fuse<I>,
    guard: Guard,
    group: Vec<I::Item>,
    /// The next one of the group, and the one that was given.
    next: usize,
    hashes: [u64; GROUP_KEYS],
    /// Where each is likely to be found; 0 if nothing tells.
    likely: [u64; GROUP_KEYS],
    /// The keys as the journal has them, where records are sealed.
    fingerprints: Vec<[u8; 16]>,
}

impl<'v, I: Iterator<Item: AsRef<[u8]>>> Lookahead<'v, I> {
    /// Over `keys`, in a state of a namespace, which is empty if it had no incarnation then.
    pub(crate) fn new(
        view: &'v ReadView,
        incarnation: Option<&'v Incarnation>,
        keys: I,
    ) -> Lookahead<'v, I> {
        Lookahead {
            view,
            incarnation,
            keys: keys.fuse(),
            guard: crossbeam_epoch::pin(),
            group: Vec::with_capacity(GROUP_KEYS),
            next: 0,
            hashes: [0; GROUP_KEYS],
            likely: [0; GROUP_KEYS],
            fingerprints: Vec::new(),
        }
    }

    /// Goes to the next key; tells whether there is one.
    #[inline]
    pub(crate) fn go(&mut self) -> bool {
        if self.next == self.group.len() {
            self.next = 0;
            self.take_group();
            if self.group.is_empty() {
                return false;
            }
        }
        self.next += 1;
        true
    }

    /// Where [`Lookahead::go`] went.
    #[inline]
    pub(crate) fn key(&self) -> &I::Item {
        &self.group[self.next - 1]
    }

    /// Takes the next keys, and asks for what their lookups will read.
    fn take_group(&mut self) {
        // Memory that was freed meanwhile is not kept for longer than a group takes.
        self.guard.repin();
        self.group.clear();
        self.group.extend(self.keys.by_ref().take(GROUP_KEYS));
        let Some(incarnation) = self.incarnation else { return };
        let (generation, table) = (self.view.generation(), &incarnation.table);
        self.fingerprints.clear();
        for (key, hash) in self.group.iter().zip(&mut self.hashes) {
            let stored = generation.stored_key(incarnation.id, key.as_ref());
            *hash = stored.hash;
            self.fingerprints.extend(stored.fingerprint);
            table.prefetch(stored.hash, &self.guard);
        }
        let places = self.hashes.iter().zip(&mut self.likely);
        for (hash, likely) in places.take(self.group.len()) {
            *likely = prefetch_likely(generation, table, *hash, &self.guard);
        }
    }

    /// The live record of the key, decoded and verified.
    #[inline]
    pub(crate) fn get(&self) -> Result<Option<DecodedRecord<'v>>> {
        let Some(incarnation) = self.incarnation else { return Ok(None) };
        let (at, view) = (self.next - 1, self.view);
        let (reader, key, likely) = (view.reader(), self.group[at].as_ref(), self.likely[at]);
        if likely != 0 && reader.is_plain() {
            // What the index has led to since then is newer than the view.
            if let Some(record) = reader.usual_at(likely, key, view.watermark()) {
                return Ok(Some(DecodedRecord::new(record, None)));
            }
        }
        let stored_key = self.fingerprints.get(at).map_or(key, |fingerprint| fingerprint);
        match view.stored_under(incarnation, stored_key, self.hashes[at], &self.guard)? {
            Some(record) => reader.checked(record, |at| view.has_passed(at)),
            None => Ok(None),
        }
    }
}

/// Asks for the record that the key of this hash is likely to have; gives its position, or 0.
#[inline]
fn prefetch_likely(generation: &Generation, table: &Table, hash: u64, guard: &Guard) -> u64 {
    match table.likely(hash, guard) {
        Likely::At(position) => {
            generation.journal.memory.prefetch_record(position);
            position
        }
        Likely::Absent | Likely::Elsewhere => 0,
    }
}

/// Asks for what the lookups of `keys` will read, which are to follow soon. Nothing is done where
/// records are sealed: to find the key in the journal takes longer than to wait for memory.
pub(crate) fn prefetch<'k>(
    view: &ReadView,
    incarnation: &Incarnation,
    keys: impl Iterator<Item = &'k [u8]>,
) {
    if !view.reader().is_plain() {
        return;
    }
    let (generation, table) = (view.generation(), &incarnation.table);
    let guard = crossbeam_epoch::pin();
    let mut hashes = [0; GROUP_KEYS];
    let mut count = 0;
    for (key, place) in keys.zip(&mut hashes) {
        *place = generation.hash(key);
        table.prefetch(*place, &guard);
        count += 1;
    }
    for hash in &hashes[..count] {
        prefetch_likely(generation, table, *hash, &guard);
    }
}
