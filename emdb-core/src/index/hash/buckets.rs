//! The buckets of a segment: on the heap if they are few, in a mapping of their own, or in a private
//! mapping of an image.

#![allow(unsafe_code)]

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::index::hash::slot::Slot;
use crate::storage::Map;

pub(crate) const BUCKET_SLOTS: usize = 8;

/// Bytes and buckets of a page: what a checksum of an image covers.
pub(crate) const PAGE_BYTES: usize = 4096;
pub(crate) const PAGE_BUCKETS: usize = PAGE_BYTES / size_of::<Bucket>();

/// A cache line of eight slots.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Bucket(pub(crate) [AtomicU64; BUCKET_SLOTS]);

impl Bucket {
    /// A bit for each slot with the tag of `hash`. An empty one looks like the tag zero.
    ///
    /// Without a branch: how many slots are in use is as good as random, and a branch on it would be
    /// mispredicted at each lookup, which keeps the processor from beginning the next one while it
    /// waits for this bucket.
    #[inline(always)]
    pub(crate) fn matching(&self, hash: u64) -> u32 {
        let mut matching = 0;
        for (i, word) in self.0.iter().enumerate() {
            let slot = Slot(word.load(Ordering::Acquire));
            matching |= u32::from(slot.has_tag_of(hash)) << i;
        }
        matching
    }
}

/// Buckets that stay where they are as long as this lives.
#[derive(Debug)]
pub(crate) struct Buckets {
    base: *const Bucket,
    count: usize,
    /// The mapping that holds them; none if they were allocated.
    map: Option<Arc<Map>>,
}

// SAFETY: the buckets are atomics, and are owned by this, or lie in a mapping that it keeps.
unsafe impl Send for Buckets {}
// SAFETY: as above.
unsafe impl Sync for Buckets {}

impl Buckets {
    pub(crate) fn empty(count: usize) -> Buckets {
        let own = Map::own(count * size_of::<Bucket>(), true).map(Arc::new);
        if let Some(own) = own.and_then(|map| Buckets::mapped(&map, 0, count)) {
            return own;
        }
        let buckets: Box<[Bucket]> = std::iter::repeat_with(Bucket::default).take(count).collect();
        Buckets { base: Box::into_raw(buckets).cast(), count, map: None }
    }

    /// `count` buckets at `offset` of a mapping that is private and writable; none if it doesn't
    /// hold them, or not where buckets begin. Each such range of a mapping is handed out once.
    pub(crate) fn mapped(map: &Arc<Map>, offset: usize, count: usize) -> Option<Buckets> {
        let end = count.checked_mul(size_of::<Bucket>())?.checked_add(offset)?;
        if end > map.len {
            return None;
        }
        let base = map.base.wrapping_add(offset).cast::<Bucket>();
        base.is_aligned().then(|| Buckets { base, count, map: Some(map.clone()) })
    }
}

impl Deref for Buckets {
    type Target = [Bucket];

    #[inline]
    fn deref(&self) -> &[Bucket] {
        // SAFETY: `count` buckets from `base` are allocated or mapped as long as this lives, and
        // are only ever reached as atomics. Any bits are a valid bucket.
        unsafe { std::slice::from_raw_parts(self.base, self.count) }
    }
}

impl Drop for Buckets {
    fn drop(&mut self) {
        if self.map.is_none() {
            let buckets = std::ptr::slice_from_raw_parts_mut(self.base.cast_mut(), self.count);
            // SAFETY: made by `empty` from a box of as many buckets, and dropped once.
            drop(unsafe { Box::from_raw(buckets) });
        }
    }
}
