//! A walk in the order of the hash index.

#![allow(unsafe_code)]

use std::sync::Arc;

use super::Lasting;
use crate::error::Result;
use crate::index::Slot;
use crate::store::names::Incarnation;
use crate::store::read::Held;

/// How many records ahead of the walk memory is asked for.
const AHEAD: usize = 4;
/// The length that a record is taken to have.
const USUAL: usize = 128;

#[derive(Debug)]
pub(super) struct Hashed {
    held: Held,
    /// Whether values are wanted, and so verified.
    values: bool,
    incarnation: Arc<Incarnation>,
    /// The first tag of the index that is still to be read.
    next_tag: Option<u32>,
    slots: Vec<Slot>,
    at: usize,
}

impl Hashed {
    pub(super) fn new(held: Held, incarnation: Arc<Incarnation>) -> Hashed {
        Hashed { held, values: true, incarnation, next_tag: Some(0), slots: Vec::new(), at: 0 }
    }

    /// Lets values unverified, for a walk over keys.
    pub(super) fn without_values(&mut self) {
        self.values = false;
    }

    /// The next record, its value verified if that is wanted.
    pub(super) fn next(&mut self) -> Result<Option<Lasting>> {
        loop {
            let Some(slot) = self.slots.get(self.at) else {
                let Some(tag) = self.next_tag else { return Ok(None) };
                self.slots.clear();
                self.at = 0;
                let guard = crossbeam_epoch::pin();
                let table = &self.incarnation.table;
                self.next_tag = self.held.reader().slots(table, tag, &mut self.slots, &guard)?;
                continue;
            };
            self.at += 1;
            if let Some(later) = self.slots.get(self.at + AHEAD) {
                self.held.reader().generation.memory.prefetch(later.position(), USUAL);
            }
            if let Some(record) = self.held.seen(slot.position())? {
                let opened = self.held.reader().opened(record, self.values)?;
                // SAFETY: `held` keeps the memory as long as this walk, which has what it found.
                let record = unsafe { record.outliving() };
                return Ok(Some(Lasting { record, opened: opened.map(Box::new) }));
            }
        }
    }
}
