//! A few records of a walk in order, made ready at a time.

#![allow(unsafe_code)]

use std::cmp::Ordering;

use crate::cursor::end::End;
use crate::cursor::pinned::PinnedRecord;
use crate::cursor::range::Bounds;
use crate::engine::read_view::ReadView;
use crate::error::Result;
use crate::format::record::Record;
use crate::format::sealed::Decrypted;
use crate::index::ordered::{Keys, Levels};
use crate::mvcc::incarnation::Incarnation;

/// Bytes of decrypted records with which no more are made ready: they lie in memory of their own.
const DECRYPTED_MAX_BYTES: usize = 256 << 10;

/// The parts of a walk that it takes to make records ready.
pub(super) struct Batch<'a> {
    pub(super) view: &'a ReadView,
    pub(super) incarnation: &'a Incarnation,
    pub(super) levels: &'a Levels,
    pub(super) bounds: &'a Bounds,
    /// Whether values are wanted, and so verified.
    pub(super) values: bool,
    pub(super) end: End,
    /// How many records are to be ready.
    pub(super) size: usize,
    /// Whether this end is in the range: then nothing lies before it any more.
    pub(super) begun: &'a mut bool,
    pub(super) ready: &'a mut Vec<PinnedRecord>,
}

/// Where a record lies, seen from the end that the walk comes from.
enum Place {
    Before,
    Within,
    Behind,
}

/// How the batch goes on behind an anchor.
enum Next {
    Anchor,
    /// No more are to be made ready now.
    Enough,
    /// All that is left lies behind the range.
    Behind,
}

impl Batch<'_> {
    /// Resolves what `anchors` gives; tells whether it has left the range. `len` becomes the length of the
    /// last record.
    #[inline(always)]
    pub(super) fn fill(
        mut self,
        len: &mut usize,
        mut anchors: impl FnMut(usize) -> Result<Option<u64>>,
    ) -> Result<bool> {
        // In one step, as nearly all records are whole, the newest of their keys, and in the range.
        let is_usual = self.values && self.view.reader().is_plain();
        let mut decrypted = 0;
        while self.ready.len() < self.size {
            let Some(anchor) = anchors(*len)? else { break };
            let usual = if is_usual { self.view.usual(self.incarnation, anchor) } else { None };
            if let Some(record) = usual {
                match self.place(record.key()) {
                    Place::Within => {}
                    Place::Before => continue,
                    Place::Behind => return Ok(true),
                }
                *len = record.len();
                self.push(record, None);
                continue;
            }
            match self.step(anchor, len, &mut decrypted)? {
                Next::Anchor => {}
                Next::Enough => break,
                Next::Behind => return Ok(true),
            }
        }
        Ok(false)
    }

    #[inline(always)]
    fn place(&mut self, key: &[u8]) -> Place {
        if *self.begun {
            return if self.end.is_past(self.bounds, key) { Place::Behind } else { Place::Within };
        }
        match (self.bounds.place(key), self.end) {
            (Ordering::Equal, _) => {
                *self.begun = true;
                Place::Within
            }
            (Ordering::Greater, End::Front) | (Ordering::Less, End::Back) => Place::Behind,
            _ => Place::Before,
        }
    }

    #[inline(always)]
    fn push(&mut self, record: Record<'_>, decrypted: Option<Decrypted>) {
        // SAFETY: the view keeps the memory as long as the walk, which has what it found.
        self.ready.push(unsafe { PinnedRecord::new(record, decrypted) });
    }

    /// The way of an anchor whatever it leads to.
    #[inline(never)]
    fn step(&mut self, anchor: u64, len: &mut usize, bytes: &mut usize) -> Result<Next> {
        let reader = self.view.reader();
        let record = reader.record(anchor)?;
        let decrypted = reader.decrypt(record, false)?;
        let key = decrypted.as_ref().map_or(record.key(), |decrypted| decrypted.key());
        match self.place(key) {
            Place::Within => {}
            Place::Before => return Ok(Next::Anchor),
            Place::Behind => return Ok(Next::Behind),
        }
        *len = record.len();
        let Some(version) = self.view.resolve(self.incarnation, record)? else {
            self.pass_over(anchor, key)?;
            return Ok(Next::Anchor);
        };
        let decrypted = match decrypted {
            Some(decrypted) if version.position() == anchor => Some(decrypted),
            _ => reader.decrypt(version, self.values)?,
        };
        *bytes += decrypted.as_ref().map_or(0, Decrypted::len);
        self.push(version, decrypted);
        Ok(if *bytes > DECRYPTED_MAX_BYTES { Next::Enough } else { Next::Anchor })
    }

    /// Spares later walks an anchor that nobody can see anything of any more: the keys that left
    /// the front of a queue would otherwise be looked up by each.
    #[cold]
    fn pass_over(&self, anchor: u64, key: &[u8]) -> Result<()> {
        let keys = self.view.anchors(self.incarnation);
        match (keys.newest(anchor)?, self.incarnation.order.get()) {
            (None, Some(order)) => order.bury(self.levels, key, anchor, keys),
            _ => Ok(()),
        }
    }
}
