//! A walk in the order of the hash index.

#![allow(unsafe_code)]

use std::sync::Arc;

use crate::cursor::pinned::PinnedRecord;
use crate::engine::read_view::ReadView;
use crate::error::Result;
use crate::index::hash::Slot;
use crate::mvcc::incarnation::Incarnation;

/// The number of records ahead of the walk for which memory is asked.
const AHEAD_RECORDS: usize = 4;
/// The length that a record is taken to have.
const USUAL_RECORD_BYTES: usize = 128;

#[derive(Debug)]
pub(crate) struct Hashed {
    view: ReadView,
    /// Whether values are wanted, and so verified.
    values: bool,
    incarnation: Arc<Incarnation>,
    /// The first tag of the index that is still to be read.
    next_tag: Option<u32>,
    slots: Vec<Slot>,
    at: usize,
    here: Option<PinnedRecord>,
}

impl Hashed {
    pub(crate) fn new(view: ReadView, incarnation: Arc<Incarnation>) -> Hashed {
        let slots = Vec::new();
        Hashed { view, values: true, incarnation, next_tag: Some(0), slots, at: 0, here: None }
    }

    /// A walk over as many records at most, from all over the keys: hashes are in no order of theirs.
    /// Slots without a record that the view sees count, so that it ends soon whatever there is.
    pub(crate) fn sample(
        view: ReadView,
        incarnation: Arc<Incarnation>,
        records: usize,
    ) -> Result<Hashed> {
        let mut walk = Hashed::new(view, incarnation);
        let guard = crossbeam_epoch::pin();
        // A page has keys from all over, as good as any others. Of one that is damaged the whole segment
        // tells.
        let front = walk.incarnation.table.read_front(&mut walk.slots, records, &guard);
        if front.is_err() || walk.slots.len() < records {
            walk.slots.clear();
        }
        while let Some(tag) = walk.next_tag.filter(|_| walk.slots.len() < records) {
            let table = &walk.incarnation.table;
            walk.next_tag = walk.view.reader().slots(table, tag, &mut walk.slots, &guard)?;
        }
        walk.slots.truncate(records);
        walk.next_tag = None;
        Ok(walk)
    }

    /// Lets values unverified, for a walk over keys.
    pub(crate) fn without_values(&mut self) {
        self.values = false;
    }

    /// Where the last step went to.
    #[inline]
    pub(crate) fn here(&self) -> Option<&PinnedRecord> {
        self.here.as_ref()
    }

    /// The same, to keep it.
    pub(crate) fn take(&mut self) -> Option<PinnedRecord> {
        self.here.take()
    }

    /// Goes to the next record, its value verified if that is wanted; tells whether there is one.
    pub(crate) fn go(&mut self) -> Result<bool> {
        loop {
            let Some(slot) = self.slots.get(self.at) else {
                let Some(tag) = self.next_tag else { return Ok(false) };
                self.slots.clear();
                self.at = 0;
                let guard = crossbeam_epoch::pin();
                let table = &self.incarnation.table;
                self.next_tag = self.view.reader().slots(table, tag, &mut self.slots, &guard)?;
                continue;
            };
            self.at += 1;
            if let Some(later) = self.slots.get(self.at + AHEAD_RECORDS) {
                self.view
                    .reader()
                    .generation
                    .journal
                    .memory
                    .prefetch(later.position(), USUAL_RECORD_BYTES);
            }
            if let Some(record) = self.view.seen(slot.position())? {
                let decrypted = self.view.reader().decrypt(record, self.values)?;
                // SAFETY: `view` keeps the memory as long as this walk, which has what it found.
                self.here = Some(unsafe { PinnedRecord::new(record, decrypted) });
                return Ok(true);
            }
        }
    }
}
