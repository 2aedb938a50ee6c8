//! A medium as readers see it: bytes by position, without a lock or a shared write.
//!
//! Invariant: a position that was published (by an index slot or the committed watermark) lies
//! below `readable`, and the bytes of its record don't change any more. A larger mapping replaces
//! a smaller one before anything behind the smaller one's end is published, and the smaller one
//! stays until the whole memory goes, so that a reader's pointer outlives the replacement.

#![allow(unsafe_code)]

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::format::record::Record;
use crate::os::sync::lock;
use crate::storage::ram::Regions;
use crate::storage::{Map, Medium};

/// Cache lines of a record that are asked for at once. For what lies behind them the processor begins to
/// read ahead by itself.
const RECORD_LINES: usize = 4;
/// The length that head and key of a record are taken to have.
const HEAD_BYTES: usize = 40;

#[derive(Debug)]
pub(crate) enum Memory {
    /// One mapping from position 0.
    Flat(Flat),
    /// An in-memory journal.
    Regions(std::sync::Arc<Regions>),
}

#[derive(Debug)]
pub(crate) struct Flat {
    base: AtomicPtr<u8>,
    /// Up to here bytes exist below the mapping.
    readable: AtomicU64,
    /// Newest last.
    maps: Mutex<Vec<Map>>,
}

// SAFETY: the raw pointers in `maps` are to memory that its owners keep in place, and are only
// read through, by the rule in the module's documentation.
unsafe impl Send for Flat {}
// SAFETY: as above; the fields themselves are atomics and a mutex.
unsafe impl Sync for Flat {}

impl Memory {
    /// The memory of `medium`, of which `readable` bytes exist.
    pub(crate) fn flat(medium: &dyn Medium, readable: u64) -> io::Result<Memory> {
        let map = medium.map(readable)?;
        Ok(Memory::Flat(Flat {
            base: AtomicPtr::new(map.base),
            readable: AtomicU64::new(readable),
            maps: Mutex::new(vec![map]),
        }))
    }

    /// Lets readers see up to `readable`, which exists by now.
    pub(crate) fn extend(&self, medium: &dyn Medium, readable: u64) -> io::Result<()> {
        let Memory::Flat(flat) = self else { return Ok(()) };
        let mut maps = lock(&flat.maps);
        if maps.last().is_none_or(|m| (m.len as u64) < readable) {
            let map = medium.map(readable)?;
            flat.base.store(map.base, Ordering::Release);
            maps.push(map);
        }
        flat.readable.store(readable, Ordering::Release);
        Ok(())
    }

    /// Gives back the memory that the bytes from `from` to `to`, which `medium` has, take in the newest
    /// mapping. Nobody reads them soon; whoever does finds them as they were.
    pub(crate) fn let_go(&self, medium: &dyn Medium, from: u64, to: u64) {
        let Memory::Flat(flat) = self else { return };
        if let Some(map) = lock(&flat.maps).last() {
            medium.let_go(map, from, to);
        }
    }

    /// A pointer to the byte at `position`, and how many can be read from there; none when the
    /// position lies outside.
    #[inline]
    pub(crate) fn at(&self, position: u64) -> Option<(*const u8, usize)> {
        match self {
            Memory::Flat(flat) => {
                let readable = flat.readable.load(Ordering::Acquire);
                let available = readable.checked_sub(position)?;
                let base = flat.base.load(Ordering::Acquire);
                // SAFETY: `position` is at most `readable`, which the mapping reaches.
                Some((unsafe { base.add(position as usize) }, available as usize))
            }
            Memory::Regions(regions) => regions.at(position),
        }
    }

    /// The record at `position`, checksums unverified.
    #[inline]
    pub(crate) fn record(&self, position: u64) -> Option<Record<'_>> {
        let (start, available) = self.at(position)?;
        // SAFETY: `at` gives bytes that stay readable as long as `self`; a record that was
        // published is not written any more.
        unsafe { Record::read(position, start, available) }
    }

    /// As [`Memory::record`], as a part of a hot loop.
    #[inline(always)]
    pub(crate) fn record_now(&self, position: u64) -> Option<Record<'_>> {
        let (start, available) = self.at(position)?;
        // SAFETY: as for `record`.
        unsafe { Record::read(position, start, available) }
    }

    /// As [`Memory::record`], for a search: a record that ends behind `end` is none, and nothing
    /// behind there is read.
    pub(crate) fn record_before(&self, position: u64, end: u64) -> Option<Record<'_>> {
        let (start, available) = self.at(position)?;
        let available = available.min(end.checked_sub(position)? as usize);
        // SAFETY: as for `record`. Bytes before `end` are not written any more.
        unsafe { Record::read(position, start, available) }
    }

    /// How many bytes from `from` on, up to `end`, are zero.
    pub(crate) fn zeros(&self, from: u64, end: u64) -> u64 {
        let Some((start, available)) = self.at(from) else { return 0 };
        let len = (available as u64).min(end.saturating_sub(from));
        // SAFETY: `at` gives bytes that stay readable; nobody writes before `end` any more.
        let bytes = unsafe { std::slice::from_raw_parts(start, len as usize) };
        bytes.iter().position(|b| *b != 0).map_or(len, |n| n as u64)
    }

    /// A copy of the first `len` bytes, or as many as there are: of bytes that are written over.
    pub(crate) fn front(&self, len: usize) -> Vec<u8> {
        let Some((start, available)) = self.at(0) else { return Vec::new() };
        // SAFETY: `at` gives bytes that stay readable; whoever writes there has been kept off by
        // the caller.
        (0..len.min(available)).map(|at| unsafe { start.add(at).read_volatile() }).collect()
    }

    /// The border behind `position` over which no record lies. Before it some bytes may be left
    /// free. None in a file.
    pub(crate) fn border(&self, position: u64) -> Option<u64> {
        matches!(self, Memory::Regions(_)).then(|| Regions::border(position))
    }

    /// As [`Memory::record`], for a record that is likely to be read whole: its lines are asked for
    /// at once rather than one after the other.
    #[inline(always)]
    pub(crate) fn record_ahead(&self, position: u64) -> Option<Record<'_>> {
        let (start, available) = self.at(position)?;
        for line in 1..RECORD_LINES {
            prefetch_line(start.wrapping_add(64 * line));
        }
        // SAFETY: as for `record`.
        unsafe { Record::read(position, start, available) }
    }

    /// Asks the processor for the lines of a record of usual length that will be read soon.
    #[inline]
    pub(crate) fn prefetch_record(&self, position: u64) {
        if let Some((start, _)) = self.at(position) {
            for line in 0..RECORD_LINES {
                prefetch_line(start.wrapping_add(64 * line));
            }
        }
    }

    /// Asks the processor for the head and the key of a record, if they are of usual length.
    #[inline]
    pub(crate) fn prefetch_head(&self, position: u64) {
        if let Some((start, _)) = self.at(position) {
            prefetch_line(start);
            prefetch_line(start.wrapping_add(HEAD_BYTES));
        }
    }

    /// Asks the processor for the lines of a record of about `len` bytes that will be read soon.
    #[inline]
    pub(crate) fn prefetch(&self, position: u64, len: usize) {
        let Some((start, _)) = self.at(position) else { return };
        // Who wants the first line alone says 0.
        prefetch_line(start);
        if len == 0 {
            return;
        }
        // A record seldom begins where a line does.
        for line in 1..RECORD_LINES {
            prefetch_line(start.wrapping_add(64 * line));
        }
        if len > 64 * (RECORD_LINES - 1) {
            prefetch_long(start, len);
        }
    }

    /// The bytes from `from` to the end, for recovery, when nobody writes.
    pub(crate) fn rest(&self, from: u64) -> &[u8] {
        match self.at(from) {
            // SAFETY: as for `record`; recovery runs before the first write.
            Some((start, len)) => unsafe { std::slice::from_raw_parts(start, len) },
            None => &[],
        }
    }
}

/// The lines behind the first ones of a record of about `len` bytes.
#[inline]
fn prefetch_long(start: *const u8, len: usize) {
    let mut line = 64 * RECORD_LINES;
    while line <= len.min(512) {
        prefetch_line(start.wrapping_add(line));
        line += 64;
    }
    prefetch_line(start.wrapping_add(len));
}

/// Asks the processor for one cache line. A pointer that leads nowhere is harmless.
#[inline]
pub(crate) fn prefetch_line(line: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch never faults.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(line.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = line;
}
