//! The end of the journal, where records are encoded.
//!
//! Space comes first: [`JournalWriter::reserve`] is the only step of a commit that can fail in the world
//! outside and leave nothing behind. A small commit is then encoded straight into the mapped
//! window; a large one, or one on a medium without windows, into a buffer that one positional
//! write puts in place.
//!
//! Room is spared behind the journal for commits that only remove: on a full disk they are the way
//! out, and must not need what there is none of. Other commits fail before they would take it.

#![allow(unsafe_code)]

use crate::crypto::SessionWriter;
use crate::error::{Error, Result};
use crate::format::MAX_POSITION;
use crate::format::limits::TRAILER_LEN;
use crate::format::mark::Mark;
use crate::format::sealed::SALT_LEN;
use crate::journal::file::Journal;
use crate::journal::record_writer::{MarkOf, RecordWriter};
use crate::storage::memory::Memory;
use crate::storage::ram::Regions;
use crate::storage::{Medium, Window};

/// Commits of this size and above are written with one positional write: the zeros that the
/// window needs below it would cost more than they save.
const POSITIONAL_MIN_BYTES: usize = 64 << 10;

/// The buffer of a larger commit is given back.
const BUFFER_MAX_BYTES: usize = 1 << 20;

const PAGE_BYTES: u64 = 4096;

/// The length that is allocated ahead: a small part of the file, so that small ones stay small.
fn allocation_step(len: u64) -> u64 {
    (len / 64).clamp(64 << 10, 1 << 20)
}

/// The room that a commit may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// All but the spared room.
    Ordinary,
    /// The same, of a mark, which goes the way of the commit before it.
    Mark,
    /// The spared room as well: it only removes, or it is a copy that frees more than it takes.
    WayOut,
}

/// The link between the writer's next positional write and a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// By itself.
    Apart,
    /// With a sync behind it.
    Wanted,
    /// It went so, and the sync is running.
    Begun,
}

impl Link {
    fn write(&mut self, medium: &dyn Medium, position: u64, bytes: &[u8]) -> std::io::Result<()> {
        if *self == Link::Apart {
            return medium.write_at(position, bytes);
        }
        if medium.write_and_begin_sync(position, bytes)? {
            *self = Link::Begun;
        }
        Ok(())
    }
}

/// The room that is spared behind the journal, of what is allocated ahead.
fn spared_bytes(len: u64) -> u64 {
    allocation_step(len) / 2
}

/// The longest mark or note, sealed.
const MARK_MAX_BYTES: usize = Mark::MAX_LEN + SALT_LEN + TRAILER_LEN;

/// Bytes that were reserved for records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) start: u64,
    pub(crate) bytes: usize,
}

/// The extent of one commit's records: from `start` on and before `end`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// A write of the medium that failed.
#[derive(Debug)]
pub(crate) struct WriteFailure {
    pub(crate) error: Error,
    /// It can't be told any more which bytes the medium has.
    pub(crate) uncertain: bool,
}

/// Appends to a journal. There is one for each, under the append lock.
#[derive(Debug)]
pub(crate) struct JournalWriter {
    /// The position of the next record; everything below is committed.
    pub(crate) position: u64,
    /// The medium's length; what lies behind `position` are zeros.
    pub(crate) allocated: u64,
    /// Up to here space is owned behind the medium's end, if that is farther.
    owned: u64,
    /// Bytes that were skipped at the borders of an in-memory journal.
    pub(crate) skipped: u64,
    /// Every commit is a way out: the journal is that of a copy.
    pub(crate) is_copy: bool,
    /// Whether the next positional write is to have a sync begun behind it.
    pub(crate) link: Link,
    /// The session that records are sealed in, if they are.
    session: SessionWriter,
    window: Option<Window>,
    buffer: Vec<u8>,
    buffered: bool,
}

// SAFETY: the window's pointer is to memory that its owner keeps in place; it is written through
// by whoever holds the writer, under its lock.
unsafe impl Send for JournalWriter {}

impl JournalWriter {
    pub(crate) fn new(position: u64, allocated: u64) -> JournalWriter {
        JournalWriter {
            position,
            allocated,
            owned: 0,
            skipped: 0,
            is_copy: false,
            link: Link::Apart,
            session: SessionWriter::default(),
            window: None,
            buffer: Vec::new(),
            buffered: false,
        }
    }

    /// Makes room for `bytes` and gives the position where they go. When it fails, nothing has
    /// changed.
    fn reserve(&mut self, journal: &Journal, bytes: usize, claim: Claim) -> Result<u64> {
        let (medium, memory) = (&*journal.medium, &journal.memory);
        let in_memory = matches!(memory, Memory::Regions(_));
        let start =
            if in_memory { Regions::fit(self.position, bytes as u64) } else { self.position };
        let end = start + bytes as u64;
        if end > MAX_POSITION {
            return Err(Error::TooLarge { what: "a data file", size: end, limit: MAX_POSITION });
        }
        let spares = claim != Claim::WayOut && !in_memory && !self.is_copy;
        let needed = end + if spares { spared_bytes(end) } else { 0 };
        // Between large commits, a window would be made for marks alone.
        let follows = claim == Claim::Mark && self.buffered && self.link == Link::Apart;
        let positional = bytes >= POSITIONAL_MIN_BYTES || follows;
        self.buffered = !in_memory && positional;
        if self.buffered {
            if spares && needed > self.allocated.max(self.owned) {
                self.own_behind(medium, end, needed)?;
            }
            self.grow_buffer(bytes)?;
            return Ok(start);
        }
        if !in_memory && needed > self.allocated {
            self.allocate(medium, memory, end, needed)?;
        }
        let fits = self
            .window
            .as_ref()
            .is_some_and(|w| w.start <= start && end <= w.start + w.map.len as u64);
        if !fits {
            self.window = medium.window(start, bytes)?;
        }
        self.buffered = self.window.is_none();
        if self.buffered {
            self.grow_buffer(bytes)?;
        }
        Ok(start)
    }

    fn grow_buffer(&mut self, bytes: usize) -> Result<()> {
        let more = bytes.saturating_sub(self.buffer.len());
        let room = self.buffer.try_reserve_exact(more);
        room.map_err(|_| std::io::Error::from(std::io::ErrorKind::OutOfMemory))?;
        self.buffer.resize(self.buffer.len() + more, 0);
        Ok(())
    }

    /// Makes room for `records` of `bytes` together at the most, and what it takes to seal them.
    pub(crate) fn reserve_for(
        &mut self,
        journal: &Journal,
        (records, bytes): (usize, usize),
        claim: Claim,
    ) -> Result<Room> {
        let more = match &journal.vault {
            Some(vault) => self.session.prepare(vault, records, bytes)?,
            None => 0,
        };
        let start = self.reserve(journal, bytes + more, claim)?;
        Ok(Room { start, bytes: bytes + more })
    }

    /// Lets `write` encode records into the room that was reserved, and tells where they lie.
    #[inline]
    pub(crate) fn encode(
        &mut self,
        journal: &Journal,
        room: Room,
        write: impl FnOnce(&mut RecordWriter<'_>),
    ) -> Extent {
        let (place, start) = (journal.place, room.start);
        let Some(vault) = &journal.vault else {
            let out = self.target(room);
            let mut records = RecordWriter { place, seal: None, out, start, used: 0 };
            write(&mut records);
            return Extent { start, end: records.position() };
        };
        let mut session = std::mem::take(&mut self.session);
        let out = self.target(room);
        let used = session.begin(vault, place, start, out);
        let seal = Some((&mut session, vault));
        let mut records = RecordWriter { place, seal, out, start, used };
        write(&mut records);
        let end = records.position();
        self.session = session;
        Extent { start, end }
    }

    /// Appends a mark, as a commit of its own; tells where its bytes lie.
    pub(crate) fn append_mark(
        &mut self,
        journal: &Journal,
        of: MarkOf<'_>,
    ) -> Result<Extent, WriteFailure> {
        let room = self.reserve_for(journal, (1, MARK_MAX_BYTES), Claim::Mark);
        let room = room.map_err(|error| WriteFailure { error, uncertain: false })?;
        let extent = self.encode(journal, room, |records| records.write_mark(of));
        self.complete(journal, extent)?;
        self.position = extent.end;
        journal.commit(extent.end);
        Ok(extent)
    }

    /// Goes on behind records that were put in place, and that are about to be committed.
    #[inline]
    pub(crate) fn advance(&mut self, extent: Extent) {
        debug_assert!(extent.start >= self.position, "the journal grows at its end");
        self.skipped += extent.start - self.position;
        self.position = extent.end;
    }

    /// Unmaps the window; the next reservation makes another.
    pub(crate) fn release_window(&mut self) {
        self.window = None;
    }

    /// Owns space behind a positional commit that ends at `end`, up to `needed` at the least.
    fn own_behind(&mut self, medium: &dyn Medium, end: u64, needed: u64) -> Result<()> {
        let from = end.max(self.allocated);
        let ample = (end + allocation_step(end)).min(MAX_POSITION);
        self.owned = match medium.own_behind(from, ample) {
            Ok(()) => ample,
            Err(_) => medium.own_behind(from, needed).map(|()| needed)?,
        };
        Ok(())
    }

    /// Allocates up to `needed` at the least, for a commit that ends at `end`.
    fn allocate(
        &mut self,
        medium: &dyn Medium,
        memory: &Memory,
        end: u64,
        needed: u64,
    ) -> Result<()> {
        // A file that is longer than its last position could ever be is refused when it is opened.
        let whole = |len: u64| len.next_multiple_of(PAGE_BYTES).min(MAX_POSITION);
        let ample = whole(end + allocation_step(end));
        let mut grown = ample;
        // What fails cuts the medium, and what it owns behind its end.
        self.owned = 0;
        if medium.allocate(self.allocated, grown).is_err() {
            // Perhaps there is room for this commit, if not for the next ones.
            grown = whole(needed);
            medium.allocate(self.allocated, grown)?;
        }
        if let Err(e) = memory.extend(medium, grown) {
            // Bytes that readers can't see must not be written to. If the cut fails, the file is
            // longer by zeros, which the next allocation writes again.
            let _ = medium.set_len(self.allocated);
            return Err(e.into());
        }
        self.allocated = grown;
        Ok(())
    }

    /// The bytes of the room that was reserved.
    pub(crate) fn target(&mut self, Room { start, bytes }: Room) -> &mut [u8] {
        match &self.window {
            Some(window) if !self.buffered => {
                let offset = (start - window.start) as usize;
                debug_assert!(offset + bytes <= window.map.len, "a room lies in the window");
                debug_assert!(start >= self.position, "nothing committed is written over");
                // SAFETY: `reserve` saw that the window covers these bytes and that the medium
                // reaches as far. They lie behind the committed end, so nobody reads them, and
                // the append lock makes this the one writer.
                unsafe { std::slice::from_raw_parts_mut(window.map.base.add(offset), bytes) }
            }
            _ => &mut self.buffer[..bytes],
        }
    }

    /// Puts the records that were encoded in place, where readers can see them. A failure that is
    /// not uncertain leaves the journal as it was.
    pub(crate) fn complete(
        &mut self,
        journal: &Journal,
        Extent { start, end }: Extent,
    ) -> Result<(), WriteFailure> {
        if !self.buffered {
            return Ok(());
        }
        let (medium, memory) = (&*journal.medium, &journal.memory);
        let bytes = &self.buffer[..(end - start) as usize];
        let written = self
            .link
            .write(medium, start, bytes)
            .and_then(|()| memory.extend(medium, end.max(self.allocated)));
        if self.buffer.len() > BUFFER_MAX_BYTES {
            self.buffer = Vec::new();
        }
        match written {
            Ok(()) => {
                self.allocated = self.allocated.max(end);
                Ok(())
            }
            Err(e) => {
                self.session.abandon();
                Err(WriteFailure { error: e.into(), uncertain: self.cut(journal).is_err() })
            }
        }
    }

    /// Makes zeros again of records that were put in place, and that are not committed: nobody reads
    /// them.
    #[cold]
    pub(crate) fn take_back(
        &mut self,
        journal: &Journal,
        Extent { start, end }: Extent,
    ) -> std::io::Result<()> {
        const ZEROS: [u8; PAGE_BYTES as usize] = [0; PAGE_BYTES as usize];
        self.session.abandon();
        if !self.buffered {
            self.target(Room { start, bytes: (end - start) as usize }).fill(0);
            return Ok(());
        }
        let mut at = (start..end).step_by(ZEROS.len());
        at.try_for_each(|at| {
            journal.medium.write_at(at, &ZEROS[..(end - at).min(PAGE_BYTES) as usize])
        })
    }

    /// Cuts the medium behind the committed end: a part of a commit must not stay, since later
    /// records could end where a part of it goes on.
    fn cut(&mut self, journal: &Journal) -> std::io::Result<()> {
        self.release_spare(journal)?;
        self.keep_spare(&*journal.medium);
        Ok(())
    }

    /// Cuts the medium behind the committed end, and owns nothing there any more.
    pub(crate) fn release_spare(&mut self, journal: &Journal) -> std::io::Result<()> {
        self.release_window();
        self.trim(&*journal.medium)?;
        journal.memory.extend(&*journal.medium, self.position)
    }

    /// Cuts the medium at the committed end.
    pub(crate) fn trim(&mut self, medium: &dyn Medium) -> std::io::Result<()> {
        self.owned = 0;
        medium.set_len(self.position)?;
        self.allocated = self.position;
        Ok(())
    }

    /// Goes on owning spare room behind the journal, to which the medium was cut. Where that can't be
    /// had, a way out is what else can be freed.
    pub(crate) fn keep_spare(&self, medium: &dyn Medium) {
        let end = self.position.max(self.allocated);
        let needed = self.position + spared_bytes(self.position);
        if !self.is_copy && needed > end {
            let _ = medium.own_behind(end, needed);
        }
    }
}
