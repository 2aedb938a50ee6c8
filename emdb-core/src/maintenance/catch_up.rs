//! Bringing a copy up to date with what was written to its source meanwhile: commits are read
//! from the source's journal and made again, each of them as one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::append_lock::Access;
use crate::engine::apply::NamespaceChange;
use crate::engine::decoded::DecodedRecord;
use crate::engine::namespaces::Clear;
use crate::engine::reader::Reader;
use crate::engine::write_op::{Change, WriteOp};
use crate::error::{Error, Result};
use crate::format::record::Verb;
use crate::journal::commits::{Commits, JournalItem};
use crate::mvcc::generation::Generation;
use crate::mvcc::namespace::NamespaceState;

/// Records that are written to the copy at once, and their bytes: one commit takes memory for all
/// that is in it.
const BATCH_RECORDS: usize = 4096;
const BATCH_BYTES: usize = 512 << 10;

pub(crate) struct CatchUp<'a> {
    source: &'a Generation,
    target: &'a Arc<Engine>,
    /// The copies of namespaces, by the ids of what they are copies of.
    copies: HashMap<u32, Arc<NamespaceState>>,
    /// Everything below is in the copy.
    at: u64,
}

/// Commits that only write, and no key twice, gathered to be written at once.
#[derive(Default)]
struct Batch<'a> {
    entries: Vec<DecodedRecord<'a>>,
    bytes: usize,
    keys: HashSet<(u32, u64)>,
}

impl<'a> CatchUp<'a> {
    pub(crate) fn new(
        source: &'a Generation,
        target: &'a Arc<Engine>,
        copies: HashMap<u32, Arc<NamespaceState>>,
        at: u64,
    ) -> CatchUp<'a> {
        CatchUp { source, target, copies, at }
    }

    /// Bytes that are missing.
    pub(crate) fn behind(&self) -> u64 {
        self.source.watermark() - self.at
    }

    /// Makes the commits that are there now, those of about `limit` bytes; gives the bytes that
    /// they took.
    pub(crate) fn run(&mut self, limit: u64) -> Result<u64> {
        let (from, end) = (self.at, self.source.watermark());
        let (mut batch, mut commit) = (Batch::default(), Vec::new());
        let journal = &self.source.journal;
        let reader = Reader { generation: self.source, verify: false };
        let mut commits = Commits::of_whole(journal.place, &journal.memory, from, end);
        let mut at = from;
        while at - from < limit {
            match commits.next() {
                Some(JournalItem::Commit(records)) => {
                    for record in records {
                        at = record.end();
                        // Its checksums hold already.
                        commit.push(reader.decode(*record)?);
                    }
                    self.make(&mut batch, &mut commit)?;
                }
                Some(JournalItem::Mark(record)) => at = record.end(),
                None => {
                    at = end;
                    break;
                }
                Some(_) => {
                    let what = "a record fails its checksum while the journal is copied";
                    return Err(Error::corrupted(at, what));
                }
            }
        }
        self.write(&mut batch)?;
        self.at = at;
        Ok(at - from)
    }

    /// Makes a commit, at once or with others like it.
    fn make(&mut self, batch: &mut Batch<'a>, commit: &mut Vec<DecodedRecord<'a>>) -> Result<()> {
        let writes = |r: &DecodedRecord<'_>| matches!(r.record().verb(), Verb::Put | Verb::Remove);
        if commit.iter().all(writes) {
            return self.gather(batch, commit);
        }
        self.write(batch)?;
        self.change_namespaces(commit)?;
        commit.clear();
        Ok(())
    }

    fn gather(&self, batch: &mut Batch<'a>, commit: &mut Vec<DecodedRecord<'a>>) -> Result<()> {
        let key = |e: &DecodedRecord<'_>| (e.namespace(), self.source.hash(e.key()));
        if commit.iter().any(|r| batch.keys.contains(&key(r))) {
            // Its effect depends on records that are only in the batch.
            self.write(batch)?;
        }
        batch.keys.extend(commit.iter().map(key));
        batch.bytes += commit.iter().map(|e| e.record().len()).sum::<usize>();
        batch.entries.append(commit);
        let full = batch.entries.len() >= BATCH_RECORDS || batch.bytes >= BATCH_BYTES;
        if full { self.write(batch) } else { Ok(()) }
    }

    fn write(&self, batch: &mut Batch<'a>) -> Result<()> {
        let guard = crossbeam_epoch::pin();
        let mut ops = Vec::with_capacity(batch.entries.len());
        for entry in &batch.entries {
            ops.push(WriteOp::write_in(&guard, self.copy(entry)?, change_of(entry))?);
        }
        drop(guard);
        self.target.commit(&mut ops, Access::Plain)?;
        drop(ops);
        batch.entries.clear();
        batch.bytes = 0;
        batch.keys.clear();
        Ok(())
    }

    fn copy(&self, entry: &DecodedRecord<'_>) -> Result<&Arc<NamespaceState>> {
        let at = entry.record().position();
        self.copies
            .get(&entry.namespace())
            .ok_or_else(|| Error::corrupted(at, "a record's namespace is not known"))
    }

    /// Makes a commit that creates, configures, clears or drops namespaces.
    fn change_namespaces(&mut self, commit: &[DecodedRecord<'a>]) -> Result<()> {
        let mut parts: Vec<(Arc<NamespaceState>, &DecodedRecord<'a>)> = Vec::new();
        let (mut clears, mut dropped): (Vec<Clear>, _) = (Vec::new(), Vec::new());
        for entry in commit {
            let (id, record) = (entry.namespace(), entry.record());
            let bad = |what| Error::corrupted(record.position(), what);
            match NamespaceChange::read(record.verb(), entry.key(), entry.value()) {
                Some(NamespaceChange::Create { name, options }) => {
                    let (name, options) = (name.map_err(bad)?, options.map_err(bad)?);
                    self.copies.insert(id, self.target.open_or_begin(name, options)?);
                    continue;
                }
                Some(NamespaceChange::Configure { options }) => {
                    self.target.configure(self.copy(entry)?, options.map_err(bad)?)?;
                    continue;
                }
                Some(NamespaceChange::Rename { name, options }) => {
                    options.map_err(bad)?;
                    let copy = self.target.rename_copy(self.copy(entry)?, name.map_err(bad)?)?;
                    self.copies.insert(id, copy);
                    continue;
                }
                Some(NamespaceChange::Clear { fresh }) => {
                    let copy = self.copy(entry)?.clone();
                    clears.push(self.target.prepare_clear(&copy)?);
                    self.copies.remove(&id);
                    self.copies.insert(fresh.map_err(bad)?, copy.clone());
                    parts.push((copy, entry));
                }
                Some(NamespaceChange::Drop) => {
                    let copy = self.copy(entry)?.clone();
                    self.copies.remove(&id);
                    dropped.push(copy.clone());
                    parts.push((copy, entry));
                }
                None => parts.push((self.copy(entry)?.clone(), entry)),
            }
        }
        let mut ops = Vec::with_capacity(parts.len());
        for (at, (copy, entry)) in parts.iter().enumerate() {
            let last = at + 1 == parts.len();
            let clear = clears.iter().find(|clear| clear.is_of(copy));
            ops.push(match (entry.record().verb(), clear) {
                (Verb::Clear, Some(clear)) => clear.op(last),
                (Verb::Drop, _) => WriteOp::drop(copy, last),
                (_, clear) => {
                    let op = WriteOp::write(copy, change_of(entry).ending_commit(last))?;
                    match clear {
                        Some(clear) => op.into_fresh(&clear.fresh),
                        None => op,
                    }
                }
            });
        }
        self.target.commit(&mut ops, Access::Plain)?;
        drop(ops);
        self.target.forget_dropped(&dropped);
        Ok(())
    }
}

/// The change that a put or removal is.
fn change_of<'e>(entry: &'e DecodedRecord<'_>) -> Change<'e> {
    Change {
        verb: entry.record().verb(),
        key: entry.key(),
        value: entry.value(),
        expiry: entry.expiry(),
        ends_commit: entry.record().commits(),
    }
}
