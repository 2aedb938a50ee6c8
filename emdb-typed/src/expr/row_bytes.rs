//! A stored row that is asked questions.

use std::cell::OnceCell;

use super::path::Path;
use super::place::Place;
use crate::codec::{self, RowReader};
use crate::error::TableError;
use crate::lent;
use crate::record::Record;
use crate::row;

/// The bytes of a row, of which single members are read. The row itself is decoded when something asks for it,
/// once.
pub(crate) struct RowBytes<'a, R> {
    key: &'a [u8],
    bytes: &'a [u8],
    /// The value, if the present version of the type wrote it.
    value: Option<&'a [u8]>,
    row: OnceCell<R>,
}

impl<'a, R: Record> RowBytes<'a, R> {
    #[inline]
    pub(crate) fn new(key: &'a [u8], bytes: &'a [u8]) -> Self {
        let value = match codec::split_version(bytes) {
            Ok((version, value)) if version == R::VERSION => Some(value),
            // What is wrong is told when the row is decoded.
            _ => None,
        };
        RowBytes { key, bytes, value, row: OnceCell::new() }
    }

    /// The whole row.
    pub(crate) fn row(&self) -> Result<&R, TableError> {
        if let Some(row) = self.row.get() {
            return Ok(row);
        }
        let row = row::decode(self.key, self.bytes)?;
        Ok(self.row.get_or_init(|| row))
    }

    /// The whole row, to keep.
    pub(crate) fn into_row(mut self) -> Result<R, TableError> {
        match self.row.take() {
            Some(row) => Ok(row),
            None => row::decode(self.key, self.bytes),
        }
    }

    /// The bytes from a member on, if it can be read alone.
    #[inline]
    fn seek<V: 'static>(&self, place: &Place<V>) -> Option<&'a [u8]> {
        place.stored.as_ref()?;
        place.seek(self.value?)
    }

    /// Calls `take` with the member at a place.
    #[inline]
    pub(crate) fn read<P: Path<R>, A>(
        &self,
        place: &Place<P::Value>,
        take: impl FnOnce(&P::Value) -> A,
    ) -> Result<A, TableError> {
        if let (Some(stored), Some(bytes)) = (&place.stored, self.seek(place)) {
            let value = (stored.read)(&mut lent::Fields::new(bytes));
            let fail = |source| row::unreadable::<R>("the row", self.key, source);
            return Ok(take(&value.map_err(fail)?));
        }
        Ok(take(P::get(self.row()?)))
    }

    /// The next text from a place on, or that in an `Option`, lent; `None` where it can't be read alone.
    #[inline]
    pub(crate) fn lend_text<V: 'static>(
        &self,
        place: &Place<V>,
        optional: bool,
    ) -> Option<Result<Option<&'a str>, TableError>> {
        let mut reader = RowReader::new(self.seek(place)?);
        let text = if optional { reader.next::<Option<&str>>() } else { reader.next().map(Some) };
        Some(text.map_err(|source| row::unreadable::<R>("the row", self.key, source)))
    }
}
