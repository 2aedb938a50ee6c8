//! Rows that expire, without the feature `ttl`.

use crate::backend::{Store, StoreMut};
use crate::error::TableError;
use crate::key::AsKey;
use crate::record::Record;
use crate::table::Table;
use crate::vocabulary::TtlFeature;

impl<T: Record, S: Store> Table<T, S> {
    /// Needs the feature `ttl`, with which it tells when a row expires. Without, no program that calls it
    /// compiles.
    pub fn expires_at<Q>(&self, key: &Q) -> Result<Option<u64>, TableError>
    where
        Q: AsKey<T::Key> + ?Sized,
        Self: TtlFeature,
    {
        let _ = key;
        <Self as TtlFeature>::absent()
    }
}

impl<T: Record, S: StoreMut> Table<T, S> {
    /// Needs the feature `ttl`, with which it inserts a row with a time to live. Without, no program that calls
    /// it compiles.
    pub fn insert_with_ttl<L>(&self, row: &T, ttl: L) -> Result<Option<T>, TableError>
    where
        Self: TtlFeature,
    {
        let _ = (row, ttl);
        <Self as TtlFeature>::absent()
    }

    /// Needs the feature `ttl`, with which it gives a row another time to live. Without, no program that calls it
    /// compiles.
    pub fn touch<Q, L>(&self, key: &Q, ttl: L) -> Result<bool, TableError>
    where
        Q: AsKey<T::Key> + ?Sized,
        Self: TtlFeature,
    {
        let _ = (key, ttl);
        <Self as TtlFeature>::absent()
    }
}
