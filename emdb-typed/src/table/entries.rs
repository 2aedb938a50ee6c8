//! The entries of an index, taken some ahead of the rows that they lead to, so that those are fetched
//! together.

use crate::backend::{Cursor, ReadView};
use crate::error::TableError;

/// Entries that are taken at a time, at most: few at first, so that who wants little pays for little.
const BATCH_MAX_ENTRIES: usize = 16;

/// One end of a walk over an index.
#[derive(Clone, Copy)]
pub(super) enum End {
    Front,
    Back,
}

/// An entry, and the key of the row that it leads to.
pub(super) struct Entry<'a> {
    pub(super) entry: &'a [u8],
    pub(super) key: &'a [u8],
}

/// The entries that have been taken from the two ends.
#[derive(Default)]
pub(super) struct Entries([Side; 2]);

/// Those from one end.
#[derive(Default)]
struct Side {
    /// Entries and keys, one after the other.
    bytes: Vec<u8>,
    /// In the order of this end.
    taken: Vec<Span>,
    given: usize,
    batch: usize,
    /// The error that comes behind them.
    failed: Option<TableError>,
}

/// Where an entry begins, and where it and its key end.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    entry_end: usize,
    key_end: usize,
}

impl Entries {
    /// The next entry from this end of `scan`. The rows of those that are taken beside it are asked
    /// for of `rows`; `key_of` gives the key that an entry with its value leads to.
    pub(super) fn next<C: Cursor, V: ReadView>(
        &mut self,
        scan: &mut C,
        end: End,
        rows: &V,
        key_of: impl for<'a> Fn(&'a [u8], &'a [u8]) -> Result<&'a [u8], TableError>,
    ) -> Option<Result<Entry<'_>, TableError>> {
        let [front, back] = &mut self.0;
        let (side, other) = match end {
            End::Front => (front, back),
            End::Back => (back, front),
        };
        if side.given == side.taken.len() && side.failed.is_none() {
            side.fill(scan, end, rows, key_of);
        }
        if let Some(span) = side.taken.get(side.given).copied() {
            side.given += 1;
            return Some(Ok(side.entry(span)));
        }
        // When an end finds nothing more, the other one may have taken what is left; what failed there
        // lies before that.
        if let Some(failed) = side.failed.take().or_else(|| other.failed.take()) {
            return Some(Err(failed));
        }
        if other.given == other.taken.len() {
            return None;
        }
        let span = other.taken.pop()?;
        Some(Ok(other.entry(span)))
    }
}

impl Side {
    fn entry(&self, Span { start, entry_end, key_end }: Span) -> Entry<'_> {
        Entry { entry: &self.bytes[start..entry_end], key: &self.bytes[entry_end..key_end] }
    }

    /// Takes a batch of entries, and asks for their rows.
    fn fill<C: Cursor, V: ReadView>(
        &mut self,
        scan: &mut C,
        end: End,
        rows: &V,
        key_of: impl for<'a> Fn(&'a [u8], &'a [u8]) -> Result<&'a [u8], TableError>,
    ) {
        self.bytes.clear();
        self.taken.clear();
        self.given = 0;
        self.batch = (2 * self.batch + 1).min(BATCH_MAX_ENTRIES);
        while self.taken.len() < self.batch {
            let step = match end {
                End::Front => scan.forward(),
                End::Back => scan.backward(),
            };
            let found = match step {
                None => break,
                Some(Ok((entry, value))) => key_of(entry, value).map(|key| (entry, key)),
                Some(Err(e)) => Err(e.into()),
            };
            let (entry, key) = match found {
                Ok(found) => found,
                Err(e) => {
                    self.failed = Some(e);
                    break;
                }
            };
            let start = self.bytes.len();
            self.bytes.extend_from_slice(entry);
            let entry_end = self.bytes.len();
            self.bytes.extend_from_slice(key);
            self.taken.push(Span { start, entry_end, key_end: self.bytes.len() });
        }
        if self.taken.len() > 1 {
            rows.will_read(self.taken.iter().map(|span| self.entry(*span).key));
        }
    }
}
