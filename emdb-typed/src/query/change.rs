//! Rows that change, or go, because a query has them.

use super::builder::Query;
use super::planner::{self, Choice, Wanted};
use super::reads::Reads;
use super::rows::Answer;
use super::sorted::Sorted;
use super::walk::{Walk, Way};
use crate::backend::{Store, StoreMut};
use crate::error::TableError;
use crate::record::Record;

impl<T: Record, S: StoreMut> Query<'_, T, S> {
    /// Changes the rows of the query, in one commit, and gives how many there were.
    ///
    /// They change together: rows of the call can swap unique values, or hand them round. When a row expires stays as it
    /// is, unless a field of the type says it. `change` must not write. All of the rows are held in memory meanwhile, and other
    /// writers wait.
    ///
    /// # Errors
    ///
    /// [`TableError::Invalid`] when `change` changes a key; otherwise as [`rows`](Query::rows) and
    /// [`Table::insert`](crate::Table::insert). Nothing is written then.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Item { #[emdb(key)] id: u32, #[emdb(unique)] place: u32 }
    /// # let db = Emdb::open_in_memory();
    /// let items = Table::<Item>::open(&db)?;
    /// items.insert_many((0..5).map(|id| Item { id, place: id }))?;
    /// let last = items.query().filter(Item::FIELDS.id.ge(2));
    /// assert_eq!(last.update(|item| item.place += 1)?, 3);
    /// assert_eq!(items.by(Item::PLACE).get(5)?.map(|item| item.id), Some(4));
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn update(&self, change: impl FnMut(&mut T)) -> Result<usize, TableError> {
        self.table.write(|batch| {
            let keys =
                self.keys_of(Reads { definition: self.table.definition(), store: batch.reads() })?;
            self.table.change_together(batch, &keys, change)?;
            Ok(keys.len())
        })
    }

    /// Removes the rows of the query, in one commit, and gives how many there were. Other writers wait meanwhile.
    ///
    /// # Errors
    ///
    /// As [`rows`](Query::rows) and [`Table::remove`](crate::Table::remove). Nothing is removed then.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Item { #[emdb(key)] id: u32 }
    /// # let db = Emdb::open_in_memory();
    /// let items = Table::<Item>::open(&db)?;
    /// items.insert_many((0..5).map(|id| Item { id }))?;
    /// assert_eq!(items.query().filter(Item::FIELDS.id.ge(2)).delete()?, 3);
    /// assert_eq!(items.len()?, 2);
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn delete(&self) -> Result<usize, TableError> {
        self.table.write(|batch| {
            let keys =
                self.keys_of(Reads { definition: self.table.definition(), store: batch.reads() })?;
            self.table.discard_together(batch, &keys)?;
            Ok(keys.len())
        })
    }

    /// The keys of the rows, in order where that decides which they are.
    fn keys_of<R: Store>(&self, reads: Reads<'_, T, R>) -> Result<Vec<Vec<u8>>, TableError> {
        let is_part = self.limit.is_some() || self.offset > 0;
        let orders = if is_part { self.orders.as_slice() } else { &[] };
        let choice = planner::choose(reads, &Wanted { orders, ..self.wanted() })?;
        let Choice { candidate, filter, sorted, backward } = choice;
        let way = Way::to_rows(backward);
        let walk = Walk::new(reads, candidate.stretches, way, candidate.repeats)?;
        let most = self.limit.unwrap_or(usize::MAX);
        let mut answer = match is_part && sorted {
            false => Answer::new(walk, filter, self.offset, most),
            true => {
                let kept = self.limit.map(|limit| limit.saturating_add(self.offset));
                let mut sorted = Sorted::new(orders, kept);
                let mut all = Answer::new(walk, filter, 0, usize::MAX);
                all.sort_into(&mut sorted, orders.is_empty())?;
                all.over(sorted.into_batch(), self.offset, most)
            }
        };
        let mut keys = Vec::new();
        while let Some(key) = answer.next_key(|lead| Ok(lead.key.to_vec())) {
            keys.push(key?);
        }
        Ok(keys)
    }
}
