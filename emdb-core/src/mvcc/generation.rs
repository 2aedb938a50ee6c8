//! Generations: a journal with what is known of its states, and the handles that keep it mapped.
//!
//! Compaction replaces the journal by one that holds what is live. Whoever reads goes on in the
//! generation that it began with, which lasts as long as anybody does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::crypto::Vault;
use crate::index::ordered::Superseded;
use crate::journal::file::Journal;
use crate::mvcc::retired::Retired;
use crate::mvcc::views::{RegisteredView, ViewRegistry};

/// A journal, with which of its states are looked at, and what it held when it was replaced.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) journal: Journal,
    /// All generations of a file have the same.
    pub(crate) hash_seed: u64,
    /// The views of its states.
    pub(crate) views: Arc<ViewRegistry>,
    /// The records of ordered namespaces that have successors.
    pub(crate) superseded: Superseded,
    /// The namespaces when another generation took over.
    pub(crate) retired: OnceLock<Retired>,
}

impl Generation {
    pub(crate) fn new(journal: Journal, hash_seed: u64) -> Generation {
        Generation {
            journal,
            hash_seed,
            views: Arc::default(),
            superseded: Superseded::default(),
            retired: OnceLock::new(),
        }
    }

    /// The stored key of `key` in the incarnation `namespace`, by which its records are found.
    #[inline]
    pub(crate) fn stored_key<'k>(&self, namespace: u32, key: &'k [u8]) -> StoredKey<'k> {
        match &self.journal.vault {
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
        self.journal.watermark()
    }

    /// A view of what is committed now.
    pub(crate) fn register_view(&self) -> RegisteredView {
        self.views.register(self.journal.committed())
    }

    /// Below this no view looks, neither a present one nor one to come.
    pub(crate) fn floor(&self) -> u64 {
        self.views.floor(self.journal.committed())
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
