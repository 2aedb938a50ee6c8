//! The image that a table was loaded from: its pages, and those that are damaged.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, OnceLock};

use crate::index::hash::buckets::PAGE_BYTES;
use crate::index::hash::slot::TAG_BITS;
use crate::os::fork::Process;

/// Pages of a full-size segment.
pub(crate) const SEGMENT_PAGES: usize = 64;
/// Bytes of one.
pub(crate) const SEGMENT_BYTES: usize = SEGMENT_PAGES * PAGE_BYTES;
/// All bits: every page is known to be right.
pub(crate) const ALL: u64 = u64::MAX;

/// Tells whether a page of a mapped segment is as it was stored.
pub(crate) trait PageSums: Send + Sync + std::fmt::Debug {
    fn holds(&self, page: usize, bytes: &[u8; PAGE_BYTES]) -> bool;
}

/// The origin of a table that was loaded from an image.
#[derive(Debug)]
pub(crate) struct ImageSource {
    /// The incarnation whose keys it holds.
    pub(crate) id: u32,
    /// A segment that nobody has written to holds the state of the journal up to here: where the image
    /// ends, or where an open ended that left its changes to whoever looks first.
    pub(crate) below: AtomicU64,
    /// Whether a page was found damaged that is still there.
    pub(crate) damaged: AtomicBool,
    pub(crate) alarm: Arc<DamageAlarm>,
    /// The one that loaded it.
    pub(crate) process: Process,
}

/// The one to tell of a damaged page.
#[derive(Default)]
pub(crate) struct DamageAlarm(pub(crate) OnceLock<Box<dyn Fn() + Send + Sync>>);

impl fmt::Debug for DamageAlarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DamageAlarm").finish_non_exhaustive()
    }
}

/// A page of the image is damaged: its keys are to be looked up in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damaged {
    /// How many top bits the hashes of its segment share.
    pub(crate) depth: u32,
}

/// A hash that has this tag.
pub(crate) fn hash_of(tag: u32) -> u64 {
    u64::from(tag) << (64 - TAG_BITS)
}

/// The first tag behind a segment of `depth` that holds the tag `from`.
pub(crate) fn behind(from: u32, depth: u32) -> Option<u32> {
    let span = 1 << (TAG_BITS - depth);
    let next = from / span * span + span;
    (next < 1 << TAG_BITS).then_some(next)
}

/// Whether a segment of `depth` that holds the tag `from` begins there.
pub(crate) fn begins_at(from: u32, depth: u32) -> bool {
    from.is_multiple_of(1 << (TAG_BITS - depth))
}

/// Whether `hash` belongs to a segment of `depth` that holds the tag `from`.
pub(crate) fn covers(from: u32, depth: u32, hash: u64) -> bool {
    let top = |tag: u64| tag.checked_shr(TAG_BITS - depth).unwrap_or(0);
    top(u64::from(from)) == top(hash >> (64 - TAG_BITS))
}
