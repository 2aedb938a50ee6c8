//! Figures about a database.

use std::time::Duration;

use crate::storage::IoBackend;

/// Figures about a database, cheap enough to ask for every second; see [`crate::Emdb::stats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmdbStats {
    /// Records in the default and all named namespaces. Expired ones count until they are swept.
    pub live_records: u64,
    /// Namespaces, the default one among them and internal ones not.
    pub namespace_count: u64,
    /// Bytes of header and journal up to its end, dead records included.
    pub logical_size_bytes: u64,
    /// The file's length in bytes; 0 in memory.
    pub file_size_bytes: u64,
    /// Bytes of the file behind the journal's end, allocated ahead.
    pub preallocated_bytes: u64,
    /// Bytes of the journal that no live record takes: replaced, removed and cleared records,
    /// and bookkeeping.
    pub dead_bytes: u64,
    /// Bytes of memory that the hash index and the order of ordered namespaces take.
    pub index_bytes: u64,
    /// Whether every namespace is kept ordered.
    pub range_scans_enabled: bool,
    /// Whether the database is encrypted.
    pub encrypted: bool,
    /// The way that journal writes take.
    pub io_backend: IoBackend,
    /// Syncs to stable storage since the open.
    pub syncs: u64,
    /// The longest time since the open that writers had to wait for the end of a compaction.
    pub compaction_pause: Duration,
    /// Compactions since the open, by hand and by themselves.
    pub compactions: u64,
    /// Compactions in the background that failed; see
    /// [`auto_compact`](crate::EmdbBuilder::auto_compact).
    pub compaction_failures: u64,
    /// Checkpoints taken since the open, by a call or by themselves.
    pub checkpoints: u64,
    /// Checkpoints that failed since the open. The database is as it was, but the next open may
    /// take longer; the background tries again later.
    pub checkpoint_failures: u64,
    /// Failures of the background thread since the open; after one, writes are refused.
    pub background_failures: u64,
}

impl EmdbStats {
    pub(crate) fn new(io_backend: IoBackend) -> EmdbStats {
        EmdbStats {
            live_records: 0,
            namespace_count: 0,
            logical_size_bytes: 0,
            file_size_bytes: 0,
            preallocated_bytes: 0,
            dead_bytes: 0,
            index_bytes: 0,
            range_scans_enabled: false,
            encrypted: false,
            io_backend,
            syncs: 0,
            compaction_pause: Duration::ZERO,
            compactions: 0,
            compaction_failures: 0,
            checkpoints: 0,
            checkpoint_failures: 0,
            background_failures: 0,
        }
    }
}
