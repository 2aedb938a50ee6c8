//! One journal file with its memory, and the handles that keep it mapped.
//!
//! Compaction replaces the journal by one that holds what is live. Whoever reads goes on in the
//! generation that it began with, which lasts as long as anybody does.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::crypto::{Unlocked, Vault};
use crate::format::header::Sign;
use crate::format::place::Place;
use crate::index::ordered::Superseded;
use crate::mvcc::names::Retired;
use crate::mvcc::views::ViewRegistry;
use crate::os::sync::CachePadded;
use crate::storage::Medium;
use crate::storage::memory::Memory;

/// A journal: its identity, its bytes, and how far it is committed.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) place: Place,
    /// What opens the records, if they are sealed.
    pub(crate) vault: Option<Vault>,
    pub(crate) hash_seed: u64,
    /// Counts the rewrites of the whole file.
    pub(crate) number: u64,
    pub(crate) memory: Memory,
    pub(crate) medium: Arc<dyn Medium>,
    /// The watermark: everything below is committed. Moved by the one writer, after the records
    /// and their index slots are in place.
    pub(crate) committed: CachePadded<AtomicU64>,
    /// Which of its states are looked at.
    pub(crate) views: Arc<ViewRegistry>,
    /// Which records of ordered namespaces have successors.
    pub(crate) superseded: Superseded,
    /// What positions of former generations come to beyond those of this one, so that
    /// `sequence` grows through all of them.
    pub(crate) base: AtomicU64,
    /// What the namespaces held when another generation took over.
    pub(crate) retired: OnceLock<Retired>,
}

impl Generation {
    pub(crate) fn new(
        place: Place,
        hash_seed: u64,
        number: u64,
        memory: Memory,
        medium: Arc<dyn Medium>,
    ) -> Generation {
        Generation {
            place,
            vault: None,
            hash_seed,
            number,
            memory,
            medium,
            committed: CachePadded::default(),
            views: Arc::default(),
            superseded: Superseded::default(),
            base: AtomicU64::new(0),
            retired: OnceLock::new(),
        }
    }

    /// The same with sealed records.
    pub(crate) fn sealed(self, vault: Option<Vault>) -> Generation {
        let place = if vault.is_some() { self.place.sealed() } else { self.place };
        Generation { place, vault, ..self }
    }

    /// The data key, if there is one.
    pub(crate) fn unlocked(&self) -> Option<&Unlocked> {
        self.vault.as_ref().map(|vault| &vault.unlocked)
    }

    /// Who vouches for header slots, if anybody does.
    pub(crate) fn signer(&self) -> Option<&dyn Sign> {
        self.vault.as_ref().map(|vault| &vault.keys as &dyn Sign)
    }

    /// How the records of `key` in the incarnation `namespace` are found.
    #[inline]
    pub(crate) fn stored_key<'k>(&self, namespace: u32, key: &'k [u8]) -> StoredKey<'k> {
        match &self.vault {
            None => StoredKey { hash: self.hash(key), key, fingerprint: None },
            Some(vault) => self.fingerprinted_key(vault, namespace, key),
        }
    }

    #[inline(never)]
    fn fingerprinted_key<'k>(&self, vault: &Vault, namespace: u32, key: &'k [u8]) -> StoredKey<'k> {
        let fingerprint = vault.keys.fingerprint(namespace, key);
        StoredKey { hash: self.hash(&fingerprint), key, fingerprint: Some(fingerprint) }
    }

    /// The stored key's hash in the index: XXH3 (Collet, xxHash specification), seeded with a random
    /// number of this file, so that whoever doesn't know the file can't craft collisions. All
    /// generations have the same seed.
    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        xxh3_64_with_seed(key, self.hash_seed)
    }

    #[inline]
    pub(crate) fn watermark(&self) -> u64 {
        self.committed.0.load(Ordering::Acquire)
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
}

/// A key as the journal has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredKey<'k> {
    pub(crate) hash: u64,
    key: &'k [u8],
    pub(crate) fingerprint: Option<[u8; 16]>,
}

impl StoredKey<'_> {
    /// The key of its records.
    #[inline]
    pub(crate) fn stored(&self) -> &[u8] {
        self.fingerprint.as_ref().map_or(self.key, |fingerprint| fingerprint)
    }
}

/// A generation, with what keeps it mapped.
#[derive(Debug, Clone)]
pub(crate) struct GenerationHandle {
    pub(crate) generation: Arc<Generation>,
    pins: Arc<Pins>,
}

impl GenerationHandle {
    pub(crate) fn new(generation: Generation) -> GenerationHandle {
        GenerationHandle::over(Arc::new(generation))
    }

    /// A generation that others hold as well.
    pub(crate) fn over(generation: Arc<Generation>) -> GenerationHandle {
        let pins = Arc::new(Pins::new(&generation));
        GenerationHandle { generation, pins }
    }

    /// A pin for what is borrowed from the journal.
    #[inline]
    pub(crate) fn pin(&self) -> &Arc<Pin> {
        self.pins.get()
    }

    /// Whether nobody else will take a pin.
    pub(crate) fn is_last(&self) -> bool {
        Arc::strong_count(&self.pins) == 1
    }

    #[inline]
    pub(crate) fn is(&self, generation: &Arc<Generation>) -> bool {
        Arc::ptr_eq(&self.generation, generation)
    }
}

/// Keeps a generation's bytes mapped.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Pin {
    pub(crate) generation: Arc<Generation>,
}

/// Reference counts of one generation, spread over cache lines, so that threads which read at the
/// same time don't write to one.
#[derive(Debug)]
struct Pins(Box<[Arc<Pin>]>);

const STRIPES: usize = 16;

impl Pins {
    fn new(generation: &Arc<Generation>) -> Pins {
        let pin = || Arc::new(Pin { generation: generation.clone() });
        Pins(std::iter::repeat_with(pin).take(STRIPES).collect())
    }

    /// This thread's pin.
    #[inline]
    fn get(&self) -> &Arc<Pin> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static STRIPE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES;
        }
        // A thread that is ending has no locals any more; any stripe serves.
        &self.0[STRIPE.try_with(|s| *s).unwrap_or(0)]
    }
}
