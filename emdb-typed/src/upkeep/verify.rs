//! Proving that rows and indexes agree.

use std::ops::ControlFlow;

use super::owner::{Owner, Owners};
use super::reporter::{Reporter, silent};
use super::state::TableState;
use crate::backend::{Autocommit, Cursor, ReadView};
use crate::catalogue::CHUNK_MAX_ROWS;
use crate::error::TableError;
use crate::key;
use crate::record::Record;
use crate::row;
use crate::table::Table;
use crate::vocabulary::Progress;
use crate::write::entries;

/// How many problems a report lists.
const LISTED_MAX_PROBLEMS: usize = 1000;

/// The finding of [`Table::verify`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The rows of the table.
    pub rows: u64,
    /// The entries of its indexes.
    pub entries: u64,
    /// The problems; of more than a thousand problems, the first thousand.
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
        /// The reason.
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
        if self.problems.len() < LISTED_MAX_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.unlisted += 1;
        }
    }
}

impl<T: Record, S: Autocommit> Table<T, S> {
    /// Proves that all rows can be read, and that rows and index entries agree, in one state of the
    /// table. Nothing is changed; memory is bounded.
    ///
    /// # Errors
    ///
    /// [`TableError::Core`] when the engine can't read. The faults of the table are in the
    /// report.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
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
        self.definition().admit(self.store())?;
        let state = TableState::of(self)?;
        let mut progress = Reporter::new(state.count()?, progress);
        let mut report = VerifyReport::default();
        let mut scan = state.rows.scan()?;
        while let Some(next) = scan.forward() {
            let (key, value) = next?;
            self.verify_row(&state, key, value, &mut report)?;
            report.rows += 1;
            if report.rows.is_multiple_of(CHUNK_MAX_ROWS as u64) {
                progress.step(CHUNK_MAX_ROWS)?;
            }
        }
        let there = |index: &usize| self.definition().has(*index);
        for index in (0..state.indexes.len()).filter(there) {
            let view = &state.indexes[index];
            let mut owners = Owners::new(self.definition(), index);
            let mut scan = view.scan()?;
            while let Some(next) = scan.forward() {
                let (entry, value) = next?;
                let row = |key: &[u8]| state.rows.read(key, <[u8]>::to_vec);
                if owners.of(entry, value, row)? == Owner::None {
                    let index = owners.spec().name.to_owned();
                    report.add(Problem::Stale { index, entry: entry.to_vec() });
                }
                report.entries += 1;
                if report.entries.is_multiple_of(CHUNK_MAX_ROWS as u64) {
                    progress.step(CHUNK_MAX_ROWS)?;
                }
            }
        }
        Ok(report)
    }

    fn verify_row(
        &self,
        state: &TableState<S::View>,
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
        let specs = &*self.definition().indexes;
        let made = entries::all(specs, &row, key);
        for (index, entry) in made.iter().filter(|(index, _)| self.definition().has(*index)) {
            let (spec, view) = (&specs[index], &state.indexes[index]);
            let expected = spec.kind.entry_value(key);
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
}
