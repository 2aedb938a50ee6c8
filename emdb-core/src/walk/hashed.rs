//! A walk in the order of the hash index.

use std::sync::Arc;

use crate::error::Result;
use crate::index::Slot;
use crate::store::names::Incarnation;
use crate::store::read::Held;

/// How many records ahead of the walk memory is asked for.
const AHEAD: usize = 4;

#[derive(Debug)]
pub(super) struct Hashed {
    pub(super) held: Held,
    incarnation: Arc<Incarnation>,
    /// The first tag of the index that is still to be read.
    next_tag: Option<u32>,
    slots: Vec<Slot>,
    at: usize,
}

impl Hashed {
    pub(super) fn new(held: Held, incarnation: Arc<Incarnation>) -> Hashed {
        Hashed { held, incarnation, next_tag: Some(0), slots: Vec::new(), at: 0 }
    }

    /// The position of the next record.
    pub(super) fn next(&mut self) -> Result<Option<u64>> {
        loop {
            let Some(slot) = self.slots.get(self.at) else {
                let Some(tag) = self.next_tag else { return Ok(None) };
                self.slots.clear();
                self.at = 0;
                let guard = crossbeam_epoch::pin();
                self.next_tag = self.incarnation.table.read_segment(tag, &mut self.slots, &guard);
                continue;
            };
            self.at += 1;
            if let Some(later) = self.slots.get(self.at + AHEAD) {
                self.held.reader().generation.memory.prefetch(later.position());
            }
            if let Some(record) = self.held.seen(slot.position())? {
                return Ok(Some(record.position()));
            }
        }
    }
}
