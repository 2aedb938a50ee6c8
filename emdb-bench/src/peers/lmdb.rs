//! LMDB, through heed: a B+ tree of copied pages in a mapped file, synced at each commit.

use std::ops::Bound;
use std::path::Path;

use heed::types::Bytes;
use heed::{
    CommitOrAbort, CompactionOption, Env, EnvFlags, EnvOpenOptions, FlagSetMode, RoTxn, RwTxn,
    WithTls,
};

use super::engine::{Engine, Outcome, Reader};
use crate::workload::{KEY, Record};

/// The most that the file can hold; address space, not disk.
const MAP_BYTES: usize = 16 << 30;

type Database = heed::Database<'static, Bytes, Bytes>;

pub struct Lmdb {
    env: Env,
    records: Database,
}

impl Lmdb {
    fn write(&self, work: impl FnOnce(&mut RwTxn<'_>) -> heed::Result<()>) -> Outcome<()> {
        let mut transaction = self.env.write_txn()?;
        work(&mut transaction)?;
        Ok(transaction.commit()?)
    }

    fn set_no_sync(&self, mode: FlagSetMode) -> Outcome<()> {
        // SAFETY: no other thread sets flags, or writes, in the phase that calls this. What the
        // flag gives away is safety from power cuts, and only until the next sync.
        unsafe { self.env.set_flags(EnvFlags::NO_SYNC, mode)? };
        Ok(())
    }
}

impl Engine for Lmdb {
    type Reader<'a> = LmdbReader<'a>;

    fn open(folder: &Path) -> Outcome<Lmdb> {
        // SAFETY: the folder is this process's alone, so that nothing truncates or changes the
        // mapped file but LMDB.
        let env = unsafe { EnvOpenOptions::new().map_size(MAP_BYTES).open(folder)? };
        // The unnamed database is always there, so that an open needs no write.
        let opened = env.open_databases_and_commit(env.read_txn()?, |opener, transaction| {
            opener.open_database(transaction, None).map(CommitOrAbort::<_, ()>::Commit)
        })?;
        let records = opened.commit().flatten().ok_or("no unnamed database")?;
        Ok(Lmdb { env, records })
    }

    fn close(self) -> Outcome<()> {
        self.env.prepare_for_closing().wait();
        Ok(())
    }

    fn load(&self, records: &[Record]) -> Outcome<()> {
        self.batch_durable(records)
    }

    fn write_durable(&self, (key, value): &Record) -> Outcome<()> {
        self.write(|transaction| self.records.put(transaction, key, value))
    }

    fn batch_durable(&self, records: &[Record]) -> Outcome<()> {
        self.write(|transaction| {
            records.iter().try_for_each(|(k, v)| self.records.put(transaction, k, v))
        })
    }

    /// With `NO_SYNC`: a commit writes its pages to the page cache, where a SIGKILL leaves them.
    /// A power cut may leave a file that is damaged, not just short of the last writes.
    fn write_unsynced(&self, records: &[Record]) -> Outcome<()> {
        self.set_no_sync(FlagSetMode::Enable)?;
        records.iter().try_for_each(|record| self.write_durable(record))?;
        self.set_no_sync(FlagSetMode::Disable)
    }

    fn sync(&self) -> Outcome<()> {
        Ok(self.env.force_sync()?)
    }

    fn remove(&self, keys: &[&[u8; KEY]]) -> Outcome<()> {
        self.write(|transaction| {
            keys.iter().try_for_each(|key| self.records.delete(transaction, &key[..]).map(drop))
        })
    }

    /// A compacting copy, synced, takes the place of the file.
    fn compact(self, folder: &Path) -> Outcome<(Self, bool)> {
        let copy = folder.join("copy.mdb");
        self.env.copy_to_path(&copy, CompactionOption::Enabled)?.sync_all()?;
        self.close()?;
        std::fs::rename(copy, folder.join("data.mdb"))?;
        Ok((Lmdb::open(folder)?, true))
    }

    fn reader(&self) -> Outcome<LmdbReader<'_>> {
        Ok(LmdbReader { transaction: self.env.read_txn()?, records: self.records })
    }
}

pub struct LmdbReader<'a> {
    transaction: RoTxn<'a, WithTls>,
    records: Database,
}

impl Reader for LmdbReader<'_> {
    fn get(&self, key: &[u8]) -> Outcome<Option<Vec<u8>>> {
        Ok(self.records.get(&self.transaction, key)?.map(<[u8]>::to_vec))
    }

    fn get_in_place<T>(&self, key: &[u8], look: impl FnOnce(Option<&[u8]>) -> T) -> Outcome<T> {
        Ok(look(self.records.get(&self.transaction, key)?))
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
        for entry in self.records.range(&self.transaction, &range)?.take(limit) {
            let (key, value) = entry?;
            each(key, value);
        }
        Ok(())
    }
}
