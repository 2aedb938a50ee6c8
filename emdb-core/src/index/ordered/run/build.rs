//! Making runs: by sorting, and by merging two.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::error::Result;
use crate::index::ordered::keys::Keys;
use crate::index::ordered::run::{NODE_ENTRIES, Run, shared, window};
use crate::index::ordered::words::{Words, WordsBuilder};

/// The number of keys ahead for which memory is asked.
const AHEAD_KEYS: usize = 16;

/// A window, and a position.
type Entry = (u64, u64);

impl Run {
    /// The keys of these records, each once.
    pub(crate) fn sort<'k>(positions: &[u64], keys: impl Keys<'k>) -> Result<Run> {
        let mut common: Option<Vec<u8>> = None;
        for (i, &position) in positions.iter().enumerate() {
            if let Some(&later) = positions.get(i + AHEAD_KEYS) {
                keys.prefetch(later, 0);
            }
            let key = keys.key(position)?;
            match &mut common {
                Some(common) => common.truncate(shared(common, &key)),
                None => common = Some(key.into_owned()),
            }
        }
        let common = common.unwrap_or_default();
        let mut entries = Vec::with_capacity(positions.len());
        for (i, &position) in positions.iter().enumerate() {
            if let Some(&later) = positions.get(i + AHEAD_KEYS) {
                keys.prefetch(later, 0);
            }
            entries.push((window(&keys.key(position)?, common.len()), position));
        }
        entries.sort_unstable();
        let mut builder = Builder::new(&common, entries.len());
        for group in entries.chunk_by(|a, b| a.0 == b.0) {
            if let [entry] = group {
                builder.push(*entry);
            } else {
                builder.push_tied(group, keys)?;
            }
        }
        Ok(builder.finish())
    }

    /// The keys of a map from keys to positions.
    pub(crate) fn of_sorted<'a>(entries: impl Iterator<Item = (&'a [u8], u64)> + Clone) -> Run {
        let mut keys = entries.clone().map(|(key, _)| key);
        let first = keys.next().unwrap_or_default();
        // Between the first and the last key in order, all begin as those two do.
        let common = &first[..shared(first, keys.last().unwrap_or(first))];
        let mut builder = Builder::new(common, 0);
        for (key, position) in entries {
            builder.push((window(key, common.len()), position));
        }
        builder.finish()
    }

    /// The keys of both runs, each once. `fresh` gives for each record the one that stands for
    /// its key from now on; none for a key that is gone.
    pub(crate) fn merge<'k>(
        &self,
        other: &Run,
        keys: impl Keys<'k>,
        mut fresh: impl FnMut(u64) -> Result<Option<u64>>,
    ) -> Result<Run> {
        let mut common = &self.common[..];
        if other.len() > 0 {
            common = &common[..shared(common, &other.common)];
        }
        let mut builder = Builder::new(common, self.len() + other.len());
        let mut left = self.seen_from(common.len()).peekable();
        let mut right = other.seen_from(common.len()).peekable();
        while let Some((window, position)) = lesser(&mut left, &mut right, keys)? {
            if let Some(position) = fresh(position)? {
                builder.push((window, position));
            }
        }
        Ok(builder.finish())
    }

    /// The run of these windows, sorted by their keys, and positions.
    pub(crate) fn of_words(common: Box<[u8]>, windows: Words, positions: Words) -> Run {
        let words = positions.len().div_ceil(64);
        let gone = std::iter::repeat_with(AtomicU64::default).take(words).collect();
        let sample =
            |level: &[u64]| level.iter().step_by(NODE_ENTRIES).copied().collect::<Vec<_>>();
        let mut tree: Vec<Vec<u64>> = Vec::new();
        loop {
            let level = tree.last().map_or(&windows[..], |level| &level[..]);
            if level.len() <= 2 * NODE_ENTRIES {
                break;
            }
            let above = sample(level);
            tree.push(above);
        }
        Run { gone, common, windows, positions, tree }
    }

    /// Shows the keys of all of `runs` in order, each once, as windows behind the common bytes,
    /// which it gives, and newest records.
    pub(crate) fn walk_all<'k>(
        runs: &[Arc<Run>],
        keys: impl Keys<'k>,
        mut visit: impl FnMut(u64, u64) -> Result<()>,
    ) -> Result<Box<[u8]>> {
        let mut commons = runs.iter().filter(|r| r.len() > 0).map(|r| &r.common[..]);
        let first = commons.next().unwrap_or_default();
        let common = commons.fold(first, |common, other| &common[..shared(common, other)]);
        let mut heads: Vec<_> =
            runs.iter().map(|run| run.seen_from(common.len()).peekable()).collect();
        loop {
            // Of runs that show the same key, the newest record.
            let mut least: Option<(usize, Entry)> = None;
            let mut at = 0;
            while at < heads.len() {
                let Some(&head) = heads[at].peek() else {
                    // The last one stands here now; the least so far lies before.
                    drop(heads.swap_remove(at));
                    continue;
                };
                let Some((other, entry)) = least else {
                    least = Some((at, head));
                    at += 1;
                    continue;
                };
                let order = match head.0.cmp(&entry.0) {
                    Ordering::Equal => keys.key(head.1)?.cmp(&keys.key(entry.1)?),
                    unequal => unequal,
                };
                match order {
                    Ordering::Greater => {}
                    Ordering::Less => least = Some((at, head)),
                    Ordering::Equal if head.1 > entry.1 => {
                        heads[other].next();
                        least = Some((at, head));
                    }
                    Ordering::Equal => {
                        heads[at].next();
                        continue;
                    }
                }
                at += 1;
            }
            let Some((at, (window, position))) = least else { return Ok(common.into()) };
            heads[at].next();
            visit(window, position)?;
        }
    }

    /// The entries with windows that begin at byte `skip`, which is in or right behind the common
    /// bytes.
    fn seen_from(&self, skip: usize) -> impl Iterator<Item = Entry> {
        let rest = self.common.get(skip..).unwrap_or_default();
        let (high, shift) = (window(rest, 0), rest.len().min(8) as u32 * 8);
        let entries = self.windows.iter().zip(&self.positions[..]);
        let left = entries.enumerate().filter(|(at, _)| !self.is_gone(*at));
        left.map(move |(_, (&w, &p))| (high | w.checked_shr(shift).unwrap_or(0), p))
    }
}

/// The next entry of the merge of two runs; of two for the same key the newer record.
fn lesser<'k>(
    left: &mut Peekable<impl Iterator<Item = Entry>>,
    right: &mut Peekable<impl Iterator<Item = Entry>>,
    keys: impl Keys<'k>,
) -> Result<Option<Entry>> {
    let (Some(&l), Some(&r)) = (left.peek(), right.peek()) else {
        return Ok(left.next().or_else(|| right.next()));
    };
    let order = match l.0.cmp(&r.0) {
        Ordering::Equal => keys.key(l.1)?.cmp(&keys.key(r.1)?),
        unequal => unequal,
    };
    Ok(match order {
        Ordering::Less => left.next(),
        Ordering::Greater => right.next(),
        Ordering::Equal => {
            left.next();
            right.next();
            Some(if l.1 > r.1 { l } else { r })
        }
    })
}

/// A run whose entries come in order: each as its window first, and as its position once it has one.
#[derive(Debug)]
pub(crate) struct RunBuilder {
    windows: WordsBuilder,
    positions: WordsBuilder,
}

impl RunBuilder {
    /// A run of up to so many entries.
    pub(crate) fn with_capacity(capacity: usize) -> RunBuilder {
        let words = || WordsBuilder::with_capacity(capacity);
        RunBuilder { windows: words(), positions: words() }
    }

    #[inline]
    pub(crate) fn push_window(&mut self, window: u64) {
        self.windows.push(window);
    }

    #[inline]
    pub(crate) fn push_position(&mut self, position: u64) {
        self.positions.push(position);
    }

    /// The run, of keys that all begin with `common`, behind which the windows are.
    pub(crate) fn finish(self, common: Box<[u8]>) -> Run {
        let (windows, positions) = (self.windows.finish(), self.positions.finish());
        assert_eq!(windows.len(), positions.len(), "each entry has a window and a position");
        debug_assert!(windows.is_sorted(), "entries come in order");
        Run::of_words(common, windows, positions)
    }
}

struct Builder {
    common: Box<[u8]>,
    windows: WordsBuilder,
    positions: WordsBuilder,
}

impl Builder {
    fn new(common: &[u8], capacity: usize) -> Builder {
        Builder {
            common: common.into(),
            windows: WordsBuilder::with_capacity(capacity),
            positions: WordsBuilder::with_capacity(capacity),
        }
    }

    fn push(&mut self, (window, position): Entry) {
        self.windows.push(window);
        self.positions.push(position);
    }

    /// Entries with the same window: sorted by their keys, of one key the newest record.
    fn push_tied<'k>(&mut self, group: &[Entry], keys: impl Keys<'k>) -> Result<()> {
        let mut sorted = BTreeMap::new();
        for &(_, position) in group {
            // In order of position, so that the newest stays.
            sorted.insert(keys.key(position)?, position);
        }
        for &position in sorted.values() {
            self.push((group[0].0, position));
        }
        Ok(())
    }

    fn finish(self) -> Run {
        Run::of_words(self.common, self.windows.finish(), self.positions.finish())
    }
}
