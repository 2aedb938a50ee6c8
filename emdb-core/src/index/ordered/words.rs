//! Numbers of a run: on the heap if they are few, in a mapping of their own, or in that of an image.

#![allow(unsafe_code)]

use std::ops::Deref;
use std::sync::Arc;

use crate::storage::Map;

/// Numbers that never change.
#[derive(Debug)]
pub(crate) struct Words {
    base: *const u64,
    len: usize,
    keeper: Keeper,
}

#[derive(Debug)]
enum Keeper {
    /// Freed with the capacity that it was made with.
    Heap,
    Map(#[allow(dead_code)] Arc<Map>),
}

// SAFETY: plain numbers, owned by this, or in a mapping that it keeps and nobody writes to.
unsafe impl Send for Words {}
// SAFETY: as above.
unsafe impl Sync for Words {}

impl Words {
    /// `len` numbers at `offset` of a mapping in which they stay as they are; none if it doesn't
    /// hold them, or not where numbers begin.
    pub(crate) fn mapped(map: &Arc<Map>, offset: usize, len: usize) -> Option<Words> {
        let end = len.checked_mul(size_of::<u64>())?.checked_add(offset)?;
        if end > map.len {
            return None;
        }
        let base: *const u64 = map.base.wrapping_add(offset).cast_const().cast();
        base.is_aligned().then(|| Words { base, len, keeper: Keeper::Map(map.clone()) })
    }

    /// Bytes of memory that they take, mapped or not.
    pub(crate) fn bytes(&self) -> usize {
        self.len * size_of::<u64>()
    }
}

/// Numbers that become [`Words`].
#[derive(Debug)]
pub(crate) struct WordsBuilder {
    /// The place of many.
    own: Option<Map>,
    /// How many are in there.
    len: usize,
    /// The place of few.
    heap: Vec<u64>,
}

impl WordsBuilder {
    /// A builder of up to so many.
    pub(crate) fn with_capacity(capacity: usize) -> WordsBuilder {
        let own = Map::own(capacity.saturating_mul(size_of::<u64>()), false);
        let heap = Vec::with_capacity(if own.is_some() { 0 } else { capacity });
        WordsBuilder { own, len: 0, heap }
    }

    #[inline]
    pub(crate) fn push(&mut self, word: u64) {
        let Some(own) = &self.own else { return self.heap.push(word) };
        assert!((self.len + 1) * size_of::<u64>() <= own.len, "no more come than were said to");
        // SAFETY: it lies in the mapping, which nobody else has seen, and is aligned, as mappings are.
        unsafe { own.base.cast::<u64>().add(self.len).write(word) };
        self.len += 1;
    }

    pub(crate) fn finish(self) -> Words {
        let Some(own) = self.own else { return self.heap.into() };
        let base: *const u64 = own.base.cast_const().cast();
        Words { base, len: self.len, keeper: Keeper::Map(Arc::new(own)) }
    }
}

impl Default for Words {
    fn default() -> Words {
        Vec::new().into()
    }
}

impl From<Vec<u64>> for Words {
    fn from(words: Vec<u64>) -> Words {
        let words = words.into_boxed_slice();
        let len = words.len();
        Words { base: Box::into_raw(words).cast_const().cast(), len, keeper: Keeper::Heap }
    }
}

impl Deref for Words {
    type Target = [u64];

    #[inline]
    fn deref(&self) -> &[u64] {
        // SAFETY: `len` numbers from `base` are there as long as this lives, and never change.
        unsafe { std::slice::from_raw_parts(self.base, self.len) }
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        if matches!(self.keeper, Keeper::Heap) {
            let words = std::ptr::slice_from_raw_parts_mut(self.base.cast_mut(), self.len);
            // SAFETY: made from a box of as many numbers, and dropped once.
            drop(unsafe { Box::from_raw(words) });
        }
    }
}
