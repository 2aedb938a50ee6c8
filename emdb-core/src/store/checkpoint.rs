//! Taking a checkpoint: an image of the index at a position of the journal, beside the data file.
//!
//! Writers wait while a note is appended and the namespaces are listed. What follows goes through
//! the index beside them, and leaves out whatever came behind the note. What was replaced
//! meanwhile may be left out as well, so the journal is synced before the image gets its name.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Store;
use super::commit::Access;
use super::expiries::Expiry;
use super::names::Incarnation;
use super::order::Anchors;
use super::read::{Held, Reader};
use super::rescue;
use super::site::Site;
use super::tail::{MarkOf, Tail};
use crate::crypt::sealed_image::Sealer;
use crate::error::{Error, Result};
use crate::format::image::{self, Array, Full, Namespace, Run as StoredRun, Slots};
use crate::format::options::Options;
use crate::format::place::Place;
use crate::format::{JOURNAL_START, checksum};
use crate::index::PAGE;
use crate::index::Table;
use crate::index::image::{Portion, Unfit};
use crate::order::{Order, Run};
use crate::paths;
use crate::storage::Medium;
use crate::storage::temp::Temp;
use crate::sync::lock;

/// One write to the image.
const PIECE: usize = 1 << 20;
/// Expiries that are copied at once.
const EXPIRIES: usize = 4096;
/// Bytes of the journal since the last checkpoint with which the end of an open takes none: they
/// are read as fast as an image is loaded.
const FEW: u64 = 1 << 20;
/// The same for the background.
pub(super) const SOME: u64 = 4 << 20;

/// What a checkpoint is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    /// To last.
    Durable,
    /// The end of an open, which is not to wait for the disk: good as long as the machine runs.
    Closing,
    /// A moment while much is written: the same, and without orders, which would have to be merged
    /// again and again.
    Passing,
}

/// What a store knows of its checkpoints.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    /// The sequence number that the last one goes up to, and its length.
    pub(super) last: AtomicU64,
    /// The same of the last one that is not in passing.
    pub(super) kept: AtomicU64,
    pub(super) size: AtomicU64,
    pub(crate) taken: AtomicU64,
    pub(crate) failures: AtomicU64,
    /// The end of the journal from which on the background is told.
    pub(super) due_at: AtomicU64,
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
            due_at: AtomicU64::new(u64::MAX),
        }
    }

    /// There is none, and the journal begins at this sequence number.
    pub(super) fn start_over(&self, start: u64) {
        self.last.store(start, Ordering::Relaxed);
        self.kept.store(start, Ordering::Relaxed);
        self.size.store(0, Ordering::Relaxed);
    }
}

/// A namespace at the moment of the note.
struct Captured {
    name: String,
    options: Options,
    incarnation: Arc<Incarnation>,
    records: u64,
    live_bytes: u64,
}

/// Everything at that moment.
struct Capture {
    held: Held,
    note: [u8; image::NOTE_LEN],
    note_at: u64,
    next_id: u32,
    namespaces: Vec<Captured>,
}

impl Store {
    /// Writes an image of what is committed now. Ended early when `stopped`.
    pub(crate) fn checkpoint(&self, care: Care, stopped: impl Fn() -> bool) -> Result<()> {
        let Some(site) = &self.site else { return Ok(()) };
        // A transaction of this thread is told so; nobody who waits for it must have the turn.
        drop(self.enter(Access::Plain)?);
        let _turn = self.upkeep.begin()?;
        let taken = self.take_image(site, care, &stopped);
        let counted = match &taken {
            Ok(()) => &self.checkpoints.taken,
            Err(_) => &self.checkpoints.failures,
        };
        if !matches!(taken, Err(Error::Cancelled)) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    /// Takes one at the end of an open, if that spares the next one something.
    pub(crate) fn last_checkpoint(&self, durable: bool) {
        let end = self.data_end.0.load(Ordering::Acquire);
        let since = end.saturating_sub(self.checkpoints.kept.load(Ordering::Relaxed));
        if since >= FEW {
            let care = if durable { Care::Durable } else { Care::Closing };
            // The journal has it all; the next open reads that.
            let _ = self.checkpoint(care, || false);
        }
    }

    fn take_image(&self, site: &Site, care: Care, stopped: &dyn Fn() -> bool) -> Result<()> {
        let boot = if care == Care::Durable { Some([0; 16]) } else { site.disk.boot() };
        let Some(boot) = boot else {
            // One in passing is not worth a sync.
            return if care == Care::Passing {
                Ok(())
            } else {
                self.take_image(site, Care::Durable, stopped)
            };
        };
        let capture = self.capture()?;
        let passing = Site::passing_image_of(&site.path);
        let target = match care {
            Care::Passing => passing.clone(),
            Care::Durable | Care::Closing => Site::image_of(&site.path),
        };
        let temp = Temp::new(&*site.disk, paths::sibling(&target, ".emdb-tmp"));
        let medium = site.disk.create(&temp.path)?;
        let size = self.write_image(&capture, &*medium, (care, boot), stopped)?;
        if care == Care::Durable {
            medium.sync()?;
        }
        drop(medium);
        // Not before what it leaves out is certain: a commit that is being made may have replaced
        // a record already, so it has to end first.
        drop(lock(&self.tail));
        if care != Care::Passing {
            self.flush()?;
        }
        site.disk.rename(&temp.path, &target)?;
        let below = capture.held.generation().sequence(capture.held.watermark());
        self.checkpoints.last.store(below, Ordering::Relaxed);
        self.checkpoints.size.store(size, Ordering::Relaxed);
        if care != Care::Passing {
            self.checkpoints.kept.store(below, Ordering::Relaxed);
            // It would only be older.
            let _ = site.disk.remove(&passing);
        }
        if care == Care::Durable {
            site.disk.sync_names(&target)?;
        }
        Ok(())
    }

    /// Appends a note, and lists what there is at that moment.
    fn capture(&self) -> Result<Capture> {
        let mut note = [0; image::NOTE_LEN];
        getrandom::fill(&mut note).map_err(std::io::Error::from)?;
        // With no transaction open: none has taken ids for what it will begin.
        let mut tail = self.enter(Access::Plain)?;
        let note_at = self.append_note(&mut tail, &note)?;
        let held = self.hold();
        let guard = crossbeam_epoch::pin();
        let names = lock(&self.names);
        let captured = names.live.values().map(|state| {
            let incarnation = state.current(&guard).clone();
            Captured {
                name: state.name.clone(),
                options: Options { ordered: state.is_ordered() },
                records: incarnation.records.load(Ordering::Relaxed),
                live_bytes: incarnation.live_bytes.load(Ordering::Relaxed),
                incarnation,
            }
        });
        let namespaces = captured.collect();
        let next_id = self.next_id.load(Ordering::Relaxed);
        Ok(Capture { held, note, note_at, next_id, namespaces })
    }

    fn append_note(&self, tail: &mut Tail, value: &[u8; image::NOTE_LEN]) -> Result<u64> {
        let era = self.era(&crossbeam_epoch::pin()).clone();
        let generation = &*era.generation;
        let (medium, memory) = (&*generation.medium, &generation.memory);
        let (start, end) = tail.encode_mark(generation, MarkOf::Note(value))?;
        if let Err((error, uncertain)) = tail.complete(medium, memory, (start, end)) {
            if uncertain {
                self.poison();
            }
            return Err(error);
        }
        tail.position = end;
        // A session may begin before it.
        let note_at = end - image::note_len(generation.vault.is_some());
        // It has to be as durable as the image.
        self.data_end.0.store(generation.sequence(end), Ordering::Release);
        generation.committed.0.store(end, Ordering::Release);
        Ok(note_at)
    }

    fn write_image(
        &self,
        capture: &Capture,
        medium: &dyn Medium,
        (care, boot): (Care, [u8; 16]),
        stopped: &dyn Fn() -> bool,
    ) -> Result<u64> {
        let below = capture.held.watermark();
        let place = image::place(capture.note, below);
        let reader = capture.held.reader();
        let write = |at: u64, bytes: &[u8]| medium.write_at(at, bytes);
        let vault = reader.generation.vault.as_ref();
        let sealer = vault.map(|v| Sealer::new(&v.keys, v.generation, &write)).transpose()?;
        let sealer = sealer.map(RefCell::new);
        let put = |at: u64, bytes: &[u8]| match &sealer {
            Some(sealer) => sealer.borrow_mut().put(at, bytes),
            None => write(at, bytes),
        };
        let out = Out::new(&put, image::PAGE, PIECE);
        let mut writer = Writer { out, place, below, reader, stopped };
        let mut namespaces = Vec::new();
        for captured in &capture.namespaces {
            let incarnation = &captured.incarnation;
            let slots = writer.slots(&incarnation.table)?;
            let expiries = writer.expiries(incarnation, captured.records)?;
            let keys = capture.held.anchors(incarnation);
            let order = incarnation.order.get().filter(|_| care != Care::Passing);
            let order = order.filter(|order| order.is_built());
            // What can't be put in order, since a key is damaged, the next open finds unordered.
            let run = match order.map(|order| writer.run(order, keys)) {
                Some(Err(Error::Corrupted { .. })) | None => None,
                Some(run) => Some(run?),
            };
            let namespace = Namespace {
                name: captured.name.clone(),
                options: captured.options.bytes().to_vec(),
                id: incarnation.id,
                records: captured.records,
                live_bytes: captured.live_bytes,
                slots,
                expiries,
                run,
            };
            namespace.encode(&mut namespaces);
        }
        writer.out.align(8)?;
        let meta_at = writer.out.at();
        let (count, salts) =
            (capture.namespaces.len() as u32, vault.map(|vault| vault.salts(capture.note_at)));
        let salts = salts.unwrap_or_default();
        let meta = image::meta(capture.next_id, count, &namespaces, &salts);
        writer.out.put(&meta)?;
        let len = writer.out.at();
        writer.out.flush()?;
        let Some((file_id, generation)) = self.identity() else { return Ok(0) };
        let header = image::Header {
            file_id,
            generation,
            note: capture.note,
            note_at: capture.note_at,
            below,
            len,
            meta_at,
            meta_len: meta.len() as u64,
            meta_sum: image::sum(&meta, place, meta_at),
            boot,
        };
        put(0, &header.encode())?;
        drop(writer);
        match sealer {
            Some(sealer) => Ok(sealer.into_inner().finish(len)?),
            None => Ok(len),
        }
    }
}

/// Writes the sections of an image.
struct Writer<'a> {
    out: Out<'a>,
    place: Place,
    below: u64,
    reader: Reader<'a>,
    stopped: &'a dyn Fn() -> bool,
}

impl Writer<'_> {
    fn check(&self) -> Result<()> {
        if (self.stopped)() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// The hash index.
    fn slots(&mut self, table: &Table) -> Result<Slots> {
        let mut segments = Vec::new();
        let mut tag = Some(0);
        while let Some(from) = tag {
            self.check()?;
            let portion = self.portion(table, from)?;
            tag = portion.next(from);
            match portion {
                Portion::Small { line_bits, slots } => {
                    return Ok(Slots::Small { line_bits: line_bits as u8, slots });
                }
                Portion::Full { depth, used, words } => {
                    self.out.align(image::PAGE)?;
                    let at = self.out.at();
                    let mut sums = Box::new([0; image::PAGES]);
                    for (page, sum) in words.chunks(PAGE / 8).zip(sums.iter_mut()) {
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
        match table.portion(from, self.below, resolve, &crossbeam_epoch::pin()) {
            Ok(portion) => Ok(portion),
            Err(Unfit::Damaged(damaged)) => {
                let found = self.reader.segment_again(table, from, damaged)?;
                Table::portion_of(&found, damaged.depth).ok_or_else(rescue::forged)
            }
            Err(Unfit::Full) => Err(rescue::forged()),
            Err(Unfit::Other(error)) => Err(error),
        }
    }

    /// Writes numbers and gives their checksum.
    fn words(&mut self, words: &[u64]) -> Result<u32> {
        let at = self.out.at();
        for word in words {
            self.out.put(&word.to_le_bytes())?;
        }
        Ok(image::words_sum(words, self.place, at))
    }

    fn expiries(&mut self, incarnation: &Incarnation, records: u64) -> Result<Array> {
        let mut array = Summed::new(&mut self.out)?;
        let mut last = None;
        // An image's own stay when their record is replaced. Where they are many, they go.
        let known = lock(&incarnation.expiries).len() as u64;
        let stale = known > 2 * records;
        loop {
            let again = || self.reader.expiries_of(&incarnation.table);
            let some = lock(&incarnation.expiries).after(last, EXPIRIES, again);
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
        Ok(array.finish(self.place))
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
    fn run(&mut self, order: &Order, keys: Anchors<'_>) -> Result<StoredRun> {
        let runs = order.levels(keys)?.all_runs();
        let most: usize = runs.iter().map(|run| run.len()).sum();
        self.out.align(8)?;
        self.out.flush()?;
        // Some may be left out: then there is a gap between the two.
        let mut behind = Out::new(self.out.write, self.out.at() + most as u64 * 8, PIECE / 2);
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
        // What was begun is passed over.
        self.out.flush()?;
        behind.flush()?;
        self.out.at = behind.at;
        let (windows, positions) = (windows.finish(self.place), positions.finish(self.place));
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

impl Reader<'_> {
    /// The expiries of all live records of a table, as far as they can be read.
    pub(super) fn expiries_of(self, table: &Table) -> Vec<Expiry> {
        let (mut found, mut slots, mut tag) = (Vec::new(), Vec::new(), Some(0));
        while let Some(from) = tag {
            slots.clear();
            let Ok(next) = self.slots(table, from, &mut slots, &crossbeam_epoch::pin()) else {
                break;
            };
            tag = next;
            for slot in slots.iter().filter(|slot| !slot.is_tombstone()) {
                let record = self.record(slot.position()).ok();
                found.extend(record.and_then(|r| Some((r.expiry()?, r.position()))));
            }
        }
        found
    }
}

/// Writes bytes at a position.
type Write<'a> = &'a dyn Fn(u64, &[u8]) -> std::io::Result<()>;

/// Writes one stretch of a file, in large pieces.
struct Out<'a> {
    write: Write<'a>,
    /// Where the buffer belongs.
    at: u64,
    buffer: Vec<u8>,
    piece: usize,
}

impl<'a> Out<'a> {
    fn new(write: Write<'a>, at: u64, piece: usize) -> Out<'a> {
        Out { write, at, buffer: Vec::new(), piece }
    }

    fn at(&self) -> u64 {
        self.at + self.buffer.len() as u64
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= self.piece { self.flush() } else { Ok(()) }
    }

    /// Zeros up to a multiple of `align`.
    fn align(&mut self, align: u64) -> Result<()> {
        let more = self.at().next_multiple_of(align) - self.at();
        self.put(&vec![0; more as usize])
    }

    fn flush(&mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            (self.write)(self.at, &self.buffer)?;
            self.at += self.buffer.len() as u64;
            self.buffer.clear();
        }
        Ok(())
    }
}

/// An array on its way out.
struct Summed {
    at: u64,
    count: u64,
    crc: u32,
}

impl Summed {
    fn new(out: &mut Out<'_>) -> Result<Summed> {
        out.align(8)?;
        Ok(Summed { at: out.at(), count: 0, crc: 0 })
    }

    #[inline]
    fn put(&mut self, out: &mut Out<'_>, word: u64) -> Result<()> {
        let bytes = word.to_le_bytes();
        self.count += 1;
        self.crc = checksum::append(self.crc, &bytes);
        out.put(&bytes)
    }

    fn finish(self, place: Place) -> Array {
        Array { at: self.at, count: self.count, sum: self.crc ^ place.mix(self.at) as u32 }
    }
}
