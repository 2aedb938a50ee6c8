//! One journal: its identity, its bytes, and how far it is committed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::crypto::{Unlocked, Vault};
use crate::format::header::Sign;
use crate::format::place::Place;
use crate::os::sync::CachePadded;
use crate::storage::Medium;
use crate::storage::memory::Memory;

/// A journal: the file, or the memory, that a generation of the database is written to.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) place: Place,
    /// The vault that decrypts the records, if they are sealed.
    pub(crate) vault: Option<Vault>,
    /// Counts the rewrites of the whole file.
    pub(crate) number: u64,
    pub(crate) memory: Memory,
    pub(crate) medium: Arc<dyn Medium>,
    /// The watermark: everything below is committed. Moved by the one writer, after the records
    /// and their index slots are in place.
    committed: CachePadded<AtomicU64>,
    /// The distance from positions of this generation to sequence numbers, so that those grow
    /// through all generations.
    base: AtomicU64,
}

impl Journal {
    /// The journal of a file with this place, which is sealed if there is a vault.
    pub(crate) fn new(
        place: Place,
        number: u64,
        (memory, medium): (Memory, Arc<dyn Medium>),
        vault: Option<Vault>,
    ) -> Journal {
        let place = if vault.is_some() { place.sealed() } else { place };
        let (committed, base) = (CachePadded::default(), AtomicU64::new(0));
        Journal { place, vault, number, memory, medium, committed, base }
    }

    /// The data key, if there is one.
    pub(crate) fn unlocked(&self) -> Option<&Unlocked> {
        self.vault.as_ref().map(|vault| &vault.unlocked)
    }

    /// The signer that vouches for header slots, if they are signed.
    pub(crate) fn signer(&self) -> Option<&dyn Sign> {
        self.vault.as_ref().map(|vault| &vault.keys as &dyn Sign)
    }

    #[inline]
    pub(crate) fn watermark(&self) -> u64 {
        self.committed.0.load(Ordering::Acquire)
    }

    /// The watermark itself, for whoever registers a view of it.
    #[inline]
    pub(crate) fn committed(&self) -> &AtomicU64 {
        &self.committed.0
    }

    /// Moves the watermark: all below `end` is committed and visible. Called by the one writer alone.
    #[inline]
    pub(crate) fn commit(&self, end: u64) {
        debug_assert!(end >= self.watermark(), "the watermark only grows");
        self.committed.0.store(end, Ordering::Release);
    }

    /// A position as a number that grows with every commit of the open, whatever is compacted
    /// meanwhile.
    #[inline]
    pub(crate) fn sequence(&self, position: u64) -> u64 {
        position.wrapping_add(self.base.load(Ordering::Relaxed))
    }

    /// The position in this journal of a sequence number.
    pub(crate) fn position(&self, sequence: u64) -> u64 {
        sequence.wrapping_sub(self.base.load(Ordering::Relaxed))
    }

    /// Lets sequence numbers go on where those of a former generation end. Before anybody has one of
    /// this generation.
    pub(crate) fn continue_from(&self, base: u64) {
        self.base.store(base, Ordering::Relaxed);
    }
}
