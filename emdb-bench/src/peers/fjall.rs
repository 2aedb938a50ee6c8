//! fjall: an LSM tree with one journal.

use std::ops::Bound;
use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::engine::{Engine, Outcome, Reader};
use crate::workload::{BATCH, KEY, Record};

pub struct Fjall {
    db: Database,
    records: Keyspace,
}

impl Fjall {
    fn insert(&self, records: &[Record], durability: Option<PersistMode>) -> Outcome<()> {
        let mut batch = self.db.batch().durability(durability);
        for (key, value) in records {
            batch.insert(&self.records, &key[..], &value[..]);
        }
        Ok(batch.commit()?)
    }
}

impl Engine for Fjall {
    type Reader<'a> = &'a Keyspace;

    fn open(folder: &Path) -> Outcome<Fjall> {
        let db = Database::builder(folder).open()?;
        let records = db.keyspace("records", KeyspaceCreateOptions::default)?;
        Ok(Fjall { db, records })
    }

    fn close(self) -> Outcome<()> {
        drop(self);
        Ok(())
    }

    /// In batches. (The bulk ingestion of fjall takes sorted keys alone.)
    fn load(&self, records: &[Record]) -> Outcome<()> {
        records.chunks(BATCH).try_for_each(|batch| self.insert(batch, None))?;
        self.sync()
    }

    fn write_durable(&self, (key, value): &Record) -> Outcome<()> {
        self.records.insert(&key[..], &value[..])?;
        self.sync()
    }

    fn batch_durable(&self, records: &[Record]) -> Outcome<()> {
        self.insert(records, Some(PersistMode::SyncData))
    }

    /// The default: an insert is in the journal, in the page cache, when it returns, and survives
    /// a SIGKILL.
    fn write_unsynced(&self, records: &[Record]) -> Outcome<()> {
        let mut each = records.iter();
        Ok(each.try_for_each(|(key, value)| self.records.insert(&key[..], &value[..]))?)
    }

    fn sync(&self) -> Outcome<()> {
        Ok(self.db.persist(PersistMode::SyncData)?)
    }

    fn remove(&self, keys: &[&[u8; KEY]]) -> Outcome<()> {
        keys.chunks(BATCH).try_for_each(|keys| {
            let mut batch = self.db.batch();
            keys.iter().for_each(|key| batch.remove(&self.records, &key[..]));
            batch.commit()
        })?;
        self.sync()
    }

    fn reader(&self) -> Outcome<&Keyspace> {
        Ok(&self.records)
    }
}

impl Reader for &Keyspace {
    fn get(&self, key: &[u8]) -> Outcome<Option<Vec<u8>>> {
        Ok(Keyspace::get(self, key)?.map(|value| value.to_vec()))
    }

    fn get_in_place<T>(&self, key: &[u8], look: impl FnOnce(Option<&[u8]>) -> T) -> Outcome<T> {
        let value = Keyspace::get(self, key)?;
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
            let (key, value) = entry.into_inner()?;
            each(&key, &value);
        }
        Ok(())
    }
}
