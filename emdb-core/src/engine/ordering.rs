//! Keeping ordered namespaces in order, ahead of their readers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::engine::Engine;
use crate::engine::anchors::Anchors;
use crate::error::Result;
use crate::index::ordered::{Order, SETTLE_MIN_KEYS};
use crate::mvcc::generation::GenerationHandle;
use crate::mvcc::incarnation::Incarnation;
use crate::mvcc::namespace::{NamespaceState, NamespaceVersions};
use crate::os::heap;

/// Bytes that an order may become smaller by without a word.
const MUCH_BYTES: usize = 256 << 10;

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
        Anchors { reader: self.reader(handle), table: &incarnation.table }
    }

    /// Brings the orders up to date, so that readers need not. With `all`, as far as is
    /// worthwhile, for a time when little is written. Tells whether a later call may find more.
    pub(crate) fn settle_orders(&self, all: bool, stopped: impl Fn() -> bool) -> bool {
        let states: Vec<_> = self.names.lock().live.values().cloned().collect();
        let mut more = false;
        for state in states {
            let (handle, incarnation) = state.now();
            if let Some(order) = incarnation.order.get() {
                let from = if all { 1 } else { SETTLE_MIN_KEYS };
                let keys = self.anchors(&handle, &incarnation);
                let before = order.bytes();
                // Damage is met again, and told, by whoever reads.
                more |= order.settle(from, all, keys, &stopped).unwrap_or(false);
                let gone = before.saturating_sub(order.bytes());
                if gone >= MUCH_BYTES {
                    heap::note_gone(gone);
                    self.growth.tell();
                }
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
        let states: Vec<_> = self.names.lock().live.values().cloned().collect();
        if self.orders_all || states.iter().any(|s| self.wants_order(s)) {
            self.allow_ordering();
        }
        for state in states.iter().filter(|s| self.wants_order(s)) {
            let incarnation = state.current(&crossbeam_epoch::pin()).clone();
            let empty = incarnation.records.load(Ordering::Relaxed) == 0;
            incarnation.order.get_or_init(|| if empty { Order::empty() } else { Order::unbuilt() });
        }
    }
}
