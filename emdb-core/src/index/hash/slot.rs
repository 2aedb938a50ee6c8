//! One word of the index.
//!
//! ```text
//! tag 18 | tombstone 1 | displacement 3 | position 42
//! ```
//!
//! The tag is the top bits of the key's hash; the displacement tells how many buckets behind its
//! home bucket the slot lies, so that the home bucket is known without the key. Zero is an empty slot:
//! no record lies at position 0.

/// Hash bits in a slot; they also bound how often segments can be split.
pub(crate) const TAG_BITS: u32 = 18;

const TAG_SHIFT: u32 = 64 - TAG_BITS;
const TOMBSTONE: u64 = 1 << 45;
const DISPLACEMENT_SHIFT: u32 = 42;
const POSITION: u64 = (1 << DISPLACEMENT_SHIFT) - 1;

/// Hash bits that choose the home bucket in a segment of full size: 4,096 buckets, 32,768 slots, 256 KiB: splitting one takes far less than a millisecond.
pub(crate) const FULL_BITS: u32 = 12;

/// The place of the home bits in the hash: below the tag.
pub(super) const HOME_SHIFT: u32 = 34;

/// Buckets that a key can lie behind its home, its home among them, where the slot alone says which
/// that is.
pub(crate) const REACH_BUCKETS: usize = 8;

/// The answer of the bucket where a hash belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Likely {
    /// No key has the hash.
    Absent,
    /// The first record that a search would look at: nearly always that of the key.
    At(u64),
    /// The bucket doesn't tell: it is full of others, or not verified yet.
    Elsewhere,
}

/// The home bits of a hash.
#[inline]
pub(crate) fn home_of(hash: u64) -> u16 {
    (hash >> HOME_SHIFT) as u16 & ((1 << FULL_BITS) - 1)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot(pub(crate) u64);

impl Slot {
    #[inline]
    pub(crate) fn new(hash: u64, position: u64, tombstone: bool) -> Slot {
        debug_assert!(position != 0 && position <= POSITION);
        let flag = if tombstone { TOMBSTONE } else { 0 };
        Slot(hash >> TAG_SHIFT << TAG_SHIFT | flag | position)
    }

    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub(crate) fn has_tag_of(self, hash: u64) -> bool {
        (self.0 ^ hash) >> TAG_SHIFT == 0
    }

    pub(crate) fn tag(self) -> u32 {
        (self.0 >> TAG_SHIFT) as u32
    }

    /// The bit of the hash that a segment of this depth is split by.
    pub(crate) fn bit(self, depth: u32) -> bool {
        self.0 >> (63 - depth) & 1 == 1
    }

    #[inline]
    pub(crate) fn position(self) -> u64 {
        self.0 & POSITION
    }

    pub(crate) fn is_tombstone(self) -> bool {
        self.0 & TOMBSTONE != 0
    }

    /// Whether any view, of which none is older than `oldest`, can ask for it.
    pub(crate) fn is_needed(self, oldest: u64) -> bool {
        !(self.is_tombstone() && self.position() < oldest)
    }

    pub(crate) fn displacement(self) -> usize {
        (self.0 >> DISPLACEMENT_SHIFT) as usize & (REACH_BUCKETS - 1)
    }

    /// The slot of the same key in the same place that points elsewhere.
    pub(crate) fn pointing(self, position: u64, tombstone: bool) -> Slot {
        let flag = if tombstone { TOMBSTONE } else { 0 };
        Slot(self.0 & !(POSITION | TOMBSTONE) | flag | position & POSITION)
    }

    /// The slot so many buckets behind its home. From [`REACH_BUCKETS`] buckets on it doesn't say how many.
    #[inline]
    pub(crate) fn displaced(self, buckets: usize) -> Slot {
        const DISPLACEMENT_MAX_BUCKETS: u64 = REACH_BUCKETS as u64 - 1;
        let buckets = DISPLACEMENT_MAX_BUCKETS.min(buckets as u64);
        Slot(
            self.0 & !(DISPLACEMENT_MAX_BUCKETS << DISPLACEMENT_SHIFT)
                | buckets << DISPLACEMENT_SHIFT,
        )
    }
}
