//! A query, as programs write it.

use std::fmt;

use super::plan::Plan;
use super::planner::{self, Choice, Wanted};
use super::reads::Reads;
use super::rows::{self, Keys, Rows};
use super::sorted::Sorted;
use super::walk::{Walk, Way};
use crate::backend::Store;
use crate::error::TableError;
use crate::expr::{Expr, Node, Order};
use crate::index::Index;
use crate::record::Record;
use crate::table::Table;

/// A question to a table, from [`Table::query`]: which rows, in which order, how many.
///
/// It is made by calls in a chain and asked by one of those that give a `Result`, as often as wanted; each sees one
/// state. The way to the rows is chosen then, by what indexes there are ([`explain`](Query::explain) tells): an
/// index on a field that the filter compares, one that gives the order, or the table from end to end.
/// Whichever it is, the rows are the same, and in the same order.
///
/// Rows come by their keys if no order is asked for, those of an `unordered` table in none.
///
/// # Example
///
/// ```
/// use emdb::{Emdb, Table, TableError};
///
/// #[derive(Debug, serde::Serialize, serde::Deserialize, emdb::Record)]
/// struct User {
///     #[emdb(key)]
///     id: u64,
///     name: String,
///     #[emdb(index)]
///     city: String,
///     age: u8,
/// }
///
/// let db = Emdb::open_in_memory();
/// let users = Table::<User>::open(&db)?;
/// # let user = |id, name: &str, city: &str, age| User { id, name: name.into(), city: city.into(), age };
/// users.insert(&user(1, "Ada", "London", 36))?;
/// users.insert(&user(2, "Bea", "Basel", 71))?;
/// users.insert(&user(3, "Cyd", "Basel", 19))?;
///
/// let f = User::FIELDS;
/// let basel = users.query().filter(f.city.eq("Basel")).order_by(f.age.asc());
/// assert_eq!(basel.count()?, 2);
/// assert_eq!(basel.first()?.map(|user| user.name), Some("Cyd".into()));
/// for user in basel.filter(f.age.ge(18)).limit(10).rows()? {
///     println!("{:?}", user?);
/// }
/// # Ok::<(), TableError>(())
/// ```
#[must_use = "a query does nothing until it is asked, by `rows` or `to_vec` for one"]
pub struct Query<'t, T: Record, S> {
    pub(super) table: &'t Table<T, S>,
    pub(super) filter: Option<Node<T>>,
    pub(super) orders: Vec<Order<T>>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
    pub(super) via: Option<usize>,
}

impl<T: Record, S: Store> Table<T, S> {
    /// A question to the table; see [`Query`].
    pub fn query(&self) -> Query<'_, T, S> {
        let (filter, orders) = (None, Vec::new());
        Query { table: self, filter, orders, limit: None, offset: 0, via: None }
    }
}

impl<T: Record, S: Store> Query<'_, T, S> {
    /// The rows that meet a condition. With several calls, all of them.
    pub fn filter(mut self, condition: Expr<T>) -> Self {
        let both = match self.filter.take() {
            Some(filter) => Expr { node: filter }.and(condition),
            None => condition,
        };
        self.filter = Some(both.node);
        self
    }

    /// The order of the rows: `f.age.asc()`, `f.age.desc()`. Those with one value come by their keys. It takes the place
    /// of an order that was given before.
    pub fn order_by(mut self, order: impl Into<Order<T>>) -> Self {
        self.orders = vec![order.into()];
        self
    }

    /// The order of the rows that are equal so far.
    pub fn then_by(mut self, order: impl Into<Order<T>>) -> Self {
        self.orders.push(order.into());
        self
    }

    /// So many rows at most.
    pub fn limit(mut self, rows: usize) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Leaves out so many rows at the beginning.
    pub fn offset(mut self, rows: usize) -> Self {
        self.offset = rows;
        self
    }

    /// Finds the rows through this index, whatever else there is.
    ///
    /// An index that leaves rows out, by its filter, by `sparse` or by `each`, has the query find those that it has: this
    /// is how a partial index is asked. With any other the rows are the same as without.
    pub fn via<K, U>(mut self, index: Index<T, K, U>) -> Self {
        self.via = Some(index.position());
        self
    }

    /// The rows, one after the other, as they are now.
    ///
    /// # Errors
    ///
    /// As [`Table::iter`]; [`TableError::IndexMissing`] for an index that [`via`](Query::via) names and the table lacks.
    /// A later failure is an item, and the last one.
    pub fn rows(&self) -> Result<Rows<T, S::View>, TableError> {
        Ok(Rows::new(self.answer(self.limit)?))
    }

    /// The first row.
    ///
    /// # Errors
    ///
    /// As [`rows`](Query::rows).
    pub fn first(&self) -> Result<Option<T>, TableError> {
        let limit = self.limit.map_or(1, |limit| limit.min(1));
        Rows::new(self.answer(Some(limit))?).next().transpose()
    }

    /// The only row.
    ///
    /// # Errors
    ///
    /// [`TableError::NotOne`] when there is none, or more than one; otherwise as [`rows`](Query::rows).
    pub fn one(&self) -> Result<T, TableError> {
        let limit = self.limit.map_or(2, |limit| limit.min(2));
        let mut rows = Rows::new(self.answer(Some(limit))?);
        rows::only::<T, _>(&mut rows)
    }

    /// All rows.
    ///
    /// # Errors
    ///
    /// As [`rows`](Query::rows), for each of them.
    pub fn to_vec(&self) -> Result<Vec<T>, TableError> {
        self.rows()?.collect()
    }

    /// The keys of the rows. No row is read for them, where an index answers the filter.
    ///
    /// # Errors
    ///
    /// As [`rows`](Query::rows).
    pub fn keys(&self) -> Result<Keys<T, S::View>, TableError> {
        Ok(Keys::new(self.answer(self.limit)?))
    }

    /// How many rows there are. None is read, where an index answers the filter; otherwise what the filter needs of
    /// each.
    ///
    /// # Errors
    ///
    /// As [`rows`](Query::rows).
    pub fn count(&self) -> Result<usize, TableError> {
        let unsorted = Wanted { orders: &[], has_limit: false, ..self.wanted() };
        let choice = planner::choose(self.reads(), &unsorted)?;
        let most = self.limit.map_or(usize::MAX, |limit| limit.saturating_add(self.offset));
        let mut answer = self.unsorted(choice, 0, most)?;
        let mut count = 0_usize;
        while let Some(found) = answer.next_key(|_| Ok(())) {
            found?;
            count += 1;
        }
        Ok(count.saturating_sub(self.offset))
    }

    /// Whether there is a row.
    ///
    /// # Errors
    ///
    /// As [`rows`](Query::rows).
    pub fn exists(&self) -> Result<bool, TableError> {
        let unsorted = Wanted { orders: &[], has_limit: true, ..self.wanted() };
        let choice = planner::choose(self.reads(), &unsorted)?;
        let most = self.limit.map_or(1, |limit| limit.min(1));
        let mut answer = self.unsorted(choice, self.offset, most)?;
        answer.next_key(|_| Ok(())).transpose().map(|found| found.is_some())
    }

    /// How the rows are found. All entries of the indexes that are walked are counted for it, so it is no quick call.
    ///
    /// # Errors
    ///
    /// As [`rows`](Query::rows).
    pub fn explain(&self) -> Result<Plan, TableError> {
        planner::explain(self.reads(), &planner::choose(self.reads(), &self.wanted())?)
    }

    pub(super) fn reads(&self) -> Reads<'_, T, S> {
        Reads::of(self.table)
    }

    pub(super) fn wanted(&self) -> Wanted<'_, T> {
        Wanted {
            filter: self.filter.as_ref(),
            orders: &self.orders,
            has_limit: self.limit.is_some(),
            via: self.via,
        }
    }

    /// The rows in order, at most so many behind the offset.
    pub(super) fn answer(
        &self,
        limit: Option<usize>,
    ) -> Result<rows::Answer<T, S::View>, TableError> {
        let wanted = Wanted { has_limit: limit.is_some(), ..self.wanted() };
        let choice = planner::choose(self.reads(), &wanted)?;
        let most = limit.unwrap_or(usize::MAX);
        if !choice.sorted {
            return self.unsorted(choice, self.offset, most);
        }
        let kept = limit.map(|limit| limit.saturating_add(self.offset));
        let mut sorted = Sorted::new(&self.orders, kept);
        let mut answer = self.unsorted(choice, 0, usize::MAX)?;
        if kept != Some(0) {
            answer.sort_into(&mut sorted, self.orders.is_empty())?;
        }
        Ok(answer.over(sorted.into_batch(), self.offset, most))
    }

    /// The rows as the walk has them.
    pub(super) fn unsorted(
        &self,
        choice: Choice<T>,
        offset: usize,
        most: usize,
    ) -> Result<rows::Answer<T, S::View>, TableError> {
        let Choice { candidate, filter, backward, .. } = choice;
        let walk = Walk::new(
            self.reads(),
            candidate.stretches,
            Way::to_rows(backward),
            candidate.repeats,
        )?;
        Ok(rows::Answer::new(walk, filter, offset, most))
    }
}

impl<T: Record, S> Clone for Query<'_, T, S> {
    fn clone(&self) -> Self {
        let (filter, orders) = (self.filter.clone(), self.orders.clone());
        Query { filter, orders, ..*self }
    }
}

impl<T: Record, S> fmt::Debug for Query<'_, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filter = self.filter.as_ref().map(ToString::to_string);
        f.debug_struct("Query")
            .field("table", &T::NAMESPACE)
            .field("filter", &filter)
            .field("orders", &self.orders)
            .field("limit", &self.limit)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}
