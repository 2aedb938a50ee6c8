//! The live records of a namespace in a state, for whoever copies them: in the order of keys where there
//! is one, or as they lie in the journal.
//!
//! Either way records come from all over memory, and the index says which of them are the newest. So
//! they pass through stages, each of which asks for what the next one reads: many are waited for
//! together, and what is waited for is bounded, whatever there is.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::engine::decoded::DecodedRecord;
use crate::engine::read_view::ReadView;
use crate::engine::reader::Reader;
use crate::engine::repair::for_each_slot;
use crate::error::Result;
use crate::format::JOURNAL_START;
use crate::index::hash::Slot;
use crate::index::hash::slot::Likely;
use crate::index::ordered::{Order, Run};
use crate::mvcc::incarnation::Incarnation;

/// Records between two stages.
const STAGE_RECORDS: usize = 10;
/// Stages before the last: for the record; where it has a successor, for a bucket of the index, and
/// for the record that it leads to.
const STAGES: usize = 3;
/// Room for all that are between the first stage and the last.
const COMING_RECORDS: usize = 32;

/// Positions that are sorted at a time: more than one part is as many walks over the index.
#[cfg(not(test))]
const PART_RECORDS: u64 = 2 << 20;
#[cfg(test)]
const PART_RECORDS: u64 = 100;
/// Bytes of the journal after which what was read is let go of.
const PASSED_BYTES: u64 = 4 << 20;

/// The live records of an incarnation in the state `view`.
#[derive(Clone, Copy)]
pub(super) struct Live<'v> {
    view: &'v ReadView,
    reader: Reader<'v>,
    incarnation: &'v Incarnation,
}

impl<'v> Live<'v> {
    pub(super) fn new(view: &'v ReadView, incarnation: &'v Incarnation) -> Live<'v> {
        Live { view, reader: view.reader(), incarnation }
    }

    /// All keys in order.
    pub(super) fn runs(self, order: &Order) -> Result<Vec<Arc<Run>>> {
        Ok(order.levels(self.view.anchors(self.incarnation))?.all_runs())
    }

    /// Shows each in the order of `runs`, with its window behind the bytes that all keys share, which
    /// it gives.
    pub(super) fn in_order(
        self,
        runs: &[Arc<Run>],
        mut put: impl FnMut(u64, DecodedRecord<'v>) -> Result<()>,
    ) -> Result<Box<[u8]>> {
        let keys = self.view.anchors(self.incarnation);
        let mut coming = Coming { live: self, ring: [Anchor::default(); COMING_RECORDS], came: 0 };
        let common = Run::walk_all(runs, keys, |window, position| {
            coming.ring[coming.came % COMING_RECORDS] = Anchor { window, position, hash: None };
            coming.came += 1;
            coming.pass(coming.came - 1, &mut put)
        })?;
        let came = coming.came;
        (came..came + STAGES * STAGE_RECORDS).try_for_each(|at| coming.pass(at, &mut put))?;
        Ok(common)
    }

    /// Shows each as it lies in the journal, which is read from front to back then.
    pub(super) fn as_they_lie(
        self,
        mut put: impl FnMut(DecodedRecord<'v>) -> Result<()>,
    ) -> Result<()> {
        let records = self.incarnation.records.load(Ordering::Relaxed);
        let end = self.view.watermark();
        let parts = records / PART_RECORDS + 1;
        let span = (end - JOURNAL_START) / parts + 1;
        let journal = &self.reader.generation.journal;
        let (mut positions, mut passed) = (Vec::new(), JOURNAL_START);
        for part in 0..parts {
            let from = JOURNAL_START + part * span;
            positions.clear();
            for_each_slot(self.reader, &self.incarnation.table, |slot| {
                positions.extend(self.seen(slot)?.filter(|at| (from..from + span).contains(at)));
                Ok(())
            })?;
            positions.sort_unstable();
            for &position in &positions {
                if position - passed >= PASSED_BYTES {
                    journal.memory.let_go(&*journal.medium, passed, position);
                    passed = position;
                }
                if let Some(record) = self.record_seen(position)? {
                    put(record)?;
                }
            }
        }
        Ok(())
    }

    /// Where the version of a slot's key lies that the view sees, which stays where it is whatever
    /// writers do between two walks over the index; none if it sees none.
    #[inline]
    fn seen(self, slot: &Slot) -> Result<Option<u64>> {
        let (position, watermark) = (slot.position(), self.view.watermark());
        if position < watermark {
            return Ok((!slot.is_tombstone()).then_some(position));
        }
        let version = self.reader.version(self.reader.record(position)?, watermark)?;
        Ok(version.map(|record| record.position()))
    }

    /// The record at `position`, which the view sees, if it has not expired.
    #[inline]
    fn record_seen(self, position: u64) -> Result<Option<DecodedRecord<'v>>> {
        let journal = &self.reader.generation.journal;
        if self.reader.is_plain()
            && let Some(record) = journal.memory.record_now(position)
            && record.is_lasting_put()
            && record.verify(journal.place)
        {
            return Ok(Some(DecodedRecord::new(record, None)));
        }
        let record = self.view.seen(position)?;
        record.map(|record| self.reader.decode(record)).transpose()
    }

    /// The record that the view sees of the key that has an anchor at `position`.
    #[inline]
    fn record_of(self, position: u64, is_stale: bool) -> Result<Option<DecodedRecord<'v>>> {
        if !is_stale
            && self.reader.is_plain()
            && let Some(record) = self.view.usual(self.incarnation, position)
        {
            return Ok(Some(DecodedRecord::new(record, None)));
        }
        let record = self.view.resolve(self.incarnation, self.reader.record(position)?)?;
        record.map(|record| self.reader.decode(record)).transpose()
    }
}

/// An anchor on its way through the stages.
#[derive(Debug, Clone, Copy, Default)]
struct Anchor {
    window: u64,
    position: u64,
    /// Of the key, if the record has a successor, which the index leads to.
    hash: Option<u64>,
}

/// The anchors between the first stage and the last.
struct Coming<'v> {
    live: Live<'v>,
    ring: [Anchor; COMING_RECORDS],
    /// How many have come.
    came: usize,
}

impl<'v> Coming<'v> {
    /// Takes the anchor that came as number `at` through the first stage, those before it through
    /// theirs, and shows the record of the one that is through with all.
    #[inline]
    fn pass(
        &mut self,
        at: usize,
        put: &mut impl FnMut(u64, DecodedRecord<'v>) -> Result<()>,
    ) -> Result<()> {
        const { assert!(STAGES * STAGE_RECORDS < COMING_RECORDS) }
        for stage in 0..STAGES {
            if let Some(at) = at.checked_sub(stage * STAGE_RECORDS).filter(|at| *at < self.came) {
                self.ask(stage, at % COMING_RECORDS);
            }
        }
        let Some(last) = at.checked_sub(STAGES * STAGE_RECORDS) else { return Ok(()) };
        let Anchor { window, position, hash } = self.ring[last % COMING_RECORDS];
        match self.live.record_of(position, hash.is_some())? {
            Some(record) => put(window, record),
            None => Ok(()),
        }
    }

    /// Asks for what the next stage will read.
    #[inline]
    fn ask(&mut self, stage: usize, at: usize) {
        let Anchor { position, hash, .. } = self.ring[at];
        let generation = self.live.reader.generation;
        let (memory, table) = (&generation.journal.memory, &self.live.incarnation.table);
        match (stage, hash) {
            (0, _) if !generation.superseded.get(position) => memory.prefetch_record(position),
            (0, _) => {
                self.ring[at].hash = Some(0);
                memory.prefetch_head(position);
            }
            (1, Some(_)) => {
                // What is damaged is told by whoever reads it in the end.
                let Some(record) = memory.record(position) else { return };
                let hash = generation.hash(record.key());
                self.ring[at].hash = Some(hash);
                table.prefetch(hash, &crossbeam_epoch::pin());
            }
            (2, Some(hash)) => {
                if let Likely::At(newest) = table.likely(hash, &crossbeam_epoch::pin()) {
                    memory.prefetch_head(newest);
                }
            }
            _ => {}
        }
    }
}
