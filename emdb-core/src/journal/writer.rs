//! The end of the journal, where records are encoded.
//!
//! Space comes first: [`Tail::reserve`] is the only step of a commit that can fail in the world
//! outside and leave nothing behind. A small commit is then encoded straight into the mapped
//! window; a large one, or one on a medium without windows, into a buffer that one positional
//! write puts in place.

#![allow(unsafe_code)]

use std::sync::Arc;
use std::thread::ThreadId;

use crate::crypto::{Framing, Vault, Writer};
use crate::engine::link::Link;
use crate::error::{Error, Result};
use crate::format::MAX_POSITION;
use crate::format::image::{NOTE_KEY, NOTE_LEN};
use crate::format::mark::Mark;
use crate::format::place::Place;
use crate::format::prepared::Prepared;
use crate::format::record::Verb;
use crate::format::sealed::{SALT, TRAILER};
use crate::mvcc::generation::Generation;
use crate::mvcc::names::NamespaceState;
use crate::storage::memory::Memory;
use crate::storage::ram::Regions;
use crate::storage::{Medium, Window};

/// Commits of this size and above are written with one positional write: the zeros that the
/// window needs below it would cost more than they save.
const LARGE: usize = 256 << 10;

const PAGE: u64 = 4096;

/// How much is allocated ahead: a small part of the file, so that small ones stay small.
fn step(len: u64) -> u64 {
    (len / 64).clamp(64 << 10, 1 << 20)
}

/// The longest mark or note, sealed.
const MARK_ROOM: usize = Mark::MAX_LEN + SALT + TRAILER;

/// What a mark is of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MarkOf<'a> {
    /// A sync up to this position.
    Sync(u64),
    /// A checkpoint, by its random bytes.
    Note(&'a [u8; NOTE_LEN]),
}

/// Writes records one behind the other, sealed where the file's records are.
pub(crate) struct Pen<'a> {
    place: Place,
    seal: Option<(&'a mut Writer, &'a Vault)>,
    out: &'a mut [u8],
    start: u64,
    used: usize,
}

impl Pen<'_> {
    /// Where the next record goes.
    #[inline]
    pub(crate) fn position(&self) -> u64 {
        self.start + self.used as u64
    }

    /// Writes a record.
    #[inline(always)]
    pub(crate) fn write(&mut self, prepared: &Prepared<'_>, framing: Framing) {
        let position = self.position();
        let out = &mut self.out[self.used..];
        let Framing { link, continues, .. } = framing;
        self.used += match &mut self.seal {
            None => prepared.write(self.place, position, link, continues, out),
            Some((writer, vault)) => {
                writer.write((*vault, self.place), position, prepared, framing, out)
            }
        };
    }

    fn write_mark(&mut self, of: MarkOf<'_>) {
        match of {
            MarkOf::Note(note) => self.write_open(NOTE_KEY, note, false),
            MarkOf::Sync(synced) => {
                let mark = Mark::new(self.place, self.position(), synced);
                self.write_open(mark.padding(), mark.value(), true);
            }
        }
    }

    fn write_open(&mut self, key: &[u8], text: &[u8], salted: bool) {
        let position = self.position();
        let out = &mut self.out[self.used..];
        self.used += match &mut self.seal {
            None => Prepared::new(Verb::Mark, true, 0, key, text, None)
                .write(self.place, position, 0, false, out),
            Some((writer, vault)) => {
                let mut text = text.to_vec();
                if salted {
                    // So that a session outlives the record that begins it.
                    text.extend_from_slice(&writer.salt());
                }
                writer.write_mark((*vault, self.place), position, (key, &text), out)
            }
        };
    }
}

#[derive(Debug)]
pub(crate) struct Tail {
    /// Where the next record goes; everything below is committed.
    pub(crate) position: u64,
    /// The medium's length; what lies behind `position` are zeros.
    pub(crate) allocated: u64,
    /// Bytes that were skipped at the borders of an in-memory journal.
    pub(crate) skipped: u64,
    /// The thread whose transaction is open.
    pub(crate) owner: Option<ThreadId>,
    /// How many wait for it to end, and how many of those who waited are let in before the next.
    pub(crate) waiting: usize,
    pub(crate) favoured: usize,
    /// Namespaces that still keep former incarnations.
    pub(crate) untrimmed: Vec<Arc<NamespaceState>>,
    /// Whether a view may still see a namespace that was dropped.
    pub(crate) dropped: bool,
    /// How many views had gone when those were last looked at.
    pub(crate) trimmed_at: u64,
    /// Whether the next positional write is to have a sync begun behind it.
    pub(crate) link: Link,
    /// What seals records, if they are sealed.
    writer: Writer,
    window: Option<Window>,
    buffer: Vec<u8>,
    buffered: bool,
}

// SAFETY: the window's pointer is to memory that its owner keeps in place; it is written through
// by whoever holds the tail, under its lock.
unsafe impl Send for Tail {}

impl Tail {
    pub(crate) fn new(position: u64, allocated: u64) -> Tail {
        Tail {
            position,
            allocated,
            skipped: 0,
            owner: None,
            waiting: 0,
            favoured: 0,
            untrimmed: Vec::new(),
            dropped: false,
            trimmed_at: 0,
            link: Link::Apart,
            writer: Writer::default(),
            window: None,
            buffer: Vec::new(),
            buffered: false,
        }
    }

    /// Makes room for `bytes` and gives the position where they go. When it fails, nothing has
    /// changed.
    pub(crate) fn reserve(
        &mut self,
        medium: &dyn Medium,
        memory: &Memory,
        bytes: usize,
    ) -> Result<u64> {
        let in_memory = matches!(memory, Memory::Regions(_));
        let start =
            if in_memory { Regions::fit(self.position, bytes as u64) } else { self.position };
        let end = start + bytes as u64;
        if end > MAX_POSITION {
            return Err(Error::TooLarge { what: "a data file", size: end, limit: MAX_POSITION });
        }
        self.buffered = !in_memory && bytes >= LARGE;
        if self.buffered {
            self.grow_buffer(bytes)?;
            return Ok(start);
        }
        if !in_memory && end > self.allocated {
            self.allocate(medium, memory, end)?;
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

    /// Makes room for `records` of `bytes` together at the most, and what it takes to seal them;
    /// gives the position where they go, and the bytes that there are.
    pub(crate) fn reserve_for(
        &mut self,
        generation: &Generation,
        records: usize,
        bytes: usize,
    ) -> Result<(u64, usize)> {
        let more = match &generation.vault {
            Some(vault) => self.writer.prepare(vault, records, bytes)?,
            None => 0,
        };
        let start = self.reserve(&*generation.medium, &generation.memory, bytes + more)?;
        Ok((start, bytes + more))
    }

    /// Lets `write` encode records into `room` bytes from the reserved `start`, and gives their end.
    #[inline]
    pub(crate) fn encode(
        &mut self,
        generation: &Generation,
        (start, room): (u64, usize),
        write: impl FnOnce(&mut Pen<'_>),
    ) -> u64 {
        let Some(vault) = &generation.vault else {
            let out = self.target(start, room);
            let mut pen = Pen { place: generation.place, seal: None, out, start, used: 0 };
            write(&mut pen);
            return pen.position();
        };
        let mut writer = std::mem::take(&mut self.writer);
        let out = self.target(start, room);
        let used = writer.begin(vault, generation.place, start, out);
        let seal = Some((&mut writer, vault));
        let mut pen = Pen { place: generation.place, seal, out, start, used };
        write(&mut pen);
        let end = pen.position();
        self.writer = writer;
        end
    }

    /// Reserves room for a mark and encodes it; gives where its bytes begin and end.
    pub(crate) fn encode_mark(
        &mut self,
        generation: &Generation,
        of: MarkOf<'_>,
    ) -> Result<(u64, u64)> {
        let (start, room) = self.reserve_for(generation, 1, MARK_ROOM)?;
        let end = self.encode(generation, (start, room), |pen| pen.write_mark(of));
        Ok((start, end))
    }

    /// Becomes the end of another journal, which the former one becomes that of; whoever writes
    /// goes on writing.
    pub(crate) fn succeed(&mut self, other: &mut Tail) {
        std::mem::swap(self, other);
        std::mem::swap(&mut self.owner, &mut other.owner);
        std::mem::swap(&mut self.waiting, &mut other.waiting);
        std::mem::swap(&mut self.favoured, &mut other.favoured);
        // What was kept for views is kept by the former generation now.
        self.untrimmed.clear();
        self.dropped = false;
    }

    /// Unmaps the window; the next reservation makes another.
    pub(crate) fn release_window(&mut self) {
        self.window = None;
    }

    fn allocate(&mut self, medium: &dyn Medium, memory: &Memory, end: u64) -> Result<()> {
        // A file that is longer than its last position could ever be is refused when it is opened.
        let whole = |len: u64| len.next_multiple_of(PAGE).min(MAX_POSITION);
        let ample = whole(end + step(end));
        let mut grown = ample;
        if medium.allocate(self.allocated, grown).is_err() {
            // Perhaps there is room for this commit, if not for the next ones.
            grown = whole(end);
            medium.allocate(self.allocated, grown)?;
        }
        if let Err(e) = memory.extend(medium, grown) {
            // What readers can't see must not be written to. If the cut fails, the file is longer
            // by zeros, which the next allocation writes again.
            let _ = medium.set_len(self.allocated);
            return Err(e.into());
        }
        self.allocated = grown;
        Ok(())
    }

    /// Where `bytes` from the reserved `start` are to be encoded.
    pub(crate) fn target(&mut self, start: u64, bytes: usize) -> &mut [u8] {
        match &self.window {
            Some(window) if !self.buffered => {
                let offset = (start - window.start) as usize;
                debug_assert!(offset + bytes <= window.map.len);
                // SAFETY: `reserve` saw that the window covers these bytes and that the medium
                // reaches as far. They lie behind the committed end, so nobody reads them, and
                // the tail's lock makes this the one writer.
                unsafe { std::slice::from_raw_parts_mut(window.map.base.add(offset), bytes) }
            }
            _ => &mut self.buffer[..bytes],
        }
    }

    /// Puts what was encoded from `start` to `end` in place, where readers can see it. When it
    /// fails and the database stays as it was, that is an `Io`; when it can't be told what is on
    /// disk, the flag is set.
    pub(crate) fn complete(
        &mut self,
        medium: &dyn Medium,
        memory: &Memory,
        (start, end): (u64, u64),
    ) -> Result<(), (Error, bool)> {
        if !self.buffered {
            return Ok(());
        }
        let bytes = &self.buffer[..(end - start) as usize];
        let written = self
            .link
            .write(medium, start, bytes)
            .and_then(|()| memory.extend(medium, end.max(self.allocated)));
        if self.buffer.len() > 4 * LARGE {
            self.buffer = Vec::new();
        }
        match written {
            Ok(()) => {
                self.allocated = self.allocated.max(end);
                Ok(())
            }
            Err(e) => {
                self.writer.abandon();
                Err((e.into(), self.cut(medium, memory).is_err()))
            }
        }
    }

    /// Makes zeros again of what was put in place from `from` to `end`, which is not committed and
    /// which nobody reads.
    #[cold]
    pub(crate) fn take_back(
        &mut self,
        medium: &dyn Medium,
        from: u64,
        end: u64,
    ) -> std::io::Result<()> {
        const ZEROS: [u8; PAGE as usize] = [0; PAGE as usize];
        self.writer.abandon();
        if !self.buffered {
            self.target(from, (end - from) as usize).fill(0);
            return Ok(());
        }
        let mut at = (from..end).step_by(ZEROS.len());
        at.try_for_each(|at| medium.write_at(at, &ZEROS[..(end - at).min(PAGE) as usize]))
    }

    /// Cuts the medium behind the committed end: a part of a commit must not stay, since later
    /// records could end where a part of it goes on.
    fn cut(&mut self, medium: &dyn Medium, memory: &Memory) -> std::io::Result<()> {
        medium.set_len(self.position)?;
        self.allocated = self.position;
        memory.extend(medium, self.position)
    }
}
