//! One state of a namespace, and walks over it.

use emdb_core::Error;
use emdb_core::internal::{Scan, View};

use crate::backend::{Cursor, KeyBounds, ReadView};

type Result<T> = std::result::Result<T, Error>;

impl ReadView for View {
    type Error = Error;
    type Cursor = Scan;

    #[inline(always)]
    fn entry<R>(
        &self,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>> {
        View::entry(self, key, take)
    }

    #[inline]
    fn read_each<'k, E: From<Error>>(
        &self,
        keys: impl IntoIterator<Item = &'k [u8]>,
        each: impl FnMut(&'k [u8], Option<&[u8]>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        View::read_each(self, keys, each)
    }

    #[inline]
    fn will_read<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) {
        View::will_read(self, keys);
    }

    fn expiry(&self, key: &[u8]) -> Result<Option<u64>> {
        View::expiry(self, key)
    }

    fn contains(&self, key: &[u8]) -> Result<bool> {
        View::contains(self, key)
    }

    fn count(&self) -> Result<usize> {
        View::count(self)
    }

    fn scan(&self) -> Result<Scan> {
        View::scan(self)
    }

    fn sample(&self, records: usize) -> Result<Scan> {
        View::sample(self, records)
    }

    fn range(&self, bounds: KeyBounds) -> Result<Scan> {
        View::range(self, bounds)
    }
}

impl Cursor for Scan {
    type Error = Error;

    fn without_values(self) -> Scan {
        Scan::without_values(self)
    }

    #[inline]
    fn forward(&mut self) -> Option<Result<(&[u8], &[u8])>> {
        Scan::forward(self)
    }

    #[inline]
    fn backward(&mut self) -> Option<Result<(&[u8], &[u8])>> {
        Scan::backward(self)
    }
}
