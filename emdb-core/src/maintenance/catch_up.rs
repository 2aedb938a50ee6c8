//! Bringing a copy up to date with what was written to its source meanwhile: commits are read
//! from the source's journal and made again, each of them as one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::commit::Access;
use crate::engine::decoded::DecodedRecord;
use crate::engine::namespaces::Clear;
use crate::engine::read::Reader;
use crate::engine::write_op::WriteOp;
use crate::error::{Error, Result};
use crate::format::options::Options;
use crate::format::record::{Record, Verb};
use crate::format::varint;
use crate::mvcc::generation::Generation;
use crate::mvcc::names::NamespaceState;
use crate::os::sync::lock;
use crate::storage::memory::Memory;
use crate::storage::ram::Regions;

/// Records that are written to the copy at once, and their bytes: one commit takes memory for all
/// that is in it.
const BATCH: usize = 4096;
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
        let mut batch = Batch::default();
        let reader = Reader { generation: self.source, verify: false };
        let mut commit: Vec<DecodedRecord<'a>> = Vec::new();
        let mut at = self.at;
        while at < end && (at - from < limit || !commit.is_empty()) {
            let Some(record) = self.record(&mut at)? else {
                at = end;
                break;
            };
            if record.verb() != Verb::Mark {
                // Its checksums hold already.
                commit.push(reader.entry(record)?);
            }
            if !record.commits() {
                continue;
            }
            let writes =
                |e: &DecodedRecord<'_>| matches!(e.record().verb(), Verb::Put | Verb::Remove);
            if commit.iter().all(writes) {
                self.gather(&mut batch, &mut commit)?;
            } else {
                self.write(&mut batch)?;
                self.change_namespaces(&commit)?;
            }
            commit.clear();
        }
        self.write(&mut batch)?;
        self.at = at;
        Ok(at - from)
    }

    /// The record at `at`, verified; moves on behind it. In memory the journal has holes, where a
    /// record did not fit before a border.
    fn record(&self, at: &mut u64) -> Result<Option<Record<'a>>> {
        let place = self.source.place;
        let whole = |r: &Record<'_>| r.verify_head(place) && r.verify_value(place);
        let mut found = self.source.memory.record(*at).filter(whole);
        let mut next = *at;
        // A large record leaves out whole regions.
        while found.is_none() && matches!(self.source.memory, Memory::Regions(_)) {
            next = Regions::border(next);
            if next >= self.source.watermark() {
                return Ok(None);
            }
            found = self.source.memory.record(next).filter(whole);
        }
        let record = found.ok_or_else(|| {
            Error::corrupted(*at, "a record fails its checksum while the journal is copied")
        })?;
        *at = record.end();
        Ok(Some(record))
    }

    fn gather(&self, batch: &mut Batch<'a>, commit: &mut Vec<DecodedRecord<'a>>) -> Result<()> {
        let key = |e: &DecodedRecord<'_>| (e.namespace(), self.source.hash(e.key()));
        if commit.iter().any(|r| batch.keys.contains(&key(r))) {
            // What it does depends on what is only in the batch.
            self.write(batch)?;
        }
        batch.keys.extend(commit.iter().map(key));
        batch.bytes += commit.iter().map(|e| e.record().len()).sum::<usize>();
        batch.entries.append(commit);
        let full = batch.entries.len() >= BATCH || batch.bytes >= BATCH_BYTES;
        if full { self.write(batch) } else { Ok(()) }
    }

    fn write(&self, batch: &mut Batch<'a>) -> Result<()> {
        let guard = crossbeam_epoch::pin();
        let mut ops = Vec::with_capacity(batch.entries.len());
        for entry in &batch.entries {
            let (copy, put) = (self.copy(entry)?, (entry.key(), entry.value()));
            let record = entry.record();
            let (verb, expiry, last) = (record.verb(), record.expiry(), record.commits());
            ops.push(WriteOp::write_in(&guard, copy, verb, put, expiry, last)?);
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
        let bad = |entry: &DecodedRecord<'_>, what: &str| {
            Error::corrupted(entry.record().position(), what)
        };
        let mut parts: Vec<(Arc<NamespaceState>, &DecodedRecord<'a>)> = Vec::new();
        let mut clears: Vec<Clear> = Vec::new();
        for entry in commit {
            let (id, verb) = (entry.namespace(), entry.record().verb());
            match verb {
                Verb::Create => {
                    let name = std::str::from_utf8(entry.key());
                    let name = name.map_err(|_| bad(entry, "a name is not UTF-8"))?;
                    let options = Options::read(entry.value()).map_err(|e| bad(entry, e))?;
                    self.copies.insert(id, self.target.open_or_begin(name, options)?);
                    continue;
                }
                Verb::Configure => {
                    let options = Options::read(entry.value()).map_err(|e| bad(entry, e))?;
                    self.target.configure(self.copy(entry)?, options)?;
                    continue;
                }
                Verb::Mark => continue,
                Verb::Put | Verb::Remove | Verb::Clear | Verb::Drop => {}
            }
            let copy = self.copy(entry)?.clone();
            if verb == Verb::Clear {
                let fresh = varint::get_all(entry.value()).and_then(|id| u32::try_from(id).ok());
                let fresh = fresh.ok_or_else(|| bad(entry, "a clear names no incarnation"))?;
                clears.push(self.target.prepare_clear(&copy)?);
                self.copies.remove(&id);
                self.copies.insert(fresh, copy.clone());
            }
            if verb == Verb::Drop {
                self.copies.remove(&id);
            }
            parts.push((copy, entry));
        }
        let mut ops = Vec::with_capacity(parts.len());
        for (at, (copy, entry)) in parts.iter().enumerate() {
            let last = at + 1 == parts.len();
            let clear = clears.iter().find(|clear| clear.is_of(copy));
            ops.push(match (entry.record().verb(), clear) {
                (Verb::Clear, Some(clear)) => clear.op(last),
                (Verb::Drop, _) => {
                    let id = copy.current(&crossbeam_epoch::pin()).id;
                    WriteOp::control(copy, Verb::Drop, id, (&[], &[]), None, last)
                }
                (verb, clear) => {
                    let put = (entry.key(), entry.value());
                    let op = WriteOp::write(copy, verb, put, entry.expiry(), last)?;
                    match clear {
                        Some(clear) => op.into_fresh(&clear.fresh),
                        None => op,
                    }
                }
            });
        }
        self.target.commit(&mut ops, Access::Plain)?;
        let mut names = lock(&self.target.names);
        for (copy, _) in parts.iter().filter(|(_, e)| e.record().verb() == Verb::Drop) {
            names.live.remove(&copy.name);
        }
        Ok(())
    }
}
