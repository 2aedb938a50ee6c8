//! Walks over a table.
//!
//! Invariant: nothing is skipped. A row that can't be read is handed out as an error, and ends the walk,
//! from both of its ends.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;

use crate::backend::{Cursor, ReadView};
use crate::embedded::View;
use crate::error::TableError;
use crate::index::IndexKind;
use crate::record::{OrderedRecord, Record};
use crate::row;
use crate::seal::Seal;

/// The rows of a table, of a range of it, or of what an index finds.
///
/// It sees the state in which it was made, whatever is written meanwhile, and holds no borrow of
/// the table. Rows come in the order of their keys (through an index: of the indexed values, then of
/// their keys); those of an unordered table in none. From both ends, if the table is ordered or
/// the rows come through an index.
///
/// An item that can't be read is an error, and the last item.
///
/// # Example
///
/// ```
/// # use emdb_core::Emdb;
/// # use emdb_typed::{Table, TableError};
/// # #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
/// # #[emdb(crate = "emdb_typed")]
/// # struct Item { #[emdb(key)] id: u32, name: String }
/// # let db = Emdb::open_in_memory();
/// # let items = Table::<Item>::open(&db)?;
/// # items.insert_many((1..=9).map(|id| Item { id, name: "x".repeat(id as usize) }))?;
/// let last: Vec<u32> =
///     items.iter()?.rev().take(2).map(|item| Ok(item?.id)).collect::<Result<_, TableError>>()?;
/// assert_eq!(last, [9, 8]);
///
/// // Without copying the strings.
/// let (mut rows, mut letters) = (items.iter()?, 0);
/// while let Some(len) = rows.next_with(|item| item.name.len()) {
///     letters += len?;
/// }
/// assert_eq!(letters, 45);
/// # Ok::<(), TableError>(())
/// ```
#[must_use = "an iterator does nothing until it is asked for items"]
pub struct Rows<T, By = ByKey, V: ReadView = View> {
    walk: Option<Walk<V>>,
    types: PhantomData<fn() -> (T, By)>,
}

/// The keys of a table, or of the rows that an index finds. No row is read for them.
///
/// As with [`Rows`], an error is the last item.
#[must_use = "an iterator does nothing until it is asked for items"]
pub struct Keys<T, By = ByKey, V: ReadView = View> {
    walk: Option<Walk<V>>,
    types: PhantomData<fn() -> (T, By)>,
}

/// The order of a walk: that of the primary keys.
#[derive(Debug, Clone, Copy)]
pub enum ByKey {}

/// The order of a walk: that of an index.
#[derive(Debug, Clone, Copy)]
pub enum ByIndex {}

/// An order that a walk can follow from both of its ends.
#[diagnostic::on_unimplemented(
    message = "the table of `{T}` is unordered, so its rows come in no order that `rev` could turn",
    label = "needs an ordered table",
    note = "`#[emdb(unordered)]` leaves `range`, `prefix`, `first`, `last`, `page` and `rev` out; \
            remove it to have them"
)]
pub trait TwoEnded<T> {
    #[doc(hidden)]
    const SEAL: Seal;
}

impl<T: OrderedRecord> TwoEnded<T> for ByKey {
    const SEAL: Seal = Seal;
}

impl<T> TwoEnded<T> for ByIndex {
    const SEAL: Seal = Seal;
}

struct Walk<V: ReadView> {
    scan: V::Cursor,
    /// Where the rows are, if the scan is one of entries.
    through: Option<Through<V>>,
}

/// An index that is walked over.
pub(super) struct Through<V> {
    pub(super) rows: V,
    pub(super) index: &'static str,
    pub(super) kind: IndexKind,
}

/// Where the next item is taken from.
#[derive(Clone, Copy)]
enum End {
    Front,
    Back,
}

impl<V: ReadView> Walk<V> {
    /// The next key and value of the scan, as `make` has them.
    fn step<R>(
        &mut self,
        end: End,
        make: impl FnOnce(Option<&Through<V>>, &[u8], &[u8]) -> Result<R, TableError>,
    ) -> Option<Result<R, TableError>> {
        let next = match end {
            End::Front => self.scan.forward(),
            End::Back => self.scan.backward(),
        };
        Some(match next? {
            Ok((key, value)) => make(self.through.as_ref(), key, value),
            Err(error) => Err(error.into()),
        })
    }

    /// The next row, as `make` has its key and its bytes.
    fn row<T: Record, R>(
        &mut self,
        end: End,
        make: impl FnOnce(&[u8], &[u8]) -> Result<R, TableError>,
    ) -> Option<Result<R, TableError>> {
        self.step(end, |through, key, value| match through {
            None => make(key, value),
            Some(through) => through.row::<T, R>(key, value, make),
        })
    }

    /// The next row's key.
    fn key<T: Record>(&mut self, end: End) -> Option<Result<T::Key, TableError>> {
        self.step(end, |through, key, value| {
            row::decode_key::<T>(match through {
                None => key,
                Some(through) => through.key::<T>(key, value)?,
            })
        })
    }
}

impl<V: ReadView> Through<V> {
    fn row<T: Record, R>(
        &self,
        entry: &[u8],
        value: &[u8],
        make: impl FnOnce(&[u8], &[u8]) -> Result<R, TableError>,
    ) -> Result<R, TableError> {
        let key = self.key::<T>(entry, value)?;
        let row = self.rows.read(key, |bytes| make(key, bytes))?;
        row.unwrap_or_else(|| Err(self.stale::<T>()))
    }

    fn key<'a, T: Record>(&self, entry: &'a [u8], value: &'a [u8]) -> Result<&'a [u8], TableError> {
        self.kind.row_key(entry, value).ok_or_else(|| self.stale::<T>())
    }

    fn stale<T: Record>(&self) -> TableError {
        TableError::StaleIndex { table: T::NAMESPACE.to_owned(), index: self.index.to_owned() }
    }
}

impl<T: Record, V: ReadView> Rows<T, ByKey, V> {
    pub(super) fn new(scan: V::Cursor) -> Self {
        Rows { walk: Some(Walk { scan, through: None }), types: PhantomData }
    }
}

impl<T: Record, V: ReadView> Rows<T, ByIndex, V> {
    pub(super) fn through(scan: V::Cursor, through: Through<V>) -> Self {
        Rows { walk: Some(Walk { scan, through: Some(through) }), types: PhantomData }
    }
}

impl<T: Record, By, V: ReadView> Rows<T, By, V> {
    /// Calls `read` with the next row, lent: its strings and bytes aren't copied.
    pub fn next_with<R>(
        &mut self,
        read: impl FnOnce(T::Ref<'_>) -> R,
    ) -> Option<Result<R, TableError>> {
        self.take(End::Front, |key, value| row::lend::<T, R>(key, value, read))
    }

    /// The same from the back.
    pub fn next_back_with<R>(
        &mut self,
        read: impl FnOnce(T::Ref<'_>) -> R,
    ) -> Option<Result<R, TableError>>
    where
        By: TwoEnded<T>,
    {
        self.take(End::Back, |key, value| row::lend::<T, R>(key, value, read))
    }

    fn take<R>(
        &mut self,
        end: End,
        make: impl FnOnce(&[u8], &[u8]) -> Result<R, TableError>,
    ) -> Option<Result<R, TableError>> {
        let item = self.walk.as_mut()?.row::<T, R>(end, make);
        if !matches!(item, Some(Ok(_))) {
            // The end, or an error: what is held is let go.
            self.walk = None;
        }
        item
    }
}

impl<T: Record, V: ReadView> Keys<T, ByKey, V> {
    pub(super) fn new(scan: V::Cursor) -> Self {
        let scan = scan.without_values();
        Keys { walk: Some(Walk { scan, through: None }), types: PhantomData }
    }
}

impl<T: Record, V: ReadView> Keys<T, ByIndex, V> {
    pub(super) fn through(scan: V::Cursor, through: Through<V>) -> Self {
        Keys { walk: Some(Walk { scan, through: Some(through) }), types: PhantomData }
    }
}

impl<T: Record, By, V: ReadView> Keys<T, By, V> {
    fn take(&mut self, end: End) -> Option<Result<T::Key, TableError>> {
        let item = self.walk.as_mut()?.key::<T>(end);
        if !matches!(item, Some(Ok(_))) {
            self.walk = None;
        }
        item
    }
}

impl<T: Record, By, V: ReadView> Iterator for Rows<T, By, V> {
    type Item = Result<T, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take(End::Front, row::decode::<T>)
    }
}

impl<T: Record, By: TwoEnded<T>, V: ReadView> DoubleEndedIterator for Rows<T, By, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.take(End::Back, row::decode::<T>)
    }
}

impl<T: Record, By, V: ReadView> Iterator for Keys<T, By, V> {
    type Item = Result<T::Key, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take(End::Front)
    }
}

impl<T: Record, By: TwoEnded<T>, V: ReadView> DoubleEndedIterator for Keys<T, By, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.take(End::Back)
    }
}

impl<T: Record, By, V: ReadView> FusedIterator for Rows<T, By, V> {}
impl<T: Record, By, V: ReadView> FusedIterator for Keys<T, By, V> {}

impl<T, By, V: ReadView> fmt::Debug for Rows<T, By, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").finish_non_exhaustive()
    }
}

impl<T, By, V: ReadView> fmt::Debug for Keys<T, By, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}
