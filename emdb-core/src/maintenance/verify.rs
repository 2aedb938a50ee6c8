//! Reading everything, and comparing what is in memory with what the journal says.
//!
//! The state that is judged is held, so writers go on meanwhile. From the journal below its
//! watermark tables of their own are built, by the replay that an open does, and each lookup of the
//! held state must come to the same. Where the journal has a hole, what went with it is not told
//! a second time as a difference.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::cursor::range::Bounds;
use crate::cursor::{End, Walk};
use crate::engine::Engine;
use crate::engine::read::{ReadView, Reader, is_expired};
use crate::engine::repair::for_each_slot;
use crate::engine::replay::Replay;
use crate::error::{Error, Result};
use crate::format::record::{Record, Verb};
use crate::format::sealed::is_session;
use crate::format::{JOURNAL_START, header, image, mark};
use crate::journal::scan::{Commits, JournalItem, Scanner};
use crate::maintenance::verify_report::{ProblemKind, VerifyReport};
use crate::mvcc::generation::GenerationHandle;
use crate::mvcc::names::{Incarnation, NamespaceState};
use crate::os::sync::lock;
use crate::progress::{OnProgress, ProgressMeter};
use crate::storage::memory::Memory;

/// How often progress is told while keys are compared.
const EACH_KEYS: u64 = 4096;

impl Engine {
    /// See [`crate::Emdb::verify`].
    pub(crate) fn verify(&self, tell: OnProgress<'_>) -> Result<VerifyReport> {
        self.check_maintenance()?;
        let mut report = VerifyReport::default();
        let (view, states) = self.read_view_with_names();
        let view = view.verified();
        let watermark = view.watermark();
        let meter = ProgressMeter::new(tell, watermark);
        self.check_header(&mut report);
        let mut check = Check { view: &view, report, gaps: Vec::new(), meter, keys: 0 };
        let generation = view.reader().generation;
        let handle = GenerationHandle::over(view.generation().clone());
        let mut replay = Replay::new(&handle);
        check.meter.now()?;
        check.journal(&mut replay)?;
        check.names(&states, &replay)?;
        let mut report = check.finish()?;
        report.bytes = match generation.memory {
            Memory::Flat(_) => watermark,
            Memory::Regions(_) => watermark - JOURNAL_START,
        };
        Ok(report)
    }

    /// What is committed now, and the namespaces that it has. Both under the writer's lock, since
    /// a name follows its record.
    fn read_view_with_names(&self) -> (ReadView, Vec<(Arc<NamespaceState>, bool)>) {
        let _tail = lock(&self.tail);
        let view = self.read_view();
        let states = lock(&self.names).live.values().map(|s| (s.clone(), s.is_ordered())).collect();
        (view, states)
    }

    fn check_header(&self, report: &mut VerifyReport) {
        let found = self.durability.at_rest(|known| {
            // Not before: a compaction keeps the header until both are of the new file.
            let handle = self.generation(&crossbeam_epoch::pin()).clone();
            let generation = &handle.generation;
            let front = generation.memory.front(JOURNAL_START as usize);
            header::check(&front, known, generation.signer())
        });
        for (at, reason) in found.into_iter().flatten() {
            report.add(ProblemKind::Header, at, reason);
        }
    }
}

struct Check<'a, 't> {
    view: &'a ReadView,
    report: VerifyReport,
    /// Where no record is whole.
    gaps: Vec<(u64, u64)>,
    meter: ProgressMeter<'t>,
    /// Keys that were compared.
    keys: u64,
}

impl<'a> Check<'a, '_> {
    fn reader(&self) -> Reader<'a> {
        self.view.reader()
    }

    /// Reads the journal below the watermark.
    fn journal(&mut self, replay: &mut Replay<'a>) -> Result<()> {
        let generation = self.reader().generation;
        let (place, end) = (generation.place, self.view.watermark());
        let mut parts = Commits::new(Scanner::new(place, &generation.memory, JOURNAL_START, end));
        while let Some(part) = parts.next() {
            self.meter.at(parts.position())?;
            match part {
                JournalItem::Commit(records) => {
                    self.report.commits += 1;
                    self.apply(replay, &records);
                }
                JournalItem::Incomplete(records) => {
                    if let Some(first) = records.first() {
                        let detail =
                            format!("a commit of which {} records are left", records.len());
                        self.report.add(ProblemKind::Commit, first.position(), detail);
                    }
                    self.apply(replay, &records);
                }
                JournalItem::Mark(record) => self.mark(record),
                JournalItem::Value(record) => {
                    let detail = if self.reader().generation.vault.is_some() {
                        // What is in it can't be told any more.
                        self.gaps.push((record.position(), record.end()));
                        "the sealed part of a record fails its checksum".to_owned()
                    } else {
                        let name = name_of(replay, record.namespace());
                        let key = record.key().escape_ascii();
                        format!("the value of key \"{key}\" in {name} fails its checksum")
                    };
                    self.report.add(ProblemKind::Value, record.value_position(), detail);
                    // Where it is, is known; the index knows it, too.
                    let is_write = matches!(record.verb(), Verb::Put | Verb::Remove);
                    if self.reader().generation.vault.is_none() && is_write {
                        self.apply(replay, &[record]);
                        self.report.records -= 1;
                    } else {
                        self.gaps.push((record.position(), record.end()));
                    }
                }
                JournalItem::Gap { from, to } => {
                    let detail = format!("no record is whole in {} bytes from here", to - from);
                    self.report.add(ProblemKind::Frame, from, detail);
                    self.gaps.push((from, to));
                }
            }
        }
        Ok(())
    }

    fn apply<'g>(&mut self, replay: &mut Replay<'g>, records: &[Record<'g>]) {
        self.report.records += records.len() as u64;
        for record in records {
            if !self.is_authentic(record) {
                continue;
            }
            if let Err(e) = replay.apply(std::slice::from_ref(record))
                && self.gaps.is_empty()
            {
                let reason = match e {
                    Error::Corrupted { reason, .. } => reason,
                    other => other.to_string(),
                };
                self.report.add(ProblemKind::Commit, record.position(), reason);
            }
        }
    }

    /// Whether a sealed record is what was written there; told if not.
    fn is_authentic(&mut self, record: &Record<'_>) -> bool {
        let Some(vault) = &self.reader().generation.vault else { return true };
        let authentic = match record.verb() {
            Verb::Mark if is_session(record) => vault.take_session(record).map(|s| s.is_some()),
            Verb::Mark => vault.is_mark_whole(record),
            _ => vault.try_open(record).map(|opened| opened.is_some()),
        };
        if matches!(authentic, Ok(true)) {
            return true;
        }
        self.gaps.push((record.position(), record.end()));
        let detail = "a record is not authentic: it was tampered with";
        self.report.add(ProblemKind::Seal, record.position(), detail);
        false
    }

    fn mark(&mut self, record: Record<'_>) {
        if !self.is_authentic(&record) || is_session(&record) {
            return;
        }
        if image::is_note(&record) {
            // Of a checkpoint, which may have gone.
            return;
        }
        let place = self.reader().generation.place;
        let synced = mark::read(place, record.value_position(), record.value());
        if synced.is_none_or(|synced| synced > record.position()) {
            let detail = "a sync mark names no position before it";
            self.report.add(ProblemKind::Frame, record.position(), detail);
        }
    }

    /// Compares the namespaces that are open with those of the journal.
    fn names(&mut self, states: &[(Arc<NamespaceState>, bool)], replay: &Replay<'_>) -> Result<()> {
        for (name, expected) in &replay.names {
            let wanted = expected.current(&crossbeam_epoch::pin()).clone();
            let records = wanted.records.load(Ordering::Relaxed);
            if !expected.is_internal() {
                self.report.namespaces += 1;
                self.report.live_records += records;
            }
            let state = states.iter().find(|(state, _)| state.name == *name);
            let (state, ordered) = match state {
                Some((state, ordered)) => (state, *ordered),
                None => {
                    self.differs(0, format!("{} is in the journal alone", quoted(name)));
                    continue;
                }
            };
            if ordered != expected.is_ordered() {
                self.differs(0, format!("{} has other options in memory", quoted(name)));
            }
            match self.view.incarnation(state) {
                Some(found) if found.id == wanted.id => {
                    self.keys(name, &found, &wanted)?;
                    self.count(name, &found, records);
                    self.order(name, &found, &wanted)?;
                }
                _ => self.differs(0, format!("{} has another incarnation in memory", quoted(name))),
            }
        }
        for (state, _) in states.iter().filter(|(s, _)| !replay.names.contains_key(&s.name)) {
            self.differs(0, format!("{} is in memory alone", quoted(&state.name)));
        }
        Ok(())
    }

    /// Notes a difference between index and journal, unless a hole of the journal explains it.
    fn differs(&mut self, offset: u64, detail: String) {
        if self.gaps.is_empty() {
            self.report.add(ProblemKind::Index, offset, detail);
        }
    }

    fn compared(&mut self) -> Result<()> {
        self.keys += 1;
        if self.keys.is_multiple_of(EACH_KEYS) {
            return self.meter.now();
        }
        Ok(())
    }

    /// Each key of the journal is found where the journal has it, and the index has no other.
    fn keys(&mut self, name: &str, found: &Incarnation, wanted: &Incarnation) -> Result<()> {
        let memory = &self.reader().generation.memory;
        for_each_slot(self.reader(), &wanted.table, |slot| {
            self.compared()?;
            let Some(record) = memory.record(slot.position()) else { return Ok(()) };
            let hash = self.view.hash(record.key());
            let position = match self.view.stored_as(found, record.key(), hash) {
                Ok(stored) => stored.map(|r| r.position()),
                Err(e) => {
                    self.differs(slot.position(), format!("a key of {}: {e}", quoted(name)));
                    return Ok(());
                }
            };
            if position != (!slot.is_tombstone()).then(|| slot.position()) {
                let detail = format!("a lookup in {} leads to {position:?}", quoted(name));
                self.differs(slot.position(), detail);
            }
            Ok(())
        })?;
        let (reader, watermark) = (self.reader(), self.view.watermark());
        let mut visible = 0;
        for_each_slot(self.reader(), &found.table, |slot| {
            self.compared()?;
            let newest = reader.record(slot.position());
            let version = match newest.and_then(|r| reader.version(r, watermark)) {
                Ok(Some(version)) => version,
                Ok(None) => return Ok(()),
                Err(e) => {
                    self.differs(slot.position(), format!("a slot of {}: {e}", quoted(name)));
                    return Ok(());
                }
            };
            visible += 1;
            if position_in(reader, wanted, version.key()) != Some(version.position()) {
                let detail = format!("{} has a record that the journal ended", quoted(name));
                self.differs(version.position(), detail);
            }
            Ok(())
        })?;
        let records = wanted.records.load(Ordering::Relaxed);
        if visible != records && self.gaps.is_empty() {
            let detail = format!("{} shows {visible} records of {records}", quoted(name));
            self.report.add(ProblemKind::Count, 0, detail);
        }
        Ok(())
    }

    fn count(&mut self, name: &str, found: &Incarnation, records: u64) {
        let counted = found.records_at(self.view.watermark());
        if counted != Some(records) && self.gaps.is_empty() {
            let detail = format!("{} counts {counted:?} records of {records}", quoted(name));
            self.report.add(ProblemKind::Count, 0, detail);
        }
    }

    /// A walk in order gives each live key once, ascending.
    fn order(&mut self, name: &str, found: &Arc<Incarnation>, wanted: &Incarnation) -> Result<()> {
        if !found.order.get().is_some_and(|order| order.is_built()) {
            return Ok(());
        }
        let reader = self.reader();
        let mut live = 0_u64;
        for_each_slot(self.reader(), &wanted.table, |slot| {
            let record = reader.generation.memory.record(slot.position());
            let is_live = |r: &Record<'_>| r.is_put() && !is_expired(r, || self.view.now());
            live += u64::from(record.as_ref().is_some_and(is_live));
            Ok(())
        })?;
        let walk = Walk::range(self.view.clone(), Some(found.clone()), Bounds::all());
        let (mut last, mut walked): (Option<Vec<u8>>, u64) = (None, 0);
        let ended = match walk.map(Walk::without_values) {
            Ok(mut walk) => {
                while let Some(key) = walk.next_key(End::Front) {
                    self.compared()?;
                    let stored_key = reader.generation.stored_key(wanted.id, &key);
                    let position = position_in(reader, wanted, stored_key.stored());
                    let ascends = last.as_ref().is_none_or(|last| *last < key);
                    if (!ascends || position.is_none()) && self.gaps.is_empty() {
                        let what = if ascends { "a key too many" } else { "a key out of order" };
                        let detail = format!("the order of {} has {what}", quoted(name));
                        self.report.add(ProblemKind::Order, position.unwrap_or(0), detail);
                    }
                    walked += 1;
                    last = Some(key);
                }
                walk.status()
            }
            Err(e) => Err(e),
        };
        if self.gaps.is_empty() && (ended.is_err() || walked != live) {
            let failed = ended.err().map_or(String::new(), |e| format!(" ({e})"));
            let detail = format!("the order of {} shows {walked} of {live}{failed}", quoted(name));
            self.report.add(ProblemKind::Order, 0, detail);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<VerifyReport> {
        self.meter.finish()?;
        Ok(self.report)
    }
}

/// Where the live record with this stored key is, by a table of the journal's own.
fn position_in(reader: Reader<'_>, wanted: &Incarnation, key: &[u8]) -> Option<u64> {
    let (memory, guard) = (&reader.generation.memory, crossbeam_epoch::pin());
    let found = wanted.table.probe(reader.generation.hash(key), &guard, |slot| {
        match memory.record(slot.position()) {
            Some(record) if record.key() == key => ControlFlow::Break(record),
            _ => ControlFlow::Continue(()),
        }
    });
    // A table of the journal's own has no pages that could be damaged.
    found.ok().flatten().filter(Record::is_put).map(|r| r.position())
}

fn quoted(name: &str) -> String {
    if name.is_empty() { "the default namespace".to_owned() } else { format!("namespace {name:?}") }
}

fn name_of(replay: &Replay<'_>, id: u32) -> String {
    replay.name(id).map_or_else(|| format!("an unknown namespace (id {id})"), quoted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::commit::Access;
    use crate::engine::open;
    use crate::engine::settings::Settings;
    use crate::engine::write_op::WriteOp;
    use crate::index::ordered::Order;

    fn engine() -> Arc<Engine> {
        let engine = open::in_memory(&Settings::default()).unwrap();
        for n in 0..20u8 {
            put(&engine, &[n % 10], &[n]);
        }
        engine
    }

    fn put(engine: &Engine, key: &[u8], value: &[u8]) {
        let namespace = &engine.default_namespace;
        let op = WriteOp::write(namespace, Verb::Put, (key, value), None, true).unwrap();
        engine.commit(&mut [op], Access::Plain).unwrap();
    }

    fn kinds(engine: &Engine) -> Vec<ProblemKind> {
        let report = engine.verify(&mut |_| ControlFlow::Continue(())).unwrap();
        report.problems.iter().map(|p| p.kind).collect()
    }

    fn incarnation(engine: &Engine) -> Arc<Incarnation> {
        engine.default_namespace.current(&crossbeam_epoch::pin()).clone()
    }

    #[test]
    fn an_index_that_leads_elsewhere_is_found() {
        let engine = engine();
        assert_eq!(kinds(&engine), []);
        let view = engine.read_view();
        let (guard, incarnation) = (crossbeam_epoch::pin(), incarnation(&engine));
        let newest = view.find(&incarnation, &[3]).unwrap().unwrap();
        let previous = newest.previous().unwrap();
        let hash = view.hash(&[3]);
        let change = |old, new| {
            let oldest = || u64::MAX;
            incarnation.table.publish(hash, Some(old), new, oldest, |_| false, &guard).unwrap();
        };
        // To the version before, which the journal has replaced: told from both sides.
        change(newest.position(), (previous, false));
        assert_eq!(kinds(&engine), [ProblemKind::Index, ProblemKind::Index]);
        // To nothing.
        change(previous, (view.watermark() - 1, true));
        assert!(
            kinds(&engine).iter().all(|k| *k == ProblemKind::Index || *k == ProblemKind::Count)
        );
        assert!(kinds(&engine).contains(&ProblemKind::Index));
    }

    #[test]
    fn a_wrong_count_is_found() {
        let engine = engine();
        let incarnation = incarnation(&engine);
        incarnation.tally(1, 0);
        let view = engine.read_view();
        incarnation.show_records(view.watermark(), &view.generation().views);
        assert_eq!(kinds(&engine), [ProblemKind::Count]);
    }

    #[test]
    fn an_order_that_lacks_keys_is_found() {
        let engine = engine();
        incarnation(&engine).order.get_or_init(Order::empty);
        assert_eq!(kinds(&engine), [ProblemKind::Order]);
    }

    #[test]
    fn a_name_that_only_memory_has_is_found() {
        let engine = engine();
        let state = Arc::new(Incarnation::new(9));
        let handle = GenerationHandle::over(engine.read_view().generation().clone());
        let state = Arc::new(NamespaceState::new("x".into(), &handle, state));
        lock(&engine.names).live.insert("x".into(), state);
        assert_eq!(kinds(&engine), [ProblemKind::Index]);
    }
}
