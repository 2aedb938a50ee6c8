//! Applying committed records to an engine, in the order of the journal: to an empty one, or to
//! what an image holds.
//!
//! Records are applied some way behind where they are read, when the line of the index that they
//! change has come from memory.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

use crossbeam_epoch::Guard;

use crate::checkpoint::load::Image;
use crate::engine::decoded::DecodedRecord;
use crate::engine::read::Reader;
use crate::error::{Error, Result};
use crate::format::options::Options;
use crate::format::record::{Record, Verb};
use crate::format::varint;
use crate::index::hash::Published;
use crate::mvcc::generation::{Generation, GenerationHandle};
use crate::mvcc::names::{DEFAULT_ID, Incarnation, Live, NamespaceState};
use crate::os::sync::lock;

/// How many records behind its reading one is applied.
const AHEAD: usize = 16;

/// Records after which memory that the index has given up can go.
const LET_GO: usize = 4096;

pub(crate) struct Replay<'g> {
    handle: &'g GenerationHandle,
    pub(crate) names: Live,
    /// The namespaces by their present incarnation.
    by_id: HashMap<u32, (Arc<NamespaceState>, Arc<Incarnation>)>,
    next_id: u32,
    /// Records that were read, with their namespaces and the hashes of their keys.
    waiting: VecDeque<(Record<'g>, u32, u64)>,
    /// How many of them, from the front, are of whole commits.
    whole: usize,
    /// The incarnation that a record was last for.
    latest: Option<Arc<Incarnation>>,
    guard: Guard,
    applied: usize,
    /// Where the record lies that the index had no room for.
    pub(crate) refused: Option<u64>,
}

impl<'g> Replay<'g> {
    /// An engine in which nothing exists but the default namespace.
    pub(crate) fn new(handle: &'g GenerationHandle) -> Replay<'g> {
        let mut replay = Replay::bare(handle);
        replay.create(String::new(), Arc::new(Incarnation::new(DEFAULT_ID)), Options::default());
        replay
    }

    /// An engine that holds what an image does.
    pub(crate) fn of(handle: &'g GenerationHandle, image: Image) -> Replay<'g> {
        let mut replay = Replay::bare(handle);
        for (name, options, incarnation) in image.namespaces {
            replay.create(name, incarnation, options);
        }
        replay.next_id = image.next_id;
        replay
    }

    fn bare(handle: &'g GenerationHandle) -> Replay<'g> {
        Replay {
            handle,
            names: Live::new(),
            by_id: HashMap::new(),
            next_id: DEFAULT_ID + 1,
            waiting: VecDeque::new(),
            whole: 0,
            latest: None,
            guard: crossbeam_epoch::pin(),
            applied: 0,
            refused: None,
        }
    }

    fn create(&mut self, name: String, incarnation: Arc<Incarnation>, options: Options) {
        let state = Arc::new(NamespaceState::new(name.clone(), self.handle, incarnation.clone()));
        state.set_options(options);
        self.names.insert(name, state.clone());
        self.by_id.insert(incarnation.id, (state, incarnation));
    }

    /// The name of the namespace whose present incarnation has this id.
    pub(crate) fn name(&self, id: u32) -> Option<&str> {
        self.by_id.get(&id).map(|(state, _)| &*state.name)
    }

    /// Applies records as they are, with all that was taken in before.
    pub(crate) fn apply(&mut self, records: &[Record<'g>]) -> Result<()> {
        for record in records {
            let namespace = self.reader().key_entry(*record)?.namespace();
            self.push(*record, namespace);
        }
        self.commit()?;
        self.finish()
    }

    /// Whether a commit has begun that goes on.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.waiting.len() > self.whole
    }

    fn reader(&self) -> Reader<'g> {
        Reader { generation: &self.handle.generation, verify: true }
    }

    /// Takes in a record of the incarnation `namespace` whose commit may go on.
    #[inline]
    pub(crate) fn push(&mut self, record: Record<'g>, namespace: u32) {
        let is_write = matches!(record.verb(), Verb::Put | Verb::Remove);
        let hash = if is_write { self.handle.generation.hash(record.key()) } else { 0 };
        self.waiting.push_back((record, namespace, hash));
    }

    /// The records up to here are whole commits; gives how many have become so.
    #[inline]
    pub(crate) fn commit(&mut self) -> Result<u64> {
        let more = self.waiting.len() - self.whole;
        self.whole = self.waiting.len();
        while self.whole > AHEAD {
            self.apply_next()?;
        }
        Ok(more as u64)
    }

    /// Applies what is left of whole commits.
    pub(crate) fn finish(&mut self) -> Result<()> {
        while self.whole > 0 {
            self.apply_next()?;
        }
        self.waiting.clear();
        Ok(())
    }

    /// What there is now, and the next id of an incarnation.
    pub(crate) fn into_parts(self) -> (Live, u32) {
        (self.names, self.next_id)
    }

    #[inline]
    fn apply_next(&mut self) -> Result<()> {
        if let (Some(later), Some(latest)) = (self.waiting.get(AHEAD), &self.latest) {
            // Most records are for the namespace of the one before them.
            latest.table.prefetch(later.2, &self.guard);
        }
        let Some((record, id, hash)) = self.waiting.pop_front() else { return Ok(()) };
        self.whole -= 1;
        self.applied += 1;
        if self.applied.is_multiple_of(LET_GO) {
            self.guard.repin();
        }
        let bad = |reason| Error::corrupted(record.position(), reason);
        match record.verb() {
            Verb::Put | Verb::Remove => {
                if self.latest.as_ref().is_none_or(|latest| latest.id != id) {
                    let found = self.by_id.get(&id).ok_or_else(|| bad(UNKNOWN))?;
                    self.latest = Some(found.1.clone());
                }
                let Some(incarnation) = &self.latest else { return Ok(()) };
                let table = &incarnation.table;
                let reader = self.reader();
                reader.make_ready(table, hash, &self.guard)?;
                let done = publish(reader.generation, incarnation, &record, hash, &self.guard);
                if done == Err(CROWDED) {
                    self.refused = Some(record.position());
                }
                done.map_err(bad)
            }
            _ => {
                self.latest = None;
                let entry = self.reader().entry(record)?;
                self.control(&entry).map_err(bad)
            }
        }
    }

    fn control(&mut self, entry: &DecodedRecord<'_>) -> Result<(), &'static str> {
        let id = entry.namespace();
        match entry.record().verb() {
            Verb::Put | Verb::Remove | Verb::Mark => Ok(()),
            Verb::Create => {
                let name = std::str::from_utf8(entry.key()).map_err(|_| "a name is not UTF-8")?;
                if self.names.contains_key(name) {
                    return Err("a namespace is created twice");
                }
                let options = Options::read(entry.value())?;
                self.take_id(id)?;
                self.create(name.to_owned(), Arc::new(Incarnation::new(id)), options);
                Ok(())
            }
            Verb::Configure => {
                let (state, _) = self.by_id.get(&id).ok_or(UNKNOWN)?;
                state.set_options(Options::read(entry.value())?);
                Ok(())
            }
            Verb::Clear => {
                let fresh = varint::get_all(entry.value())
                    .and_then(|id| u32::try_from(id).ok())
                    .ok_or("a clear names no incarnation")?;
                self.take_id(fresh)?;
                let (state, _) = self.by_id.remove(&id).ok_or(UNKNOWN)?;
                let incarnation = Arc::new(Incarnation::new(fresh));
                // Nobody has seen the former one.
                let guard = crossbeam_epoch::pin();
                state.begin(&incarnation, entry.record().position(), &guard);
                state.trim(|_, _| false, &guard);
                self.by_id.insert(fresh, (state, incarnation));
                Ok(())
            }
            Verb::Drop => {
                let (state, _) = self.by_id.remove(&id).ok_or(UNKNOWN)?;
                if state.name.is_empty() {
                    return Err("the default namespace is dropped");
                }
                state.mark_dropped(entry.record().position());
                self.names.remove(&state.name);
                Ok(())
            }
        }
    }

    /// Ids only ever grow, so one that comes again is damage.
    fn take_id(&mut self, id: u32) -> Result<(), &'static str> {
        if id < self.next_id || id == u32::MAX {
            return Err("an incarnation's id comes out of order");
        }
        self.next_id = id + 1;
        Ok(())
    }
}

const DAMAGED: &str = "a record that this one may replace fails its checksum";
const CROWDED: &str =
    "a namespace holds more records, or more whose hashes are alike, than an index takes";
const UNKNOWN: &str = "a record belongs to a namespace that does not exist";

#[inline]
pub(crate) fn publish(
    generation: &Generation,
    incarnation: &Incarnation,
    record: &Record<'_>,
    hash: u64,
    guard: &Guard,
) -> Result<(), &'static str> {
    let table = &incarnation.table;
    let read = |position| generation.memory.record(position);
    // What an image leads to was not read by this open: with a damaged key it would pass for
    // another one, and the counts would be wrong.
    let unread = table.image.as_ref().map_or(0, |image| image.below);
    let damaged = Cell::new(false);
    let same = |position| {
        let found = read(position);
        let is_same = found.is_some_and(|r| r.key() == record.key());
        let is_whole = |r: Record<'_>| {
            let vault = generation.vault.as_ref();
            r.verify_head(generation.place) && vault.is_none_or(|vault| vault.open(&r).is_ok())
        };
        if position < unread && !found.is_some_and(is_whole) {
            damaged.set(true);
        }
        is_same
    };
    let mut old = None;
    if !record.is_put() {
        // A removal of what isn't there changes nothing.
        let found = table.probe(hash, guard, |slot| match slot.position() {
            position if same(position) => ControlFlow::Break(position),
            _ => ControlFlow::Continue(()),
        });
        if damaged.get() {
            return Err(DAMAGED);
        }
        let Ok(Some(position)) = found else { return Ok(()) };
        old = Some(position);
    }
    let slot = (record.position(), !record.is_put());
    let published = table.publish(hash, old, slot, || u64::MAX, same, guard);
    if damaged.get() {
        return Err(DAMAGED);
    }
    let prior = match published {
        Some(Published::New) => None,
        Some(Published::Replaced(position)) => read(position),
        None => return Err(CROWDED),
    };
    if let Some(order) = incarnation.order.get() {
        if let Some(prior) = &prior {
            generation.superseded.set(prior.position());
            order.note_stale();
        }
        if record.is_put() && !prior.as_ref().is_some_and(Record::is_put) {
            order.note(record.position());
        }
    }
    let (mut records, mut bytes) = (0, 0);
    if let Some(prior) = prior.filter(Record::is_put) {
        records -= 1;
        bytes -= prior.len() as i64;
        if let Some(at) = prior.expiry() {
            lock(&incarnation.expiries).remove(at, prior.position());
        }
    }
    if record.is_put() {
        records += 1;
        bytes += record.len() as i64;
        if let Some(at) = record.expiry() {
            lock(&incarnation.expiries).insert(at, record.position());
        }
    }
    incarnation.tally(records, bytes);
    Ok(())
}
