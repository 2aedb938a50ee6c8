//! A walk over what is committed, in the order of the hash index or of keys.

use crate::cursor::end::End;
use crate::cursor::hashed::Hashed;
use crate::cursor::ordered::Ordered;
use crate::cursor::pinned::PinnedRecord;
use crate::error::Result;

// One in each walk, made once.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
pub(super) enum Base {
    Hashed(Hashed),
    Ordered(Ordered),
}

impl Base {
    #[inline]
    pub(super) fn go(&mut self, end: End) -> Result<bool> {
        match self {
            // It has no order, and so no other end.
            Base::Hashed(hashed) => hashed.go(),
            Base::Ordered(ordered) => ordered.go(end),
        }
    }

    #[inline]
    pub(super) fn here(&self) -> Option<&PinnedRecord> {
        match self {
            Base::Hashed(hashed) => hashed.here(),
            Base::Ordered(ordered) => ordered.here(),
        }
    }

    /// The next record, to keep it.
    pub(super) fn next(&mut self, end: End) -> Result<Option<PinnedRecord>> {
        if !self.go(end)? {
            return Ok(None);
        }
        Ok(match self {
            Base::Hashed(hashed) => hashed.take(),
            Base::Ordered(ordered) => ordered.take(),
        })
    }
}
