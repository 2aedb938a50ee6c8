//! The fields that rows are sorted by.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::field::Field;
use super::path::Path;
use super::place::Place;
use super::row_bytes::RowBytes;
use crate::error::TableError;
use crate::key::{EncodeKey, Key};
use crate::record::Record;

/// A field that the rows of a query are sorted by, and which way: from [`Field::asc`] and [`Field::desc`].
///
/// The order is that of the field's type as a [`Key`](trait@crate::Key), which is that of its `Ord`; floats sort by
/// `total_cmp`, `None` comes before what there is, and a derived `Key` of an enum goes by the positions of its variants.
#[must_use = "give it to `order_by` or `then_by`"]
pub struct Order<R> {
    pub(crate) by: Arc<dyn SortBy<R>>,
    pub(crate) descending: bool,
}

/// A member that has bytes which sort as its values do.
pub(crate) trait SortBy<R>: Send + Sync {
    /// The member's name, with the way to it.
    fn name(&self) -> &str;

    /// Appends the part form of a row's value.
    fn write(&self, row: &RowBytes<'_, R>, out: &mut Vec<u8>) -> Result<(), TableError>;
}

struct ByPath<R, P: Path<R>> {
    name: Cow<'static, str>,
    place: Place<P::Value>,
    /// Whether it is a `String`.
    is_text: bool,
}

impl<R: Record, P: Path<R, Value: Key>> SortBy<R> for ByPath<R, P> {
    fn name(&self) -> &str {
        &self.name
    }

    fn write(&self, row: &RowBytes<'_, R>, out: &mut Vec<u8>) -> Result<(), TableError> {
        if self.is_text
            && let Some(text) = row.lend_text(&self.place, false)
        {
            if let Some(text) = text? {
                text.encode_part(out);
            }
            return Ok(());
        }
        row.read::<P, _>(&self.place, |value| value.encode_part(out))
    }
}

/// The bytes of a field's values.
pub(crate) fn sort_by<R: Record, P: Path<R, Value: Key>>() -> Arc<dyn SortBy<R>> {
    let is_text = std::any::TypeId::of::<P::Value>() == std::any::TypeId::of::<String>();
    Arc::new(ByPath::<R, P> { name: P::name(), place: Place::of::<R, P>(), is_text })
}

impl<R: Record, V: Key, P: Path<R, Value = V>> Field<R, V, P> {
    /// Rows with the least value first.
    pub fn asc(self) -> Order<R> {
        Order { by: sort_by::<R, P>(), descending: false }
    }

    /// Rows with the greatest value first.
    pub fn desc(self) -> Order<R> {
        Order { by: sort_by::<R, P>(), descending: true }
    }
}

impl<R: Record, V: Key, P: Path<R, Value = V>> From<Field<R, V, P>> for Order<R> {
    fn from(field: Field<R, V, P>) -> Self {
        field.asc()
    }
}

impl<R> Order<R> {
    pub(crate) fn name(&self) -> &str {
        self.by.name()
    }
}

impl<R> Clone for Order<R> {
    fn clone(&self) -> Self {
        Order { by: self.by.clone(), descending: self.descending }
    }
}

impl<R> fmt::Display for Order<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.descending { " descending" } else { "" };
        write!(f, "{}{way}", self.name())
    }
}

impl<R> fmt::Debug for Order<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Order({self})")
    }
}
