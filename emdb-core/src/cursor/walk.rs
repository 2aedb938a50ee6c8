//! The walk below all iterators: over what is committed, with a transaction's writes over it or without.
//!
//! A walk holds its state, and no engine: it outlives every handle.

use std::fmt;
use std::sync::Arc;

use crate::cursor::base::Base;
use crate::cursor::end::End;
use crate::cursor::hashed::Hashed;
use crate::cursor::ordered::Ordered;
use crate::cursor::overlay::{Found, Overlay};
use crate::cursor::range::Bounds;
#[cfg(feature = "nested")]
use crate::engine::decoded::DecodedRecord;
use crate::engine::read_view::ReadView;
use crate::error::{Error, Result};
use crate::mvcc::incarnation::Incarnation;

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
        // The records that it goes over may be of an encrypted file.
        f.debug_struct("Walk").field("failed", &self.failed).finish_non_exhaustive()
    }
}

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

    /// A few records of an incarnation, in no order, at a cost that is bounded; see
    /// [`Hashed::sample`].
    pub(crate) fn sample(
        view: ReadView,
        incarnation: Option<Arc<Incarnation>>,
        records: usize,
    ) -> Result<Walk> {
        let Some(incarnation) = incarnation else { return Ok(Walk::default()) };
        let hashed = Hashed::sample(view, incarnation, records)?;
        Ok(Walk { base: Some(Base::Hashed(hashed)), ..Walk::default() })
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
        // Most are ready, and then it is few instructions.
        if self.is_ready(end) {
            return self.give(end);
        }
        if self.go(end) { self.here() } else { None }
    }

    /// Whether the next item is a committed record that is ready; see [`Walk::give`].
    #[inline(always)]
    pub(crate) fn is_ready(&self, end: End) -> bool {
        match (&self.base, &self.overlay, &self.prefix) {
            (Some(Base::Ordered(ordered)), None, None) => ordered.is_ready(end),
            _ => false,
        }
    }

    /// The next item, where [`Walk::is_ready`] has said so.
    #[inline(always)]
    pub(crate) fn give(&mut self, end: End) -> Option<(&[u8], &[u8])> {
        match &mut self.base {
            Some(Base::Ordered(ordered)) => ordered.give(end).map(|found| found.0.pair()),
            _ => None,
        }
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
            Some(_) => self.here_over(),
        }
    }

    #[inline(never)]
    fn here_over(&self) -> Option<(&[u8], &[u8])> {
        match self.here.as_ref()? {
            Found::Record(record) => Some(record.0.pair()),
            Found::Staged(write) => Some((&write.key, write.value.as_deref().unwrap_or_default())),
        }
    }

    /// The committed record that [`Walk::go`] went to, in a walk over what is committed alone.
    #[cfg(feature = "nested")]
    pub(crate) fn record(&self) -> Option<&DecodedRecord<'_>> {
        self.base.as_ref()?.here().map(|found| &found.0)
    }

    /// Goes to the next item; tells whether there was one.
    #[inline(never)]
    pub(crate) fn go(&mut self, end: End) -> bool {
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

/// Ranges were asked of a namespace that has no order.
pub(crate) fn unordered() -> Error {
    Error::config(
        "ranges need an ordered namespace: open it by namespace_with(name, \
         NamespaceOptions::new().ordered(true)), or the database with enable_range_scans(true)",
    )
}
