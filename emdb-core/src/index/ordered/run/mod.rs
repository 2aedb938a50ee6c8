//! A sorted, immutable array of keys: for each one the position of a record of it, and eight bytes
//! of the key.
//!
//! Those eight bytes (the *window*) are the ones behind what all keys of the run begin with, so
//! that they tell most keys apart; where they don't, keys are compared in the journal. A search
//! goes through a static tree of every sixteenth window, which stays in the cache.

mod build;

pub(crate) use build::RunBuilder;

use std::cmp::Ordering;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::error::Result;
use crate::index::ordered::keys::Keys;
use crate::index::ordered::words::Words;
use crate::storage::memory::prefetch_line;

/// Entries below each entry of the tree.
const NODE_ENTRIES: usize = 16;

#[derive(Default)]
pub(crate) struct Run {
    /// A bit for each entry whose key has gone and that no view can see any more.
    gone: Vec<AtomicU64>,
    /// The prefix that all keys share.
    common: Box<[u8]>,
    windows: Words,
    positions: Words,
    /// Every sixteenth window, every sixteenth of those, and so on.
    tree: Vec<Vec<u64>>,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Parts of keys are in it, which may be of an encrypted file.
        f.debug_struct("Run").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Run {
    pub(crate) fn len(&self) -> usize {
        self.positions.len()
    }

    /// As [`Run::position`], for an entry that exists.
    #[inline]
    pub(crate) fn at(&self, at: usize) -> u64 {
        self.positions[at]
    }

    /// Lets the entry be passed over from now on, if it is the one for this record of `key`.
    pub(crate) fn bury<'k>(&self, key: &[u8], position: u64, keys: impl Keys<'k>) -> Result<()> {
        let at = self.search(key, false, keys)?;
        if self.position(at) == Some(position) {
            self.gone[at / 64].fetch_or(1 << (at % 64), Relaxed);
        }
        Ok(())
    }

    #[inline]
    fn is_gone(&self, at: usize) -> bool {
        self.gone[at / 64].load(Relaxed) >> (at % 64) & 1 != 0
    }

    /// The first entry from `from` on, before `to`, that is not gone; `to` if all are.
    #[inline]
    pub(crate) fn skip(&self, mut from: usize, to: usize) -> usize {
        while from < to && self.is_gone(from) {
            // The rest of a word at once.
            let left = !(self.gone[from / 64].load(Relaxed) >> (from % 64));
            from += (left.trailing_zeros() as usize).min(64 - from % 64);
        }
        from.min(to)
    }

    /// The boundary behind the last entry before `from`, not before `to`, that is not gone; `to`
    /// if all are.
    #[inline]
    pub(crate) fn skip_back(&self, mut from: usize, to: usize) -> usize {
        while from > to && self.is_gone(from - 1) {
            let last = from - 1;
            let left = !(self.gone[last / 64].load(Relaxed) << (63 - last % 64));
            from -= (left.leading_zeros() as usize).min(last % 64 + 1);
        }
        from.max(to)
    }

    /// The record that stands for the key at `at`.
    #[inline]
    pub(crate) fn position(&self, at: usize) -> Option<u64> {
        self.positions.get(at).copied()
    }

    /// Bytes of memory that the run takes.
    pub(crate) fn bytes(&self) -> usize {
        let tree: usize = self.tree.iter().map(Vec::len).sum();
        let words = (self.gone.len() + tree) * size_of::<u64>();
        self.common.len() + words + self.windows.bytes() + self.positions.bytes()
    }

    /// As [`Run::search`], or a few entries away: before it, with `behind` behind it. Reads no
    /// key unless many are alike.
    pub(crate) fn search_near<'k>(
        &self,
        key: &[u8],
        behind: bool,
        keys: impl Keys<'k>,
    ) -> Result<usize> {
        let (low, ties) = match self.alike(key) {
            Ok(alike) => alike,
            Err(at) => return Ok(at),
        };
        match ties {
            NODE_ENTRIES => self.search(key, behind, keys),
            few => Ok(if behind { low + few } else { low }),
        }
    }

    /// The first entry that windows don't tell from `key` and how many there are, up to `NODE_ENTRIES`; or
    /// where it would be if they tell it from all.
    fn alike(&self, key: &[u8]) -> std::result::Result<(usize, usize), usize> {
        let skip = self.common.len();
        match key[..skip.min(key.len())].cmp(&self.common) {
            Ordering::Less => return Err(0),
            Ordering::Greater => return Err(self.len()),
            Ordering::Equal => {}
        }
        let window = window(key, skip);
        let low = self.lower_bound(window);
        let ties =
            self.windows[low..].iter().take(NODE_ENTRIES).take_while(|w| **w == window).count();
        if ties == 0 { Err(low) } else { Ok((low, ties)) }
    }

    /// The first entry whose key is not below `key`; with `behind`, the first whose key is above.
    pub(crate) fn search<'k>(
        &self,
        key: &[u8],
        behind: bool,
        keys: impl Keys<'k>,
    ) -> Result<usize> {
        let (mut low, ties) = match self.alike(key) {
            Ok(alike) => alike,
            Err(at) => return Ok(at),
        };
        let mut high = low + ties;
        if ties == NODE_ENTRIES {
            let next = self.windows[low].checked_add(1);
            high = next.map_or(self.len(), |next| self.lower_bound(next));
        }
        while low < high {
            let middle = low + (high - low) / 2;
            let found = keys.key(self.positions[middle])?;
            if *found < *key || behind && *found == *key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// The first entry whose window is not below `window`.
    fn lower_bound(&self, window: u64) -> usize {
        let mut at = match self.tree.last() {
            Some(top) => count_below(top, window),
            None => return count_below(&self.windows, window),
        };
        let levels = self.tree.iter().rev().skip(1).map(|level| &level[..]);
        let lower = levels.chain([&self.windows[..]]);
        for level in lower {
            // The answer lies in the block of the last entry that is below, or at its end.
            let Some(block) = at.checked_sub(1) else { return 0 };
            let from = block * NODE_ENTRIES;
            let to = (from + NODE_ENTRIES).min(level.len());
            if level.len() == self.positions.len() {
                // The positions will be asked for next.
                prefetch_line(self.positions[from..].as_ptr().cast());
                prefetch_line(self.positions[from + (to - from) / 2..].as_ptr().cast());
            }
            at = from + count_below(&level[from..to], window);
        }
        at
    }
}

/// How many of a few sorted windows are below `window`.
#[inline]
fn count_below(windows: &[u64], window: u64) -> usize {
    windows.partition_point(|w| *w < window)
}

/// How many bytes two keys share at the front.
fn shared(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Eight bytes of `key` from `skip` on, or zeros behind its end, as a number that sorts as they do.
#[inline]
fn window(key: &[u8], skip: usize) -> u64 {
    let rest = key.get(skip..).unwrap_or_default();
    let mut bytes = [0; 8];
    match rest.first_chunk::<8>() {
        Some(first) => bytes = *first,
        None => bytes[..rest.len()].copy_from_slice(rest),
    }
    u64::from_be_bytes(bytes)
}
