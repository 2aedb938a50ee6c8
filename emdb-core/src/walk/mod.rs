//! Walks over a namespace: one committed state, with or without a transaction's writes over it.
//!
//! A walk holds its state, and no engine: it outlives every handle.

mod hashed;
mod ordered;
mod overlay;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::record::Record;
use crate::range::Bounds;
use crate::store::names::Incarnation;
use crate::store::read::Held;
use hashed::Hashed;
use ordered::Ordered;
pub(crate) use overlay::Overlay;

/// Where the next item is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Front = 0,
    Back = 1,
}

/// The walk below all iterators.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// None once the end is reached, so that a finished iterator holds nothing.
    base: Option<Base>,
    overlay: Option<Overlay>,
    /// Keys that don't begin so are passed over.
    prefix: Option<Box<[u8]>>,
    failed: Option<Error>,
    /// Where the last lent item is.
    lent: Option<Found>,
}

#[derive(Debug)]
enum Base {
    Hashed(Hashed),
    Ordered(Box<Ordered>),
}

/// What a walk came to.
#[derive(Debug)]
enum Found {
    /// The position of a record, its head verified.
    Record(u64),
    /// A key that the transaction has written.
    Staged(Vec<u8>),
}

impl Walk {
    /// All of an incarnation, in order if it has one.
    pub(crate) fn over(held: Held, incarnation: Option<Arc<Incarnation>>) -> Result<Walk> {
        match incarnation {
            Some(incarnation) if incarnation.order.get().is_none() => {
                let base = Base::Hashed(Hashed::new(held, incarnation));
                Ok(Walk { base: Some(base), ..Walk::default() })
            }
            ordered => Walk::range(held, ordered, Bounds::all()),
        }
    }

    /// A range of an incarnation, in order.
    pub(crate) fn range(
        held: Held,
        incarnation: Option<Arc<Incarnation>>,
        bounds: Bounds,
    ) -> Result<Walk> {
        let Some(incarnation) = incarnation else { return Ok(Walk::default()) };
        let order = incarnation.order.get().ok_or_else(unordered)?;
        let levels = order.levels(held.anchors(&incarnation))?;
        let ordered = Ordered::new(held, incarnation, levels, bounds);
        Ok(Walk { base: Some(Base::Ordered(Box::new(ordered))), ..Walk::default() })
    }

    /// Lets a transaction's writes come over the committed state.
    pub(crate) fn with_overlay(mut self, overlay: Overlay) -> Walk {
        self.overlay = Some(overlay);
        self
    }

    /// Passes over keys that don't begin with `prefix`.
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
        let found = self.step(end, true)?;
        let (key, value) = self.entry(&found);
        Some(make(key, value))
    }

    /// As [`Walk::next`], borrowed.
    pub(crate) fn next_entry(&mut self, end: End) -> Option<(&[u8], &[u8])> {
        self.lent = self.step(end, true);
        self.lent.as_ref().map(|found| self.entry(found))
    }

    /// The next key.
    pub(crate) fn next_key(&mut self, end: End) -> Option<Vec<u8>> {
        let found = self.step(end, false)?;
        Some(self.entry(&found).0.to_vec())
    }

    /// What [`Walk::step`] found, until the next step.
    fn entry<'a>(&'a self, found: &'a Found) -> (&'a [u8], &'a [u8]) {
        let entry = match found {
            Found::Record(position) => self.record(*position).map(|r| (r.key(), r.value())),
            Found::Staged(key) => {
                self.overlay.as_ref().map(|o| (&key[..], o.value(key).unwrap_or_default()))
            }
        };
        entry.unwrap_or_default()
    }

    fn record(&self, position: u64) -> Option<Record<'_>> {
        self.base.as_ref()?.held().reader().generation.memory.record(position)
    }

    /// Goes to the next item; `values` says whether its value is wanted, and so verified.
    #[inline]
    fn step(&mut self, end: End, values: bool) -> Option<Found> {
        match self.advance(end, values) {
            Ok(Some(found)) => Some(found),
            Ok(None) => {
                self.base = None;
                None
            }
            Err(e) => {
                self.base = None;
                self.overlay = None;
                self.failed = Some(e);
                None
            }
        }
    }

    fn advance(&mut self, end: End, values: bool) -> Result<Option<Found>> {
        loop {
            let found = match &mut self.overlay {
                None => match &mut self.base {
                    Some(base) => base.next(end)?.map(Found::Record),
                    None => None,
                },
                Some(overlay) => overlay.next(self.base.as_mut(), end)?,
            };
            let Some(found) = found else { return Ok(None) };
            if let Some(prefix) = &self.prefix
                && !self.entry(&found).0.starts_with(prefix)
            {
                continue;
            }
            if let (Found::Record(position), true) = (&found, values)
                && let Some(record) = self.record(*position)
                && let Some(base) = &self.base
            {
                // Expiry was judged by the walk's own time.
                base.held().reader().checked(record, || 0)?;
            }
            return Ok(Some(found));
        }
    }
}

impl Base {
    fn held(&self) -> &Held {
        match self {
            Base::Hashed(hashed) => &hashed.held,
            Base::Ordered(ordered) => &ordered.held,
        }
    }

    fn next(&mut self, end: End) -> Result<Option<u64>> {
        match self {
            // It has no order, and so no other end.
            Base::Hashed(hashed) => hashed.next(),
            Base::Ordered(ordered) => ordered.next(end),
        }
    }

    fn key(&self, position: u64) -> Result<&[u8]> {
        Ok(self.held().reader().record(position)?.key())
    }
}

/// Ranges were asked of a namespace that has no order.
pub(crate) fn unordered() -> Error {
    Error::config(
        "ranges need an ordered namespace: open it by namespace_with(name, \
         NamespaceOptions::new().ordered(true)), or the database with enable_range_scans(true)",
    )
}
