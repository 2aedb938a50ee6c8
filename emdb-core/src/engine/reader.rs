//! Records of one generation, verified: the steps of every lookup.

use std::ops::ControlFlow;

use crossbeam_epoch::Guard;

use crate::crypto::tampered;
use crate::engine::decoded::DecodedRecord;
use crate::error::{Error, Result};
use crate::format::record::Record;
use crate::format::sealed::Decrypted;
use crate::index::hash::Table;
use crate::index::hash::slot::Likely;
use crate::mvcc::generation::Generation;

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
        match self.generation.journal.memory.record_ahead(position) {
            Some(record) if !self.verify || record.verify_head(self.generation.journal.place) => {
                Ok(record)
            }
            found => Err(damaged(position, found.is_some())),
        }
    }

    /// The outcome of most lookups, in few steps: that no record has the key, or the whole record of one
    /// that was put below `watermark`, and does not expire. `None` tells nothing: the lookup is to
    /// be made step by step.
    #[inline(always)]
    pub(crate) fn usual(
        self,
        table: &Table,
        (key, hash): (&[u8], u64),
        watermark: u64,
        guard: &Guard,
    ) -> Option<Option<Record<'g>>> {
        match table.likely(hash, guard) {
            Likely::Absent => Some(None),
            Likely::At(position) => self.usual_at(position, key, watermark).map(Some),
            Likely::Elsewhere => None,
        }
    }

    /// The same of a key that the index led to `position` for, at a moment since the watermark was.
    #[inline(always)]
    pub(crate) fn usual_at(self, position: u64, key: &[u8], watermark: u64) -> Option<Record<'g>> {
        let journal = &self.generation.journal;
        let record = journal.memory.record_ahead(position)?;
        let is_it = position < watermark && record.is_lasting_put() && record.has_key(key);
        (is_it && (!self.verify || record.verify(journal.place))).then_some(record)
    }

    /// Whether records are not sealed.
    #[inline(always)]
    pub(crate) fn is_plain(self) -> bool {
        self.generation.journal.vault.is_none()
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
        match table.likely(hash, guard) {
            Likely::Absent => return Ok(None),
            Likely::At(position) if self.is_plain() => {
                let record = self.generation.journal.memory.record_ahead(position);
                if let Some(record) = record.filter(|record| record.has_key(key))
                    && (!self.verify || record.verify_head(self.generation.journal.place))
                {
                    return Ok(Some(record));
                }
            }
            Likely::At(_) | Likely::Elsewhere => {}
        }
        self.newest_by_steps(table, key, hash, guard)
    }

    /// [`Reader::newest`] whatever comes.
    #[inline(never)]
    fn newest_by_steps(
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
            Err(_) if self.settle(table, hash, guard) => {
                self.newest_by_steps(table, key, hash, guard)
            }
            Err(_) => self.newest_in_journal(table, key),
        }
    }

    /// The version of `record` that was the newest at `watermark`.
    #[inline]
    pub(crate) fn version(
        self,
        mut record: Record<'g>,
        watermark: u64,
    ) -> Result<Option<Record<'g>>> {
        while record.position() >= watermark {
            match self.authentic(record)?.previous() {
                Some(position) => {
                    debug_assert!(position < record.position(), "links lead backwards");
                    record = self.record(position)?;
                }
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
        match &self.generation.journal.vault {
            None => Ok(record),
            Some(vault) => vault.decrypt(&record).map(|_| record),
        }
    }

    /// `record`, if it does what the index says.
    #[inline]
    fn checked_verb(self, record: Record<'g>, removes: bool) -> Result<Record<'g>> {
        if self.generation.journal.vault.is_some() && record.is_put() == removes {
            return Err(tampered(record.position(), "a record"));
        }
        Ok(record)
    }

    /// The record decoded, if it is not expired, its value verified.
    #[inline]
    pub(crate) fn checked(
        self,
        record: Record<'g>,
        passed: impl FnOnce(u64) -> bool,
    ) -> Result<Option<DecodedRecord<'g>>> {
        Ok(match self.live(record, passed)? {
            Some(record) => Some(self.decode(record)?),
            None => None,
        })
    }

    /// `record`, if it is not expired.
    #[inline]
    pub(crate) fn live(
        self,
        record: Record<'g>,
        passed: impl FnOnce(u64) -> bool,
    ) -> Result<Option<Record<'g>>> {
        if is_expired(&record, passed) {
            self.authentic(record)?;
            return Ok(None);
        }
        Ok(Some(record))
    }

    /// The record decoded, its value verified.
    #[inline]
    pub(crate) fn decode(self, record: Record<'g>) -> Result<DecodedRecord<'g>> {
        Ok(DecodedRecord::new(record, self.decrypt(record, true)?))
    }

    /// The decrypted content of the record, if it is sealed. If not, its value is verified if it is
    /// wanted.
    #[inline(always)]
    pub(crate) fn decrypt(self, record: Record<'g>, value: bool) -> Result<Option<Decrypted>> {
        match &self.generation.journal.vault {
            None if value => self.verify_value(record).map(|()| None),
            None => Ok(None),
            Some(vault) => vault.decrypt(&record).map(Some),
        }
    }

    /// As [`Reader::decode`], for a caller that wants the key: the value is verified only where it
    /// can't be told apart.
    #[inline]
    pub(crate) fn decode_key(self, record: Record<'g>) -> Result<DecodedRecord<'g>> {
        Ok(DecodedRecord::new(record, self.decrypt(record, false)?))
    }

    /// Whether the value is what was written; told by the seal where there is one.
    #[inline(always)]
    pub(crate) fn verify_value(self, record: Record<'_>) -> Result<()> {
        if self.verify && !record.verify_value(self.generation.journal.place) {
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

/// The one expiry check: `passed` tells whether a moment has passed.
#[inline]
pub(crate) fn is_expired(record: &Record<'_>, passed: impl FnOnce(u64) -> bool) -> bool {
    record.expiry().is_some_and(passed)
}
