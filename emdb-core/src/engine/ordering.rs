//! The ordered index's view of journal and hash index, and the work on it in the background.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::engine::Engine;
use crate::engine::background::Background;
use crate::engine::read::Reader;
use crate::error::Result;
use crate::index::hash::Table;
use crate::index::ordered::{Keys, MANY, Order};
use crate::mvcc::generation::GenerationHandle;
use crate::mvcc::names::{Incarnation, NamespaceState, NamespaceVersions};
use crate::mvcc::views::ViewRegistry;
use crate::os::sync::lock;

/// Where the order of an incarnation finds keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anchors<'a> {
    pub(crate) reader: Reader<'a>,
    pub(crate) table: &'a Table,
    pub(crate) views: &'a ViewRegistry,
}

impl Anchors<'_> {
    fn floor(self) -> u64 {
        self.views.floor(&self.reader.generation.committed.0)
    }

    /// Makes walks ask the hash index about a removal that becomes an anchor. The index forgets it
    /// once no view needs it, and a record that comes then replaces nothing: nobody would say that
    /// the removal has a successor.
    fn mark_superseded(self, removal: u64) {
        self.reader.generation.superseded.set(removal);
    }
}

impl<'a> Keys<'a> for Anchors<'a> {
    fn key(self, position: u64) -> Result<Cow<'a, [u8]>> {
        let record = self.reader.record(position)?;
        Ok(match self.reader.decrypted(record, false)? {
            None => Cow::Borrowed(record.key()),
            Some(decrypted) => Cow::Owned(decrypted.into_key()),
        })
    }

    #[inline]
    fn prefetch(self, position: u64, len: usize) {
        self.reader.generation.memory.prefetch(position, len);
    }

    fn newest(self, position: u64) -> Result<Option<u64>> {
        let generation = self.reader.generation;
        if !generation.superseded.get(position) {
            return Ok(Some(position));
        }
        let (key, floor) = (self.reader.record(position)?.key(), self.floor());
        let guard = crossbeam_epoch::pin();
        let found = self.reader.newest(self.table, key, generation.hash(key), &guard)?;
        let Some(newest) = found else { return Ok(None) };
        if !newest.is_put() {
            if newest.position() < floor {
                return Ok(None);
            }
            self.mark_superseded(newest.position());
        }
        Ok(Some(newest.position()))
    }

    fn all(self) -> Result<Vec<u64>> {
        let floor = self.floor();
        let mut positions = Vec::new();
        let mut slots = Vec::new();
        let mut tag = Some(0);
        while let Some(from) = tag {
            slots.clear();
            let guard = crossbeam_epoch::pin();
            tag = self.reader.slots(self.table, from, &mut slots, &guard)?;
            for slot in slots.iter().filter(|s| !s.is_tombstone() || s.position() >= floor) {
                if slot.is_tombstone() {
                    self.mark_superseded(slot.position());
                }
                positions.push(slot.position());
            }
        }
        Ok(positions)
    }
}

impl Engine {
    /// Whether the namespace is to have an order.
    pub(crate) fn wants_order(&self, namespace: &NamespaceState) -> bool {
        namespace.is_ordered() || self.orders_all && !namespace.is_internal()
    }

    fn anchors<'a>(
        &self,
        handle: &'a GenerationHandle,
        incarnation: &'a Incarnation,
    ) -> Anchors<'a> {
        let views = &handle.generation.views;
        Anchors { reader: self.reader(handle), table: &incarnation.table, views }
    }

    /// Brings the orders up to date, so that readers need not. With `all`, as far as is
    /// worthwhile, for a time when little is written. Tells whether a later call may find more.
    pub(crate) fn settle_orders(&self, all: bool, stopped: impl Fn() -> bool) -> bool {
        let states: Vec<_> = lock(&self.names).live.values().cloned().collect();
        let mut more = false;
        for state in states {
            let (handle, incarnation) = {
                let guard = crossbeam_epoch::pin();
                let versions = state.versions(&guard);
                (versions.handle.clone(), versions.current.clone())
            };
            if let Some(order) = incarnation.order.get() {
                let from = if all { 1 } else { MANY };
                let keys = self.anchors(&handle, &incarnation);
                // Damage is met again, and told, by whoever reads.
                more |= order.settle(from, all, keys, &stopped).unwrap_or(false);
            }
            if stopped() {
                return false;
            }
        }
        more
    }

    /// Builds the order of what the namespace holds, if it is to have one.
    pub(crate) fn put_in_order(&self, namespace: &NamespaceState) -> Result<()> {
        let guard = crossbeam_epoch::pin();
        let NamespaceVersions { handle, current, .. } = namespace.versions(&guard);
        match current.order.get() {
            Some(order) => order.levels(self.anchors(handle, current)).map(drop),
            None => Ok(()),
        }
    }

    /// Lets the background do what reading an order would find undone next time.
    pub(crate) fn order_later(&self, incarnation: Option<&Incarnation>) {
        if incarnation.and_then(|i| i.order.get()).is_some_and(Order::is_behind) {
            self.background.tidy_later();
        }
    }

    /// Sets up the orders that an open needs.
    pub(crate) fn begin_orders(self: &Arc<Engine>) {
        let states: Vec<_> = lock(&self.names).live.values().cloned().collect();
        if self.orders_all || states.iter().any(|s| self.wants_order(s)) {
            Background::start_order(self);
        }
        for state in states.iter().filter(|s| self.wants_order(s)) {
            let incarnation = state.current(&crossbeam_epoch::pin()).clone();
            let empty = incarnation.records.load(Ordering::Relaxed) == 0;
            incarnation.order.get_or_init(|| if empty { Order::empty() } else { Order::unbuilt() });
        }
    }
}
