//! Writing the sections of an image: slots, expiries and orders, as of one position.
//!
//! Writers go on meanwhile. So whatever points behind the position is followed back to the record
//! that its key had there, or left out where it had none.

use crate::engine::anchors::Anchors;
use crate::engine::reader::Reader;
use crate::engine::repair;
use crate::error::{Error, Result};
use crate::format::image::{Array, Full, Run as StoredRun, Slots};
use crate::format::place::Place;
use crate::format::{checksum, image};
use crate::index::hash::Table;
use crate::index::hash::buckets::PAGE_BYTES;
use crate::index::hash::image::{Portion, Unfit};
use crate::index::hash::source::hash_of;
use crate::index::hash::table::STORED_ALIKE_MAX_KEYS;
use crate::index::ordered::{Order, Run};
use crate::mvcc::incarnation::Incarnation;
use crate::os::sync::lock;

/// One write to the image.
const PIECE_BYTES: usize = 1 << 20;
/// Expiries that are copied at once.
const CHUNK_EXPIRIES: usize = 4096;

/// Writes the sections of an image.
pub(crate) struct ImageWriter<'a> {
    pub(crate) out: Out<'a>,
    place: Place,
    below: u64,
    reader: Reader<'a>,
    stopped: &'a dyn Fn() -> bool,
}

impl<'a> ImageWriter<'a> {
    /// One of what `reader` sees below `below`, which asks `stopped` now and then whether to end.
    pub(crate) fn new(
        write: Write<'a>,
        place: Place,
        (reader, below): (Reader<'a>, u64),
        stopped: &'a dyn Fn() -> bool,
    ) -> ImageWriter<'a> {
        ImageWriter {
            out: Out::new(write, image::PAGE_BYTES, PIECE_BYTES),
            place,
            below,
            reader,
            stopped,
        }
    }

    fn check(&self) -> Result<()> {
        if (self.stopped)() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// The hash index.
    pub(crate) fn slots(&mut self, table: &Table) -> Result<Slots> {
        let mut segments = Vec::new();
        let mut tag = Some(0);
        while let Some(from) = tag {
            self.check()?;
            let portion = self.portion(table, from)?;
            tag = portion.next(from);
            match portion {
                Portion::Small { bucket_bits, slots } => {
                    return Ok(Slots::Small { bucket_bits: bucket_bits as u8, slots });
                }
                Portion::Full { depth, used, words } => {
                    self.out.align(image::PAGE_BYTES)?;
                    let at = self.out.at();
                    let mut sums = Box::new([0; image::SEGMENT_PAGES]);
                    for (page, sum) in words.chunks(PAGE_BYTES / 8).zip(sums.iter_mut()) {
                        *sum = self.words(page)?;
                    }
                    segments.push(Full { depth: depth as u8, used, at, sums });
                }
            }
        }
        Ok(Slots::Full(segments))
    }

    fn portion(&self, table: &Table, from: u32) -> Result<Portion> {
        let resolve = |position| {
            let found = self.reader.version(self.reader.record(position)?, self.below)?;
            Ok(found.map(|record| (record.position(), false)))
        };
        let guard = crossbeam_epoch::pin();
        match table.portion(from, self.below, resolve, &guard) {
            Ok(portion) => Ok(portion),
            Err(Unfit::Damaged(_)) if self.reader.settle(table, hash_of(from), &guard) => {
                self.portion(table, from)
            }
            Err(Unfit::Damaged(damaged)) => {
                let found = self.reader.rebuild_segment(table, from, damaged)?;
                Table::portion_of(&found, damaged.depth).ok_or_else(repair::forged)
            }
            Err(Unfit::Full) => Err(Error::TooLarge {
                what: "the number of keys whose hashes are alike, for a checkpoint",
                size: STORED_ALIKE_MAX_KEYS + 1,
                limit: STORED_ALIKE_MAX_KEYS,
            }),
            Err(Unfit::Other(error)) => Err(error),
        }
    }

    /// Writes a page of numbers and gives its checksum.
    fn words(&mut self, words: &[u64]) -> Result<u32> {
        let mut bytes = [0; PAGE_BYTES];
        for (word, out) in words.iter().zip(bytes.as_chunks_mut::<8>().0) {
            *out = word.to_le_bytes();
        }
        let bytes = &bytes[..words.len() * 8];
        let sum = image::sum(bytes, self.place, self.out.at());
        self.out.put(bytes)?;
        Ok(sum)
    }

    pub(crate) fn expiries(&mut self, incarnation: &Incarnation, records: u64) -> Result<Array> {
        let mut array = Summed::new(&mut self.out)?;
        let mut last = None;
        // An image's own stay when their record is replaced. Where they are many, they go.
        let known = lock(&incarnation.expiries).len() as u64;
        let stale = known > 2 * records;
        loop {
            let again = || self.reader.expiries_of(&incarnation.table);
            let some = lock(&incarnation.expiries).after(last, CHUNK_EXPIRIES, again);
            let Some(end) = some.last() else { break };
            last = Some(*end);
            self.check()?;
            for &(at, position) in some.iter().filter(|(_, position)| *position < self.below) {
                if stale && !self.counts(&incarnation.table, position) {
                    continue;
                }
                array.put(&mut self.out, at)?;
                array.put(&mut self.out, position)?;
            }
        }
        Ok(array.finish(&mut self.out, self.place))
    }

    /// Whether the record at `position` is the one that its key had. One that can't be read may be.
    fn counts(&self, table: &Table, position: u64) -> bool {
        let reader = self.reader;
        let newest = || {
            let key = reader.record(position)?.key();
            let hash = reader.generation.hash(key);
            match reader.newest(table, key, hash, &crossbeam_epoch::pin())? {
                Some(newest) => reader.version(newest, self.below),
                None => Ok(None),
            }
        };
        newest().map_or(true, |found| found.is_some_and(|r| r.position() == position))
    }

    /// The order, all of its levels as one run.
    pub(crate) fn run(&mut self, order: &Order, keys: Anchors<'_>) -> Result<StoredRun> {
        let runs = order.levels(keys)?.all_runs();
        let most: usize = runs.iter().map(|run| run.len()).sum();
        self.out.align(8)?;
        self.out.flush()?;
        // Some may be left out: then there is a gap between the two.
        let mut behind = Out::new(self.out.write, self.out.at() + most as u64 * 8, PIECE_BYTES / 2);
        let mut windows = Summed::new(&mut self.out)?;
        let mut positions = Summed::new(&mut behind)?;
        let (reader, below, stopped) = (self.reader, self.below, self.stopped);
        let common = Run::walk_all(&runs, keys, |window, position| {
            if windows.count.is_multiple_of(1 << 16) && stopped() {
                return Err(Error::Cancelled);
            }
            if let Some(position) = anchor(reader, keys, position, below)? {
                windows.put(&mut self.out, window)?;
                positions.put(&mut behind, position)?;
            }
            Ok(())
        });
        let windows = windows.finish(&mut self.out, self.place);
        let positions = positions.finish(&mut behind, self.place);
        // The part that was begun is passed over.
        self.out.flush()?;
        behind.flush()?;
        self.out.at = behind.at;
        Ok(StoredRun { common: common?, windows, positions })
    }
}

/// The newest record below `below` of the key whose record `position` is, if that is a put.
fn anchor(reader: Reader<'_>, keys: Anchors<'_>, position: u64, below: u64) -> Result<Option<u64>> {
    if position < below && !reader.generation.superseded.get(position) {
        return Ok(Some(position));
    }
    let key = reader.record(position)?.key();
    let hash = reader.generation.hash(key);
    let newest = reader.newest(keys.table, key, hash, &crossbeam_epoch::pin())?;
    let Some(newest) = newest else { return Ok(None) };
    Ok(reader.version(newest, below)?.map(|record| record.position()))
}

/// Writes bytes at a position.
pub(crate) type Write<'a> = &'a dyn Fn(u64, &[u8]) -> std::io::Result<()>;

/// Writes one stretch of a file, in large pieces.
pub(crate) struct Out<'a> {
    write: Write<'a>,
    /// The offset that the buffer belongs at.
    at: u64,
    buffer: Vec<u8>,
    piece: usize,
    /// The checksum of what was put since it was begun, but for the buffer from `unsummed` on.
    crc: u32,
    unsummed: usize,
}

impl<'a> Out<'a> {
    fn new(write: Write<'a>, at: u64, piece: usize) -> Out<'a> {
        Out { write, at, buffer: Vec::new(), piece, crc: 0, unsummed: 0 }
    }

    pub(crate) fn at(&self) -> u64 {
        self.at + self.buffer.len() as u64
    }

    #[inline]
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= self.piece { self.flush() } else { Ok(()) }
    }

    /// Zeros up to a multiple of `align`.
    pub(crate) fn align(&mut self, align: u64) -> Result<()> {
        let more = self.at().next_multiple_of(align) - self.at();
        self.put(&vec![0; more as usize])
    }

    pub(crate) fn flush(&mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            (self.write)(self.at, &self.buffer)?;
            self.crc = self.crc();
            self.unsummed = 0;
            self.at += self.buffer.len() as u64;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Begins a checksum of what is put from now on.
    fn begin_crc(&mut self) {
        (self.crc, self.unsummed) = (0, self.buffer.len());
    }

    /// The checksum of what was put since then. In large pieces: one for each number takes longer than all
    /// else that is done with it.
    fn crc(&self) -> u32 {
        checksum::append(self.crc, &self.buffer[self.unsummed..])
    }
}

/// An array on its way out; nothing else is put there meanwhile.
struct Summed {
    at: u64,
    count: u64,
}

impl Summed {
    fn new(out: &mut Out<'_>) -> Result<Summed> {
        out.align(8)?;
        out.begin_crc();
        Ok(Summed { at: out.at(), count: 0 })
    }

    #[inline]
    fn put(&mut self, out: &mut Out<'_>, word: u64) -> Result<()> {
        self.count += 1;
        out.put(&word.to_le_bytes())
    }

    fn finish(self, out: &mut Out<'_>, place: Place) -> Array {
        Array { at: self.at, count: self.count, sum: out.crc() ^ place.mix(self.at) as u32 }
    }
}
