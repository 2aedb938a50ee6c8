//! sled: a tree of log-structured pages, which a thread syncs by itself every half second.

use std::ops::Bound;
use std::path::Path;

use sled::{Batch, Db};

use super::engine::{Engine, Outcome, Reader};
use crate::workload::{BATCH, KEY, Record};

pub struct Sled(Db);

impl Sled {
    fn insert(&self, records: &[Record]) -> Outcome<()> {
        let mut batch = Batch::default();
        records.iter().for_each(|(key, value)| batch.insert(&key[..], &value[..]));
        Ok(self.0.apply_batch(batch)?)
    }
}

impl Engine for Sled {
    type Reader<'a> = &'a Db;

    fn open(folder: &Path) -> Outcome<Sled> {
        Ok(Sled(sled::open(folder.join("sled"))?))
    }

    fn close(self) -> Outcome<()> {
        self.sync()
    }

    fn load(&self, records: &[Record]) -> Outcome<()> {
        records.chunks(BATCH).try_for_each(|batch| self.insert(batch))?;
        self.sync()
    }

    fn write_durable(&self, (key, value): &Record) -> Outcome<()> {
        self.0.insert(key, &value[..])?;
        self.sync()
    }

    fn batch_durable(&self, records: &[Record]) -> Outcome<()> {
        self.insert(records)?;
        self.sync()
    }

    /// The default: a write is in a buffer of the process when it returns. A SIGKILL loses those of
    /// the last half second.
    fn write_unsynced(&self, records: &[Record]) -> Outcome<()> {
        Ok(records.iter().try_for_each(|(k, v)| self.0.insert(k, &v[..]).map(drop))?)
    }

    fn sync(&self) -> Outcome<()> {
        self.0.flush()?;
        Ok(())
    }

    fn remove(&self, keys: &[&[u8; KEY]]) -> Outcome<()> {
        keys.chunks(BATCH).try_for_each(|keys| {
            let mut batch = Batch::default();
            keys.iter().for_each(|key| batch.remove(&key[..]));
            self.0.apply_batch(batch)
        })?;
        self.sync()
    }

    fn reader(&self) -> Outcome<&Db> {
        Ok(&self.0)
    }
}

impl Reader for &Db {
    fn get(&self, key: &[u8]) -> Outcome<Option<Vec<u8>>> {
        Ok(sled::Tree::get(self, key)?.map(|value| value.to_vec()))
    }

    fn get_in_place<T>(&self, key: &[u8], look: impl FnOnce(Option<&[u8]>) -> T) -> Outcome<T> {
        let value = sled::Tree::get(self, key)?;
        Ok(look(value.as_deref()))
    }

    fn scan_owned(
        &self,
        from: Bound<&[u8]>,
        limit: usize,
        mut each: impl FnMut(Vec<u8>, Vec<u8>),
    ) -> Outcome<()> {
        self.scan_in_place(from, limit, |key, value| each(key.to_vec(), value.to_vec()))
    }

    fn scan_in_place(
        &self,
        from: Bound<&[u8]>,
        limit: usize,
        mut each: impl FnMut(&[u8], &[u8]),
    ) -> Outcome<()> {
        let range: (Bound<&[u8]>, Bound<&[u8]>) = (from, Bound::Unbounded);
        for entry in self.range::<&[u8], _>(range).take(limit) {
            let (key, value) = entry?;
            each(&key, &value);
        }
        Ok(())
    }
}
