//! Walks over a namespace: one committed state, in the order of the index.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::record::Record;
use crate::index::Slot;
use crate::staged::Staged;
use crate::store::names::Incarnation;
use crate::store::read::{Held, Reader};

/// How many records ahead of the walk memory is asked for.
const AHEAD: usize = 4;

/// The walk below all iterators. It holds a committed state, and no engine: it outlives every
/// handle.
#[derive(Debug)]
pub(crate) struct Walk {
    /// None once the end is reached, so that a finished iterator holds nothing.
    base: Option<Base>,
    overlay: Option<Overlay>,
    failed: Option<Error>,
}

#[derive(Debug)]
struct Base {
    held: Held,
    incarnation: Arc<Incarnation>,
    /// The first tag of the index that is still to be read.
    next_tag: Option<u32>,
    slots: Vec<Slot>,
    at: usize,
}

/// What a transaction has staged over the committed state.
#[derive(Debug)]
struct Overlay {
    staged: Arc<BTreeMap<Vec<u8>, Staged>>,
    now: u64,
    /// The last key given out.
    after: Option<Vec<u8>>,
}

impl Walk {
    pub(crate) fn new(held: Held, incarnation: Option<Arc<Incarnation>>) -> Walk {
        let base = incarnation.map(|incarnation| Base {
            held,
            incarnation,
            next_tag: Some(0),
            slots: Vec::new(),
            at: 0,
        });
        Walk { base, overlay: None, failed: None }
    }

    /// Lets `staged` come over the committed state.
    pub(crate) fn with_overlay(mut self, staged: Arc<BTreeMap<Vec<u8>, Staged>>, now: u64) -> Walk {
        self.overlay = Some(Overlay { staged, now, after: None });
        self
    }

    fn status(&self) -> Result<()> {
        self.failed.as_ref().map_or(Ok(()), |e| Err(e.duplicate()))
    }

    /// The next item, made from a record or from staged bytes.
    fn next<T>(
        &mut self,
        from_record: impl Fn(Reader<'_>, Record<'_>) -> Result<T>,
        from_staged: impl Fn(&[u8], &[u8]) -> T,
    ) -> Option<T> {
        while let Some(base) = &mut self.base {
            let hidden =
                |key: &[u8]| self.overlay.as_ref().is_some_and(|o| o.staged.contains_key(key));
            match base.next(&from_record, hidden) {
                Ok(Some(item)) => return Some(item),
                Ok(None) => self.base = None,
                Err(e) => {
                    self.base = None;
                    self.overlay = None;
                    self.failed = Some(e);
                }
            }
        }
        let overlay = self.overlay.as_mut()?;
        let from = overlay.after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = overlay.staged.range::<[u8], _>((from, Bound::Unbounded));
        let now = overlay.now;
        let Some((key, value)) = rest.find_map(|(k, s)| s.live(now).map(|v| (k, v))) else {
            self.overlay = None;
            return None;
        };
        let item = from_staged(key, value);
        overlay.after = Some(key.clone());
        Some(item)
    }
}

impl Base {
    fn next<T>(
        &mut self,
        make: &impl Fn(Reader<'_>, Record<'_>) -> Result<T>,
        hidden: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<T>> {
        loop {
            let Some(slot) = self.slots.get(self.at) else {
                let Some(tag) = self.next_tag else { return Ok(None) };
                self.slots.clear();
                self.at = 0;
                let guard = crossbeam_epoch::pin();
                self.next_tag = self.incarnation.table.read_segment(tag, &mut self.slots, &guard);
                continue;
            };
            self.at += 1;
            let reader = self.held.reader();
            if let Some(later) = self.slots.get(self.at + AHEAD) {
                reader.generation.memory.prefetch(later.position());
            }
            if let Some(record) = self.held.seen(slot.position())?
                && !hidden(record.key())
            {
                return make(reader, record).map(Some);
            }
        }
    }
}

/// Keys and values of a namespace; see [`crate::Namespace::iter`].
///
/// A damaged record ends the iteration; [`status`](EmdbIter::status) then gives the error, and
/// [`results`](EmdbIter::results) puts it among the items.
#[derive(Debug)]
pub struct EmdbIter(pub(crate) Walk);

/// Keys of a namespace; see [`crate::Namespace::keys`].
///
/// A damaged record ends the iteration; [`status`](EmdbKeyIter::status) then gives the error, and
/// [`results`](EmdbKeyIter::results) puts it among the items.
#[derive(Debug)]
pub struct EmdbKeyIter(pub(crate) Walk);

impl Iterator for EmdbIter {
    type Item = (Vec<u8>, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next(
            |reader, record| {
                // Expiry was judged by the walk's own time.
                let record = reader.checked(record, || 0)?;
                Ok(record.map_or_else(Default::default, |r| (r.key().to_vec(), r.value().to_vec())))
            },
            |key, value| (key.to_vec(), value.to_vec()),
        )
    }
}

impl Iterator for EmdbKeyIter {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next(|_, record| Ok(record.key().to_vec()), |key, _| key.to_vec())
    }
}

macro_rules! checked {
    ($iter:ident) => {
        impl std::iter::FusedIterator for $iter {}

        impl $iter {
            /// Whether all is well so far.
            ///
            /// # Errors
            /// The error that ended the iteration: `Corrupted` for a damaged record.
            ///
            /// ```
            /// # fn main() -> emdb_core::Result<()> {
            /// # let db = emdb_core::Emdb::open_in_memory();
            /// db.insert("key", "value")?;
            /// let mut iter = db.iter()?;
            /// assert_eq!(iter.by_ref().count(), 1);
            /// iter.status()?;
            /// # Ok(())
            /// # }
            /// ```
            pub fn status(&self) -> Result<()> {
                self.0.status()
            }

            /// The same items as results: the error that ends the iteration is the last one.
            ///
            /// ```
            /// # fn main() -> emdb_core::Result<()> {
            /// # let db = emdb_core::Emdb::open_in_memory();
            /// db.insert("key", "value")?;
            /// for item in db.iter()?.results() {
            ///     let (key, value) = item?;
            ///     assert_eq!((&key[..], &value[..]), (&b"key"[..], &b"value"[..]));
            /// }
            /// # Ok(())
            /// # }
            /// ```
            pub fn results(self) -> Results<$iter> {
                Results { inner: self, done: false }
            }
        }

        impl Iterator for Results<$iter> {
            type Item = Result<<$iter as Iterator>::Item>;

            fn next(&mut self) -> Option<Self::Item> {
                if self.done {
                    return None;
                }
                match self.inner.next() {
                    Some(item) => Some(Ok(item)),
                    None => {
                        self.done = true;
                        self.inner.status().err().map(Err)
                    }
                }
            }
        }
    };
}

checked!(EmdbIter);
checked!(EmdbKeyIter);

/// An iterator whose items are results; see [`EmdbIter::results`].
#[derive(Debug)]
pub struct Results<I> {
    inner: I,
    done: bool,
}
