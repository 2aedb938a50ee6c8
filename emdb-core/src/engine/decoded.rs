//! Records made readable: as it lies in the journal, or decrypted where records are sealed.

use std::sync::Arc;

use crate::engine::value_ref::ValueRef;
use crate::format::record::Record;
use crate::format::sealed::Decrypted;
use crate::mvcc::generation::Pin;

/// A record with its namespace, key and value.
#[derive(Debug, Clone)]
pub(crate) struct DecodedRecord<'g> {
    record: Record<'g>,
    /// Its decrypted content, if it is sealed.
    decrypted: Option<Box<Decrypted>>,
}

impl<'g> DecodedRecord<'g> {
    /// A record, and its decrypted content if it is sealed.
    #[inline]
    pub(crate) fn new(record: Record<'g>, decrypted: Option<Decrypted>) -> DecodedRecord<'g> {
        DecodedRecord { record, decrypted: decrypted.map(Box::new) }
    }

    /// The same, which gives up what was in it.
    #[inline]
    pub(crate) fn take(&mut self) -> DecodedRecord<'g> {
        DecodedRecord { record: self.record, decrypted: self.decrypted.take() }
    }

    pub(crate) fn record(&self) -> &Record<'g> {
        &self.record
    }

    /// The incarnation that the record belongs to.
    pub(crate) fn namespace(&self) -> u32 {
        self.decrypted
            .as_ref()
            .map_or_else(|| self.record.namespace(), |decrypted| decrypted.namespace)
    }

    /// Key and value.
    #[inline]
    pub(crate) fn pair(&self) -> (&[u8], &[u8]) {
        match &self.decrypted {
            None => (self.record.key(), self.record.value()),
            Some(decrypted) => (decrypted.key(), decrypted.value()),
        }
    }

    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        self.pair().0
    }

    #[inline]
    pub(crate) fn value(&self) -> &[u8] {
        self.pair().1
    }

    #[inline]
    pub(crate) fn into_value(self) -> Vec<u8> {
        match self.decrypted {
            None => self.record.value().to_vec(),
            Some(decrypted) => decrypted.into_value(),
        }
    }

    pub(crate) fn into_key(self) -> Vec<u8> {
        match self.decrypted {
            None => self.record.key().to_vec(),
            Some(decrypted) => decrypted.into_key(),
        }
    }

    #[inline]
    pub(crate) fn expiry(&self) -> Option<u64> {
        self.record.expiry()
    }

    /// The value, borrowed from the journal where that has it in the clear.
    #[inline]
    pub(crate) fn into_value_ref(self, pin: &Arc<Pin>) -> ValueRef {
        match self.decrypted {
            None => ValueRef::of(self.record, pin),
            Some(decrypted) => ValueRef::owned(decrypted.into_value()),
        }
    }
}
