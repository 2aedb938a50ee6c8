//! One namespace in one state, with a transaction's writes over it or without: all reads of it but the
//! lookup of what is committed now.
//!
//! Snapshots, transactions, iterators and the typed layer read through this.

use std::sync::Arc;

use crate::cursor::overlay::Overlay;
use crate::cursor::range::Bounds;
use crate::cursor::walk::{Walk, unordered};
use crate::engine::decoded::DecodedRecord;
use crate::engine::lookahead::Lookahead;
use crate::engine::read_view::ReadView;
use crate::error::{Error, Result};
use crate::format::record::Record;
use crate::mvcc::incarnation::Incarnation;
use crate::mvcc::sorted_writes::SortedWrites;
use crate::mvcc::write_set::{WriteRef, WriteSet};

/// A namespace as it was at a moment.
#[derive(Debug, Clone)]
pub(crate) struct PinnedNamespace {
    pub(crate) view: ReadView,
    /// None if it didn't exist, or was cleared since by the transaction that reads.
    pub(crate) incarnation: Option<Arc<Incarnation>>,
    /// Whether ranges of it may be read.
    pub(crate) ordered: bool,
}

/// The writes over it.
#[derive(Clone, Copy)]
pub(crate) enum StagedWrites<'a> {
    None,
    /// Of a transaction that goes on.
    Set(&'a WriteSet),
    /// Of one as it was at a moment.
    Sorted(&'a SortedWrites),
}

impl<'a> StagedWrites<'a> {
    #[inline]
    fn get(self, key: &[u8]) -> Option<WriteRef<'a>> {
        match self {
            StagedWrites::None => None,
            StagedWrites::Set(set) => set.get((), key),
            StagedWrites::Sorted(sorted) => sorted.get(key).map(|write| WriteRef {
                keyspace: (),
                key: &write.key,
                value: write.value.as_deref(),
                expiry: write.expiry,
            }),
        }
    }

    fn sorted(self, now: u64) -> Option<SortedWrites> {
        match self {
            StagedWrites::None => None,
            StagedWrites::Set(set) => Some(set.sorted(now)),
            StagedWrites::Sorted(sorted) => Some(sorted.clone()),
        }
    }
}

/// A namespace in one state, to read from.
#[derive(Clone, Copy)]
pub(crate) struct NamespaceView<'a> {
    pub(crate) pinned: &'a PinnedNamespace,
    pub(crate) writes: StagedWrites<'a>,
}

impl PinnedNamespace {
    /// Whether all of it can be walked in order.
    fn in_order(&self) -> bool {
        let order = |incarnation: &Arc<Incarnation>| incarnation.order.get().is_some();
        self.ordered && self.incarnation.as_ref().is_none_or(order)
    }

    /// The committed state, without writes over it.
    #[inline]
    pub(crate) fn committed(&self) -> NamespaceView<'_> {
        NamespaceView { pinned: self, writes: StagedWrites::None }
    }

    /// The same with these writes over it.
    #[inline]
    pub(crate) fn with<'a>(&'a self, writes: StagedWrites<'a>) -> NamespaceView<'a> {
        NamespaceView { pinned: self, writes }
    }

    /// All records that were committed, in order if the namespace has one.
    pub(crate) fn into_walk(self) -> Result<Walk> {
        Walk::over(self.view, self.incarnation)
    }

    /// A few of the records that were committed, in no order.
    pub(crate) fn sample(&self, records: usize) -> Result<Walk> {
        Walk::sample(self.view.clone(), self.incarnation.clone(), records)
    }

    /// The committed records of a range, in order.
    pub(crate) fn into_walk_range(self, bounds: Bounds) -> Result<Walk> {
        if !self.ordered {
            return Err(unordered());
        }
        Walk::range(self.view, self.incarnation, bounds)
    }

    /// The committed record of `key`, expired or not, its value unverified.
    fn stored(&self, key: &[u8]) -> Result<Option<Record<'_>>> {
        match &self.incarnation {
            Some(incarnation) => self.view.stored(incarnation, key),
            None => Ok(None),
        }
    }

    /// The committed live record of `key`, its value unverified.
    fn find(&self, key: &[u8]) -> Result<Option<Record<'_>>> {
        match &self.incarnation {
            Some(incarnation) => self.view.find(incarnation, key),
            None => Ok(None),
        }
    }

    /// The committed live record of `key`, verified.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<DecodedRecord<'_>>> {
        match &self.incarnation {
            Some(incarnation) => self.view.get(incarnation, key),
            None => Ok(None),
        }
    }
}

impl NamespaceView<'_> {
    /// The live value of `key`, borrowed, and when it expires.
    pub(crate) fn read<R>(
        self,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>> {
        if let Some(write) = self.writes.get(key) {
            let live = write.live(|| self.pinned.view.now());
            return Ok(live.map(|value| take(value, write.expiry)));
        }
        let record = self.pinned.get(key)?;
        Ok(record.map(|record| take(record.value(), record.expiry())))
    }

    /// Calls `each` with the keys, in their order, and the live value of each, borrowed, if there is
    /// one. They are looked up beside each other. The first error ends it.
    pub(crate) fn read_each<K: AsRef<[u8]>, E: From<Error>>(
        self,
        keys: impl IntoIterator<Item = K>,
        mut each: impl FnMut(&K, Option<&[u8]>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let view = &self.pinned.view;
        let incarnation = self.pinned.incarnation.as_deref();
        let mut keys = Lookahead::new(view, incarnation, keys.into_iter());
        while keys.go() {
            if let Some(write) = self.writes.get(keys.key().as_ref()) {
                each(keys.key(), write.live(|| view.now()))?;
                continue;
            }
            let record = keys.get()?;
            each(keys.key(), record.as_ref().map(DecodedRecord::value))?;
        }
        Ok(())
    }

    /// The value of `key`, expired or not, borrowed, with when it expires, and whether it has not
    /// yet.
    pub(crate) fn read_stored<R>(
        self,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>, bool) -> R,
    ) -> Result<Option<R>> {
        let view = &self.pinned.view;
        let is_live = |expiry: Option<u64>| !expiry.is_some_and(|at| view.has_passed(at));
        if let Some(write) = self.writes.get(key) {
            let expiry = write.expiry;
            return Ok(write.value.map(|value| take(value, expiry, is_live(expiry))));
        }
        let Some(record) = self.pinned.stored(key)? else { return Ok(None) };
        let record = view.reader().decode(record)?;
        Ok(Some(take(record.value(), record.expiry(), is_live(record.expiry()))))
    }

    /// Whether `key` is there and live. Its value isn't read.
    pub(crate) fn contains(self, key: &[u8]) -> Result<bool> {
        match self.writes.get(key) {
            Some(write) => Ok(write.live(|| self.pinned.view.now()).is_some()),
            None => Ok(self.pinned.find(key)?.is_some()),
        }
    }

    /// When `key`, if it is there, expires or has expired.
    pub(crate) fn expiry(self, key: &[u8]) -> Result<Option<u64>> {
        if let Some(write) = self.writes.get(key) {
            return Ok(write.value.and(write.expiry));
        }
        match &self.pinned.incarnation {
            Some(incarnation) => self.pinned.view.expiry(incarnation, key),
            None => Ok(None),
        }
    }

    /// The number of records; expired ones count until they are swept. Costs a lookup for each write
    /// over what is committed, in a transaction that goes on once for each.
    pub(crate) fn len(self) -> Result<usize> {
        let watermark = self.pinned.view.watermark();
        let committed = self.pinned.incarnation.as_ref().and_then(|i| i.records_at(watermark));
        let is_stored = |key: &[u8]| Ok(self.pinned.stored(key)?.is_some());
        let change = match self.writes {
            StagedWrites::None => 0,
            StagedWrites::Set(set) => set.count(is_stored)?,
            StagedWrites::Sorted(sorted) => {
                let mut change = 0;
                sorted.for_each(|write| {
                    change += i64::from(write.value.is_some()) - i64::from(is_stored(&write.key)?);
                    Ok::<_, Error>(())
                })?;
                change
            }
        };
        Ok(committed.unwrap_or(0).saturating_add_signed(change) as usize)
    }

    /// All records, in order if the namespace has one.
    pub(crate) fn walk(self) -> Result<Walk> {
        match self.writes.sorted(self.pinned.view.now()) {
            Some(sorted) if self.pinned.in_order() => self.walk_over(sorted, Bounds::all()),
            Some(sorted) => {
                let walk = self.pinned.clone().into_walk()?;
                Ok(walk.with_overlay(Overlay::new(sorted, Bounds::all())))
            }
            None => self.pinned.clone().into_walk(),
        }
    }

    /// The records of a range, in order.
    pub(crate) fn walk_range(self, bounds: Bounds) -> Result<Walk> {
        match self.writes.sorted(self.pinned.view.now()) {
            Some(sorted) => self.walk_over(sorted, bounds),
            None => self.pinned.clone().into_walk_range(bounds),
        }
    }

    /// A range with writes over it, in order.
    fn walk_over(self, sorted: SortedWrites, bounds: Bounds) -> Result<Walk> {
        let left = sorted.hidden().narrow(&bounds.low, &bounds.high);
        let left = left.map(|(low, high)| Bounds { low, high }).filter(|left| !left.is_empty());
        let walk = match left {
            Some(left) => self.pinned.clone().into_walk_range(left)?,
            None => Walk::default(),
        };
        Ok(walk.with_overlay(Overlay::new(sorted, bounds)))
    }
}
