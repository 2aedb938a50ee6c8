//! The reads of tables that keep their rows in order.

use std::ops::Bound;

use super::handle::Table;
use super::walk::{ByKey, Rows};
use crate::backend::{Keyspace, ReadView, Store};
use crate::error::TableError;
use crate::key::{self, KeyBounds, KeyPrefix, beginning_with};
use crate::record::{OrderedRecord, Record};

/// Some rows of a table, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<T: Record> {
    /// The rows, in the order of their keys.
    pub rows: Vec<T>,
    /// The key to pass as `after` for the next page; `None` if this is the last one.
    pub next: Option<T::Key>,
}

impl<T: Record, S: Store> Table<T, S> {
    /// The rows whose keys are in a range, in order, as they are now.
    ///
    /// The ends are keys, or what [`AsKey`](crate::AsKey) has for them: `"a".."b"` for a `String`,
    /// `("a", 0)..("a", 9)` for a composite one.
    ///
    /// # Errors
    ///
    /// As [`iter`](Table::iter).
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Item { #[emdb(key)] id: u32 }
    /// # let db = Emdb::open_in_memory();
    /// let items = Table::<Item>::open(&db)?;
    /// items.insert_many((1..=100).map(|id| Item { id }))?;
    /// let ids = items.range(10..)?.rev().take(2).map(|item| Ok(item?.id));
    /// assert_eq!(ids.collect::<Result<Vec<_>, TableError>>()?, [100, 99]);
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn range(
        &self,
        range: impl KeyBounds<T::Key>,
    ) -> Result<Rows<T, ByKey, S::View>, TableError>
    where
        T: OrderedRecord,
    {
        self.rows(range.final_bounds())
    }

    /// The rows whose keys begin so: with the first fields of a composite key, or for text with
    /// the first characters.
    ///
    /// # Errors
    ///
    /// As [`iter`](Table::iter).
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// #[emdb(key(org, id))]
    /// struct Member {
    ///     org: String,
    ///     id: u32,
    /// }
    ///
    /// # let db = Emdb::open_in_memory();
    /// let members = Table::<Member>::open(&db)?;
    /// members.insert(&Member { org: "acme".into(), id: 1 })?;
    /// members.insert(&Member { org: "acme".into(), id: 2 })?;
    /// members.insert(&Member { org: "other".into(), id: 1 })?;
    /// assert_eq!(members.prefix(&("acme",))?.count(), 2);
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn prefix<P: KeyPrefix<T::Key> + ?Sized>(
        &self,
        prefix: &P,
    ) -> Result<Rows<T, ByKey, S::View>, TableError>
    where
        T: OrderedRecord,
    {
        let mut bytes = Vec::new();
        prefix.encode_prefix(&mut bytes);
        self.rows(beginning_with(bytes))
    }

    /// The row with the lowest key.
    ///
    /// # Errors
    ///
    /// As [`get`](Table::get).
    pub fn first(&self) -> Result<Option<T>, TableError>
    where
        T: OrderedRecord,
    {
        self.range(..)?.next().transpose()
    }

    /// The row with the highest key.
    ///
    /// # Errors
    ///
    /// As [`get`](Table::get).
    pub fn last(&self) -> Result<Option<T>, TableError>
    where
        T: OrderedRecord,
    {
        self.range(..)?.next_back().transpose()
    }

    /// At most `limit` rows behind the key `after`, or from the first one on, and where the next
    /// page begins. Pages of one walk can be of different states; a row that is there all the time
    /// is in one of them.
    ///
    /// # Errors
    ///
    /// As [`get`](Table::get).
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Item { #[emdb(key)] id: u32 }
    /// # let db = Emdb::open_in_memory();
    /// let items = Table::<Item>::open(&db)?;
    /// items.insert_many((1..=5).map(|id| Item { id }))?;
    /// let page = items.page(None, 3)?;
    /// assert_eq!(page.rows.len(), 3);
    /// let page = items.page(page.next.as_ref(), 3)?;
    /// assert_eq!((page.rows.len(), page.next), (2, None));
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn page(&self, after: Option<&T::Key>, limit: usize) -> Result<Page<T>, TableError>
    where
        T: OrderedRecord,
    {
        let start = after.map_or(Bound::Unbounded, |key| Bound::Excluded(key::to_bytes(key)));
        let mut walk = self.rows((start, Bound::Unbounded))?;
        let rows = walk.by_ref().take(limit).collect::<Result<Vec<T>, _>>()?;
        // One that can't be read is the next page's to tell.
        let more = limit > 0 && walk.next_with(|_| ()).is_some();
        let next =
            if limit == 0 { after.cloned() } else { rows.last().filter(|_| more).map(T::key) };
        Ok(Page { rows, next })
    }

    fn rows(
        &self,
        bounds: (Bound<Vec<u8>>, Bound<Vec<u8>>),
    ) -> Result<Rows<T, ByKey, S::View>, TableError> {
        self.admit()?;
        Ok(Rows::new(self.store.view(Keyspace::Rows)?.range(bounds)?))
    }
}
