//! The calls of a table, whether it is by itself, in a transaction, or on a snapshot.

use std::ops::Bound;

use emdb::{
    ByIndex, Frozen, Index, Key, Keys, Live, OrderedRecord, Page, Record, Rows, Staged, Table,
    TableError, Ttl, Unique,
};

pub(crate) type Result<T> = std::result::Result<T, TableError>;
pub(crate) type Bounds<K> = (Bound<K>, Bound<K>);

pub(crate) trait Reads<T: Record> {
    fn row(&self, key: &T::Key) -> Result<Option<T>>;
    fn rows_of(&self, keys: &[T::Key]) -> Result<Vec<Option<T>>>;
    fn has(&self, key: &T::Key) -> Result<bool>;
    fn expiry(&self, key: &T::Key) -> Result<Option<u64>>;
    fn count(&self) -> Result<usize>;
    fn walk(&self) -> Result<Rows<T>>;
    fn walk_keys(&self) -> Result<Keys<T>>;
    fn span(&self, bounds: Bounds<T::Key>) -> Result<Rows<T>>
    where
        T: OrderedRecord;
    fn next_page(&self, after: Option<&T::Key>, limit: usize) -> Result<Page<T>>
    where
        T: OrderedRecord;
    fn ends(&self) -> Result<(Option<T>, Option<T>)>
    where
        T: OrderedRecord;
    fn one<K: Key>(&self, index: Index<T, K, Unique>, value: &K) -> Result<Option<T>>;
    fn all<K: Key, U>(&self, index: Index<T, K, U>, value: &K) -> Result<Rows<T, ByIndex>>;
    fn keys_by<K: Key, U>(&self, index: Index<T, K, U>, value: &K) -> Result<Keys<T, ByIndex>>;
    fn count_by<K: Key, U>(&self, index: Index<T, K, U>, value: &K) -> Result<usize>;
    fn span_by<K: Key, U>(
        &self,
        index: Index<T, K, U>,
        bounds: Bounds<K>,
    ) -> Result<Rows<T, ByIndex>>;
}

pub(crate) trait Writes<T: Record>: Reads<T> {
    fn put(&self, row: &T) -> Result<Option<T>>;
    fn put_with_ttl(&self, row: &T, ttl: Ttl) -> Result<Option<T>>;
    fn try_put(&self, row: &T) -> Result<()>;
    fn put_many(&self, rows: &[T]) -> Result<usize>;
    fn put_all(&self, rows: &[T]) -> Result<usize>;
    fn change(&self, key: &T::Key, change: impl FnOnce(&mut T)) -> Result<Option<T>>;
    fn change_or_put(&self, key: &T::Key, row: T, change: impl FnOnce(&mut T)) -> Result<T>;
    fn take(&self, key: &T::Key) -> Result<Option<T>>;
    fn keep(&self, keep: impl FnMut(&T) -> bool) -> Result<()>;
    fn empty(&self) -> Result<()>;
}

macro_rules! reads {
    ($($store:ty)*) => {$(
        impl<T: Record> Reads<T> for Table<T, $store> {
            fn row(&self, key: &T::Key) -> Result<Option<T>> {
                self.get(key)
            }

            fn rows_of(&self, keys: &[T::Key]) -> Result<Vec<Option<T>>> {
                self.get_many(keys)
            }

            fn has(&self, key: &T::Key) -> Result<bool> {
                self.contains_key(key)
            }

            fn expiry(&self, key: &T::Key) -> Result<Option<u64>> {
                self.expires_at(key)
            }

            fn count(&self) -> Result<usize> {
                assert_eq!(self.is_empty()?, self.len()? == 0);
                self.len()
            }

            fn walk(&self) -> Result<Rows<T>> {
                self.iter()
            }

            fn walk_keys(&self) -> Result<Keys<T>> {
                self.keys()
            }

            fn span(&self, bounds: Bounds<T::Key>) -> Result<Rows<T>>
            where
                T: OrderedRecord,
            {
                self.range(bounds)
            }

            fn next_page(&self, after: Option<&T::Key>, limit: usize) -> Result<Page<T>>
            where
                T: OrderedRecord,
            {
                self.page(after, limit)
            }

            fn ends(&self) -> Result<(Option<T>, Option<T>)>
            where
                T: OrderedRecord,
            {
                Ok((self.first()?, self.last()?))
            }

            fn one<K: Key>(&self, index: Index<T, K, Unique>, value: &K) -> Result<Option<T>> {
                self.by(index).get(value)
            }

            fn all<K: Key, U>(
                &self,
                index: Index<T, K, U>,
                value: &K,
            ) -> Result<Rows<T, ByIndex>> {
                self.by(index).all(value)
            }

            fn keys_by<K: Key, U>(
                &self,
                index: Index<T, K, U>,
                value: &K,
            ) -> Result<Keys<T, ByIndex>> {
                self.by(index).keys(value)
            }

            fn count_by<K: Key, U>(&self, index: Index<T, K, U>, value: &K) -> Result<usize> {
                self.by(index).count(value)
            }

            fn span_by<K: Key, U>(
                &self,
                index: Index<T, K, U>,
                bounds: Bounds<K>,
            ) -> Result<Rows<T, ByIndex>> {
                self.by(index).range(bounds)
            }
        }
    )*};
}

reads!(Live Staged<'_> Frozen);

macro_rules! writes {
    ($($store:ty)*) => {$(
        impl<T: Record> Writes<T> for Table<T, $store> {
            fn put(&self, row: &T) -> Result<Option<T>> {
                self.insert(row)
            }

            fn put_with_ttl(&self, row: &T, ttl: Ttl) -> Result<Option<T>> {
                self.insert_with_ttl(row, ttl)
            }

            fn try_put(&self, row: &T) -> Result<()> {
                self.try_insert(row)
            }

            fn put_many(&self, rows: &[T]) -> Result<usize> {
                self.insert_many(rows)
            }

            fn put_all(&self, rows: &[T]) -> Result<usize> {
                self.insert_all(rows)
            }

            fn change(&self, key: &T::Key, change: impl FnOnce(&mut T)) -> Result<Option<T>> {
                self.update(key, change)
            }

            fn change_or_put(
                &self,
                key: &T::Key,
                row: T,
                change: impl FnOnce(&mut T),
            ) -> Result<T> {
                self.upsert(key, || row, change)
            }

            fn take(&self, key: &T::Key) -> Result<Option<T>> {
                self.remove(key)
            }

            fn keep(&self, keep: impl FnMut(&T) -> bool) -> Result<()> {
                self.retain(keep)
            }

            fn empty(&self) -> Result<()> {
                self.clear()
            }
        }
    )*};
}

writes!(Live Staged<'_>);
