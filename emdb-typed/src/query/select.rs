//! Queries whose rows a function makes something of.

use std::fmt;

use super::builder::Query;
use super::rows::{self, Rows};
use crate::backend::{ReadView, Store};
use crate::embedded::View;
use crate::error::TableError;
use crate::record::Record;

/// A query whose rows a function makes something of, from [`Query::select`].
#[must_use = "a query does nothing until it is asked, by `rows` or `to_vec` for one"]
pub struct Select<'t, T: Record, S, F> {
    query: Query<'t, T, S>,
    read: F,
}

/// The outcomes of a function over the rows of a query, lazily, of one state.
#[must_use = "an iterator does nothing until it is asked for items"]
pub struct Selected<'q, T: Record, F, V: ReadView = View> {
    rows: Rows<T, V>,
    read: &'q F,
}

impl<'t, T: Record, S: Store> Query<'t, T, S> {
    /// The rows that `read` makes something of, lent: their strings and bytes are not copied.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Page { #[emdb(key)] path: String, text: String }
    /// # let db = Emdb::open_in_memory();
    /// let pages = Table::<Page>::open(&db)?;
    /// pages.insert(&Page { path: "/".into(), text: "a long text".into() })?;
    /// let lengths = pages.query().select(|page| page.text.len()).to_vec()?;
    /// assert_eq!(lengths, [11]);
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn select<A, F: Fn(T::Ref<'_>) -> A>(self, read: F) -> Select<'t, T, S, F> {
        Select { query: self, read }
    }
}

impl<T: Record, S: Store, F> Select<'_, T, S, F> {
    fn limited(&self, most: Option<usize>) -> Result<Selected<'_, T, F, S::View>, TableError> {
        let limit = match (self.query.limit, most) {
            (Some(limit), Some(most)) => Some(limit.min(most)),
            (limit, most) => limit.or(most),
        };
        Ok(Selected { rows: Rows::new(self.query.answer(limit)?), read: &self.read })
    }

    /// The outcomes, one after the other.
    ///
    /// # Errors
    ///
    /// As [`Query::rows`].
    pub fn rows<A>(&self) -> Result<Selected<'_, T, F, S::View>, TableError>
    where
        F: Fn(T::Ref<'_>) -> A,
    {
        self.limited(None)
    }

    /// The outcome of the first row.
    ///
    /// # Errors
    ///
    /// As [`Query::first`].
    pub fn first<A>(&self) -> Result<Option<A>, TableError>
    where
        F: Fn(T::Ref<'_>) -> A,
    {
        self.limited(Some(1))?.next().transpose()
    }

    /// The outcome of the only row.
    ///
    /// # Errors
    ///
    /// As [`Query::one`].
    pub fn one<A>(&self) -> Result<A, TableError>
    where
        F: Fn(T::Ref<'_>) -> A,
    {
        rows::only::<T, _>(&mut self.limited(Some(2))?)
    }

    /// The outcomes of all rows.
    ///
    /// # Errors
    ///
    /// As [`Query::to_vec`].
    pub fn to_vec<A>(&self) -> Result<Vec<A>, TableError>
    where
        F: Fn(T::Ref<'_>) -> A,
    {
        self.limited(None)?.collect()
    }
}

impl<T: Record, A, F: Fn(T::Ref<'_>) -> A, V: ReadView> Iterator for Selected<'_, T, F, V> {
    type Item = Result<A, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rows.next_with(self.read)
    }
}

impl<T: Record, S, F> fmt::Debug for Select<'_, T, S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select").field("query", &self.query).finish_non_exhaustive()
    }
}

impl<T: Record, F, V: ReadView> fmt::Debug for Selected<'_, T, F, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selected").finish_non_exhaustive()
    }
}
