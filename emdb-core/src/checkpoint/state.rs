//! The checkpoints that were taken, and how far they go.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::format::JOURNAL_START;

/// Bytes of the journal since the last checkpoint with which the end of an open takes none: they
/// are read as fast as an image is loaded.
const CLOSE_MIN_BYTES: u64 = 1 << 20;
/// The same for the background.
pub(crate) const BACKGROUND_MIN_BYTES: u64 = 4 << 20;

/// The purpose of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckpointKind {
    /// To last.
    Durable,
    /// The end of an open, which is not to wait for the disk: good as long as the machine runs.
    Closing,
    /// A moment while much is written: the same, and without orders, which would have to be merged
    /// again and again.
    Passing,
}

/// The checkpoints of a database.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    /// The sequence number that the last one goes up to, and its length.
    last: AtomicU64,
    /// The same of the last one that is not in passing.
    kept: AtomicU64,
    size: AtomicU64,
    taken: AtomicU64,
    failures: AtomicU64,
}

impl Checkpoints {
    /// After an open that began with an image up to `last`, of `size` bytes.
    pub(crate) fn new(last: Option<(u64, u64)>) -> Checkpoints {
        let (last, size) = last.unwrap_or((JOURNAL_START, 0));
        Checkpoints {
            last: AtomicU64::new(last),
            kept: AtomicU64::new(last),
            size: AtomicU64::new(size),
            taken: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// There is none, and the journal begins at this sequence number.
    pub(crate) fn start_over(&self, start: u64) {
        self.last.store(start, Ordering::Relaxed);
        self.kept.store(start, Ordering::Relaxed);
        self.size.store(0, Ordering::Relaxed);
    }

    /// Whether so much came until `end` since the last one that closing the database takes one.
    pub(crate) fn is_due_at_close(&self, end: u64) -> bool {
        end.saturating_sub(self.kept.load(Ordering::Relaxed)) >= CLOSE_MIN_BYTES
    }

    /// Bytes of the journal, up to `end`, since the last one and since the last one that is not in
    /// passing.
    pub(crate) fn since(&self, end: u64) -> Since {
        let since = |last: &AtomicU64| end.saturating_sub(last.load(Ordering::Relaxed));
        Since { any: since(&self.last), kept: since(&self.kept) }
    }

    /// The sequence number up to which the last one goes that is not in passing.
    pub(crate) fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    /// The length of the last one.
    pub(crate) fn size(&self) -> u64 {
        self.size.load(Ordering::Relaxed)
    }

    /// How many were taken, and how many failed.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.taken.load(Ordering::Relaxed), self.failures.load(Ordering::Relaxed))
    }

    /// Counts an attempt.
    pub(super) fn count(&self, succeeded: bool) {
        let counter = if succeeded { &self.taken } else { &self.failures };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes one that goes up to the sequence number `below` and takes `size` bytes.
    pub(super) fn note(&self, kind: CheckpointKind, below: u64, size: u64) {
        self.last.store(below, Ordering::Relaxed);
        self.size.store(size, Ordering::Relaxed);
        if kind != CheckpointKind::Passing {
            self.kept.store(below, Ordering::Relaxed);
        }
    }
}

/// Bytes of the journal since checkpoints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Since {
    /// Since the last one.
    pub(crate) any: u64,
    /// Since the last one that is not in passing.
    pub(crate) kept: u64,
}
