//! The emdb of this workspace, with `ORDERED` the one that keeps its keys in order too.

use std::ops::Bound;
use std::path::Path;

use emdb::{Emdb, FlushPolicy};

use super::engine::{Engine, Outcome, Reader};
use crate::workload::{KEY, Record};

pub struct Ours<const ORDERED: bool>(Emdb);

impl<const ORDERED: bool> Engine for Ours<ORDERED> {
    type Reader<'a> = OursReader<'a, ORDERED>;

    fn open(folder: &Path) -> Outcome<Self> {
        let builder = Emdb::builder().path(folder.join("emdb")).flush_policy(FlushPolicy::Group);
        let builder = if ORDERED { builder.enable_range_scans(true) } else { builder };
        Ok(Ours(builder.build()?))
    }

    fn close(self) -> Outcome<()> {
        Ok(self.0.close()?)
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

    /// The default: a write is in the journal, in the page cache, when it returns, and survives a
    /// SIGKILL.
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

    fn reader(&self) -> Outcome<OursReader<'_, ORDERED>> {
        Ok(OursReader(&self.0))
    }
}

pub struct OursReader<'a, const ORDERED: bool>(&'a Emdb);

impl<const ORDERED: bool> Reader for OursReader<'_, ORDERED> {
    const SCANS_OWNED: bool = ORDERED;
    const SCANS_IN_PLACE: bool = ORDERED;
    const READS_MANY: bool = true;

    fn get(&self, key: &[u8]) -> Outcome<Option<Vec<u8>>> {
        Ok(self.0.get(key)?)
    }

    fn get_in_place<T>(&self, key: &[u8], look: impl FnOnce(Option<&[u8]>) -> T) -> Outcome<T> {
        let value = self.0.get_zerocopy(key)?;
        Ok(look(value.as_deref()))
    }

    fn get_many(&self, keys: &[&[u8; KEY]]) -> Outcome<Vec<Option<Vec<u8>>>> {
        Ok(self.0.get_many(keys)?)
    }

    fn get_many_lent(
        &self,
        keys: &[&[u8; KEY]],
        each: impl FnMut(usize, Option<&[u8]>),
    ) -> Outcome<()> {
        Ok(self.0.get_many_with(keys, each)?)
    }

    fn scan_owned(
        &self,
        from: Bound<&[u8]>,
        limit: usize,
        mut each: impl FnMut(Vec<u8>, Vec<u8>),
    ) -> Outcome<()> {
        let entries = self.0.range_iter(first(from)..)?;
        entries.take(limit).for_each(|(key, value)| each(key, value));
        Ok(())
    }

    fn scan_in_place(
        &self,
        from: Bound<&[u8]>,
        limit: usize,
        mut each: impl FnMut(&[u8], &[u8]),
    ) -> Outcome<()> {
        let mut entries = self.0.range_iter(first(from)..)?;
        for _ in 0..limit {
            let Some((key, value)) = entries.next_entry() else { break };
            each(key, value);
        }
        Ok(())
    }
}

/// The first key of a scan; the empty key is before all others.
fn first(from: Bound<&[u8]>) -> &[u8] {
    match from {
        Bound::Included(key) | Bound::Excluded(key) => key,
        Bound::Unbounded => &[],
    }
}
