//! RocksDB: an LSM tree with a write-ahead log, in C++.

use std::ops::Bound;
use std::path::Path;

use rocksdb::{DB, DBRawIterator, IteratorMode, Options, WriteBatch, WriteOptions};

use super::engine::{Engine, Outcome, Reader};
use crate::workload::{BATCH, KEY, Record};

pub struct RocksDb {
    db: DB,
    synced: WriteOptions,
}

impl Engine for RocksDb {
    type Reader<'a> = &'a RocksDb;

    fn open(folder: &Path) -> Outcome<RocksDb> {
        let mut options = Options::default();
        options.create_if_missing(true);
        let mut synced = WriteOptions::default();
        synced.set_sync(true);
        Ok(RocksDb { db: DB::open(&options, folder.join("rocksdb"))?, synced })
    }

    fn close(self) -> Outcome<()> {
        drop(self);
        Ok(())
    }

    /// In batches. (Its bulk ingestion takes files of sorted keys alone.)
    fn load(&self, records: &[Record]) -> Outcome<()> {
        records.chunks(BATCH).try_for_each(|records| self.db.write(batch(records)))?;
        self.sync()
    }

    fn write_durable(&self, (key, value): &Record) -> Outcome<()> {
        Ok(self.db.put_opt(key, value, &self.synced)?)
    }

    fn batch_durable(&self, records: &[Record]) -> Outcome<()> {
        Ok(self.db.write_opt(batch(records), &self.synced)?)
    }

    /// The default: a write is in the log, in the page cache, when it returns, and survives a
    /// SIGKILL.
    fn write_unsynced(&self, records: &[Record]) -> Outcome<()> {
        Ok(records.iter().try_for_each(|(key, value)| self.db.put(key, value))?)
    }

    fn sync(&self) -> Outcome<()> {
        Ok(self.db.flush_wal(true)?)
    }

    fn remove(&self, keys: &[&[u8; KEY]]) -> Outcome<()> {
        keys.chunks(BATCH).try_for_each(|keys| {
            let mut batch = WriteBatch::default();
            keys.iter().for_each(|key| batch.delete(key));
            self.db.write(batch)
        })?;
        self.sync()
    }

    fn compact(self, _folder: &Path) -> Outcome<(Self, bool)> {
        self.db.flush()?;
        self.db.compact_range(None::<&[u8]>, None::<&[u8]>);
        Ok((self, true))
    }

    fn reader(&self) -> Outcome<&RocksDb> {
        Ok(self)
    }
}

fn batch(records: &[Record]) -> WriteBatch {
    let mut batch = WriteBatch::default();
    records.iter().for_each(|(key, value)| batch.put(key, value));
    batch
}

impl RocksDb {
    /// An iterator that is at the first key of a scan.
    fn at(&self, from: Bound<&[u8]>) -> DBRawIterator<'_> {
        let mut entries = self.db.raw_iterator();
        match from {
            Bound::Included(key) | Bound::Excluded(key) => entries.seek(key),
            Bound::Unbounded => entries.seek_to_first(),
        }
        entries
    }
}

impl Reader for &RocksDb {
    fn get(&self, key: &[u8]) -> Outcome<Option<Vec<u8>>> {
        Ok(self.db.get(key)?)
    }

    fn get_in_place<T>(&self, key: &[u8], look: impl FnOnce(Option<&[u8]>) -> T) -> Outcome<T> {
        let value = self.db.get_pinned(key)?;
        Ok(look(value.as_deref()))
    }

    fn scan_owned(
        &self,
        from: Bound<&[u8]>,
        limit: usize,
        mut each: impl FnMut(Vec<u8>, Vec<u8>),
    ) -> Outcome<()> {
        let mode = match from {
            Bound::Included(key) | Bound::Excluded(key) => {
                IteratorMode::From(key, rocksdb::Direction::Forward)
            }
            Bound::Unbounded => IteratorMode::Start,
        };
        for entry in self.db.iterator(mode).take(limit) {
            let (key, value) = entry?;
            each(key.into_vec(), value.into_vec());
        }
        Ok(())
    }

    fn scan_in_place(
        &self,
        from: Bound<&[u8]>,
        limit: usize,
        mut each: impl FnMut(&[u8], &[u8]),
    ) -> Outcome<()> {
        let mut entries = self.at(from);
        for _ in 0..limit {
            let Some((key, value)) = entries.item() else { break };
            each(key, value);
            entries.next();
        }
        Ok(entries.status()?)
    }
}
