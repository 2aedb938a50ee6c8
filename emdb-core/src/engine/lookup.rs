//! The one lookup of what is committed now.

use std::sync::Arc;

use crossbeam_epoch::Guard;

use crate::engine::Engine;
use crate::engine::decoded::DecodedRecord;
use crate::engine::reader::is_expired;
use crate::error::Result;
use crate::format::record::Record;
use crate::mvcc::generation::GenerationHandle;
use crate::mvcc::incarnation::Incarnation;
use crate::mvcc::namespace::NamespaceState;

/// A namespace at what is committed now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Present<'g> {
    pub(crate) handle: &'g GenerationHandle,
    pub(crate) incarnation: &'g Arc<Incarnation>,
    pub(crate) watermark: u64,
}

impl Engine {
    /// The contents of `namespace` as they are committed now.
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

    /// The live record of `key`, decoded and verified; otherwise as [`Engine::find`].
    #[inline]
    pub(crate) fn get<'g>(
        &self,
        namespace: &NamespaceState,
        key: &[u8],
        guard: &'g Guard,
    ) -> Result<Option<(DecodedRecord<'g>, &'g GenerationHandle)>> {
        let Present { handle, incarnation, watermark } = self.present(namespace, guard)?;
        let reader = self.reader(handle);
        if reader.is_plain() {
            let sought = (key, reader.generation.hash(key));
            if let Some(found) = reader.usual(&incarnation.table, sought, watermark, guard) {
                return Ok(found.map(|record| (DecodedRecord::new(record, None), handle)));
            }
        }
        self.get_by_steps(namespace, key, guard)
    }

    /// [`Engine::get`] whatever comes.
    #[inline(never)]
    fn get_by_steps<'g>(
        &self,
        namespace: &NamespaceState,
        key: &[u8],
        guard: &'g Guard,
    ) -> Result<Option<(DecodedRecord<'g>, &'g GenerationHandle)>> {
        let Some((record, handle)) = self.find(namespace, key, guard)? else { return Ok(None) };
        let entry = self.reader(handle).checked(record, |at| self.clock.has_passed(at))?;
        Ok(entry.map(|entry| (entry, handle)))
    }
}

impl Engine {
    /// Whether the record is expired now.
    pub(crate) fn is_expired(&self, record: &Record<'_>) -> bool {
        is_expired(record, |at| self.clock.has_passed(at))
    }

    /// When `key`, if it is there, expires.
    pub(crate) fn expires_at(&self, namespace: &NamespaceState, key: &[u8]) -> Result<Option<u64>> {
        let guard = crossbeam_epoch::pin();
        let Some((record, handle)) = self.find(namespace, key, &guard)? else { return Ok(None) };
        Ok(self.reader(handle).authentic(record)?.expiry())
    }
}
