//! One journal file with its memory, and the handles that keep it mapped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::format::place::Place;
use crate::order::Superseded;
use crate::storage::Medium;
use crate::storage::memory::Memory;
use crate::sync::Padded;

/// A journal: its identity, its bytes, and how far it is committed.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) place: Place,
    hash_seed: u64,
    pub(crate) memory: Memory,
    pub(crate) medium: Arc<dyn Medium>,
    /// The watermark: everything below is committed. Moved by the one writer, after the records
    /// and their index slots are in place.
    pub(crate) committed: Padded<AtomicU64>,
    /// Which records of ordered namespaces have successors.
    pub(crate) superseded: Superseded,
}

impl Generation {
    pub(crate) fn new(
        place: Place,
        hash_seed: u64,
        memory: Memory,
        medium: Arc<dyn Medium>,
    ) -> Generation {
        Generation {
            place,
            hash_seed,
            memory,
            medium,
            committed: Padded::default(),
            superseded: Superseded::default(),
        }
    }

    /// The key's hash in the index: XXH3 (Collet, xxHash specification), seeded with a random
    /// number of this file, so that whoever doesn't know the file can't craft collisions.
    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        xxh3_64_with_seed(key, self.hash_seed)
    }

    #[inline]
    pub(crate) fn watermark(&self) -> u64 {
        self.committed.0.load(Ordering::Acquire)
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
pub(crate) struct Pins(Box<[Arc<Pin>]>);

const STRIPES: usize = 16;

impl Pins {
    pub(crate) fn new(generation: &Arc<Generation>) -> Pins {
        let pin = || Arc::new(Pin { generation: generation.clone() });
        Pins(std::iter::repeat_with(pin).take(STRIPES).collect())
    }

    /// This thread's pin.
    #[inline]
    pub(crate) fn get(&self) -> &Arc<Pin> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static STRIPE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES;
        }
        // A thread that is ending has no locals any more; any stripe serves.
        &self.0[STRIPE.try_with(|s| *s).unwrap_or(0)]
    }
}
