//! Reading everything, and comparing what is in memory with what the journal says.
//!
//! The state that is judged is a read view, so writers go on meanwhile. From the journal below its
//! watermark tables of their own are built, by the replay that an open does, and each lookup in the
//! view must come to the same. Losses by a hole in the journal are not told a second time as a
//! difference.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::cursor::end::End;
use crate::cursor::range::Bounds;
use crate::cursor::walk::Walk;
use crate::engine::Engine;
use crate::engine::namespace_table::ReadNamespace;
use crate::engine::read_view::ReadView;
use crate::engine::reader::{Reader, is_expired};
use crate::engine::repair::for_each_slot_read;
use crate::engine::replay::Replay;
use crate::error::{Error, Result};
use crate::format::record::{Record, Verb};
use crate::format::sealed::is_session;
use crate::format::{JOURNAL_START, header, image, mark};
use crate::journal::commits::{Commits, JournalItem};
use crate::journal::scan::Scanner;
use crate::maintenance::copy::read_view_of_all;
use crate::maintenance::database::Database;
use crate::maintenance::verify_report::{ProblemKind, VerifyReport};
use crate::mvcc::incarnation::Incarnation;
use crate::mvcc::namespace::INTERNAL;
use crate::mvcc::retired::SeenNamespace;
use crate::progress::{OnProgress, ProgressMeter};
use crate::storage::memory::Memory;

/// The number of keys that are compared between two reports of progress.
const PROGRESS_EVERY_KEYS: u64 = 4096;

/// See [`crate::Emdb::verify`].
pub(crate) fn verify(database: &Database, tell: OnProgress<'_>) -> Result<VerifyReport> {
    database.check()?;
    let engine = &database.engine;
    let mut report = VerifyReport::default();
    let (view, namespaces) = read_view_of_all(engine);
    let watermark = view.watermark();
    let meter = ProgressMeter::new(tell, watermark);
    check_header(engine, &mut report);
    let mut check = Check { view: &view, report, gaps: Vec::new(), meter, keys: 0 };
    let generation = view.reader().generation;
    let mut replay = Replay::new(generation);
    check.meter.now()?;
    check.journal(&mut replay)?;
    check.names(namespaces, &replay)?;
    let mut report = check.finish()?;
    report.bytes = match generation.journal.memory {
        Memory::Flat(_) => watermark,
        Memory::Regions(_) => watermark - JOURNAL_START,
    };
    Ok(report)
}

fn check_header(engine: &Engine, report: &mut VerifyReport) {
    let found = engine.durability.with_header(|known| {
        // Not before: a compaction keeps the header until both are of the new file.
        let handle = engine.generation(&crossbeam_epoch::pin()).clone();
        let journal = &handle.generation.journal;
        let front = journal.memory.front(JOURNAL_START as usize);
        header::check(&front, known, journal.signer())
    });
    for (at, reason) in found.into_iter().flatten() {
        report.add(ProblemKind::Header, at, reason);
    }
}

struct Check<'a, 't> {
    view: &'a ReadView,
    report: VerifyReport,
    /// The stretches where no record is whole.
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
        let journal = &self.reader().generation.journal;
        let end = self.view.watermark();
        let scanner = Scanner::new(journal.place, &journal.memory, JOURNAL_START, end);
        let mut commits = Commits::new(scanner);
        while let Some(item) = commits.next() {
            match item {
                JournalItem::Commit(records) => {
                    self.report.commits += 1;
                    self.apply(replay, records);
                }
                JournalItem::Incomplete(records) => {
                    if let Some(first) = records.first() {
                        let detail =
                            format!("a commit of which {} records are left", records.len());
                        self.report.add(ProblemKind::Commit, first.position(), detail);
                    }
                    self.apply(replay, records);
                }
                JournalItem::Mark(record) => self.mark(record),
                JournalItem::Value(record) => self.damaged_value(replay, record),
                JournalItem::Gap { from, to } => {
                    let detail = format!("no record is whole in {} bytes from here", to - from);
                    self.report.add(ProblemKind::Frame, from, detail);
                    self.gaps.push((from, to));
                }
            }
            self.meter.at(commits.position())?;
        }
        Ok(())
    }

    fn damaged_value(&mut self, replay: &mut Replay<'a>, record: Record<'a>) {
        let sealed = self.reader().generation.journal.vault.is_some();
        let detail = if sealed {
            // Its content can't be told any more.
            self.gaps.push((record.position(), record.end()));
            "the sealed part of a record fails its checksum".to_owned()
        } else {
            let name = name_of(replay, record.namespace());
            let key = record.key().escape_ascii();
            format!("the value of key \"{key}\" in {name} fails its checksum")
        };
        self.report.add(ProblemKind::Value, record.value_position(), detail);
        // Where it is, is known; the index knows it, too.
        if !sealed && matches!(record.verb(), Verb::Put | Verb::Remove) {
            self.apply(replay, &[record]);
            self.report.records -= 1;
        } else {
            self.gaps.push((record.position(), record.end()));
        }
    }

    fn apply<'g>(&mut self, replay: &mut Replay<'g>, records: &[Record<'g>]) {
        self.report.records += records.len() as u64;
        for record in records {
            if !self.is_authentic(record) {
                continue;
            }
            if let Err(e) = replay.apply(*record)
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
        let Some(vault) = &self.reader().generation.journal.vault else { return true };
        let authentic = match record.verb() {
            Verb::Mark if is_session(record) => vault.take_session(record).map(|s| s.is_some()),
            Verb::Mark => vault.is_mark_whole(record),
            _ => vault.try_decrypt(record).map(|decrypted| decrypted.is_some()),
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
        if mark::read_time(&record).is_some() {
            return;
        }
        let place = self.reader().generation.journal.place;
        let synced = mark::read(place, record.value_position(), record.value());
        if synced.is_none_or(|synced| synced > record.position()) {
            let detail = "a sync mark names no position before it";
            self.report.add(ProblemKind::Frame, record.position(), detail);
        }
    }

    /// Compares the namespaces that are open with those of the journal.
    fn names(&mut self, open: Vec<SeenNamespace>, replay: &Replay<'_>) -> Result<()> {
        let mut open: BTreeMap<_, _> =
            open.into_iter().map(|seen| (seen.name.clone(), seen)).collect();
        let mut read: Vec<(&str, &ReadNamespace)> = Vec::new();
        for (_, namespace) in replay.namespaces.iter() {
            read.extend(namespace.name.as_deref().map(|name| (name, namespace)));
        }
        read.sort_by_key(|(name, _)| *name);
        for (name, wanted) in read {
            let records = wanted.incarnation.records.load(Ordering::Relaxed);
            if !name.starts_with(INTERNAL) {
                self.report.namespaces += 1;
                self.report.live_records += records;
            }
            let Some(found) = open.remove(name) else {
                self.differs(0, format!("{} is in the journal alone", quoted(name)));
                continue;
            };
            if found.stored_options != wanted.options {
                self.differs(0, format!("{} has other options in memory", quoted(name)));
            }
            if found.incarnation.id == wanted.incarnation.id {
                self.keys(name, &found.incarnation, &wanted.incarnation)?;
                self.count(name, &found.incarnation, records);
                self.order(name, &found.incarnation, &wanted.incarnation)?;
            } else {
                self.differs(0, format!("{} has another incarnation in memory", quoted(name)));
            }
        }
        for name in open.keys() {
            self.differs(0, format!("{} is in memory alone", quoted(name)));
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
        if self.keys.is_multiple_of(PROGRESS_EVERY_KEYS) {
            return self.meter.now();
        }
        Ok(())
    }

    /// Each key of the journal is found where the journal has it, and the index has no other.
    fn keys(&mut self, name: &str, found: &Incarnation, wanted: &Incarnation) -> Result<()> {
        let memory = &self.reader().generation.journal.memory;
        for_each_slot_read(self.reader(), &wanted.table, |slot| {
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
        for_each_slot_read(self.reader(), &found.table, |slot| {
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
        for_each_slot_read(self.reader(), &wanted.table, |slot| {
            let record = reader.generation.journal.memory.record(slot.position());
            let is_live =
                |r: &Record<'_>| r.is_put() && !is_expired(r, |at| self.view.has_passed(at));
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
    let (memory, guard) = (&reader.generation.journal.memory, crossbeam_epoch::pin());
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
    let name = replay.namespaces.get(id).and_then(|namespace| namespace.name.as_deref());
    name.map_or_else(|| format!("an unknown namespace (id {id})"), quoted)
}
