//! Collects every mistake of one derive, so that none hides another.
//!
//! Invariant: a collector is always asked for its verdict; one that is dropped without is a bug of
//! the macro, and says so instead of accepting a wrong input in silence.

use std::cell::RefCell;
use std::fmt::Display;

use quote::ToTokens;
use syn::{Error, Result};

/// The mistakes found so far. `None` once the verdict was given.
pub(crate) struct Errors {
    found: RefCell<Option<Vec<Error>>>,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Errors { found: RefCell::new(Some(Vec::new())) }
    }

    /// Reports a mistake on the given tokens.
    pub(crate) fn at(&self, tokens: impl ToTokens, message: impl Display) {
        self.push(Error::new_spanned(tokens, message));
    }

    /// Reports a mistake that already knows its place.
    pub(crate) fn push(&self, error: Error) {
        if let Some(found) = self.found.borrow_mut().as_mut() {
            found.push(error);
        }
    }

    /// `Ok` when there was no mistake; all of them as one error otherwise.
    pub(crate) fn verdict(self) -> Result<()> {
        let found = self.found.borrow_mut().take().unwrap_or_default();
        let mut found = found.into_iter();
        let Some(mut all) = found.next() else { return Ok(()) };
        for next in found {
            all.combine(next);
        }
        Err(all)
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        let unasked = self.found.borrow().is_some();
        if unasked && !std::thread::panicking() {
            panic!("emdb-derive forgot to ask for the mistakes it had collected");
        }
    }
}
