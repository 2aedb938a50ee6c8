//! Walks over a table.
//!
//! Invariant: nothing is skipped. What can't be read is handed out as an error, and ends the walk.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;

use emdb_core::Error;

use crate::error::TableError;
use crate::record::Record;
use crate::row;

/// The rows of a table, from [`Table::iter`](crate::Table::iter).
///
/// It sees the state in which it was made, whatever is written meanwhile. An item that can't be
/// read is an error, and the last item.
#[must_use = "an iterator does nothing until it is asked for items"]
pub struct Rows<T, I> {
    walk: Walk<I>,
    row: PhantomData<fn() -> T>,
}

/// The keys of a table, from [`Table::keys`](crate::Table::keys). No row is read for them.
///
/// As with [`Rows`], an error is the last item.
#[must_use = "an iterator does nothing until it is asked for items"]
pub struct Keys<T, I> {
    walk: Walk<I>,
    row: PhantomData<fn() -> T>,
}

impl<T, I> Rows<T, I> {
    pub(crate) fn new(entries: I) -> Self {
        Rows { walk: Walk(Some(entries)), row: PhantomData }
    }
}

impl<T, I> Keys<T, I> {
    pub(crate) fn new(keys: I) -> Self {
        Keys { walk: Walk(Some(keys)), row: PhantomData }
    }
}

impl<T, I> Iterator for Rows<T, I>
where
    T: Record,
    I: Iterator<Item = Result<(Vec<u8>, Vec<u8>), Error>>,
{
    type Item = Result<T, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.walk.next(|(key, value)| row::decode(&key, &value))
    }
}

impl<T, I> Iterator for Keys<T, I>
where
    T: Record,
    I: Iterator<Item = Result<Vec<u8>, Error>>,
{
    type Item = Result<T::Key, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.walk.next(|key| row::decode_key::<T>(&key))
    }
}

impl<T, I> FusedIterator for Rows<T, I> where Self: Iterator {}
impl<T, I> FusedIterator for Keys<T, I> where Self: Iterator {}

impl<T, I> fmt::Debug for Rows<T, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").finish_non_exhaustive()
    }
}

impl<T, I> fmt::Debug for Keys<T, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

/// A scan that ends for good at its end or its first error, and lets go of what it held.
struct Walk<I>(Option<I>);

impl<I, Raw> Walk<I>
where
    I: Iterator<Item = Result<Raw, Error>>,
{
    fn next<Item>(
        &mut self,
        decode: impl FnOnce(Raw) -> Result<Item, TableError>,
    ) -> Option<Result<Item, TableError>> {
        let raw = self.0.as_mut()?.next();
        let item = raw.map(|raw| raw.map_err(TableError::from).and_then(decode));
        if !matches!(item, Some(Ok(_))) {
            self.0 = None;
        }
        item
    }
}
