//! Figures about a database.

use std::time::Duration;

use crate::maintenance::database::Database;
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
    /// Bytes of memory that the hash index and the order of ordered namespaces take. They follow the number
    /// of keys, with about a second's delay when many are removed; a snapshot that sees them keeps them.
    pub index_bytes: u64,
    /// Whether every namespace is kept ordered.
    pub range_scans_enabled: bool,
    /// Whether the database is encrypted.
    pub encrypted: bool,
    /// Whether a compaction can put a new file in the place of the present one: not where that is mounted by
    /// itself.
    pub can_compact: bool,
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
    /// Calls of `sweep_expired` since the open that ended early because a write failed: on a full disk,
    /// for one. `try_sweep` gives the error.
    pub sweep_failures: u64,
    /// Failures of the background thread since the open; after one, writes are refused.
    pub background_failures: u64,
}

impl EmdbStats {
    /// The figures of a database now.
    pub(crate) fn of(database: &Database) -> EmdbStats {
        let engine = &database.engine;
        let (figures, compactions) = (engine.figures(), &database.compactions);
        let (checkpoints, checkpoint_failures) = database.checkpoints.counts();
        EmdbStats {
            live_records: figures.records,
            namespace_count: figures.namespaces,
            logical_size_bytes: figures.logical_bytes,
            file_size_bytes: figures.allocated_bytes,
            preallocated_bytes: figures.allocated_bytes.saturating_sub(figures.logical_bytes),
            dead_bytes: figures.dead_bytes(),
            index_bytes: figures.index_bytes,
            range_scans_enabled: engine.orders_all,
            encrypted: figures.encrypted,
            can_compact: engine.file.as_ref().is_none_or(|file| file.check_replaceable().is_ok()),
            io_backend: figures.backend,
            syncs: engine.durability.syncs(),
            compaction_pause: compactions.pause(),
            compactions: compactions.done(),
            compaction_failures: compactions.failed(),
            checkpoints,
            checkpoint_failures,
            sweep_failures: engine.sweep_failures(),
            background_failures: engine.background.failures(),
        }
    }
}
