//! The rows of a plan, one after the other.
//!
//! Stretches of the rows are read as they lie; entries of an index are taken some ahead of the rows to which they
//! lead, so that those are fetched together. All of it is of one state.
//!
//! Invariant: a row that is given has the entry that led to it.

use std::collections::HashSet;
use std::ops::Bound;

use super::candidate::{Source, Stretch};
use super::reads::Reads;
use crate::backend::{Cursor, CursorItem, Keyspace, ReadView, Store};
use crate::codec::DecodeError;
use crate::error::TableError;
use crate::expr::RowBytes;
use crate::index::IndexSpec;
use crate::record::Record;
use crate::row;
use crate::stale::{Disagreement, Sought};

/// Rows that are fetched together, at most: few at first, so that who wants little pays for little.
const MAX_BATCH: usize = 16;

/// A walk over stretches, of one state.
pub(super) struct Walk<T: Record, V: ReadView> {
    rows: V,
    /// The indexes that are walked over, and where their rows are.
    indexes: Vec<Indexed<T, V>>,
    /// The stretches that are left, the next one last.
    stretches: Vec<Stretch>,
    backward: bool,
    /// Whether rows with one value in the index come the other way round than the walk has them.
    turned: bool,
    /// The keys that were given, where a row can come twice.
    seen: Option<HashSet<Vec<u8>>>,
    now: Option<Now<V>>,
    batch: Batch,
}

struct Indexed<T, V> {
    at: usize,
    view: V,
    sought: Sought<T>,
}

/// Which way a walk goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) backward: bool,
    /// Whether rows with one value come the other way round.
    pub(super) turned: bool,
}

impl Way {
    /// Rows with one value come by their keys, from the back too.
    pub(super) fn to_rows(backward: bool) -> Self {
        Way { backward, turned: backward }
    }

    pub(super) const FORWARD: Way = Way { backward: false, turned: false };
}

/// The stretch that is walked over.
struct Now<V: ReadView> {
    cursor: V::Cursor,
    /// The index, by its position in `indexes`.
    index: Option<usize>,
    /// The entry that was read beyond a group.
    ahead: Option<(Vec<u8>, Vec<u8>)>,
    size: usize,
}

/// The kind of the next row.
enum Ready {
    /// An entry of the batch.
    Entry,
    /// A stretch of rows.
    Row,
    End,
}

/// Keys of rows, and the values of the entries that lead to them.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    given: usize,
}

/// Where the value begins, where it ends, and where the key does; and the index, by its position in the walk.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    middle: usize,
    end: usize,
    index: Option<usize>,
}

/// The key of a row, and the entry that leads to it, if one does.
#[derive(Default, Clone, Copy)]
pub(super) struct Lead<'a> {
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) index: Option<usize>,
}

/// A row that was found.
pub(super) struct Found<'a, T: Record> {
    pub(super) key: &'a [u8],
    pub(super) row: RowBytes<'a, T>,
    bytes: &'a [u8],
    sought: Option<&'a mut Sought<T>>,
}

impl<T: Record> Found<'_, T> {
    /// Refuses a row that hasn't the entry that led to it.
    pub(super) fn check(&mut self) -> Result<(), TableError> {
        let Some(sought) = &mut self.sought else { return Ok(()) };
        let (key, bytes) = (self.key, self.bytes);
        row::lend::<T, _>(key, bytes, |row| {
            sought.check_lent(key, &row, || row::decode(key, bytes))
        })?
    }

    /// The row itself.
    pub(super) fn into_row(self) -> Result<T, TableError> {
        let Found { key, row, sought, .. } = self;
        let row = row.into_row()?;
        if let Some(sought) = sought {
            sought.check(key, &row)?;
        }
        Ok(row)
    }

    /// Calls `read` with the row, lent.
    pub(super) fn lend<A>(mut self, read: impl FnOnce(T::Ref<'_>) -> A) -> Result<A, TableError> {
        self.check()?;
        row::lend::<T, _>(self.key, self.bytes, read)
    }
}

impl<T: Record, V: ReadView> Walk<T, V> {
    /// A walk over these stretches, in the state of now.
    pub(super) fn new<S: Store<View = V>>(
        reads: Reads<'_, T, S>,
        stretches: Vec<Stretch>,
        Way { backward, turned }: Way,
        repeats: bool,
    ) -> Result<Self, TableError> {
        reads.admit()?;
        let store = reads.store;
        let rows = store.view(Keyspace::Rows)?;
        let mut indexes: Vec<Indexed<T, V>> = Vec::new();
        for stretch in &stretches {
            let Source::Index(at) = stretch.source else { continue };
            if indexes.iter().all(|index| index.at != at) {
                let spec: &IndexSpec<T> = reads.definition.answers(at)?;
                store.ready(at)?;
                let view = store.view_beside(&rows, Keyspace::Index(at))?;
                indexes.push(Indexed { at, view, sought: Sought::new(spec, at, Vec::new()) });
            }
        }
        // Another type may have emptied an index meanwhile.
        reads.admit()?;
        let mut stretches = stretches;
        if !backward {
            stretches.reverse();
        }
        let seen = repeats.then(HashSet::new);
        let (now, batch) = (None, Batch::default());
        Ok(Walk { rows, indexes, stretches, backward, turned, seen, now, batch })
    }

    /// Goes on with the rows of these keys, in the state of the walk.
    pub(super) fn over(self, batch: Batch) -> Self {
        Walk { stretches: Vec::new(), now: None, seen: None, batch, ..self }
    }

    /// Calls `take` with the next row; `None` at the end.
    pub(super) fn next<A>(
        &mut self,
        take: impl FnOnce(Found<'_, T>) -> Result<A, TableError>,
    ) -> Option<Result<A, TableError>> {
        loop {
            match self.ready() {
                Ok(Ready::Entry) => return Some(self.row_of_batch(take)),
                Ok(Ready::Row) => {}
                Ok(Ready::End) => return None,
                Err(error) => return Some(Err(error)),
            }
            match step(&mut self.now.as_mut()?.cursor, self.backward) {
                None => self.now = None,
                Some(Err(error)) => return Some(Err(error.into())),
                Some(Ok((key, bytes))) => {
                    if is_new(&mut self.seen, key) {
                        let row = RowBytes::new(key, bytes);
                        return Some(take(Found { key, row, bytes, sought: None }));
                    }
                }
            }
        }
    }

    /// Calls `take` with the key of the next row, which is not read.
    pub(super) fn next_key<A>(
        &mut self,
        take: impl FnOnce(Lead<'_>) -> A,
    ) -> Option<Result<A, TableError>> {
        loop {
            match self.ready() {
                Ok(Ready::Entry) => return self.batch.next().map(|lead| Ok(take(lead))),
                Ok(Ready::Row) => {}
                Ok(Ready::End) => return None,
                Err(error) => return Some(Err(error)),
            }
            match step(&mut self.now.as_mut()?.cursor, self.backward) {
                None => self.now = None,
                Some(Err(error)) => return Some(Err(error.into())),
                Some(Ok((key, _))) => {
                    if is_new(&mut self.seen, key) {
                        return Some(Ok(take(Lead { key, ..Lead::default() })));
                    }
                }
            }
        }
    }

    /// Sees to it that there is an entry in the batch, or a stretch of rows.
    fn ready(&mut self) -> Result<Ready, TableError> {
        loop {
            if self.batch.given < self.batch.spans.len() {
                return Ok(Ready::Entry);
            }
            match self.now.as_ref().map(|now| now.index) {
                Some(None) => return Ok(Ready::Row),
                Some(Some(_)) => self.fill()?,
                None if self.begin()? => {}
                None => return Ok(Ready::End),
            }
        }
    }

    fn row_of_batch<A>(
        &mut self,
        take: impl FnOnce(Found<'_, T>) -> Result<A, TableError>,
    ) -> Result<A, TableError> {
        let Walk { rows, batch, indexes, .. } = self;
        batch.ask_ahead(rows);
        let Lead { key, value, index } = batch.next().unwrap_or_default();
        let mut sought = index.map(|index| &mut indexes[index].sought);
        if let Some(sought) = &mut sought {
            sought.seek_value(value);
        }
        let read = rows.read(key, |bytes| {
            let sought = sought.as_deref_mut();
            take(Found { key, row: RowBytes::new(key, bytes), bytes, sought })
        })?;
        match (read, sought) {
            (Some(taken), _) => taken,
            (None, Some(sought)) => Err(sought.error(Disagreement::NoRow(key))),
            (None, None) => {
                let gone = DecodeError::new("the query has seen it, and now it is not there");
                Err(row::unreadable::<T>("the row", key, gone))
            }
        }
    }

    /// Begins the next stretch; tells whether there is one.
    fn begin(&mut self) -> Result<bool, TableError> {
        let Some(Stretch { source, bounds }) = self.stretches.pop() else { return Ok(false) };
        let index = match source {
            Source::Rows => None,
            Source::Index(at) => self.indexes.iter().position(|index| index.at == at),
        };
        let view = index.map_or(&self.rows, |index| &self.indexes[index].view);
        let cursor = match bounds {
            (Bound::Unbounded, Bound::Unbounded) => view.scan()?,
            bounds => view.range(bounds)?,
        };
        self.now = Some(Now { cursor, index, ahead: None, size: 0 });
        Ok(true)
    }

    /// Takes the next entries of the stretch, or ends it.
    fn fill(&mut self) -> Result<(), TableError> {
        let Walk { now, batch, indexes, seen, backward, turned, .. } = self;
        let Some(Now { cursor, index: Some(index), ahead, size }) = now else { return Ok(()) };
        let kind = indexes[*index].sought.spec().kind;
        batch.clear();
        *size = (2 * *size + 1).min(MAX_BATCH);
        let mut group = 0;
        let mut put = |batch: &mut Batch, value: &[u8], key: &[u8]| {
            if is_new(seen, key) {
                batch.push(Lead { key, value, index: Some(*index) });
            }
        };
        if let Some((value, key)) = ahead.take() {
            put(batch, &value, &key);
        }
        let whole_groups = *turned && !kind.is_unique();
        let is_ended = loop {
            if batch.spans.len() >= *size && !whole_groups {
                break false;
            }
            let Some(entry) = step(cursor, *backward) else { break true };
            let (entry, stored) = entry?;
            let Some(key) = kind.row_key(entry, stored) else {
                return Err(indexes[*index].sought.error(Disagreement::NoKey));
            };
            let value = kind.value_of(entry, key);
            if whole_groups && batch.last_value().is_some_and(|last| last != value) {
                batch.reverse_from(group);
                group = batch.spans.len();
                if group >= *size {
                    *ahead = Some((value.to_vec(), key.to_vec()));
                    break false;
                }
            }
            put(batch, value, key);
        };
        if whole_groups {
            batch.reverse_from(group);
        }
        if is_ended {
            self.now = None;
        }
        Ok(())
    }

    /// How many rows there are, up to `cap`. None is read.
    pub(super) fn count_up_to(mut self, cap: usize) -> Result<usize, TableError> {
        let mut count = 0;
        while count < cap {
            match self.next_key(|_| ()) {
                None => break,
                Some(next) => next?,
            }
            count += 1;
        }
        Ok(count)
    }
}

impl Batch {
    pub(super) fn push(&mut self, lead: Lead<'_>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(lead.value);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(lead.key);
        self.spans.push(Span { start, middle, end: self.bytes.len(), index: lead.index });
    }

    /// Asks for the rows that are next, some at a time.
    fn ask_ahead<V: ReadView>(&self, rows: &V) {
        if !self.given.is_multiple_of(MAX_BATCH) {
            return;
        }
        let ahead = self.spans[self.given..].iter().take(MAX_BATCH);
        if ahead.len() > 1 {
            rows.will_read(ahead.map(|span| &self.bytes[span.middle..span.end]));
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
        self.given = 0;
    }

    fn next(&mut self) -> Option<Lead<'_>> {
        let Span { start, middle, end, index } = *self.spans.get(self.given)?;
        self.given += 1;
        Some(Lead { key: &self.bytes[middle..end], value: &self.bytes[start..middle], index })
    }

    fn last_value(&self) -> Option<&[u8]> {
        self.spans.last().map(|span| &self.bytes[span.start..span.middle])
    }

    fn reverse_from(&mut self, start: usize) {
        if let Some(group) = self.spans.get_mut(start..) {
            group.reverse();
        }
    }
}

fn step<C: Cursor>(cursor: &mut C, backward: bool) -> Option<CursorItem<'_, C::Error>> {
    if backward { cursor.backward() } else { cursor.forward() }
}

/// Whether a key is given for the first time, where one can come twice.
fn is_new(seen: &mut Option<HashSet<Vec<u8>>>, key: &[u8]) -> bool {
    seen.as_mut().is_none_or(|seen| seen.insert(key.to_vec()))
}
