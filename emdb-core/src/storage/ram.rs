//! The journal of an in-memory database: regions that double in size and never move.
//!
//! Region 0 holds the positions below 1 MiB, region k those from 2^(19+k) to 2^(20+k). A record
//! never lies across a border: the writer skips to the next region instead. Regions are allocated
//! zeroed, which the system does lazily, so that a half-used one costs what is used.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::storage::{IoBackend, Map, Medium, Window};

const FIRST_BITS: u32 = 20;
/// As small as the allocator's own: a larger one would make it zero the region at once, instead
/// of taking fresh pages from the system as they are touched.
const ALIGN_BYTES: usize = 16;
/// Enough for every position of 42 bits.
const REGIONS: usize = 23;

#[derive(Debug, Default)]
pub(crate) struct Regions([AtomicPtr<u8>; REGIONS]);

/// Number, first position and size of the region of `position`.
#[inline]
fn region(position: u64) -> (usize, u64, u64) {
    match position >> FIRST_BITS {
        0 => (0, 0, 1 << FIRST_BITS),
        high => {
            let bits = FIRST_BITS + high.ilog2();
            ((bits - FIRST_BITS + 1) as usize, 1 << bits, 1 << bits)
        }
    }
}

fn layout(size: u64) -> io::Result<Layout> {
    usize::try_from(size)
        .ok()
        .and_then(|size| Layout::from_size_align(size, ALIGN_BYTES).ok())
        .ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

impl Regions {
    /// As [`super::memory::Memory::at`].
    #[inline]
    pub(crate) fn at(&self, position: u64) -> Option<(*const u8, usize)> {
        let (number, start, size) = region(position);
        let base = self.0.get(number)?.load(Ordering::Acquire);
        let offset = position - start;
        // SAFETY: the region has `size` bytes and `offset` is below that.
        (!base.is_null())
            .then(|| unsafe { (base.add(offset as usize) as *const u8, (size - offset) as usize) })
    }

    /// The end of the region of `position`.
    pub(crate) fn border(position: u64) -> u64 {
        let (_, start, size) = region(position);
        start + size
    }

    /// The first position from `position` on where `len` bytes lie in one region.
    pub(crate) fn fit(position: u64, len: u64) -> u64 {
        let (_, mut start, mut size) = region(position);
        if position + len <= start + size {
            return position;
        }
        loop {
            start += size;
            (_, start, size) = region(start);
            if len <= size {
                return start;
            }
        }
    }
}

impl Drop for Regions {
    fn drop(&mut self) {
        for (number, base) in self.0.iter_mut().enumerate() {
            let base = *base.get_mut();
            let size =
                if number == 0 { 1 << FIRST_BITS } else { 1 << (FIRST_BITS as usize + number - 1) };
            if let (false, Ok(layout)) = (base.is_null(), layout(size)) {
                // SAFETY: allocated by `window` with this layout, and nobody holds `self` any
                // more.
                unsafe { dealloc(base, layout) };
            }
        }
    }
}

/// The medium of an in-memory database. There is nothing to sync, cut or reopen.
#[derive(Debug, Default)]
pub(crate) struct Ram {
    pub(crate) regions: Arc<Regions>,
}

impl Medium for Ram {
    fn len(&self) -> io::Result<u64> {
        Ok(0)
    }

    fn write_at(&self, _position: u64, _bytes: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn set_len(&self, _len: u64) -> io::Result<()> {
        Ok(())
    }

    fn allocate(&self, _from: u64, _to: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn map(&self, _len: u64) -> io::Result<Map> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn map_private(&self, _len: u64) -> io::Result<Map> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The region of `start`, which is allocated now if it is not yet; `len` bytes from `start`
    /// lie in it (see [`Regions::fit`]). Called by the one writer alone.
    fn window(&self, start: u64, _len: usize) -> io::Result<Option<Window>> {
        let (number, first, size) = region(start);
        let slot = self.regions.0.get(number).ok_or(io::ErrorKind::OutOfMemory)?;
        let mut base = slot.load(Ordering::Acquire);
        if base.is_null() {
            // SAFETY: the layout has a size above zero.
            base = unsafe { alloc_zeroed(layout(size)?) };
            if base.is_null() {
                return Err(io::ErrorKind::OutOfMemory.into());
            }
            slot.store(base, Ordering::Release);
        }
        let map = Map { base, len: size as usize, _owner: Box::new(self.regions.clone()) };
        Ok(Some(Window { start: first, map }))
    }

    fn backend(&self) -> IoBackend {
        IoBackend::Memory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_follow_each_other_without_gap() {
        let mut next = 0;
        for number in 0..12 {
            let (n, start, size) = region(next);
            assert_eq!((n, start), (number, next));
            assert_eq!(region(start + size - 1).0, number);
            next = start + size;
        }
    }

    #[test]
    fn a_record_that_does_not_fit_goes_to_a_region_where_it_does() {
        assert_eq!(Regions::fit(8192, 100), 8192);
        assert_eq!(Regions::fit((1 << 20) - 10, 11), 1 << 20);
        assert_eq!(Regions::fit(8192, 3 << 20), 4 << 20);
    }
}
