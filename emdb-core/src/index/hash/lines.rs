//! The lines of a segment: on the heap, or in a private mapping of an image.

#![allow(unsafe_code)]

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::storage::Map;

pub(crate) const LINE: usize = 8;

/// Bytes and lines of a page: what a checksum of an image covers.
pub(crate) const PAGE: usize = 4096;
pub(crate) const PAGE_LINES: usize = PAGE / size_of::<Line>();

/// A cache line of eight slots.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Line(pub(crate) [AtomicU64; LINE]);

/// Lines that stay where they are as long as this lives.
#[derive(Debug)]
pub(crate) struct Lines {
    base: *const Line,
    count: usize,
    /// The mapping that holds them; none if they were allocated.
    map: Option<Arc<Map>>,
}

// SAFETY: the lines are atomics, and are owned by this, or lie in a mapping that it keeps.
unsafe impl Send for Lines {}
// SAFETY: as above.
unsafe impl Sync for Lines {}

impl Lines {
    pub(crate) fn empty(count: usize) -> Lines {
        let lines: Box<[Line]> = std::iter::repeat_with(Line::default).take(count).collect();
        Lines { base: Box::into_raw(lines).cast(), count, map: None }
    }

    /// `count` lines at `offset` of a mapping that is private and writable; none if it doesn't
    /// hold them, or not where lines begin. Each such range of a mapping is handed out once.
    pub(crate) fn mapped(map: &Arc<Map>, offset: usize, count: usize) -> Option<Lines> {
        let end = count.checked_mul(size_of::<Line>())?.checked_add(offset)?;
        if end > map.len {
            return None;
        }
        let base = map.base.wrapping_add(offset).cast::<Line>();
        base.is_aligned().then(|| Lines { base, count, map: Some(map.clone()) })
    }
}

impl Deref for Lines {
    type Target = [Line];

    #[inline]
    fn deref(&self) -> &[Line] {
        // SAFETY: `count` lines from `base` are allocated or mapped as long as this lives, and
        // are only ever reached as atomics. Any bits are a valid line.
        unsafe { std::slice::from_raw_parts(self.base, self.count) }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if self.map.is_none() {
            let lines = std::ptr::slice_from_raw_parts_mut(self.base.cast_mut(), self.count);
            // SAFETY: made by `empty` from a box of as many lines, and dropped once.
            drop(unsafe { Box::from_raw(lines) });
        }
    }
}
