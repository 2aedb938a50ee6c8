//! Building indexes over the rows of an existing table.
//!
//! Invariant: the entries of a chunk of rows, and how far that is, are one commit. So a build that
//! was interrupted goes on where it was. An unordered table has no "how far": its build begins
//! anew, over entries that are already right.

use std::ops::{Bound, ControlFlow};

use emdb_core::internal::{Scan, View};
use emdb_core::{Error, Progress};

use crate::batch::Batch;
use crate::catalogue::{self, Entry, IndexState};
use crate::definition::Definition;
use crate::error::TableError;
use crate::index::maintain;
use crate::record::Record;
use crate::row;
use crate::store::{Live, Part, Spaces, Store, StoreMut};

/// Rows, and bytes of entries, that are committed at once.
pub(crate) const CHUNK_ROWS: usize = 1024;
pub(crate) const CHUNK_BYTES: usize = 1 << 20;

/// The one key of the namespace that keeps the highest key that was used.
pub(crate) const MARK: &[u8] = b"";

/// Builds what `entry` says is not complete.
pub(crate) fn finish<T: Record>(
    definition: &Definition<T>,
    entry: Entry,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(), TableError> {
    let Some(from) = beginning(&entry) else { return Ok(()) };
    let store = Live { spaces: definition.spaces.clone() };
    let view = store.view(Part::Rows)?;
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

fn count(mut scan: Scan) -> Result<u64, TableError> {
    let mut count = 0;
    while let Some(entry) = scan.forward() {
        entry?;
        count += 1;
    }
    Ok(count)
}

/// Keeps the highest key of a table that had no automatic keys until now.
pub(crate) fn mark<T: Record>(definition: &Definition<T>) -> Result<(), TableError> {
    if !lacks_mark(&definition.spaces)? {
        return Ok(());
    }
    let store = Live { spaces: definition.spaces.clone() };
    let turn = store.begin()?;
    let mut batch = Batch::new(&store, &definition.spaces);
    // Somebody may have been faster.
    if !lacks_mark(&definition.spaces)? {
        return Ok(());
    }
    if let Some(highest) = highest_key(&store)? {
        batch.put(Part::Mark, MARK, &highest, None);
    }
    Ok(store.apply(turn, &batch.changes)?)
}

/// Whether there are rows, and the highest key that was used is not known.
pub(crate) fn lacks_mark(spaces: &Spaces) -> Result<bool, TableError> {
    let Some(mark) = &spaces.mark else { return Ok(false) };
    Ok(mark.is_empty()? && !spaces.rows.is_empty()?)
}

/// The highest key that a row has, in its bytes, which sort as the keys.
pub(crate) fn highest_key(store: &impl Store) -> Result<Option<Vec<u8>>, TableError> {
    let mut scan = store.view(Part::Rows)?.scan()?.without_values();
    let mut highest = None;
    while let Some(entry) = scan.forward() {
        highest = highest.max(Some(entry?.0.to_vec()));
    }
    Ok(highest)
}

/// The key after which the first of the incomplete indexes goes on, if there is one.
fn beginning(entry: &Entry) -> Option<Option<Vec<u8>>> {
    let afters = entry.states.iter().filter_map(|state| match state {
        IndexState::Complete => None,
        IndexState::Building { after } => Some(after.clone()),
    });
    afters.min()
}

struct Build<'a, T> {
    definition: &'a Definition<T>,
    store: Live,
    /// What is covered: rows that come later are indexed as they come.
    view: View,
    scan: Scan,
    building: Vec<usize>,
    entry: Entry,
    progress: Progress,
}

impl<T: Record> Build<'_, T> {
    /// Commits the entries of the next rows; tells whether there may be more.
    fn chunk(&mut self) -> Result<bool, TableError> {
        let turn = self.store.begin()?;
        let mut batch = Batch::new(&self.store, &self.definition.spaces);
        let mut last = None;
        let mut rows = 0;
        while rows < CHUNK_ROWS && batch.changes.size_bytes() < CHUNK_BYTES {
            let Some(next) = self.scan.forward() else { break };
            let (key, value) = next?;
            let row = row::decode::<T>(key, value)?;
            let expiry = self.view.expiry(key)?;
            let entries =
                maintain::entries(self.definition, &row, key, self.building.iter().copied());
            maintain::replace(&mut batch, self.definition, key, None, (&entries, expiry))?;
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
        let bytes = catalogue::encode::<T>(&self.entry)?;
        batch.put(Part::Catalogue, T::NAMESPACE.as_bytes(), &bytes, None);
        self.store.apply(turn, &batch.changes)?;
        Ok(more)
    }
}
