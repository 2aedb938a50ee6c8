//! Records that a walk has found, in memory that it holds.

#![allow(unsafe_code)]

use crate::engine::decoded::DecodedRecord;
use crate::format::record::Record;
use crate::format::sealed::Decrypted;

/// A record that is read only while the walk that found it holds its memory.
#[derive(Debug)]
pub(super) struct PinnedRecord(pub(super) DecodedRecord<'static>);

impl PinnedRecord {
    /// # Safety
    /// The memory of the record stays readable as long as the result is used.
    #[inline]
    pub(super) unsafe fn new(record: Record<'_>, decrypted: Option<Decrypted>) -> PinnedRecord {
        // SAFETY: by the caller.
        PinnedRecord(DecodedRecord::new(unsafe { record.outliving() }, decrypted))
    }

    /// The same, which gives up what was in it: nobody asks a second time.
    pub(super) fn take(&mut self) -> PinnedRecord {
        PinnedRecord(self.0.take())
    }
}

// SAFETY: a record is a pointer to bytes that nobody writes any more; who has it holds them.
unsafe impl Send for PinnedRecord {}
// SAFETY: as above.
unsafe impl Sync for PinnedRecord {}
