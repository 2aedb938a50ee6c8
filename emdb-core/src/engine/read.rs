//! The one lookup. Every read of the crate comes through here.

use std::ops::ControlFlow;
use std::sync::Arc;

use crossbeam_epoch::Guard;

use crate::crypto::tampered;
use crate::engine::Engine;
use crate::engine::decoded::DecodedRecord;
use crate::engine::ordering::Anchors;
use crate::error::{Error, Result};
use crate::format::record::Record;
use crate::index::hash::Table;
use crate::mvcc::generation::{Generation, GenerationHandle, Pin};
use crate::mvcc::names::{Incarnation, NamespaceState};
use crate::mvcc::views::RegisteredView;
use crate::os::clock::Clock;
use crate::os::sync::lock;

/// Reads records of one generation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'g> {
    pub(crate) generation: &'g Generation,
    pub(crate) verify: bool,
}

impl<'g> Reader<'g> {
    /// The record at a position that the index or a link named, its head verified.
    #[inline(always)]
    pub(crate) fn record(self, position: u64) -> Result<Record<'g>> {
        match self.generation.memory.record_ahead(position) {
            Some(record) if !self.verify || record.verify_head(self.generation.place) => Ok(record),
            found => Err(damaged(position, found.is_some())),
        }
    }

    /// The newest record with this stored key, committed or not, a tombstone or not.
    #[inline]
    pub(crate) fn newest(
        self,
        table: &Table,
        key: &[u8],
        hash: u64,
        guard: &Guard,
    ) -> Result<Option<Record<'g>>> {
        let found = table.probe(hash, guard, |slot| {
            // The head of a record with another key is verified too: a damaged key must be an
            // error, not an absence.
            match self.record(slot.position()) {
                Ok(record) if record.key() == key => {
                    ControlFlow::Break(self.checked_verb(record, slot.is_tombstone()))
                }
                Ok(other) => match self.authentic(other) {
                    Ok(_) => ControlFlow::Continue(()),
                    Err(e) => ControlFlow::Break(Err(e)),
                },
                Err(e) => ControlFlow::Break(Err(e)),
            }
        });
        match found {
            Ok(found) => found.transpose(),
            Err(_) => self.newest_in_journal(table, key),
        }
    }

    /// What `record` was at `watermark`.
    #[inline]
    pub(crate) fn version(
        self,
        mut record: Record<'g>,
        watermark: u64,
    ) -> Result<Option<Record<'g>>> {
        while record.position() >= watermark {
            match self.authentic(record)?.previous() {
                Some(position) => record = self.record(position)?,
                None => return Ok(None),
            }
        }
        if !record.is_put() {
            self.authentic(record)?;
            return Ok(None);
        }
        Ok(Some(record))
    }

    /// `record`, known to be what was written there: a checksum tells of accidents alone. In a
    /// file whose records are not sealed that is all there is.
    #[inline]
    pub(crate) fn authentic(self, record: Record<'g>) -> Result<Record<'g>> {
        match &self.generation.vault {
            None => Ok(record),
            Some(vault) => vault.open(&record).map(|_| record),
        }
    }

    /// `record`, if it does what the index says.
    #[inline]
    fn checked_verb(self, record: Record<'g>, removes: bool) -> Result<Record<'g>> {
        if self.generation.vault.is_some() && record.is_put() == removes {
            return Err(tampered(record.position(), "a record"));
        }
        Ok(record)
    }

    /// What `record` says, if it is not expired, its value verified.
    #[inline]
    pub(crate) fn checked(
        self,
        record: Record<'g>,
        now: impl FnOnce() -> u64,
    ) -> Result<Option<DecodedRecord<'g>>> {
        Ok(match self.live(record, now)? {
            Some(record) => Some(self.entry(record)?),
            None => None,
        })
    }

    /// `record`, if it is not expired.
    #[inline]
    pub(crate) fn live(
        self,
        record: Record<'g>,
        now: impl FnOnce() -> u64,
    ) -> Result<Option<Record<'g>>> {
        if is_expired(&record, now) {
            self.authentic(record)?;
            return Ok(None);
        }
        Ok(Some(record))
    }

    /// Whether the value is what was written; told by the seal where there is one.
    #[inline(always)]
    pub(crate) fn verify_value(self, record: Record<'_>) -> Result<()> {
        if self.verify && !record.verify_value(self.generation.place) {
            return Err(damaged_value(record.value_position()));
        }
        Ok(())
    }
}

#[cold]
fn damaged_value(at: u64) -> Error {
    Error::corrupted(at, "a value fails its checksum")
}

/// Apart from the lookup, which seldom comes here.
#[cold]
fn damaged(position: u64, fits: bool) -> Error {
    let reason = if fits {
        "a record's head fails its checksum"
    } else {
        "a record does not fit where it should be"
    };
    Error::corrupted(position, reason)
}

/// The one expiry check.
#[inline]
pub(crate) fn is_expired(record: &Record<'_>, now: impl FnOnce() -> u64) -> bool {
    record.expiry().is_some_and(|at| at <= now())
}

/// One committed state, held for a while: what an iterator or a transaction reads from.
#[derive(Debug, Clone)]
pub(crate) struct ReadView {
    pub(crate) pin: Arc<Pin>,
    registered: Arc<RegisteredView>,
    /// When it began; expiry is judged by that.
    now: u64,
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

    /// What `namespace` held; none if it began later.
    pub(crate) fn incarnation(&self, namespace: &NamespaceState) -> Option<Arc<Incarnation>> {
        let guard = crossbeam_epoch::pin();
        let (versions, watermark) = (namespace.versions(&guard), self.registered.watermark());
        if versions.handle.is(&self.pin.generation) {
            return versions.at(watermark).cloned();
        }
        // The journal has been compacted since.
        self.pin.generation.retired.get()?.incarnation(namespace, watermark).cloned()
    }

    /// The namespaces that there were.
    pub(crate) fn namespaces(&self, engine: &Engine) -> Vec<Arc<NamespaceState>> {
        lock(&engine.names).seen(&self.pin.generation, self.registered.watermark())
    }

    /// The namespace that had this name.
    pub(crate) fn namespace(&self, engine: &Engine, name: &str) -> Option<Arc<NamespaceState>> {
        lock(&engine.names).at(name, &self.pin.generation, self.registered.watermark())
    }

    pub(crate) fn watermark(&self) -> u64 {
        self.registered.watermark()
    }

    /// When this state began, in unix milliseconds.
    pub(crate) fn now(&self) -> u64 {
        self.now
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
        let guard = crossbeam_epoch::pin();
        let reader = self.reader();
        match reader.newest(&incarnation.table, stored_key, hash, &guard)? {
            Some(record) => reader.version(record, self.registered.watermark()),
            None => Ok(None),
        }
    }

    /// What is left of `version`, if it is live in this state.
    #[inline]
    fn live<'a>(
        &self,
        version: Option<Record<'a>>,
        reader: Reader<'a>,
    ) -> Result<Option<Record<'a>>> {
        match version {
            Some(record) => reader.live(record, || self.now),
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

    /// What the order of `incarnation` needs of this state.
    pub(crate) fn anchors<'a>(&'a self, incarnation: &'a Incarnation) -> Anchors<'a> {
        Anchors { reader: self.reader(), table: &incarnation.table, views: self.registered.all() }
    }

    /// What the key of `record`, which is any version of it, was in this state, if that is live.
    #[inline(always)]
    pub(crate) fn resolve<'a>(
        &'a self,
        incarnation: &Incarnation,
        record: Record<'a>,
    ) -> Result<Option<Record<'a>>> {
        let position = record.position();
        let watermark = self.registered.watermark();
        let is_newest = position < watermark && !self.pin.generation.superseded.get(position);
        // Most are, and live: short enough to become a part of a walk.
        if is_newest && record.is_put() && record.expiry().is_none() {
            return Ok(Some(record));
        }
        self.resolve_other(incarnation, record, is_newest)
    }

    #[inline(never)]
    fn resolve_other<'a>(
        &'a self,
        incarnation: &Incarnation,
        record: Record<'a>,
        is_newest: bool,
    ) -> Result<Option<Record<'a>>> {
        if is_newest {
            if !record.is_put() {
                return self.reader().authentic(record).map(|_| None);
            }
            return self.reader().live(record, || self.now);
        }
        let watermark = self.registered.watermark();
        let version = if record.position() < watermark {
            let hash = self.pin.generation.hash(record.key());
            self.stored_as(incarnation, record.key(), hash)?
        } else {
            self.reader().version(record, watermark)?
        };
        self.live(version, self.reader())
    }

    /// What the record at `position`, the newest of its key, was in this state, if that is live.
    pub(crate) fn seen(&self, position: u64) -> Result<Option<Record<'_>>> {
        self.seen_by(self.reader(), position)
    }

    /// As [`ReadView::seen`], by way of `reader`, which is of the same generation.
    pub(crate) fn seen_by<'a>(
        &self,
        reader: Reader<'a>,
        position: u64,
    ) -> Result<Option<Record<'a>>> {
        self.live(reader.version(reader.record(position)?, self.registered.watermark())?, reader)
    }
}

/// A namespace at what is committed now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Present<'g> {
    pub(crate) handle: &'g GenerationHandle,
    pub(crate) incarnation: &'g Arc<Incarnation>,
    pub(crate) watermark: u64,
}

impl Engine {
    /// The generation that is written to. For whoever has the right to write it stays the same.
    #[inline]
    pub(crate) fn generation<'g>(&self, guard: &'g Guard) -> &'g GenerationHandle {
        // Compaction carries the default namespace over last.
        &self.default_namespace.versions(guard).handle
    }

    #[inline]
    pub(crate) fn reader<'g>(&self, handle: &'g GenerationHandle) -> Reader<'g> {
        Reader { generation: &handle.generation, verify: self.verify }
    }

    /// Holds what is committed now.
    pub(crate) fn read_view(&self) -> ReadView {
        let guard = crossbeam_epoch::pin();
        let handle = self.generation(&guard);
        let generation = &handle.generation;
        let registered = Arc::new(generation.views.register(&generation.committed.0));
        ReadView {
            pin: handle.pin().clone(),
            registered,
            now: self.clock.now(),
            verify: self.verify,
        }
    }

    /// What `namespace` holds, at what is committed now.
    #[inline]
    pub(crate) fn present<'g>(
        &self,
        namespace: &NamespaceState,
        guard: &'g Guard,
    ) -> Result<Present<'g>> {
        loop {
            let versions = namespace.versions(guard);
            let watermark = versions.handle.generation.watermark();
            // None when the namespace was cleared since it was looked at, which was then during
            // this call: what came after is right as well.
            if let Some(incarnation) = versions.at(watermark) {
                namespace.check()?;
                return Ok(Present { handle: &versions.handle, incarnation, watermark });
            }
        }
    }

    /// The committed record of `key`, expired or not, its value unverified. It lasts as long as
    /// the guard, or a pin that is taken before that goes.
    #[inline]
    pub(crate) fn find<'g>(
        &self,
        namespace: &NamespaceState,
        key: &[u8],
        guard: &'g Guard,
    ) -> Result<Option<(Record<'g>, &'g GenerationHandle)>> {
        let Present { handle, incarnation, watermark } = self.present(namespace, guard)?;
        let reader = self.reader(handle);
        let stored_key = reader.generation.stored_key(incarnation.id, key);
        let (stored, hash) = (stored_key.stored(), stored_key.hash);
        let Some(record) = reader.newest(&incarnation.table, stored, hash, guard)? else {
            return Ok(None);
        };
        Ok(reader.version(record, watermark)?.map(|record| (record, handle)))
    }

    /// What the live record of `key` says, verified; otherwise as [`Engine::find`].
    #[inline]
    pub(crate) fn get<'g>(
        &self,
        namespace: &NamespaceState,
        key: &[u8],
        guard: &'g Guard,
    ) -> Result<Option<(DecodedRecord<'g>, &'g GenerationHandle)>> {
        let Some((record, handle)) = self.find(namespace, key, guard)? else { return Ok(None) };
        let entry = self.reader(handle).checked(record, || self.clock.now())?;
        Ok(entry.map(|entry| (entry, handle)))
    }
}

impl Engine {
    /// Whether the record is expired now.
    pub(crate) fn is_expired(&self, record: &Record<'_>) -> bool {
        is_expired(record, || self.clock.now())
    }

    /// When `key`, if it is there, expires.
    pub(crate) fn expires_at(&self, namespace: &NamespaceState, key: &[u8]) -> Result<Option<u64>> {
        let guard = crossbeam_epoch::pin();
        let Some((record, handle)) = self.find(namespace, key, &guard)? else { return Ok(None) };
        Ok(self.reader(handle).authentic(record)?.expiry())
    }

    /// The expiry of what is written without one of its own. What the library keeps for itself
    /// never expires by default.
    #[inline]
    pub(crate) fn default_expiry(&self, namespace: &NamespaceState) -> Result<Option<u64>> {
        let ttl = self.default_ttl.filter(|_| !namespace.is_internal());
        ttl.map(|ttl| self.clock.after(ttl)).transpose()
    }
}

/// So that callers need not know the clock's type.
pub(crate) type Time = Arc<Clock>;
