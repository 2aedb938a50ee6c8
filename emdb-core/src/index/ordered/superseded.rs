//! The records of a journal that have been replaced or removed: one bit for each 64 bytes.
//!
//! An ordered index names a key by any of its records. While that record's bit is not set it is
//! the key's newest, and a scan need not ask the hash index. The bits are set before the
//! watermark moves past the record that replaces, so a reader that finds a bit unset sees nothing
//! newer in its state. A bit that stands for two small records is at worst a needless lookup.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of the journal for each bit.
const GRAIN_BYTES: u64 = 64;
/// Words of a leaf: it stands for 16 MiB of the journal.
const LEAF_WORDS: usize = 4096;
const LEAF_BYTES: u64 = LEAF_WORDS as u64 * 64 * GRAIN_BYTES;
/// Leaves of a branch, and branches: together they reach `MAX_POSITION`.
const BRANCH_LEAVES: usize = 512;

type Leaf = Box<[AtomicU64]>;
type Branch = Box<[OnceLock<Leaf>]>;

#[derive(Debug)]
pub(crate) struct Superseded {
    branches: Box<[OnceLock<Branch>]>,
}

impl Default for Superseded {
    fn default() -> Superseded {
        Superseded { branches: std::iter::repeat_with(OnceLock::new).take(BRANCH_LEAVES).collect() }
    }
}

impl Superseded {
    /// Notes that the record at `position` has a successor.
    pub(crate) fn set(&self, position: u64) {
        let (branch, leaf, word, bit) = split(position);
        let Some(branch) = self.branches.get(branch) else { return };
        let branch = branch.get_or_init(|| {
            std::iter::repeat_with(OnceLock::new).take(BRANCH_LEAVES).collect::<Branch>()
        });
        let leaf = branch[leaf]
            .get_or_init(|| std::iter::repeat_with(AtomicU64::default).take(LEAF_WORDS).collect());
        leaf[word].fetch_or(bit, Ordering::Release);
    }

    /// Whether the record at `position` may have a successor.
    #[inline]
    pub(crate) fn get(&self, position: u64) -> bool {
        let (branch, leaf, word, bit) = split(position);
        let leaf = self.branches.get(branch).and_then(|b| b.get()).and_then(|b| b[leaf].get());
        leaf.is_some_and(|l| l[word].load(Ordering::Acquire) & bit != 0)
    }
}

fn split(position: u64) -> (usize, usize, usize, u64) {
    let leaf = (position / LEAF_BYTES) as usize;
    let bit = position % LEAF_BYTES / GRAIN_BYTES;
    (leaf / BRANCH_LEAVES, leaf % BRANCH_LEAVES, (bit / 64) as usize, 1 << (bit % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::MAX_POSITION;

    #[test]
    fn a_bit_is_set_for_its_record_and_not_for_distant_ones() {
        let bits = Superseded::default();
        let some = [8192, 8192 + 64, LEAF_BYTES - 1, LEAF_BYTES, LEAF_BYTES * 512, MAX_POSITION];
        for (i, &position) in some.iter().enumerate() {
            assert!(!bits.get(position));
            bits.set(position);
            assert!(some[..=i].iter().all(|&p| bits.get(p)));
        }
        assert!(!bits.get(9000));
    }
}
