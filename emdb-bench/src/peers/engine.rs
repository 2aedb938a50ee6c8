//! The calls of an engine that the phases need.

use std::ops::Bound;
use std::path::Path;

use crate::workload::{KEY, Record};

pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// An open database. A call that is durable has synced when it returns.
pub trait Engine: Sized + Sync {
    type Reader<'a>: Reader
    where
        Self: 'a;

    /// Opens the database in `folder`, and makes it if there is none.
    fn open(folder: &Path) -> Outcome<Self>;

    /// Closes it in the way that lets the next open be quick.
    fn close(self) -> Outcome<()>;

    /// Writes many records with the idiomatic bulk call; durable.
    fn load(&self, records: &[Record]) -> Outcome<()>;

    /// Writes one record; durable.
    fn write_durable(&self, record: &Record) -> Outcome<()>;

    /// Writes a batch at once; durable.
    fn batch_durable(&self, records: &[Record]) -> Outcome<()>;

    /// Writes each record in a call or transaction of its own, without a sync.
    fn write_unsynced(&self, records: &[Record]) -> Outcome<()>;

    /// Makes durable what was written so far.
    fn sync(&self) -> Outcome<()>;

    /// Removes keys that are there, with the idiomatic bulk call; durable.
    fn remove(&self, keys: &[&[u8; KEY]]) -> Outcome<()>;

    /// Rewrites the files with what is live, if the engine can, and gives the database as it is
    /// used from then on.
    fn compact(self, _folder: &Path) -> Outcome<(Self, bool)> {
        Ok((self, false))
    }

    /// Reads for the calling thread. Where reads need a transaction it is opened here, once.
    fn reader(&self) -> Outcome<Self::Reader<'_>>;
}

pub trait Reader {
    /// Whether [`scan_owned`](Reader::scan_owned) is there.
    const SCANS_OWNED: bool = true;
    /// Whether [`scan_in_place`](Reader::scan_in_place) is there.
    const SCANS_IN_PLACE: bool = true;
    /// Whether [`get_many`](Reader::get_many) and [`get_many_lent`](Reader::get_many_lent) are there.
    const READS_MANY: bool = false;

    fn get(&self, key: &[u8]) -> Outcome<Option<Vec<u8>>>;

    /// Shows the value where it lies, without a copy if the engine can.
    fn get_in_place<T>(&self, key: &[u8], look: impl FnOnce(Option<&[u8]>) -> T) -> Outcome<T>;

    /// The values of all keys, in their order.
    fn get_many(&self, _keys: &[&[u8; KEY]]) -> Outcome<Vec<Option<Vec<u8>>>> {
        Err("no lookup of many keys".into())
    }

    /// Shows the value of each key, with the key's place among them.
    fn get_many_lent(
        &self,
        _keys: &[&[u8; KEY]],
        _each: impl FnMut(usize, Option<&[u8]>),
    ) -> Outcome<()> {
        Err("no lookup of many keys".into())
    }

    /// Up to `limit` entries in key order, as vectors.
    fn scan_owned(
        &self,
        _from: Bound<&[u8]>,
        _limit: usize,
        _each: impl FnMut(Vec<u8>, Vec<u8>),
    ) -> Outcome<()> {
        Err("no ordered scans".into())
    }

    /// Up to `limit` entries in key order, where they lie.
    fn scan_in_place(
        &self,
        _from: Bound<&[u8]>,
        _limit: usize,
        _each: impl FnMut(&[u8], &[u8]),
    ) -> Outcome<()> {
        Err("no ordered scans in place".into())
    }
}
