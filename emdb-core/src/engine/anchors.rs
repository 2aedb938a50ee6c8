//! The ordered index's view of journal and hash index.

use std::borrow::Cow;

use crate::engine::reader::Reader;
use crate::error::Result;
use crate::index::hash::Table;
use crate::index::ordered::Keys;

/// The index and reader in which the order of an incarnation finds keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anchors<'a> {
    pub(crate) reader: Reader<'a>,
    pub(crate) table: &'a Table,
}

impl Anchors<'_> {
    fn floor(self) -> u64 {
        self.reader.generation.floor()
    }

    /// Makes walks ask the hash index about a removal that becomes an anchor. The index forgets it
    /// once no view needs it, and a record that comes then replaces nothing: nobody would say that
    /// the removal has a successor.
    fn mark_superseded(self, removal: u64) {
        self.reader.generation.superseded.set(removal);
    }
}

impl<'a> Keys<'a> for Anchors<'a> {
    fn key(self, position: u64) -> Result<Cow<'a, [u8]>> {
        let record = self.reader.record(position)?;
        Ok(match self.reader.decrypt(record, false)? {
            None => Cow::Borrowed(record.key()),
            Some(decrypted) => Cow::Owned(decrypted.into_key()),
        })
    }

    #[inline]
    fn prefetch(self, position: u64, len: usize) {
        self.reader.generation.journal.memory.prefetch(position, len);
    }

    fn newest(self, position: u64) -> Result<Option<u64>> {
        let generation = self.reader.generation;
        if !generation.superseded.get(position) {
            return Ok(Some(position));
        }
        let (key, floor) = (self.reader.record(position)?.key(), self.floor());
        let guard = crossbeam_epoch::pin();
        let found = self.reader.newest(self.table, key, generation.hash(key), &guard)?;
        let Some(newest) = found else { return Ok(None) };
        if !newest.is_put() {
            if newest.position() < floor {
                return Ok(None);
            }
            self.mark_superseded(newest.position());
        }
        Ok(Some(newest.position()))
    }

    fn all(self) -> Result<Vec<u64>> {
        let floor = self.floor();
        let mut positions = Vec::new();
        let mut slots = Vec::new();
        let mut tag = Some(0);
        while let Some(from) = tag {
            slots.clear();
            let guard = crossbeam_epoch::pin();
            tag = self.reader.slots(self.table, from, &mut slots, &guard)?;
            for slot in slots.iter().filter(|s| !s.is_tombstone() || s.position() >= floor) {
                if slot.is_tombstone() {
                    self.mark_superseded(slot.position());
                }
                positions.push(slot.position());
            }
        }
        Ok(positions)
    }
}
