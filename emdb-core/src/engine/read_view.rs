//! One committed state, to read from: of an iterator, a snapshot, a transaction.

use std::sync::Arc;

use crossbeam_epoch::Guard;

use crate::engine::Engine;
use crate::engine::anchors::Anchors;
use crate::engine::decoded::DecodedRecord;
use crate::engine::reader::Reader;
use crate::error::Result;
use crate::format::record::Record;
use crate::mvcc::generation::{Generation, Pin};
use crate::mvcc::incarnation::Incarnation;
use crate::mvcc::namespace::NamespaceState;
use crate::mvcc::retired::SeenNamespace;
use crate::mvcc::views::RegisteredView;
use crate::os::clock::Moment;

/// One committed state, held for a while: what an iterator or a transaction reads from.
#[derive(Debug, Clone)]
pub(crate) struct ReadView {
    pub(crate) pin: Arc<Pin>,
    registered: Arc<RegisteredView>,
    /// When it began; expiry is judged by that.
    now: Moment,
    verify: bool,
}

impl ReadView {
    pub(crate) fn generation(&self) -> &Arc<Generation> {
        &self.pin.generation
    }

    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader { generation: &self.pin.generation, verify: self.verify }
    }

    /// The same state, with all checksums verified.
    pub(crate) fn verified(self) -> ReadView {
        ReadView { verify: true, ..self }
    }

    /// The incarnation that `namespace` had; none if it began later.
    pub(crate) fn incarnation(&self, namespace: &NamespaceState) -> Option<Arc<Incarnation>> {
        namespace.incarnation_at(&self.pin.generation, self.registered.watermark())
    }

    /// The same, if the namespace has had its name from then on; none as well if that can't be told at once.
    pub(crate) fn incarnation_named(&self, namespace: &NamespaceState) -> Option<Arc<Incarnation>> {
        namespace.seen_at(&self.pin.generation, self.registered.watermark())
    }

    /// A number that later states have a larger one than.
    pub(crate) fn sequence(&self) -> u64 {
        self.pin.generation.journal.sequence(self.registered.watermark())
    }

    /// The namespaces that there were.
    pub(crate) fn namespaces(&self, engine: &Engine) -> Vec<SeenNamespace> {
        let (generation, watermark) = (&self.pin.generation, self.registered.watermark());
        engine.names.lock().seen(generation, watermark, engine.orders_all)
    }

    /// The namespace that had this name.
    pub(crate) fn namespace(&self, engine: &Engine, name: &str) -> Option<SeenNamespace> {
        let (generation, watermark) = (&self.pin.generation, self.registered.watermark());
        engine.names.lock().seen_by_name(name, generation, watermark, engine.orders_all)
    }

    pub(crate) fn watermark(&self) -> u64 {
        self.registered.watermark()
    }

    /// When this state began, in unix milliseconds.
    pub(crate) fn now(&self) -> u64 {
        self.now.ms()
    }

    /// Whether an expiry had passed then.
    pub(crate) fn has_passed(&self, expiry: u64) -> bool {
        self.now.has_passed(expiry)
    }

    /// A hash of a key, with a secret of the database.
    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        self.pin.generation.hash(key)
    }

    /// The record of `key`, expired or not, its value unverified.
    pub(crate) fn stored(
        &self,
        incarnation: &Incarnation,
        key: &[u8],
    ) -> Result<Option<Record<'_>>> {
        let stored_key = self.pin.generation.stored_key(incarnation.id, key);
        self.stored_as(incarnation, stored_key.stored(), stored_key.hash)
    }

    /// The same by the key as the journal has it.
    pub(crate) fn stored_as(
        &self,
        incarnation: &Incarnation,
        stored_key: &[u8],
        hash: u64,
    ) -> Result<Option<Record<'_>>> {
        self.stored_under(incarnation, stored_key, hash, &crossbeam_epoch::pin())
    }

    /// The same under a guard of the caller's.
    #[inline]
    pub(crate) fn stored_under(
        &self,
        incarnation: &Incarnation,
        stored_key: &[u8],
        hash: u64,
        guard: &Guard,
    ) -> Result<Option<Record<'_>>> {
        let reader = self.reader();
        match reader.newest(&incarnation.table, stored_key, hash, guard)? {
            Some(record) => reader.version(record, self.registered.watermark()),
            None => Ok(None),
        }
    }

    /// The live record of `key`, decoded and verified.
    #[inline]
    pub(crate) fn get(
        &self,
        incarnation: &Incarnation,
        key: &[u8],
    ) -> Result<Option<DecodedRecord<'_>>> {
        let (guard, reader) = (crossbeam_epoch::pin(), self.reader());
        if reader.is_plain() {
            let sought = (key, self.hash(key));
            let watermark = self.registered.watermark();
            if let Some(found) = reader.usual(&incarnation.table, sought, watermark, &guard) {
                return Ok(found.map(|record| DecodedRecord::new(record, None)));
            }
        }
        drop(guard);
        match self.stored(incarnation, key)? {
            Some(record) => reader.checked(record, |at| self.now.has_passed(at)),
            None => Ok(None),
        }
    }

    /// The record `version`, if it is live in this state.
    #[inline]
    fn live<'a>(
        &self,
        version: Option<Record<'a>>,
        reader: Reader<'a>,
    ) -> Result<Option<Record<'a>>> {
        match version {
            Some(record) => reader.live(record, |at| self.now.has_passed(at)),
            None => Ok(None),
        }
    }

    /// The live record of `key`, its value unverified; see [`Reader::checked`].
    pub(crate) fn find(&self, incarnation: &Incarnation, key: &[u8]) -> Result<Option<Record<'_>>> {
        self.live(self.stored(incarnation, key)?, self.reader())
    }

    /// When `key`, if it was there, expires.
    pub(crate) fn expiry(&self, incarnation: &Incarnation, key: &[u8]) -> Result<Option<u64>> {
        let Some(record) = self.stored(incarnation, key)? else { return Ok(None) };
        Ok(self.reader().authentic(record)?.expiry())
    }

    /// The anchors that the order of `incarnation` needs of this state.
    pub(crate) fn anchors<'a>(&'a self, incarnation: &'a Incarnation) -> Anchors<'a> {
        Anchors { reader: self.reader(), table: &incarnation.table }
    }

    /// The record at `position`, which the order names, in few steps, if it is what nearly all are: a put of
    /// this state that does not expire, the newest of its key, and whole. `None` tells nothing. For a file
    /// whose records are not sealed.
    #[inline(always)]
    pub(crate) fn usual(&self, incarnation: &Incarnation, position: u64) -> Option<Record<'_>> {
        let generation = &self.pin.generation;
        if position >= self.registered.watermark() || generation.superseded.get(position) {
            return None;
        }
        let record = generation.journal.memory.record_now(position)?;
        let is_it =
            record.is_lasting_put() && (!self.verify || record.verify(generation.journal.place));
        debug_assert!(!is_it || self.index_agrees(incarnation, &record));
        is_it.then_some(record)
    }

    /// The live version in this state of the key that `record` is any version of.
    pub(crate) fn resolve<'a>(
        &'a self,
        incarnation: &Incarnation,
        record: Record<'a>,
    ) -> Result<Option<Record<'a>>> {
        let position = record.position();
        let watermark = self.registered.watermark();
        let is_newest = position < watermark && !self.pin.generation.superseded.get(position);
        debug_assert!(!is_newest || self.index_agrees(incarnation, &record));
        if is_newest {
            if !record.is_put() {
                return self.reader().authentic(record).map(|_| None);
            }
            return self.reader().live(record, |at| self.now.has_passed(at));
        }
        let version = if position < watermark {
            let hash = self.pin.generation.hash(record.key());
            self.stored_as(incarnation, record.key(), hash)?
        } else {
            self.reader().version(record, watermark)?
        };
        self.live(version, self.reader())
    }

    /// Whether the hash index leads to `record` as well, which by the order is the newest of its key
    /// that this state has. Damage is told by whoever reads, and where nothing is verified a damaged
    /// key may be served; a table of a checkpoint that is damaged would be searched for in the journal.
    fn index_agrees(&self, incarnation: &Incarnation, record: &Record<'_>) -> bool {
        if !self.verify || incarnation.table.image.is_some() {
            return true;
        }
        let hash = self.pin.generation.hash(record.key());
        match self.stored_as(incarnation, record.key(), hash) {
            Ok(Some(found)) => found.position() == record.position(),
            Ok(None) => !record.is_put(),
            Err(_) => true,
        }
    }

    /// The live version in this state of the key whose newest record is at `position`.
    pub(crate) fn seen(&self, position: u64) -> Result<Option<Record<'_>>> {
        let reader = self.reader();
        self.live(reader.version(reader.record(position)?, self.registered.watermark())?, reader)
    }
}

impl Engine {
    /// A view of what is committed now.
    pub(crate) fn read_view(&self) -> ReadView {
        let guard = crossbeam_epoch::pin();
        let handle = self.generation(&guard);
        let registered = Arc::new(handle.generation.register_view());
        let (pin, now) = (handle.pin().clone(), Moment::now(&self.clock));
        ReadView { pin, registered, now, verify: self.verify }
    }
}
