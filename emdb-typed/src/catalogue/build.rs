//! Building indexes over the rows of an existing table.
//!
//! Invariant: the entries of a chunk of rows, and how far that is, are one commit. So a build that
//! was interrupted goes on where it was. An unordered table has no "how far": its build begins
//! anew, over entries that are already right.

use std::ops::{Bound, ControlFlow};

use super::definition::Definition;
use super::entry::{Entry, IndexState};
use crate::backend::{Autocommit, Cursor, Keyspace, ReadView, Store};
use crate::error::TableError;
use crate::record::Record;
use crate::row;
use crate::vocabulary::{Error, Progress};
use crate::write::{Batch, entries};

/// Rows, and bytes of entries, that are committed at once.
pub(crate) const CHUNK_MAX_ROWS: usize = 1024;
pub(crate) const CHUNK_MAX_BYTES: usize = 1 << 20;

/// Builds what `entry` says is not complete.
pub(super) fn finish<T: Record, S: Autocommit>(
    definition: &Definition<T>,
    store: &S,
    entry: Entry,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(), TableError> {
    let Some(from) = beginning(&entry) else { return Ok(()) };
    let view = store.view(Keyspace::Rows)?;
    let total = view.count()? as u64;
    let (scan, done) = match from {
        Some(after) if definition.ordered => {
            let covered = view.range((Bound::Unbounded, Bound::Included(after.clone())))?;
            let rest = view.range((Bound::Excluded(after), Bound::Unbounded))?;
            (rest, count(covered.without_values())?)
        }
        _ => (view.scan()?, 0),
    };
    let building = (0..definition.indexes.len()).filter(|at| {
        let name = definition.indexes[*at].name;
        let position = entry.schema.indexes.iter().position(|index| index.name == name);
        position.is_some_and(|at| entry.states[at] != IndexState::Complete)
    });
    let mut build = Build {
        definition,
        store,
        view,
        scan,
        building: building.collect(),
        entry,
        progress: Progress::new(done, total),
    };
    while build.chunk()? {
        if progress(build.progress).is_break() {
            return Err(TableError::Core(Error::Cancelled));
        }
    }
    Ok(())
}

fn count(mut scan: impl Cursor) -> Result<u64, TableError> {
    let mut count = 0;
    while let Some(entry) = scan.forward() {
        entry?;
        count += 1;
    }
    Ok(count)
}

/// The key after which the first of the incomplete indexes goes on, if there is one.
fn beginning(entry: &Entry) -> Option<Option<Vec<u8>>> {
    let afters = entry.states.iter().filter_map(|state| match state {
        IndexState::Complete => None,
        IndexState::Building { after } => Some(after.clone()),
    });
    afters.min()
}

struct Build<'a, T, S: Store> {
    definition: &'a Definition<T>,
    store: &'a S,
    /// The state that is covered: rows that come later are indexed as they come.
    view: S::View,
    scan: <S::View as ReadView>::Cursor,
    building: Vec<usize>,
    entry: Entry,
    progress: Progress,
}

impl<T: Record, S: Autocommit> Build<'_, T, S> {
    /// Commits the entries of the next rows; tells whether there may be more.
    fn chunk(&mut self) -> Result<bool, TableError> {
        let specs = &*self.definition.indexes;
        let mut batch = Batch::new(self.store.lock()?);
        let mut last = None;
        let mut rows = 0;
        while rows < CHUNK_MAX_ROWS && batch.size_bytes() < CHUNK_MAX_BYTES {
            let Some(next) = self.scan.forward() else { break };
            let (key, value) = next?;
            let row = row::decode::<T>(key, value)?;
            let expiry = self.view.expiry(key)?;
            let made = entries::entries(specs, &row, key, self.building.iter().copied());
            entries::claim(&mut batch, specs, key, None, (&made, expiry))?;
            last = Some(key.to_vec());
            rows += 1;
        }
        self.progress.done = self.progress.total.min(self.progress.done + rows as u64);
        let after = last.filter(|_| self.definition.ordered);
        let more = rows > 0;
        for state in self.entry.states.iter_mut().filter(|s| **s != IndexState::Complete) {
            *state = match &after {
                _ if !more => IndexState::Complete,
                Some(after) => IndexState::Building { after: Some(after.clone()) },
                None => IndexState::Building { after: None },
            };
        }
        self.entry.raising &= more;
        let bytes = self.entry.encode(T::NAMESPACE)?;
        batch.put(Keyspace::Catalogue, T::NAMESPACE.as_bytes(), &bytes, None);
        batch.commit_rows(specs)?;
        Ok(more)
    }
}
