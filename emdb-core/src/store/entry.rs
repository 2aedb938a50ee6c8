//! What a record says, readable: as it lies in the journal, or opened where records are sealed.

use std::sync::Arc;

use super::generation::Pin;
use super::read::Reader;
use crate::error::Result;
use crate::format::record::Record;
use crate::format::sealed::Opened;
use crate::value::ValueRef;

/// A record with its namespace, key and value.
#[derive(Debug, Clone)]
pub(crate) enum Entry<'g> {
    Plain(Record<'g>),
    Sealed(Record<'g>, Opened),
}

impl<'g> Entry<'g> {
    pub(crate) fn record(&self) -> &Record<'g> {
        match self {
            Entry::Plain(record) | Entry::Sealed(record, _) => record,
        }
    }

    /// The incarnation that the record belongs to.
    pub(crate) fn namespace(&self) -> u32 {
        match self {
            Entry::Plain(record) => record.namespace(),
            Entry::Sealed(_, opened) => opened.namespace,
        }
    }

    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Entry::Plain(record) => record.key(),
            Entry::Sealed(_, opened) => opened.key(),
        }
    }

    #[inline]
    pub(crate) fn value(&self) -> &[u8] {
        match self {
            Entry::Plain(record) => record.value(),
            Entry::Sealed(_, opened) => opened.value(),
        }
    }

    #[inline]
    pub(crate) fn into_value(self) -> Vec<u8> {
        match self {
            Entry::Plain(record) => record.value().to_vec(),
            Entry::Sealed(_, opened) => opened.into_value(),
        }
    }

    pub(crate) fn into_key(self) -> Vec<u8> {
        match self {
            Entry::Plain(record) => record.key().to_vec(),
            Entry::Sealed(_, opened) => opened.into_key(),
        }
    }

    #[inline]
    pub(crate) fn expiry(&self) -> Option<u64> {
        self.record().expiry()
    }

    /// The value, borrowed from the journal where that has it in the clear.
    #[inline]
    pub(crate) fn lend(self, pin: &Arc<Pin>) -> ValueRef {
        match self {
            Entry::Plain(record) => ValueRef::of(record, pin),
            Entry::Sealed(_, opened) => ValueRef::owned(opened.into_value()),
        }
    }
}

impl<'g> Reader<'g> {
    /// What the record says, its value verified.
    #[inline]
    pub(crate) fn entry(self, record: Record<'g>) -> Result<Entry<'g>> {
        match &self.generation.vault {
            None => {
                self.verify_value(record)?;
                Ok(Entry::Plain(record))
            }
            Some(vault) => Ok(Entry::Sealed(record, vault.open(&record)?)),
        }
    }

    /// What is in the record, if it is sealed. If not, its value is verified if it is wanted.
    #[inline]
    pub(crate) fn opened(self, record: Record<'g>, value: bool) -> Result<Option<Opened>> {
        match &self.generation.vault {
            None if value => self.verify_value(record).map(|()| None),
            None => Ok(None),
            Some(vault) => vault.open(&record).map(Some),
        }
    }

    /// As [`Reader::entry`], for a caller that wants the key: the value is verified only where it
    /// can't be told apart.
    #[inline]
    pub(crate) fn key_entry(self, record: Record<'g>) -> Result<Entry<'g>> {
        match &self.generation.vault {
            None => Ok(Entry::Plain(record)),
            Some(_) => self.entry(record),
        }
    }
}
