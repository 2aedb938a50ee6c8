//! redb: a B+ tree of copied pages, read and written through a cache of its own.

use std::ops::Bound;
use std::path::Path;

use redb::{Database, Durability, ReadOnlyTable, ReadableDatabase, Table, TableDefinition};

use super::engine::{Engine, Outcome, Reader};
use crate::workload::{KEY, Record};

type Bytes = &'static [u8];

const RECORDS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("records");

pub struct Redb(Database);

impl Redb {
    fn write(
        &self,
        durability: Durability,
        work: impl FnOnce(&mut Table<'_, Bytes, Bytes>) -> Result<(), redb::StorageError>,
    ) -> Outcome<()> {
        let mut transaction = self.0.begin_write()?;
        transaction.set_durability(durability)?;
        work(&mut transaction.open_table(RECORDS)?)?;
        Ok(transaction.commit()?)
    }

    fn insert(&self, durability: Durability, records: &[Record]) -> Outcome<()> {
        self.write(durability, |table| {
            records.iter().try_for_each(|(k, v)| table.insert(&k[..], &v[..]).map(drop))
        })
    }
}

impl Engine for Redb {
    type Reader<'a> = RedbReader;

    fn open(folder: &Path) -> Outcome<Redb> {
        Ok(Redb(Database::create(folder.join("redb"))?))
    }

    fn close(self) -> Outcome<()> {
        drop(self);
        Ok(())
    }

    fn load(&self, records: &[Record]) -> Outcome<()> {
        self.insert(Durability::Immediate, records)
    }

    fn write_durable(&self, record: &Record) -> Outcome<()> {
        self.insert(Durability::Immediate, std::slice::from_ref(record))
    }

    fn batch_durable(&self, records: &[Record]) -> Outcome<()> {
        self.insert(Durability::Immediate, records)
    }

    /// With `Durability::None`, the only commit of redb that doesn't sync. Such a commit is kept
    /// in memory, and nothing on disk leads to it before the next durable one: a SIGKILL loses it,
    /// which is less than this phase asks for.
    fn write_unsynced(&self, records: &[Record]) -> Outcome<()> {
        let mut each = records.chunks(1);
        each.try_for_each(|record| self.insert(Durability::None, record))
    }

    fn sync(&self) -> Outcome<()> {
        self.insert(Durability::Immediate, &[])
    }

    fn remove(&self, keys: &[&[u8; KEY]]) -> Outcome<()> {
        self.write(Durability::Immediate, |table| {
            keys.iter().try_for_each(|key| table.remove(&key[..]).map(drop))
        })
    }

    fn compact(mut self, _folder: &Path) -> Outcome<(Self, bool)> {
        self.0.compact()?;
        Ok((self, true))
    }

    fn reader(&self) -> Outcome<RedbReader> {
        Ok(RedbReader(self.0.begin_read()?.open_table(RECORDS)?))
    }
}

pub struct RedbReader(ReadOnlyTable<Bytes, Bytes>);

impl Reader for RedbReader {
    fn get(&self, key: &[u8]) -> Outcome<Option<Vec<u8>>> {
        Ok(self.0.get(key)?.map(|guard| guard.value().to_vec()))
    }

    fn get_in_place<T>(&self, key: &[u8], look: impl FnOnce(Option<&[u8]>) -> T) -> Outcome<T> {
        let guard = self.0.get(key)?;
        Ok(look(guard.as_ref().map(|guard| guard.value())))
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
        let range = (from, Bound::Unbounded);
        for entry in self.0.range::<&[u8]>(range)?.take(limit) {
            let (key, value) = entry?;
            each(key.value(), value.value());
        }
        Ok(())
    }
}
