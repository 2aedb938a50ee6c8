//! Rewriting the rows that older versions of a type wrote.

use std::ops::ControlFlow;

use super::reporter::{Reporter, silent};
use crate::backend::{Autocommit, Cursor, Keyspace, ReadView};
use crate::catalogue::CHUNK_MAX_ROWS;
use crate::error::TableError;
use crate::record::Record;
use crate::row;
use crate::table::Table;
use crate::vocabulary::Progress;

/// The rows that [`Table::migrate`] looked at and rewrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrateReport {
    /// The rows that were looked at.
    pub rows: u64,
    /// Those of them that an older version had written, and that are rewritten now.
    pub migrated: u64,
}

impl<T: Record, S: Autocommit> Table<T, S> {
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
    /// The work until then stays done.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// #[emdb(namespace = "users")]
    /// struct UserV1 {
    ///     #[emdb(key)]
    ///     id: u64,
    /// }
    ///
    /// #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// #[emdb(namespace = "users", version = 2, from = UserV1)]
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
        self.definition().admit(self.store())?;
        let view = self.store().view(Keyspace::Rows)?;
        let mut report = Reporter::new(view.count()?, progress);
        let mut done = MigrateReport::default();
        let mut scan = view.scan()?;
        loop {
            let (mut older, mut looked) = (Vec::new(), 0);
            while looked < CHUNK_MAX_ROWS {
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
                    let row = row::decode::<T>(key, bytes)?;
                    row::encode_to_store(&row, self.definition().findings).map(Some)
                };
                let Some(bytes) = batch.read(Keyspace::Rows, key, upgrade)? else { continue };
                let Some(bytes) = bytes? else { continue };
                // Its entries are those of the upgraded row since the table was opened.
                let expiry = batch.expiry(Keyspace::Rows, key)?;
                batch.put(Keyspace::Rows, key, &bytes, expiry);
                migrated += 1;
            }
            Ok(migrated)
        })
    }
}
