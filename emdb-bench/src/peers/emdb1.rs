//! The emdb 1 that is published: a journal and a hash index in memory, with `ORDERED` a sorted
//! one beside it.

use std::ops::Bound;
use std::path::Path;

use emdb1::{Emdb, FlushPolicy};

use super::engine::{Engine, Outcome, Reader};
use crate::workload::{KEY, Record};

pub struct Emdb1<const ORDERED: bool>(Emdb);

impl<const ORDERED: bool> Engine for Emdb1<ORDERED> {
    type Reader<'a> = Emdb1Reader<'a, ORDERED>;

    fn open(folder: &Path) -> Outcome<Self> {
        let builder = Emdb::builder().path(folder.join("emdb")).flush_policy(FlushPolicy::Group);
        Ok(Emdb1(builder.enable_range_scans(ORDERED).build()?))
    }

    fn close(self) -> Outcome<()> {
        self.0.checkpoint()?;
        drop(self);
        Ok(())
    }

    fn load(&self, records: &[Record]) -> Outcome<()> {
        self.batch_durable(records)
    }

    fn write_durable(&self, (key, value): &Record) -> Outcome<()> {
        self.0.insert(key, value)?;
        self.sync()
    }

    fn batch_durable(&self, records: &[Record]) -> Outcome<()> {
        self.0.insert_many(records.iter().map(|(k, v)| (k, v)))?;
        self.sync()
    }

    /// The default: an insert is in the page cache when it returns, and survives a SIGKILL.
    fn write_unsynced(&self, records: &[Record]) -> Outcome<()> {
        Ok(records.iter().try_for_each(|(key, value)| self.0.insert(key, value))?)
    }

    fn sync(&self) -> Outcome<()> {
        Ok(self.0.flush()?)
    }

    fn remove(&self, keys: &[&[u8; KEY]]) -> Outcome<()> {
        keys.iter().try_for_each(|key| self.0.remove(key).map(drop))?;
        self.sync()
    }

    fn compact(self, _folder: &Path) -> Outcome<(Self, bool)> {
        self.0.compact()?;
        Ok((self, true))
    }

    fn reader(&self) -> Outcome<Emdb1Reader<'_, ORDERED>> {
        Ok(Emdb1Reader(&self.0))
    }
}

pub struct Emdb1Reader<'a, const ORDERED: bool>(&'a Emdb);

impl<const ORDERED: bool> Reader for Emdb1Reader<'_, ORDERED> {
    const SCANS_OWNED: bool = ORDERED;
    /// Its iterators give vectors alone.
    const SCANS_IN_PLACE: bool = false;

    fn get(&self, key: &[u8]) -> Outcome<Option<Vec<u8>>> {
        Ok(self.0.get(key)?)
    }

    fn get_in_place<T>(&self, key: &[u8], look: impl FnOnce(Option<&[u8]>) -> T) -> Outcome<T> {
        let value = self.0.get_zerocopy(key)?;
        Ok(look(value.as_deref()))
    }

    fn scan_owned(
        &self,
        from: Bound<&[u8]>,
        limit: usize,
        mut each: impl FnMut(Vec<u8>, Vec<u8>),
    ) -> Outcome<()> {
        let range = (from.map(<[u8]>::to_vec), Bound::Unbounded);
        self.0.range_iter(range)?.take(limit).for_each(|(key, value)| each(key, value));
        Ok(())
    }
}
