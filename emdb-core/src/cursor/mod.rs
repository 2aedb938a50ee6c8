//! Walks over a namespace: one committed state, with or without a transaction's writes over it.
//!
//! A walk holds its state, and no engine: it outlives every handle.

#![allow(unsafe_code)]

mod hashed;
mod merged;
mod ordered;
mod overlay;
pub(crate) mod range;
mod single;

use std::fmt;
use std::sync::Arc;

use crate::cursor::hashed::Hashed;
use crate::cursor::ordered::Ordered;
use crate::cursor::range::Bounds;
use crate::engine::decoded::DecodedRecord;
use crate::engine::read::ReadView;
use crate::error::{Error, Result};
use crate::format::record::Record;
use crate::format::sealed::Decrypted;
use crate::mvcc::names::Incarnation;
pub(crate) use overlay::Overlay;

/// Where the next item is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Front = 0,
    Back = 1,
}

/// The walk below all iterators.
#[derive(Default)]
pub(crate) struct Walk {
    /// None once the end is reached, so that a finished iterator holds nothing.
    base: Option<Base>,
    overlay: Option<Overlay>,
    /// Keys that don't begin so are passed over.
    prefix: Option<Box<[u8]>>,
    failed: Option<Error>,
    /// Where the walk is, if there is an overlay. Otherwise the base says it.
    here: Option<Found>,
}

impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What it goes over may be of an encrypted file.
        f.debug_struct("Walk").field("failed", &self.failed).finish_non_exhaustive()
    }
}

// One in each walk, made once.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
enum Base {
    Hashed(Hashed),
    Ordered(Ordered),
}

/// What a walk with an overlay came to.
#[derive(Debug)]
enum Found {
    /// A record, its head verified, in memory that the walk's base holds.
    Record(PinnedRecord),
    /// A key that the transaction has written.
    Staged(Vec<u8>),
}

/// What is read only while the walk that found it holds its memory.
#[derive(Debug)]
struct PinnedRecord(DecodedRecord<'static>);

impl PinnedRecord {
    /// # Safety
    /// The memory of the record stays readable as long as the result is used.
    #[inline]
    unsafe fn new(record: Record<'_>, decrypted: Option<Decrypted>) -> PinnedRecord {
        // SAFETY: by the caller.
        PinnedRecord(DecodedRecord::new(unsafe { record.outliving() }, decrypted))
    }

    /// The same, which gives up what was in it: nobody asks a second time.
    fn take(&mut self) -> PinnedRecord {
        PinnedRecord(self.0.take())
    }
}

// SAFETY: a record is a pointer to bytes that nobody writes any more; who has it holds them.
unsafe impl Send for PinnedRecord {}
// SAFETY: as above.
unsafe impl Sync for PinnedRecord {}

impl Walk {
    /// All of an incarnation, in order if it has one.
    pub(crate) fn over(view: ReadView, incarnation: Option<Arc<Incarnation>>) -> Result<Walk> {
        match incarnation {
            Some(incarnation) if incarnation.order.get().is_none() => {
                let base = Base::Hashed(Hashed::new(view, incarnation));
                Ok(Walk { base: Some(base), ..Walk::default() })
            }
            ordered => Walk::range(view, ordered, Bounds::all()),
        }
    }

    /// A range of an incarnation, in order.
    pub(crate) fn range(
        view: ReadView,
        incarnation: Option<Arc<Incarnation>>,
        bounds: Bounds,
    ) -> Result<Walk> {
        let Some(incarnation) = incarnation else { return Ok(Walk::default()) };
        let order = incarnation.order.get().ok_or_else(unordered)?;
        let levels = order.levels(view.anchors(&incarnation))?;
        let ordered = Ordered::new(view, incarnation, levels, bounds);
        Ok(Walk { base: Some(Base::Ordered(ordered)), ..Walk::default() })
    }

    /// Lets a transaction's writes come over the committed state.
    pub(crate) fn with_overlay(mut self, overlay: Overlay) -> Walk {
        self.overlay = Some(overlay);
        self
    }

    /// Lets values unverified: the caller wants keys.
    pub(crate) fn without_values(mut self) -> Walk {
        match &mut self.base {
            Some(Base::Hashed(hashed)) => hashed.without_values(),
            Some(Base::Ordered(ordered)) => ordered.without_values(),
            None => {}
        }
        self
    }

    /// Passes over keys that don't begin with `prefix`.
    #[cfg(feature = "nested")]
    pub(crate) fn only(mut self, prefix: &[u8]) -> Walk {
        self.prefix = Some(prefix.into());
        self
    }

    pub(crate) fn status(&self) -> Result<()> {
        self.failed.as_ref().map_or(Ok(()), |e| Err(e.duplicate()))
    }

    /// The next key with its value, verified, as `make` has it.
    #[inline]
    pub(crate) fn next<T>(&mut self, end: End, make: impl FnOnce(&[u8], &[u8]) -> T) -> Option<T> {
        self.next_entry(end).map(|(key, value)| make(key, value))
    }

    /// As [`Walk::next`], borrowed.
    #[inline]
    pub(crate) fn next_entry(&mut self, end: End) -> Option<(&[u8], &[u8])> {
        if self.go(end) { self.here() } else { None }
    }

    /// The next key; see [`Walk::without_values`].
    pub(crate) fn next_key(&mut self, end: End) -> Option<Vec<u8>> {
        self.next(end, |key, _| key.to_vec())
    }

    /// The item that [`Walk::go`] went to.
    #[inline]
    pub(crate) fn here(&self) -> Option<(&[u8], &[u8])> {
        match &self.overlay {
            None => self.base.as_ref()?.here().map(|found| found.0.pair()),
            Some(overlay) => self.here_over(overlay),
        }
    }

    #[inline(never)]
    fn here_over<'a>(&'a self, overlay: &'a Overlay) -> Option<(&'a [u8], &'a [u8])> {
        match self.here.as_ref()? {
            Found::Record(record) => Some(record.0.pair()),
            Found::Staged(key) => Some((key, overlay.value(key).unwrap_or_default())),
        }
    }

    /// Goes to the next item; tells whether there was one.
    #[inline]
    pub(crate) fn go(&mut self, end: End) -> bool {
        // Most are ready, and then it is few instructions.
        if self.overlay.is_none()
            && self.prefix.is_none()
            && let Some(Base::Ordered(ordered)) = &mut self.base
            && ordered.give(end)
        {
            return true;
        }
        self.go_further(end)
    }

    #[inline(never)]
    fn go_further(&mut self, end: End) -> bool {
        match self.advance(end) {
            Ok(true) => true,
            Ok(false) => {
                self.base = None;
                false
            }
            Err(e) => {
                self.base = None;
                self.overlay = None;
                self.failed = Some(e);
                false
            }
        }
    }

    #[inline]
    fn advance(&mut self, end: End) -> Result<bool> {
        loop {
            let found = match (&mut self.overlay, &mut self.base) {
                (None, Some(base)) => base.go(end)?,
                (None, None) => false,
                (Some(overlay), base) => {
                    self.here = overlay.next(base.as_mut(), end)?;
                    self.here.is_some()
                }
            };
            let passed_over = match &self.prefix {
                Some(prefix) if found => !self.here().is_some_and(|(k, _)| k.starts_with(prefix)),
                _ => false,
            };
            if !passed_over {
                return Ok(found);
            }
        }
    }
}

impl Base {
    #[inline]
    fn go(&mut self, end: End) -> Result<bool> {
        match self {
            // It has no order, and so no other end.
            Base::Hashed(hashed) => hashed.go(),
            Base::Ordered(ordered) => ordered.go(end),
        }
    }

    #[inline]
    fn here(&self) -> Option<&PinnedRecord> {
        match self {
            Base::Hashed(hashed) => hashed.here(),
            Base::Ordered(ordered) => ordered.here(),
        }
    }

    /// The next record, to keep it.
    fn next(&mut self, end: End) -> Result<Option<PinnedRecord>> {
        if !self.go(end)? {
            return Ok(None);
        }
        Ok(match self {
            Base::Hashed(hashed) => hashed.take(),
            Base::Ordered(ordered) => ordered.take(),
        })
    }
}

/// Ranges were asked of a namespace that has no order.
pub(crate) fn unordered() -> Error {
    Error::config(
        "ranges need an ordered namespace: open it by namespace_with(name, \
         NamespaceOptions::new().ordered(true)), or the database with enable_range_scans(true)",
    )
}
