//! Keeping a table in shape: migrating its rows, and proving and repairing its indexes.
//!
//! Invariant: each step is a commit after which rows and entries agree at least as well as before
//! it, so that a crash or a cancelled call leaves nothing to clean up: call it again.

use std::ops::ControlFlow;

use emdb_core::internal::{Scan, View};
use emdb_core::{Error, Progress};

use crate::batch::Batch;
use crate::build::CHUNK_ROWS;
use crate::error::TableError;
use crate::index::{EntryWriter, maintain};
use crate::key;
use crate::record::Record;
use crate::row;
use crate::store::{Live, Part, Store};

use super::Table;

/// How many problems a report lists.
const LISTED: usize = 1000;

/// What [`Table::migrate`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrateReport {
    /// The rows that were looked at.
    pub rows: u64,
    /// Those of them that an older version had written, and that are rewritten now.
    pub migrated: u64,
}

/// What [`Table::verify`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The rows of the table.
    pub rows: u64,
    /// The entries of its indexes.
    pub entries: u64,
    /// What is wrong; of more than a thousand problems, the first thousand.
    pub problems: Vec<Problem>,
    /// How many problems there are besides.
    pub unlisted: u64,
}

/// One thing that is wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// A row can't be read, or has another key than the one that it lies under.
    Row {
        /// The key's bytes.
        key: Vec<u8>,
        /// What is wrong with it.
        reason: String,
    },
    /// An index lacks the entry of a row, or has it for another row.
    Missing {
        /// The index.
        index: String,
        /// The bytes of the row's key.
        key: Vec<u8>,
    },
    /// An index has an entry that no row has.
    Stale {
        /// The index.
        index: String,
        /// The entry's bytes.
        entry: Vec<u8>,
    },
    /// An entry expires at another time than its row.
    Expiry {
        /// The index.
        index: String,
        /// The bytes of the row's key.
        key: Vec<u8>,
    },
}

impl VerifyReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }

    fn add(&mut self, problem: Problem) {
        if self.problems.len() < LISTED {
            self.problems.push(problem);
        } else {
            self.unlisted += 1;
        }
    }
}

/// One state of a table.
struct State {
    rows: View,
    indexes: Vec<View>,
}

/// Tells a callback how far a call is, now and then.
struct Report<F> {
    progress: Progress,
    callback: F,
}

impl<F: FnMut(Progress) -> ControlFlow<()>> Report<F> {
    fn new(total: usize, callback: F) -> Self {
        Report { progress: Progress::new(0, total as u64), callback }
    }

    fn step(&mut self, done: usize) -> Result<(), TableError> {
        let Progress { done: before, total, .. } = self.progress;
        self.progress.done = (before + done as u64).min(total);
        match (self.callback)(self.progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(TableError::Core(Error::Cancelled)),
        }
    }
}

fn silent(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

impl<T: Record> Table<T> {
    /// Rewrites the rows that older versions of the type wrote, so that they need no upgrade when
    /// they are read.
    ///
    /// It goes in chunks, each a commit of its own, while others read and write; memory is bounded
    /// by a chunk. After a crash, call it again: rows that are done are passed over. Expiries
    /// stay. Rows are not validated.
    ///
    /// # Errors
    ///
    /// [`TableError::Decode`] for a row that can't be read; otherwise as [`insert`](Table::insert).
    /// What was done until then stays done.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb_core::Emdb;
    /// # use emdb_typed::{Table, TableError};
    /// #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    /// #[emdb(namespace = "users", crate = "emdb_typed")]
    /// struct UserV1 {
    ///     #[emdb(key)]
    ///     id: u64,
    /// }
    ///
    /// #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    /// #[emdb(namespace = "users", version = 2, from = UserV1, crate = "emdb_typed")]
    /// struct User {
    ///     #[emdb(key)]
    ///     id: u64,
    ///     name: String,
    /// }
    ///
    /// impl From<UserV1> for User {
    ///     fn from(old: UserV1) -> User {
    ///         User { id: old.id, name: format!("user {}", old.id) }
    ///     }
    /// }
    ///
    /// let db = Emdb::open_in_memory();
    /// Table::<UserV1>::open(&db)?.insert(&UserV1 { id: 7 })?;
    /// let users = Table::<User>::open(&db)?;
    /// assert_eq!(users.get(&7)?.map(|user| user.name), Some("user 7".into()));
    /// assert_eq!(users.migrate()?.migrated, 1);
    /// assert_eq!(users.migrate()?.migrated, 0);
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn migrate(&self) -> Result<MigrateReport, TableError> {
        self.migrate_with(silent)
    }

    /// As [`migrate`](Table::migrate); `progress` counts rows. Breaking ends the call; what was
    /// done stays done.
    ///
    /// # Errors
    ///
    /// As [`migrate`](Table::migrate), and [`TableError::Core`] with
    /// [`Cancelled`](emdb_core::Error::Cancelled).
    pub fn migrate_with(
        &self,
        progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<MigrateReport, TableError> {
        self.definition.admit()?;
        let view = self.store.view(Part::Rows)?;
        let mut report = Report::new(view.count()?, progress);
        let mut done = MigrateReport::default();
        let mut scan = view.scan()?;
        loop {
            let (mut older, mut looked) = (Vec::new(), 0);
            while looked < CHUNK_ROWS {
                let Some(next) = scan.forward() else { break };
                let (key, value) = next?;
                if row::is_older::<T>(key, value)? {
                    older.push(key.to_vec());
                }
                looked += 1;
            }
            if looked == 0 {
                return Ok(done);
            }
            done.rows += looked as u64;
            done.migrated += self.migrate_rows(&older)?;
            report.step(looked)?;
        }
    }

    fn migrate_rows(&self, keys: &[Vec<u8>]) -> Result<u64, TableError> {
        if keys.is_empty() {
            return Ok(0);
        }
        self.write(|batch| {
            let mut migrated = 0;
            for key in keys {
                let upgrade = |bytes: &[u8]| -> Result<Option<Vec<u8>>, TableError> {
                    // It may have been rewritten since it was seen.
                    if !row::is_older::<T>(key, bytes)? {
                        return Ok(None);
                    }
                    row::encode(&row::decode::<T>(key, bytes)?).map(Some)
                };
                let Some(bytes) = batch.read(Part::Rows, key, upgrade)? else { continue };
                let Some(bytes) = bytes? else { continue };
                // Its entries are those of the upgraded row since the table was opened.
                let expiry = batch.expiry(Part::Rows, key)?;
                batch.put(Part::Rows, key, &bytes, expiry);
                migrated += 1;
            }
            Ok(migrated)
        })
    }

    /// Proves that all rows can be read, and that rows and index entries agree, in one state of the
    /// table. Nothing is changed; memory is bounded.
    ///
    /// # Errors
    ///
    /// [`TableError::Core`] when the engine can't read. What is wrong with the table is in the
    /// report.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb_core::Emdb;
    /// # use emdb_typed::{Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
    /// # #[emdb(crate = "emdb_typed")]
    /// # struct User { #[emdb(key)] id: u64, #[emdb(index)] age: u8 }
    /// # let db = Emdb::open_in_memory();
    /// let users = Table::<User>::open(&db)?;
    /// users.insert(&User { id: 7, age: 36 })?;
    /// assert!(users.verify()?.is_ok());
    ///
    /// users.raw().remove([0, 0, 0, 0, 0, 0, 0, 7])?; // The index isn't told.
    /// assert!(!users.verify()?.is_ok());
    /// users.rebuild_indexes()?;
    /// assert!(users.verify()?.is_ok());
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn verify(&self) -> Result<VerifyReport, TableError> {
        self.verify_with(silent)
    }

    /// As [`verify`](Table::verify); `progress` counts rows and entries.
    ///
    /// # Errors
    ///
    /// As [`verify`](Table::verify), and [`TableError::Core`] with
    /// [`Cancelled`](emdb_core::Error::Cancelled).
    pub fn verify_with(
        &self,
        progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<VerifyReport, TableError> {
        self.definition.admit()?;
        let state = self.state()?;
        let mut total = state.rows.count()?;
        for index in &state.indexes {
            total += index.count()?;
        }
        let mut progress = Report::new(total, progress);
        let mut report = VerifyReport::default();
        let mut scan = state.rows.scan()?;
        while let Some(next) = scan.forward() {
            let (key, value) = next?;
            self.verify_row(&state, key, value, &mut report)?;
            report.rows += 1;
            if report.rows.is_multiple_of(CHUNK_ROWS as u64) {
                progress.step(CHUNK_ROWS)?;
            }
        }
        for (index, view) in state.indexes.iter().enumerate() {
            let (mut scan, mut last) = (view.scan()?, None);
            while let Some(next) = scan.forward() {
                let (entry, value) = next?;
                let rows = |key: &[u8]| state.rows.read(key, <[u8]>::to_vec);
                if self.owner(rows, index, (entry, value), &mut last)? == Owner::None {
                    let index = self.definition.indexes[index].name.to_owned();
                    report.add(Problem::Stale { index, entry: entry.to_vec() });
                }
                report.entries += 1;
                if report.entries.is_multiple_of(CHUNK_ROWS as u64) {
                    progress.step(CHUNK_ROWS)?;
                }
            }
        }
        Ok(report)
    }

    fn verify_row(
        &self,
        state: &State,
        key: &[u8],
        value: &[u8],
        report: &mut VerifyReport,
    ) -> Result<(), TableError> {
        let row = match row::decode::<T>(key, value) {
            Ok(row) if key::to_bytes(&row.key()) == key => row,
            Ok(_) => {
                let reason = "it lies under another key than its own".to_owned();
                report.add(Problem::Row { key: key.to_vec(), reason });
                return Ok(());
            }
            Err(error) => {
                report.add(Problem::Row { key: key.to_vec(), reason: error.to_string() });
                return Ok(());
            }
        };
        let expiry = state.rows.expiry(key)?;
        for (index, entry) in maintain::all_entries(&self.definition, &row, key).iter() {
            let (spec, view) = (&self.definition.indexes[index], &state.indexes[index]);
            let expected = maintain::entry_value(spec.unique, key);
            let there = view.read(entry, |value| value == expected)?;
            let (index, key) = (spec.name.to_owned(), key.to_vec());
            if there != Some(true) {
                report.add(Problem::Missing { index, key });
            } else if view.expiry(entry)? != expiry {
                report.add(Problem::Expiry { index, key });
            }
        }
        Ok(())
    }

    /// Repairs the indexes: puts the entries that rows lack, and removes those that no row has.
    /// Gives how many there were.
    ///
    /// It goes in chunks, each a commit of its own, while others read and write. Entries that are
    /// right are not written again.
    ///
    /// # Errors
    ///
    /// [`TableError::UniqueViolation`] when two rows have the same value in a unique index, and
    /// [`TableError::Decode`] for a row that can't be read: change or remove it first. What was
    /// done until then stays done.
    pub fn rebuild_indexes(&self) -> Result<u64, TableError> {
        self.rebuild_indexes_with(silent)
    }

    /// As [`rebuild_indexes`](Table::rebuild_indexes); `progress` counts rows and entries.
    /// Breaking ends the call; what was done stays done.
    ///
    /// # Errors
    ///
    /// As [`rebuild_indexes`](Table::rebuild_indexes), and [`TableError::Core`] with
    /// [`Cancelled`](emdb_core::Error::Cancelled).
    pub fn rebuild_indexes_with(
        &self,
        progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<u64, TableError> {
        self.definition.admit()?;
        let state = self.state()?;
        let mut total = state.rows.count()?;
        for index in &state.indexes {
            total += index.count()?;
        }
        let mut report = Report::new(total, progress);
        let mut repaired = 0;
        each_chunk(state.rows.scan()?, |keys| {
            repaired += self.write(|batch| {
                let mut put = 0;
                for key in keys {
                    put += self.repair_row(batch, key)?;
                }
                Ok(put)
            })?;
            report.step(keys.len())
        })?;
        for (index, view) in state.indexes.iter().enumerate() {
            each_chunk(view.scan()?, |entries| {
                repaired += self.write(|batch| {
                    // The right to write alone holds for the chunk: a row stays what it is.
                    let (mut removed, mut last) = (0, None);
                    for entry in entries {
                        removed += self.repair_entry(batch, index, entry, &mut last)?;
                    }
                    Ok(removed)
                })?;
                report.step(entries.len())
            })?;
        }
        Ok(repaired)
    }

    /// Stages the entries that a row lacks; gives how many.
    fn repair_row(&self, batch: &mut Batch<'_, Live>, key: &[u8]) -> Result<u64, TableError> {
        let row = batch.read(Part::Rows, key, |bytes| row::decode::<T>(key, bytes))?;
        let Some(row) = row.transpose()? else { return Ok(0) };
        let expiry = batch.expiry(Part::Rows, key)?;
        let mut put = 0;
        for (index, entry) in maintain::all_entries(&self.definition, &row, key).iter() {
            let part = Part::Index(index);
            let unique = self.definition.indexes[index].unique;
            let expected = maintain::entry_value(unique, key);
            let value = batch.read(part, entry, <[u8]>::to_vec)?;
            if value.as_ref() == Some(&expected) && batch.expiry(part, entry)? == expiry {
                continue;
            }
            if let Some(value) = value.filter(|value| unique && *value != expected) {
                let rows = |key: &[u8]| batch.read(Part::Rows, key, <[u8]>::to_vec);
                if self.owner(rows, index, (entry, &value), &mut None)? != Owner::None {
                    maintain::check_unique(batch, &self.definition, index, entry, key)?;
                }
            }
            maintain::put(batch, &self.definition, index, entry, key, expiry);
            put += 1;
        }
        Ok(put)
    }

    /// Stages the removal of an entry if no row has it; gives how many that are.
    fn repair_entry(
        &self,
        batch: &mut Batch<'_, Live>,
        index: usize,
        entry: &[u8],
        last: &mut Option<Last>,
    ) -> Result<u64, TableError> {
        let Some(value) = batch.read(Part::Index(index), entry, <[u8]>::to_vec)? else {
            return Ok(0);
        };
        let rows = |key: &[u8]| batch.read(Part::Rows, key, <[u8]>::to_vec);
        if self.owner(rows, index, (entry, &value), last)? != Owner::None {
            return Ok(0);
        }
        batch.remove(Part::Index(index), entry);
        Ok(1)
    }

    /// Whether the row that an entry names has that entry.
    fn owner(
        &self,
        rows: impl FnOnce(&[u8]) -> Result<Option<Vec<u8>>, Error>,
        index: usize,
        (entry, value): (&[u8], &[u8]),
        last: &mut Option<Last>,
    ) -> Result<Owner, TableError> {
        let unique = self.definition.indexes[index].unique;
        let Some(key) = maintain::row_key(unique, entry, value) else { return Ok(Owner::None) };
        let owner = |entries: &EntryWriter| {
            if entries.contains(index, entry) { Owner::Row } else { Owner::None }
        };
        if let Some(last) = last.as_ref().filter(|last| last.index == index && last.key == key) {
            return Ok(owner(&last.entries));
        }
        let Some(bytes) = rows(key)? else { return Ok(Owner::None) };
        let Ok(row) = row::decode::<T>(key, &bytes) else { return Ok(Owner::Unreadable) };
        let entries = maintain::entries(&self.definition, &row, key, std::iter::once(index));
        let found = owner(&entries);
        *last = Some(Last { index, key: key.to_vec(), entries });
        Ok(found)
    }

    fn state(&self) -> Result<State, TableError> {
        let rows = self.store.view(Part::Rows)?;
        let indexes = self.definition.spaces.indexes.iter().map(|index| rows.beside(index));
        let indexes = indexes.collect();
        self.definition.admit()?;
        Ok(State { rows, indexes })
    }
}

/// The row that was looked at last, with its entries in an index: one with many elements has many
/// entries in a row.
struct Last {
    index: usize,
    key: Vec<u8>,
    entries: EntryWriter,
}

/// Whose an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// A row has it.
    Row,
    /// The row that it names can't be read.
    Unreadable,
    /// No row has it.
    None,
}

/// Calls `each` with the keys of a scan, some at a time.
fn each_chunk(
    scan: Scan,
    mut each: impl FnMut(&[Vec<u8>]) -> Result<(), TableError>,
) -> Result<(), TableError> {
    let mut scan = scan.without_values();
    loop {
        let mut keys = Vec::new();
        while keys.len() < CHUNK_ROWS {
            let Some(next) = scan.forward() else { break };
            keys.push(next?.0.to_vec());
        }
        if keys.is_empty() {
            return Ok(());
        }
        each(&keys)?;
    }
}
