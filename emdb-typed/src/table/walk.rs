//! Walks over a table.
//!
//! Invariant: nothing is skipped. A row that can't be read is handed out as an error, and ends the walk,
//! from both of its ends; so is one to which an entry of an index led that it hasn't.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;

use super::entries::{End, Entries, Entry};
use crate::backend::{Cursor, CursorItem, ReadView};
use crate::embedded::View;
use crate::error::TableError;
use crate::index::IndexSpec;
use crate::record::{OrderedRecord, Record};
use crate::row;
use crate::seal::Seal;
use crate::stale::{Disagreement, Sought};

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
/// # use emdb::{Emdb, Table, TableError};
/// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
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
    walk: Option<Walk<T, V>>,
    types: PhantomData<fn() -> (T, By)>,
}

/// The keys of a table, or of the rows that an index finds. No row is read for them.
///
/// As with [`Rows`], an error is the last item.
#[must_use = "an iterator does nothing until it is asked for items"]
pub struct Keys<T, By = ByKey, V: ReadView = View> {
    walk: Option<Walk<T, V>>,
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

struct Walk<T, V: ReadView> {
    scan: V::Cursor,
    /// Where the rows are, if the scan is one of entries.
    through: Option<Through<T, V>>,
}

/// An index that is walked over.
pub(super) struct Through<T, V> {
    rows: V,
    entries: Entries,
    /// The entry of each row.
    sought: Sought<T>,
}

/// The rows of a walk, as they are made of their keys and their bytes.
trait Make<T>: Sized {
    type Made;

    fn make(self, key: &[u8], bytes: &[u8]) -> Result<Self::Made, TableError>;

    /// The same of a row to which an entry led.
    fn make_found(
        self,
        sought: &mut Sought<T>,
        key: &[u8],
        bytes: &[u8],
    ) -> Result<Self::Made, TableError>;
}

/// The row itself.
struct Owned;

impl<T: Record> Make<T> for Owned {
    type Made = T;

    #[inline]
    fn make(self, key: &[u8], bytes: &[u8]) -> Result<T, TableError> {
        row::decode(key, bytes)
    }

    #[inline]
    fn make_found(self, sought: &mut Sought<T>, key: &[u8], bytes: &[u8]) -> Result<T, TableError> {
        let row = row::decode(key, bytes)?;
        sought.check(key, &row)?;
        Ok(row)
    }
}

/// The making of a callback that is lent the row.
struct Lent<F>(F);

impl<T: Record, R, F: FnOnce(T::Ref<'_>) -> R> Make<T> for Lent<F> {
    type Made = R;

    #[inline]
    fn make(self, key: &[u8], bytes: &[u8]) -> Result<R, TableError> {
        row::lend::<T, R>(key, bytes, self.0)
    }

    #[inline]
    fn make_found(self, sought: &mut Sought<T>, key: &[u8], bytes: &[u8]) -> Result<R, TableError> {
        row::lend::<T, _>(key, bytes, |row| {
            sought.check_lent(key, &row, || row::decode(key, bytes))?;
            Ok((self.0)(row))
        })?
    }
}

impl<T: Record, V: ReadView> Walk<T, V> {
    /// The next row.
    #[inline(always)]
    fn row<M: Make<T>>(&mut self, end: End, make: M) -> Option<Result<M::Made, TableError>> {
        match &mut self.through {
            None => Some(match step(&mut self.scan, end)? {
                Err(error) => Err(error.into()),
                Ok((key, value)) => make.make(key, value),
            }),
            Some(through) => through.row(&mut self.scan, end, make),
        }
    }

    /// The next row's key.
    fn key(&mut self, end: End) -> Option<Result<T::Key, TableError>> {
        let key = match (step(&mut self.scan, end)?, &self.through) {
            (Err(error), _) => Err(error.into()),
            (Ok((key, _)), None) => Ok(key),
            (Ok((entry, value)), Some(through)) => through.key(entry, value),
        };
        Some(key.and_then(row::decode_key::<T>))
    }
}

#[inline]
fn step<C: Cursor>(scan: &mut C, end: End) -> Option<CursorItem<'_, C::Error>> {
    match end {
        End::Front => scan.forward(),
        End::Back => scan.backward(),
    }
}

impl<T: Record, V: ReadView> Through<T, V> {
    pub(super) fn new(rows: V, spec: &IndexSpec<T>, index: usize) -> Self {
        let sought = Sought::new(spec, index, Vec::new());
        Through { rows, entries: Entries::default(), sought }
    }

    /// The row of the next entry.
    fn row<M: Make<T>>(
        &mut self,
        scan: &mut V::Cursor,
        end: End,
        make: M,
    ) -> Option<Result<M::Made, TableError>> {
        let Through { rows, entries, sought } = self;
        let found = entries.next(scan, end, rows, |entry, value| row_key(sought, entry, value))?;
        let Entry { entry, key } = match found {
            Ok(entry) => entry,
            Err(error) => return Some(Err(error)),
        };
        sought.seek(entry, key);
        Some(match rows.read(key, |bytes| make.make_found(sought, key, bytes)) {
            Ok(row) => row.unwrap_or_else(|| Err(sought.error(Disagreement::NoRow(key)))),
            Err(error) => Err(error.into()),
        })
    }

    fn key<'a>(&self, entry: &'a [u8], value: &'a [u8]) -> Result<&'a [u8], TableError> {
        row_key(&self.sought, entry, value)
    }
}

/// The key of the row to which an entry leads.
fn row_key<'a, T: Record>(
    sought: &Sought<T>,
    entry: &'a [u8],
    value: &'a [u8],
) -> Result<&'a [u8], TableError> {
    let key = sought.spec().kind.row_key(entry, value);
    key.ok_or_else(|| sought.error(Disagreement::NoKey))
}

impl<T: Record, V: ReadView> Rows<T, ByKey, V> {
    pub(super) fn new(scan: V::Cursor) -> Self {
        Rows { walk: Some(Walk { scan, through: None }), types: PhantomData }
    }
}

impl<T: Record, V: ReadView> Rows<T, ByIndex, V> {
    pub(super) fn through(scan: V::Cursor, through: Through<T, V>) -> Self {
        Rows { walk: Some(Walk { scan, through: Some(through) }), types: PhantomData }
    }
}

impl<T: Record, By, V: ReadView> Rows<T, By, V> {
    /// Calls `read` with the next row, lent: its strings and bytes aren't copied.
    pub fn next_with<R>(
        &mut self,
        read: impl FnOnce(T::Ref<'_>) -> R,
    ) -> Option<Result<R, TableError>> {
        self.take(End::Front, Lent(read))
    }

    /// The same from the back.
    pub fn next_back_with<R>(
        &mut self,
        read: impl FnOnce(T::Ref<'_>) -> R,
    ) -> Option<Result<R, TableError>>
    where
        By: TwoEnded<T>,
    {
        self.take(End::Back, Lent(read))
    }

    /// All rows that are left, from the front; the first error ends it.
    ///
    /// # Errors
    ///
    /// The error of the item that can't be read.
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Item { #[emdb(key)] id: u32, price: u32 }
    /// # let db = Emdb::open_in_memory();
    /// # let items = Table::<Item>::open(&db)?;
    /// items.insert_many((1..=3).map(|id| Item { id, price: 10 * id }))?;
    /// let mut items = items.range(2..)?.to_vec()?;
    /// items.sort_by_key(|item| std::cmp::Reverse(item.price));
    /// assert_eq!(items[0].id, 3);
    /// # Ok::<(), TableError>(())
    /// ```
    // It takes the walk as `Iterator::collect` does: one that is begun can't be cloned.
    #[allow(clippy::wrong_self_convention)]
    pub fn to_vec(self) -> Result<Vec<T>, TableError> {
        self.collect()
    }

    #[inline(always)]
    fn take<M: Make<T>>(&mut self, end: End, make: M) -> Option<Result<M::Made, TableError>> {
        let item = self.walk.as_mut()?.row(end, make);
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
    pub(super) fn through(scan: V::Cursor, through: Through<T, V>) -> Self {
        Keys { walk: Some(Walk { scan, through: Some(through) }), types: PhantomData }
    }
}

impl<T: Record, By, V: ReadView> Keys<T, By, V> {
    /// All keys that are left, from the front; the first error ends it.
    ///
    /// # Errors
    ///
    /// The error of the item that can't be read.
    #[allow(clippy::wrong_self_convention)]
    pub fn to_vec(self) -> Result<Vec<T::Key>, TableError> {
        self.collect()
    }

    fn take(&mut self, end: End) -> Option<Result<T::Key, TableError>> {
        let item = self.walk.as_mut()?.key(end);
        if !matches!(item, Some(Ok(_))) {
            self.walk = None;
        }
        item
    }
}

impl<T: Record, By, V: ReadView> Iterator for Rows<T, By, V> {
    type Item = Result<T, TableError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.take(End::Front, Owned)
    }
}

impl<T: Record, By: TwoEnded<T>, V: ReadView> DoubleEndedIterator for Rows<T, By, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.take(End::Back, Owned)
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
