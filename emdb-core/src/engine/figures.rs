//! Figures of an engine: what its journal and its memory take.

use std::sync::atomic::Ordering;

use crate::engine::Engine;
use crate::format::JOURNAL_START;
use crate::index::ordered::Order;
use crate::storage::IoBackend;

/// Bytes and records, counted now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) backend: IoBackend,
    pub(crate) encrypted: bool,
    /// Bytes of header and journal.
    pub(crate) logical_bytes: u64,
    /// Bytes of the file.
    pub(crate) allocated_bytes: u64,
    /// Bytes of the journal that live records take.
    pub(crate) live_bytes: u64,
    /// Bytes of memory of hash indexes and orders.
    pub(crate) index_bytes: u64,
    /// Namespaces but internal ones, and their records.
    pub(crate) namespaces: u64,
    pub(crate) records: u64,
}

impl Figures {
    /// Bytes of the journal.
    pub(crate) fn journal_bytes(&self) -> u64 {
        self.logical_bytes - JOURNAL_START
    }

    /// Bytes of the journal that no live record takes.
    pub(crate) fn dead_bytes(&self) -> u64 {
        self.journal_bytes().saturating_sub(self.live_bytes)
    }
}

impl Engine {
    /// Counts what there is; cheap enough for every second.
    pub(crate) fn figures(&self) -> Figures {
        let (logical_bytes, allocated_bytes) = {
            let writer = &self.append_lock.lock().writer;
            (writer.position - writer.skipped, writer.allocated)
        };
        let guard = crossbeam_epoch::pin();
        let journal = &self.generation(&guard).generation.journal;
        let mut figures = Figures {
            backend: journal.medium.backend(),
            encrypted: journal.vault.is_some(),
            logical_bytes,
            allocated_bytes,
            live_bytes: 0,
            index_bytes: 0,
            namespaces: 0,
            records: 0,
        };
        let states: Vec<_> = self.names.lock().live.values().cloned().collect();
        for state in &states {
            let incarnation = state.current(&guard);
            let order = incarnation.order.get().map_or(0, Order::bytes);
            figures.index_bytes += (incarnation.table.bytes() + order) as u64;
            figures.live_bytes += incarnation.live_bytes.load(Ordering::Relaxed);
            if !state.is_internal() {
                figures.namespaces += 1;
                figures.records += incarnation.records.load(Ordering::Relaxed);
            }
        }
        figures
    }

    /// Bytes that the hash indexes take.
    pub(crate) fn hash_index_bytes(&self) -> u64 {
        let guard = crossbeam_epoch::pin();
        let names = self.names.lock();
        names.live.values().map(|state| state.current(&guard).table.bytes() as u64).sum()
    }
}
