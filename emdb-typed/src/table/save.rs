//! Rows that are written if nobody else wrote them since they were read.

use super::former::Former;
use super::handle::Table;
use crate::backend::StoreMut;
use crate::error::TableError;
use crate::key;
use crate::record::{Record, RevisedRecord};
use crate::row;

impl<T: Record, S: StoreMut> Table<T, S> {
    /// Writes the row if it still has the revision of the stored one, and gives it with the next one.
    ///
    /// This is for a row that leaves the database between reading and writing it: it is shown in a form, or goes
    /// over a network, and is saved a while later. If somebody else has written it by then,
    /// nothing is overwritten. Where the change is a function of the row, [`update`](Table::update) makes it
    /// without a chance of a conflict.
    ///
    /// A row of a type with `#[emdb(revision)]` has 1 when it comes into the table by
    /// [`insert`](Table::insert) and the other calls, and each further write counts up, whatever the row says. So
    /// a row that was removed and inserted again may have a revision that it had before. [`touch`](Table::touch)
    /// doesn't count, since the row stays as it is. When the row expires stays, as with an update.
    ///
    /// # Errors
    ///
    /// [`TableError::Conflict`] when the stored row has another revision, and when there is none with this key, or
    /// it has expired; otherwise as [`update`](Table::update). Nothing is written then.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # use serde::{Deserialize, Serialize};
    /// #[derive(Clone, Serialize, Deserialize, emdb::Record)]
    /// struct Page {
    ///     #[emdb(key)]
    ///     path: String,
    ///     text: String,
    ///     #[emdb(revision)]
    ///     rev: u64,
    /// }
    ///
    /// # let db = Emdb::open_in_memory();
    /// let pages = Table::<Page>::open(&db)?;
    /// let page = Page { path: "/".into(), text: "Hello".into(), rev: 0 };
    /// pages.insert(&page)?;
    ///
    /// let (mut ada, mut bob) = (pages.get("/")?.unwrap(), pages.get("/")?.unwrap());
    /// assert_eq!(ada.rev, 1);
    /// ada.text.push_str(", world");
    /// assert_eq!(pages.save(&ada)?.rev, 2);
    /// bob.text.push_str(" there");
    /// assert!(matches!(pages.save(&bob), Err(TableError::Conflict { stored: Some(2), .. })));
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn save(&self, row: &T) -> Result<T, TableError>
    where
        T: RevisedRecord,
    {
        let (key, value) = (key::to_bytes(&row.key()), row::encode(row)?);
        // A copy: the table has the row by reference, and gives it back with another revision.
        let copy = row::decode::<T>(&key, &value)?;
        self.write(|batch| match self.former(batch, &key)? {
            Former::Unreadable(error, true) => Err(error),
            Former::Row { row: stored, entries, expiry, live: true } => {
                if stored.revision() != row.revision() {
                    return Err(conflict(row, key.clone(), Some(stored.revision())));
                }
                let replace = |stored: &mut T| -> Result<(), TableError> {
                    *stored = copy;
                    Ok(())
                };
                Ok(self.changed(batch, &key, (stored, entries, expiry), replace)?.0)
            }
            _ => Err(conflict(row, key.clone(), None)),
        })
    }
}

#[cold]
fn conflict<T: Record>(row: &T, key: Vec<u8>, stored: Option<u64>) -> TableError {
    let (table, revision) = (T::NAMESPACE.to_owned(), row.revision());
    TableError::Conflict { table, key, revision, stored }
}
