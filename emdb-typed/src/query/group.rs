//! The rows of a query by the values of a field.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::aggregate::{Number, decode_value, overflow, value_bytes};
use super::builder::Query;
use super::walk::Found;
use crate::backend::Store;
use crate::error::TableError;
use crate::expr::{Field, Path, Place, SortBy, sort_by};
use crate::key::Key;
use crate::record::Record;

/// A query whose rows are taken by the values of a field, from [`Query::group_by`].
///
/// Its calls give what the rows of each value come to, in the order of [`asc`](Field::asc).
#[must_use = "ask it for something: `count` for one"]
pub struct Groups<'q, 't, T: Record, S, V> {
    query: &'q Query<'t, T, S>,
    by: Arc<dyn SortBy<T>>,
    value: std::marker::PhantomData<fn() -> V>,
}

/// Each value of a field, and what its rows come to.
pub type Folded<V, A> = Vec<(V, A)>;

impl<'t, T: Record, S: Store> Query<'t, T, S> {
    /// The rows by the values of a field; see [`Groups`].
    ///
    /// # Example
    ///
    /// ```
    /// # use emdb::{Emdb, Table, TableError};
    /// # #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
    /// # struct Item { #[emdb(key)] id: u32, kind: String, price: u32 }
    /// # let db = Emdb::open_in_memory();
    /// # let items = Table::<Item>::open(&db)?;
    /// # let kind = |id| if id < 3 { "book" } else { "tea" };
    /// # items.insert_many((1..=4).map(|id| Item { id, kind: kind(id).into(), price: 10 * id }))?;
    /// let (f, items) = (Item::FIELDS, items.query());
    /// assert_eq!(items.group_by(f.kind).sum(f.price)?, [("book".into(), 30), ("tea".into(), 70)]);
    /// let names = items.group_by(f.kind).fold(0, |longest, item| longest.max(item.kind.len()))?;
    /// assert_eq!(names, [("book".into(), 4), ("tea".into(), 3)]);
    /// # Ok::<(), TableError>(())
    /// ```
    pub fn group_by<V: Key, P: Path<T, Value = V>>(
        &self,
        _: Field<T, V, P>,
    ) -> Groups<'_, 't, T, S, V> {
        Groups { query: self, by: sort_by::<T, P>(), value: std::marker::PhantomData }
    }
}

impl<T: Record, S: Store, V: Key> Groups<'_, '_, T, S, V> {
    /// How many rows have each value.
    ///
    /// # Errors
    ///
    /// As [`Query::rows`].
    pub fn count(&self) -> Result<Folded<V, usize>, TableError> {
        self.each(0, |count, _| {
            *count += 1;
            Ok(())
        })
    }

    /// The sum of another field over the rows of each value.
    ///
    /// # Errors
    ///
    /// As [`Query::sum`].
    pub fn sum<N: Number, P: Path<T, Value = N>>(
        &self,
        _: Field<T, N, P>,
    ) -> Result<Folded<V, N>, TableError> {
        let place = Place::of::<T, P>();
        let sums = self.each(N::ZERO, |sum, found| {
            let number = found.row.read::<P, _>(&place, |number| *number)?;
            *sum = N::add(*sum, number).ok_or_else(|| overflow::<T, P>())?;
            Ok(())
        })?;
        let narrow = |(value, sum)| Ok((value, N::narrow(sum).ok_or_else(|| overflow::<T, P>())?));
        sums.into_iter().map(narrow).collect()
    }

    /// The least value of another field among the rows of each value.
    ///
    /// # Errors
    ///
    /// As [`Query::rows`].
    pub fn min<G: Key, P: Path<T, Value = G>>(
        &self,
        field: Field<T, G, P>,
    ) -> Result<Folded<V, G>, TableError> {
        self.extremes(field, |new, best| new < best)
    }

    /// The greatest value of another field among the rows of each value.
    ///
    /// # Errors
    ///
    /// As [`Query::rows`].
    pub fn max<G: Key, P: Path<T, Value = G>>(
        &self,
        field: Field<T, G, P>,
    ) -> Result<Folded<V, G>, TableError> {
        self.extremes(field, |new, best| new > best)
    }

    /// The outcome of a function over the rows of each value, lent one after the other, beginning with `init`. They come in no
    /// order that could be relied on.
    ///
    /// # Errors
    ///
    /// As [`Query::rows`].
    pub fn fold<A: Clone>(
        &self,
        init: A,
        mut fold: impl FnMut(A, T::Ref<'_>) -> A,
    ) -> Result<Folded<V, A>, TableError> {
        let folded = self.each(Some(init), |folded, found| {
            let before = folded.take();
            *folded = before.map(|before| found.lend(|row| fold(before, row))).transpose()?;
            Ok(())
        })?;
        Ok(folded.into_iter().filter_map(|(value, folded)| Some((value, folded?))).collect())
    }

    fn extremes<G: Key, P: Path<T, Value = G>>(
        &self,
        _: Field<T, G, P>,
        is_better: fn(&[u8], &[u8]) -> bool,
    ) -> Result<Folded<V, G>, TableError> {
        let by = sort_by::<T, P>();
        let best = self.each(None::<Vec<u8>>, |best, found| {
            let bytes = value_bytes(&*by, &found)?;
            if best.as_ref().is_none_or(|best| is_better(&bytes, best)) {
                *best = Some(bytes);
            }
            Ok(())
        })?;
        let decode = |(value, best): (V, Option<Vec<u8>>)| {
            // Each group has a row.
            Ok((value, decode_value::<T, G>(&best.unwrap_or_default())?))
        };
        best.into_iter().map(decode).collect()
    }

    fn each<A: Clone>(
        &self,
        init: A,
        mut each: impl FnMut(&mut A, Found<'_, T>) -> Result<(), TableError>,
    ) -> Result<Folded<V, A>, TableError> {
        let mut groups = BTreeMap::<Vec<u8>, A>::new();
        let mut bytes = Vec::new();
        self.query.each(|found| {
            bytes.clear();
            self.by.write(&found.row, &mut bytes)?;
            if let Some(group) = groups.get_mut(&bytes) {
                return each(group, found);
            }
            each(groups.entry(bytes.clone()).or_insert_with(|| init.clone()), found)
        })?;
        groups.into_iter().map(|(bytes, made)| Ok((decode_value::<T, V>(&bytes)?, made))).collect()
    }
}

impl<T: Record, S, V> fmt::Debug for Groups<'_, '_, T, S, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Groups({:?} by {})", self.query, self.by.name())
    }
}
