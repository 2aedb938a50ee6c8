//! Copying what is intact out of a damaged journal.
//!
//! Whole commits are applied in the order of the journal, to tables of their own that bear what
//! a replay refuses: records of namespaces whose beginning was lost, names that are begun twice.
//! Then the live records go into a new engine.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::crypto::Secret;
use crate::crypto::unlock::unlock;
use crate::engine::apply::{NamespaceChange, apply_replayed};
use crate::engine::decoded::DecodedRecord;
use crate::engine::namespace_table::{NamespaceTable, Trust};
use crate::engine::reader::Reader;
use crate::engine::repair::for_each_slot;
use crate::engine::settings::Settings;
use crate::engine::{Engine, open};
use crate::error::{Error, Result};
use crate::format::header::Header;
use crate::format::image::is_note;
use crate::format::options::Options;
use crate::format::place::Place;
use crate::format::record::{Record, Verb};
use crate::format::sealed::{SealedHeader, is_session};
use crate::format::{JOURNAL_START, MAX_POSITION, mark};
use crate::journal::commits::{Commits, JournalItem};
use crate::journal::file::Journal;
use crate::journal::scan::{Scanner, find_place};
use crate::maintenance::copy::{Copier, reread};
use crate::maintenance::salvage_report::{Lost, LostKind, SalvageReport};
use crate::mvcc::generation::{Generation, GenerationHandle};
use crate::mvcc::namespace::{INTERNAL, NamespaceState};
use crate::os::clock::unix_ms;
use crate::progress::{OnProgress, ProgressMeter};
use crate::storage::memory::Memory;
use crate::storage::{Disk, Medium};

/// A damaged journal, and what was read of it.
pub(crate) struct Salvage {
    handle: GenerationHandle,
    len: u64,
    /// The journal was once on stable storage up to here, as far as header and marks tell.
    synced: u64,
    /// Records of incomplete commits count, too.
    partial: bool,
    report: SalvageReport,
    namespaces: NamespaceTable,
}

impl Salvage {
    /// Looks at the bytes of `medium`, which nobody writes to.
    pub(crate) fn new(
        medium: Arc<dyn Medium>,
        partial: bool,
        secret: Option<&Secret>,
    ) -> Result<Salvage> {
        let len = medium.len()?.min(MAX_POSITION);
        let memory = Memory::flat(&*medium, len)?;
        let front = memory.rest(0);
        let front = &front[..front.len().min(JOURNAL_START as usize)];
        let mut vault = None;
        let (place, hash_seed, synced) = match Header::read(front) {
            Ok(header) => {
                vault = unlock(&header, front, secret)?;
                let synced = header.synced.max(header.clean_len.unwrap_or(0));
                (Place::new(header.file_id, header.generation), header.hash_seed, synced)
            }
            Err(e @ (Error::VersionMismatch { .. } | Error::EncryptionError(_))) => return Err(e),
            // With it went the key: there is nothing that could be made up.
            Err(e) if secret.is_some() => return Err(e),
            Err(e) => {
                let place = find_place(&memory, JOURNAL_START, len).ok_or(e)?;
                refuse_sealed(place, &memory, len)?;
                (place, Header::create(0)?.hash_seed, 0)
            }
        };
        let journal = Journal::new(place, 0, (memory, medium), vault);
        Ok(Salvage {
            handle: GenerationHandle::new(Generation::new(journal, hash_seed)),
            len,
            synced,
            partial,
            report: SalvageReport { bytes_read: len, ..SalvageReport::default() },
            namespaces: NamespaceTable::new(Trust::Damaged),
        })
    }

    /// Reads the journal and writes what is live to a new file at `path`, closed and synced.
    pub(crate) fn run(
        mut self,
        disk: &dyn Disk,
        path: &Path,
        tell: OnProgress<'_>,
    ) -> Result<SalvageReport> {
        let mut meter = ProgressMeter::new(tell, self.len);
        self.read(&mut meter)?;
        meter.total += self.live_bytes();
        let header = Header::create(unix_ms())?;
        let header = Header { clean_len: None, ..header };
        let key = self.handle.generation.journal.unlocked();
        let engine = open::fresh(&Settings::default(), disk, path, header, key)?;
        // The copy is synced beside the copying.
        engine.allow_syncing(None);
        self.copy(&engine, &mut meter)?;
        engine.background.stop();
        reread(&engine)?;
        engine.close()?;
        meter.finish()?;
        let synced = self.synced;
        for lost in &mut self.report.lost {
            lost.durable = lost.offset < synced;
        }
        Ok(self.report)
    }

    fn live_bytes(&self) -> u64 {
        let all = self.namespaces.iter();
        all.map(|(_, n)| n.incarnation.live_bytes.load(Ordering::Relaxed)).sum()
    }

    fn read(&mut self, meter: &mut ProgressMeter<'_>) -> Result<()> {
        meter.now()?;
        self.read_sessions()?;
        let generation = self.handle.generation.clone();
        let reader = Reader { generation: &generation, verify: true };
        let journal = &generation.journal;
        let scanner = Scanner::new(journal.place, &journal.memory, JOURNAL_START, self.len);
        let mut commits = Commits::new(scanner.ending_in_zeros());
        while let Some(item) = commits.next() {
            match item {
                JournalItem::Commit(records) => {
                    let entries = self.authentic(reader, records);
                    if entries.len() == records.len() {
                        self.report.commits += 1;
                        entries.iter().for_each(|e| self.apply(e));
                    } else {
                        self.incomplete(&entries);
                    }
                }
                JournalItem::Incomplete(records) => {
                    let entries = self.authentic(reader, records);
                    self.incomplete(&entries);
                }
                JournalItem::Mark(record) if !self.is_mark_authentic(reader, &record) => {}
                JournalItem::Mark(record) => {
                    let (at, value) = (record.value_position(), record.value());
                    let synced = mark::read(journal.place, at, value);
                    self.synced = self.synced.max(synced.unwrap_or(0));
                }
                // It held nothing but how far a sync went.
                JournalItem::Value(record) if record.verb() == Verb::Mark => {}
                JournalItem::Value(record) if journal.vault.is_some() => {
                    let place = (record.position(), record.end());
                    self.lose(LostKind::Value, place, None, None);
                }
                JournalItem::Value(record) => {
                    self.lose_entry(LostKind::Value, &DecodedRecord::new(record, None));
                }
                JournalItem::Gap { from, to } => self.lose(LostKind::Gap, (from, to), None, None),
            }
            meter.at(commits.position())?;
        }
        if self.synced > self.len.max(JOURNAL_START) {
            let missing = (self.len.max(JOURNAL_START), self.synced);
            self.lose(LostKind::Cut, missing, None, None);
        }
        Ok(())
    }

    /// Takes in the sessions of the journal, wherever they are told: a session's own record may be
    /// lost.
    fn read_sessions(&self) -> Result<()> {
        let journal = &self.handle.generation.journal;
        let Some(vault) = &journal.vault else { return Ok(()) };
        let scanner = Scanner::new(journal.place, &journal.memory, JOURNAL_START, self.len);
        let mut commits = Commits::new(scanner);
        while let Some(item) = commits.next() {
            if let JournalItem::Mark(record) = item {
                let number = SealedHeader::of(&record).map_or(0, |parts| parts.session);
                if is_session(&record) {
                    vault.take_session(&record)?;
                } else if !is_note(&record) && !vault.knows(number) {
                    vault.take_session_of_mark(&record)?;
                }
            }
        }
        Ok(())
    }

    /// The records, decoded; those that are not authentic are lost.
    fn authentic<'m>(
        &mut self,
        reader: Reader<'m>,
        records: &[Record<'m>],
    ) -> Vec<DecodedRecord<'m>> {
        let mut entries = Vec::with_capacity(records.len());
        for record in records {
            match reader.decode(*record) {
                Ok(entry) => entries.push(entry),
                Err(_) => {
                    let place = (record.position(), record.end());
                    self.lose(LostKind::NotAuthentic, place, None, None);
                }
            }
        }
        entries
    }

    fn is_mark_authentic(&mut self, reader: Reader<'_>, record: &Record<'_>) -> bool {
        let Some(vault) = &reader.generation.journal.vault else { return true };
        if matches!(vault.is_mark_whole(record), Ok(true)) {
            return true;
        }
        let place = (record.position(), record.end());
        self.lose(LostKind::NotAuthentic, place, None, None);
        false
    }

    /// Takes in the rest of a commit.
    fn incomplete(&mut self, entries: &[DecodedRecord<'_>]) {
        for entry in entries {
            if self.partial {
                self.apply(entry);
            } else {
                self.lose_entry(LostKind::IncompleteCommit, entry);
            }
        }
    }

    fn lose_entry(&mut self, kind: LostKind, entry: &DecodedRecord<'_>) {
        let (record, key) = (entry.record(), entry.key().to_vec());
        let name = self.namespaces.get(entry.namespace()).and_then(|n| n.name.clone());
        self.lose(kind, (record.position(), record.end()), name, Some(key));
    }

    fn lose(
        &mut self,
        kind: LostKind,
        (from, to): (u64, u64),
        namespace: Option<String>,
        key: Option<Vec<u8>>,
    ) {
        let lost = Lost { offset: from, len: to - from, kind, namespace, key, durable: false };
        self.report.add(lost);
    }

    /// Applies one record.
    fn apply(&mut self, entry: &DecodedRecord<'_>) {
        let (id, record) = (entry.namespace(), entry.record());
        if let Some(change) = NamespaceChange::read(record.verb(), entry.key(), entry.value()) {
            // Nothing is refused in a damaged journal.
            let _ = self.namespaces.apply(id, change);
            return;
        }
        if record.verb() == Verb::Mark {
            return;
        }
        let Some(incarnation) = self.namespaces.incarnation(id) else { return };
        let (generation, guard) = (&self.handle.generation, crossbeam_epoch::pin());
        let hash = generation.hash(record.key());
        if apply_replayed(generation, incarnation, record, hash, &guard).is_err() {
            self.lose_entry(LostKind::TooMany, entry);
        }
    }

    /// Writes all that is live to `target`.
    fn copy(&mut self, target: &Arc<Engine>, meter: &mut ProgressMeter<'_>) -> Result<()> {
        let handle = self.handle.clone();
        let memory = &handle.generation.journal.memory;
        let reader = Reader { generation: &handle.generation, verify: true };
        meter.at(self.len)?;
        // The order of their names: whoever reads the copy gets the same one from the same file.
        let mut all: Vec<_> = self.namespaces.iter().collect();
        all.sort_by_key(|(id, found)| (found.name.is_none(), found.name.clone(), *id));
        for (id, found) in all {
            let mut positions = Vec::new();
            for_each_slot(reader, &found.incarnation.table, |slot| {
                if !slot.is_tombstone() {
                    positions.push(slot.position());
                }
                Ok(())
            })?;
            let name = match &found.name {
                Some(name) => name.clone(),
                None if positions.is_empty() => continue,
                None => self.name_for(id),
            };
            if found.options.ordered {
                positions.sort_by_cached_key(|p| key_at(reader, *p));
            } else {
                positions.sort_unstable();
            }
            if !name.starts_with(INTERNAL) {
                self.report.namespaces += 1;
                self.report.records += positions.len() as u64;
            }
            let namespace = Salvage::namespace(target, &name, found.options)?;
            let mut copier = Copier::new(target, meter);
            for record in positions.into_iter().filter_map(|p| memory.record(p)) {
                copier.put(&namespace, reader.decode(record)?)?;
            }
            copier.finish(&namespace)?;
        }
        Ok(())
    }

    fn namespace(
        target: &Arc<Engine>,
        name: &str,
        options: Options,
    ) -> Result<Arc<NamespaceState>> {
        if name.is_empty() {
            // It is there already; that it is ordered is said by a record of its own.
            if options.ordered {
                return target.open_namespace(name, options);
            }
            return Ok(target.default_namespace.clone());
        }
        target.open_or_begin(name, options)
    }

    /// A name for the records of an incarnation whose own name was lost.
    fn name_for(&self, id: u32) -> String {
        let mut name = format!("salvaged-{id}");
        while self.namespaces.has_name(&name) {
            name.push('-');
        }
        name
    }
}

/// Refuses a journal whose records are sealed, which can't be told from its place when there is no
/// header: marks of sealed journals are longer. Should none be left, counters that follow each other
/// tell; but values of a plain journal can look like that, so no record may be of another form.
fn refuse_sealed(place: Place, memory: &Memory, len: u64) -> Result<()> {
    let mut last: Option<(u64, u32, u32)> = None;
    let (mut sealed, mut counted, mut plain) = (false, false, false);
    let mut look = |record: &Record<'_>| {
        let is_long = record.value().len() > mark::MARK_LEN;
        sealed |= record.verb() == Verb::Mark && is_long;
        plain |= !SealedHeader::fit(record);
        let parts = SealedHeader::of(record);
        counted |= parts.is_some_and(|parts| {
            let before = parts.counter.checked_sub(1);
            before.is_some_and(|n| last == Some((record.position(), parts.session, n)))
        });
        last = parts.map(|parts| (record.end(), parts.session, parts.counter));
    };
    let mut commits = Commits::new(Scanner::new(place, memory, JOURNAL_START, len));
    while let Some(item) = commits.next() {
        match item {
            JournalItem::Commit(records) | JournalItem::Incomplete(records) => {
                records.iter().for_each(&mut look);
            }
            JournalItem::Mark(record) => look(&record),
            JournalItem::Value(_) | JournalItem::Gap { .. } => {}
        }
    }
    if sealed || counted && !plain {
        return Err(Error::EncryptionError(
            "the file is encrypted and both slots of its header are lost, and with them the key: \
             nobody can read it any more; restore a backup"
                .to_owned(),
        ));
    }
    Ok(())
}

/// The key of the record at `position`.
fn key_at(reader: Reader<'_>, position: u64) -> Option<Vec<u8>> {
    let record = reader.generation.journal.memory.record(position)?;
    Some(reader.decode_key(record).ok()?.into_key())
}
