//! Incarnations: what a namespace holds between two clears.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::index::expiry::Expiries;
use crate::index::hash::Table;
use crate::index::ordered::Order;
use crate::mvcc::count::Count;
use crate::mvcc::views::ViewRegistry;
use crate::os::heap;

/// The id of the default namespace's first incarnation, which no record has to create.
pub(crate) const DEFAULT_ID: u32 = 0;

/// The contents of a namespace between two clears.
#[derive(Debug)]
pub(crate) struct Incarnation {
    pub(crate) id: u32,
    /// The position of the record that began it; views above see it.
    start: AtomicU64,
    pub(crate) table: Table,
    /// The order of the keys, in ordered namespaces.
    pub(crate) order: OnceLock<Order>,
    /// Records that are not removed; expired ones count until they are swept. For the writer.
    pub(crate) records: AtomicU64,
    /// The same for readers.
    count: Count,
    /// Bytes of those records in the journal.
    pub(crate) live_bytes: AtomicU64,
    /// Expiry and position of each of those records that has an expiry.
    pub(crate) expiries: Mutex<Expiries>,
}

impl Incarnation {
    pub(crate) fn new(id: u32) -> Incarnation {
        Incarnation {
            id,
            start: AtomicU64::new(0),
            table: Table::new(),
            order: OnceLock::new(),
            records: AtomicU64::new(0),
            count: Count::default(),
            live_bytes: AtomicU64::new(0),
            expiries: Mutex::default(),
        }
    }

    /// The position of the record that began it.
    #[inline]
    pub(super) fn start(&self) -> u64 {
        self.start.load(Ordering::Relaxed)
    }

    /// Notes which record begins it. Called by the one writer alone, before anybody sees it.
    pub(super) fn begin_at(&self, start: u64) {
        self.start.store(start, Ordering::Relaxed);
    }

    /// Changes the counts; called by the one writer alone.
    pub(crate) fn tally(&self, records: i64, bytes: i64) {
        let add = |to: &AtomicU64, change: i64| {
            to.store(to.load(Ordering::Relaxed).wrapping_add_signed(change), Ordering::Release);
        };
        add(&self.records, records);
        add(&self.live_bytes, bytes);
    }

    /// Lets readers from the watermark `from` on see the present number of records. Called by
    /// the one writer alone, before the watermark moves there.
    pub(crate) fn show_records(&self, from: u64, views: &ViewRegistry) {
        self.count.show(from, self.records.load(Ordering::Relaxed), views);
    }

    /// The number of records at `watermark`; none if that is not registered as a view and two
    /// commits have changed it since.
    #[inline]
    pub(crate) fn records_at(&self, watermark: u64) -> Option<u64> {
        self.count.at(watermark)
    }
}

impl Drop for Incarnation {
    fn drop(&mut self) {
        let order = self.order.get().map_or(0, Order::bytes);
        // Without the lock, which a thread of the parent may hold for ever where this is a forked child.
        let expiries = self.expiries.get_mut().unwrap_or_else(PoisonError::into_inner);
        heap::note_gone(self.table.bytes() + order + expiries.bytes());
    }
}
