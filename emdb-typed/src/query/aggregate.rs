//! Sums, extremes and values over all rows of a query.

use super::builder::Query;
use super::planner::{self, Wanted};
use super::rows::Answer;
use super::walk::Found;
use crate::backend::Store;
use crate::codec::DecodeError;
use crate::error::TableError;
use crate::expr::{Field, Path, Place, SortBy, sort_by};
use crate::key::{Key, KeyError};
use crate::record::Record;
use crate::row;
use crate::seal::Seal;

/// A number that rows can be summed up by: an integer or a float.
///
/// This trait is sealed: it is implemented for the integers of fixed width, `f32` and `f64`.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` can't be summed up",
    label = "not an integer of a fixed width, nor a float"
)]
pub trait Number: Copy + Send + Sync + 'static {
    #[doc(hidden)]
    const SEAL: Seal;

    /// The type that sums are made in.
    #[doc(hidden)]
    type Wide: Copy;

    /// Nothing.
    #[doc(hidden)]
    const ZERO: Self::Wide;

    /// The sum with one number more, if there is one.
    #[doc(hidden)]
    fn add(sum: Self::Wide, number: Self) -> Option<Self::Wide>;

    /// The sum in its own type, if it fits.
    #[doc(hidden)]
    fn narrow(sum: Self::Wide) -> Option<Self>;

    /// The sum as a float.
    #[doc(hidden)]
    fn to_float(sum: Self::Wide) -> f64;
}

macro_rules! integers {
    ($($number:ty => $wide:ty;)*) => {$(
        impl Number for $number {
            const SEAL: Seal = Seal;
            type Wide = $wide;
            const ZERO: $wide = 0;

            fn add(sum: $wide, number: Self) -> Option<$wide> {
                sum.checked_add(<$wide>::from(number))
            }

            fn narrow(sum: $wide) -> Option<Self> {
                Self::try_from(sum).ok()
            }

            fn to_float(sum: $wide) -> f64 {
                sum as f64
            }
        }
    )*};
}

integers! {
    u8 => i128;
    u16 => i128;
    u32 => i128;
    u64 => i128;
    u128 => u128;
    i8 => i128;
    i16 => i128;
    i32 => i128;
    i64 => i128;
    i128 => i128;
}

macro_rules! floats {
    ($($number:ty)*) => {$(
        impl Number for $number {
            const SEAL: Seal = Seal;
            type Wide = f64;
            const ZERO: f64 = 0.0;

            fn add(sum: f64, number: Self) -> Option<f64> {
                Some(sum + f64::from(number))
            }

            fn narrow(sum: f64) -> Option<Self> {
                Some(sum as Self)
            }

            fn to_float(sum: f64) -> f64 {
                sum
            }
        }
    )*};
}

floats!(f32 f64);

impl<T: Record, S: Store> Query<'_, T, S> {
    /// The sum of a field over all rows; 0 if there are none.
    ///
    /// # Errors
    ///
    /// [`TableError::Overflow`] when it doesn't fit into the field's type; otherwise as [`rows`](Query::rows).
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Item { #[emdb(key)] id: u32, kind: String, price: u32 }
    /// # let db = Emdb::open_in_memory();
    /// let items = Table::<Item>::open(&db)?;
    /// let kind = |id| if id < 3 { "book" } else { "tea" };
    /// items.insert_many((1..=4).map(|id| Item { id, kind: kind(id).into(), price: 10 * id }))?;
    ///
    /// let f = Item::FIELDS;
    /// assert_eq!(items.query().sum(f.price)?, 100);
    /// assert_eq!(items.query().filter(f.kind.eq("tea")).avg(f.price)?, Some(35.0));
    /// assert_eq!(items.query().max(f.price)?, Some(40));
    /// assert_eq!(items.query().distinct(f.kind)?, ["book", "tea"]);
    /// assert_eq!(items.query().group_by(f.kind).count()?, [("book".into(), 2), ("tea".into(), 2)]);
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn sum<V: Number, P: Path<T, Value = V>>(
        &self,
        field: Field<T, V, P>,
    ) -> Result<V, TableError> {
        let (sum, _) = self.total(field)?;
        V::narrow(sum).ok_or_else(|| overflow::<T, P>())
    }

    /// The mean of a field over all rows; `None` if there are none.
    ///
    /// # Errors
    ///
    /// As [`sum`](Query::sum), but that the sum has more room than the field's type.
    pub fn avg<V: Number, P: Path<T, Value = V>>(
        &self,
        field: Field<T, V, P>,
    ) -> Result<Option<f64>, TableError> {
        let (sum, count) = self.total(field)?;
        Ok((count > 0).then(|| V::to_float(sum) / count as f64))
    }

    /// The least value of a field, in the order of [`asc`](Field::asc); `None` if there are no rows.
    ///
    /// # Errors
    ///
    /// As [`rows`](Query::rows).
    pub fn min<V: Key, P: Path<T, Value = V>>(
        &self,
        field: Field<T, V, P>,
    ) -> Result<Option<V>, TableError> {
        self.extreme(field, false)
    }

    /// The greatest value of a field, in the order of [`asc`](Field::asc); `None` if there are no rows.
    ///
    /// # Errors
    ///
    /// As [`rows`](Query::rows).
    pub fn max<V: Key, P: Path<T, Value = V>>(
        &self,
        field: Field<T, V, P>,
    ) -> Result<Option<V>, TableError> {
        self.extreme(field, true)
    }

    /// The values of a field, in the order of [`asc`](Field::asc), each once.
    ///
    /// # Errors
    ///
    /// As [`rows`](Query::rows).
    pub fn distinct<V: Key, P: Path<T, Value = V>>(
        &self,
        field: Field<T, V, P>,
    ) -> Result<Vec<V>, TableError> {
        let groups = self.group_by(field).count()?;
        Ok(groups.into_iter().map(|(value, _)| value).collect())
    }

    fn total<V: Number, P: Path<T, Value = V>>(
        &self,
        _: Field<T, V, P>,
    ) -> Result<(V::Wide, usize), TableError> {
        let place = Place::of::<T, P>();
        let (mut sum, mut count) = (V::ZERO, 0);
        self.each(|found| {
            let number = found.row.read::<P, _>(&place, |number| *number)?;
            sum = V::add(sum, number).ok_or_else(|| overflow::<T, P>())?;
            count += 1;
            Ok(())
        })?;
        Ok((sum, count))
    }

    fn extreme<V: Key, P: Path<T, Value = V>>(
        &self,
        field: Field<T, V, P>,
        greatest: bool,
    ) -> Result<Option<V>, TableError> {
        let by = sort_by::<T, P>();
        if self.limit.is_none() && self.offset == 0 {
            let order = if greatest { field.desc() } else { field.asc() };
            let mut answer = self.clone().order_by(order).answer(Some(1))?;
            let found = answer.next(|mut found| {
                found.check()?;
                value_bytes(&*by, &found)
            });
            return found.map(|bytes| decode_value::<T, V>(&bytes?)).transpose();
        }
        let mut best: Option<Vec<u8>> = None;
        self.each(|found| {
            let bytes = value_bytes(&*by, &found)?;
            if best.as_ref().is_none_or(|best| (bytes > *best) == greatest && bytes != *best) {
                best = Some(bytes);
            }
            Ok(())
        })?;
        best.map(|bytes| decode_value::<T, V>(&bytes)).transpose()
    }

    /// Calls `each` with all rows, in no order but where it decides which they are.
    pub(super) fn each(
        &self,
        mut each: impl FnMut(Found<'_, T>) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let mut answer: Answer<T, S::View> = match self.limit.is_some() || self.offset > 0 {
            true => self.answer(self.limit)?,
            false => {
                let choice =
                    planner::choose(self.reads(), &Wanted { orders: &[], ..self.wanted() })?;
                self.unsorted(choice, 0, usize::MAX)?
            }
        };
        while let Some(done) = answer.next(|mut found| {
            found.check()?;
            each(found)
        }) {
            done?;
        }
        Ok(())
    }
}

/// The bytes by which a row is sorted.
pub(super) fn value_bytes<T: Record>(
    by: &dyn SortBy<T>,
    found: &Found<'_, T>,
) -> Result<Vec<u8>, TableError> {
    let mut bytes = Vec::new();
    by.write(&found.row, &mut bytes)?;
    Ok(bytes)
}

/// The value that has these bytes.
pub(super) fn decode_value<T: Record, V: Key>(mut bytes: &[u8]) -> Result<V, TableError> {
    let value = V::decode_part(&mut bytes);
    value.map_err(|error: KeyError| {
        row::unreadable::<T>("the value", bytes, DecodeError::new(error.to_string()))
    })
}

pub(super) fn overflow<T: Record, P: Path<T>>() -> TableError {
    TableError::Overflow { table: T::NAMESPACE.to_owned(), field: P::name().into_owned() }
}
