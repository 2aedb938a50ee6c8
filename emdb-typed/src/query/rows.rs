//! The rows of a query.

use std::fmt;
use std::iter::FusedIterator;

use super::sorted::Sorted;
use super::walk::{Batch, Found, Lead, Walk};
use crate::backend::ReadView;
use crate::embedded::View;
use crate::error::TableError;
use crate::expr::Node;
use crate::record::Record;
use crate::row;

/// A walk, with what is asked of its rows.
pub(super) struct Answer<T: Record, V: ReadView> {
    walk: Walk<T, V>,
    filter: Option<Node<T>>,
    /// How many are left out before the first one, and how many are given at most.
    skip: usize,
    left: usize,
}

impl<T: Record, V: ReadView> Answer<T, V> {
    pub(super) fn new(walk: Walk<T, V>, filter: Option<Node<T>>, skip: usize, left: usize) -> Self {
        Answer { walk, filter, skip, left }
    }

    /// Goes on with the rows of these keys, which are known to be wanted.
    pub(super) fn over(self, batch: Batch, skip: usize, left: usize) -> Self {
        Answer { walk: self.walk.over(batch), filter: None, skip, left }
    }

    /// Calls `take` with the next row.
    pub(super) fn next<A>(
        &mut self,
        mut take: impl FnMut(Found<'_, T>) -> Result<A, TableError>,
    ) -> Option<Result<A, TableError>> {
        while self.left > 0 {
            let Answer { walk, filter, skip, .. } = self;
            let found = walk.next(|found| match filter {
                Some(filter) if !filter.holds(&found.row)? => Ok(None),
                _ if *skip > 0 => {
                    *skip -= 1;
                    Ok(None)
                }
                _ => take(found).map(Some),
            })?;
            if let Some(made) = found.transpose() {
                self.left -= 1;
                return Some(made);
            }
        }
        None
    }

    /// Calls `take` with the key of the next row, which is read for its filter alone.
    pub(super) fn next_key<A>(
        &mut self,
        mut take: impl FnMut(Lead<'_>) -> Result<A, TableError>,
    ) -> Option<Result<A, TableError>> {
        if self.filter.is_some() {
            return self.next(|mut found| {
                found.check()?;
                take(Lead { key: found.key, ..Lead::default() })
            });
        }
        while self.skip > 0 && self.left > 0 {
            match self.walk.next_key(|_| ())? {
                Ok(()) => self.skip -= 1,
                Err(error) => return Some(Err(error)),
            }
        }
        self.left = self.left.checked_sub(1)?;
        self.walk.next_key(take).map(|made| made?)
    }

    /// Sorts in all rows. By their keys alone, they are read for the filter only.
    pub(super) fn sort_into(
        &mut self,
        sorted: &mut Sorted<'_, T>,
        by_key: bool,
    ) -> Result<(), TableError> {
        let mut put = |answer: &mut Self| {
            if by_key {
                return answer.next_key(|lead| {
                    sorted.put_key(lead);
                    Ok(())
                });
            }
            answer.next(|mut found| {
                found.check()?;
                sorted.put(&found)
            })
        };
        while let Some(done) = put(self) {
            done?;
        }
        Ok(())
    }
}

/// The rows of a [`Query`](super::Query), lazily, of one state.
///
/// Where they are sorted in memory, their keys and what they are sorted by are, and each row is read when it
/// comes. An item that can't be read is an error, and the last item.
#[must_use = "an iterator does nothing until it is asked for items"]
pub struct Rows<T: Record, V: ReadView = View> {
    answer: Option<Answer<T, V>>,
}

/// The keys of the rows of a [`Query`](super::Query), lazily, of one state.
#[must_use = "an iterator does nothing until it is asked for items"]
pub struct Keys<T: Record, V: ReadView = View> {
    answer: Option<Answer<T, V>>,
}

impl<T: Record, V: ReadView> Rows<T, V> {
    pub(super) fn new(answer: Answer<T, V>) -> Self {
        Rows { answer: Some(answer) }
    }

    /// Calls `read` with the next row, lent: its strings and bytes aren't copied.
    pub fn next_with<A>(
        &mut self,
        mut read: impl FnMut(T::Ref<'_>) -> A,
    ) -> Option<Result<A, TableError>> {
        let item = self.answer.as_mut()?.next(|found| found.lend(&mut read));
        if !matches!(item, Some(Ok(_))) {
            self.answer = None;
        }
        item
    }

    /// All rows that are left; the first error ends it.
    ///
    /// # Errors
    ///
    /// The error of the item that can't be read.
    #[allow(clippy::wrong_self_convention)]
    pub fn to_vec(self) -> Result<Vec<T>, TableError> {
        self.collect()
    }
}

impl<T: Record, V: ReadView> Iterator for Rows<T, V> {
    type Item = Result<T, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.answer.as_mut()?.next(|found| found.into_row());
        if !matches!(item, Some(Ok(_))) {
            // The end, or an error: what is held is let go.
            self.answer = None;
        }
        item
    }
}

impl<T: Record, V: ReadView> Keys<T, V> {
    pub(super) fn new(answer: Answer<T, V>) -> Self {
        Keys { answer: Some(answer) }
    }

    /// All keys that are left; the first error ends it.
    ///
    /// # Errors
    ///
    /// The error of the item that can't be read.
    #[allow(clippy::wrong_self_convention)]
    pub fn to_vec(self) -> Result<Vec<T::Key>, TableError> {
        self.collect()
    }
}

impl<T: Record, V: ReadView> Iterator for Keys<T, V> {
    type Item = Result<T::Key, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.answer.as_mut()?.next_key(|lead| row::decode_key::<T>(lead.key));
        if !matches!(item, Some(Ok(_))) {
            self.answer = None;
        }
        item
    }
}

impl<T: Record, V: ReadView> FusedIterator for Rows<T, V> {}
impl<T: Record, V: ReadView> FusedIterator for Keys<T, V> {}

/// The only item.
pub(super) fn only<T: Record, A>(
    items: &mut impl Iterator<Item = Result<A, TableError>>,
) -> Result<A, TableError> {
    let not_one = |several| TableError::NotOne { table: T::NAMESPACE.to_owned(), several };
    let first = items.next().ok_or_else(|| not_one(false))??;
    match items.next().transpose()? {
        None => Ok(first),
        Some(_) => Err(not_one(true)),
    }
}

impl<T: Record, V: ReadView> fmt::Debug for Rows<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").finish_non_exhaustive()
    }
}

impl<T: Record, V: ReadView> fmt::Debug for Keys<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}
