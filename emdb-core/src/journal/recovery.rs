//! From a file's bytes to a running journal: replay, verdict, repair.
//!
//! Replay takes in whole commits up to the first record that is not whole, at B. Sync marks and
//! the header say up to where the journal was once on stable storage, W. With B at or behind W
//! the rest is a torn tail: what was never promised. With B before W something that was durable
//! is damaged, and nothing is touched.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::crypto::ReplayAuthenticator;
use crate::error::{Error, Result};
use crate::format::JOURNAL_START;
use crate::format::header::Header;
use crate::format::mark;
use crate::format::place::Place;
use crate::format::record::Record;
use crate::journal::commits::{Commits, JournalItem};
use crate::journal::file::Journal;
use crate::journal::scan::Scanner;
use crate::os::paths;
use crate::storage::Disk;
use crate::storage::memory::Memory;

/// How much of a torn tail is searched for commits and kept aside.
const TORN_MAX_BYTES: usize = 64 << 20;

/// Bytes of keys that the search may checksum in vain: in a tail made for it, a record with the
/// longest key could seem to begin at each byte.
const SEARCH_MAX_BYTES: u64 = 1 << 30;

/// The report of what an open found in the file and did about it; see [`crate::Emdb::recovery`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// Bytes behind the last whole commit that were dropped. Preallocated zeros don't count. A
    /// database that was opened for reading alone leaves them in the file, unseen.
    pub torn_bytes: u64,
    /// Whole commits among them: behind a record that never reached the disk. None of them was
    /// ever flushed. Their bytes are in `torn_file`.
    pub commits_dropped: u64,
    /// The position in the journal up to which a checkpoint spared the reading of it; `None` if
    /// there was none of this file that is whole.
    pub from_checkpoint: Option<u64>,
    /// Records that were read and taken in.
    pub records_replayed: u64,
    /// The file that the dropped bytes were put in, if there was a whole commit among them (or
    /// there may have been, in a tail that could not be searched to its end): at most 64 MiB. Never
    /// by an open for reading alone.
    pub torn_file: Option<PathBuf>,
    /// Whether the file had been closed properly.
    pub clean: bool,
    /// The time that it took.
    pub elapsed: Duration,
}

/// Takes in the commits of a journal as they are read.
pub(crate) trait CommitSink<'j> {
    /// Takes in a record of the incarnation `namespace`, of a commit that is whole.
    fn record(&mut self, record: Record<'j>, namespace: u32);

    /// Ends a commit.
    fn commit(&mut self) -> Result<()>;

    /// Ends the journal.
    fn finish(&mut self) -> Result<()>;
}

/// The stretch of a journal that a recovery reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch<'j> {
    /// The file's length.
    pub(crate) len: u64,
    /// The note of a checkpoint behind which to begin.
    pub(crate) from: Option<Record<'j>>,
    /// Records from here on are not read.
    pub(crate) upto: u64,
}

/// The state of a journal's end.
pub(crate) struct Verdict {
    /// Behind the last whole commit.
    pub(crate) accepted: u64,
    /// The time that the last mark of it has; 0 if there is none.
    pub(crate) marked_time: u64,
    /// The largest synced position that header or marks name.
    synced: u64,
    /// Behind the last byte that is not zero.
    used: u64,
    report: RecoveryReport,
}

/// Reads the journal into `sink` and judges what lies behind its last whole commit. Writes nothing.
pub(crate) fn read<'j>(
    header: &Header,
    journal: &'j Journal,
    Stretch { len, from, upto }: Stretch<'j>,
    sink: &mut impl CommitSink<'j>,
) -> Result<Verdict> {
    let began = Instant::now();
    if len < JOURNAL_START {
        return Err(Error::corrupted(len, "the file ends in its header"));
    }
    let (place, memory) = (journal.place, &journal.memory);
    let clean = header.clean_len == Some(len);
    let start = from.map_or(JOURNAL_START, |note| note.end());
    let vault = journal.vault.as_ref();
    let mut reading = Reading {
        place,
        authenticator: vault.map(|vault| ReplayAuthenticator::new(vault, from.as_ref())),
        synced: header.synced.max(header.clean_len.unwrap_or(0)),
        accepted: start,
        marked_time: 0,
        records: 0,
    };
    let mut commits = Commits::of_whole(place, memory, start, upto.min(len));
    let stopped_at = reading.run(&mut commits, sink)?;
    sink.finish()?;
    refuse_disguise(journal, stopped_at)?;
    let Reading { accepted, marked_time, mut synced, records, .. } = reading;
    let rest = memory.rest(accepted);
    let zeros = rest.iter().rev().take_while(|b| **b == 0).count();
    let used = accepted + (rest.len() - zeros) as u64;
    synced = synced.max(mark::search(place, accepted, rest).unwrap_or(0));
    if synced > accepted {
        let reason = if synced > len && stopped_at >= len {
            format!("the file ends here, but was on stable storage up to byte {synced}")
        } else {
            format!("a record is damaged that was on stable storage (up to byte {synced})")
        };
        return Err(Error::corrupted(stopped_at, reason));
    }
    let report = RecoveryReport {
        torn_bytes: used - accepted,
        from_checkpoint: from.map(|note| note.end()),
        records_replayed: records,
        clean,
        elapsed: began.elapsed(),
        ..RecoveryReport::default()
    };
    Ok(Verdict { accepted, marked_time, synced, used, report })
}

/// A journal that is being read.
struct Reading<'j> {
    place: Place,
    authenticator: Option<ReplayAuthenticator<'j>>,
    synced: u64,
    /// Behind the last whole commit.
    accepted: u64,
    marked_time: u64,
    records: u64,
}

impl<'j> Reading<'j> {
    /// Takes in whole commits; tells where the first record would lie that was not taken in.
    fn run(&mut self, commits: &mut Commits<'j>, sink: &mut impl CommitSink<'j>) -> Result<u64> {
        while let Some(item) = commits.next() {
            match item {
                JournalItem::Commit(records) => {
                    for record in records {
                        let namespace = self.authenticate(record)?;
                        sink.record(*record, namespace);
                        self.accepted = record.end();
                    }
                    self.records += records.len() as u64;
                    sink.commit()?;
                }
                JournalItem::Mark(record) => {
                    self.authenticate(&record)?;
                    let (at, value) = (record.value_position(), record.value());
                    self.synced = self.synced.max(mark::read(self.place, at, value).unwrap_or(0));
                    self.marked_time = mark::read_time(&record).unwrap_or(self.marked_time);
                    self.accepted = record.end();
                }
                JournalItem::Incomplete([first, ..]) if first.continues() => {
                    // Of a commit whose beginning is missing.
                    return Ok(first.position());
                }
                JournalItem::Incomplete(records) => {
                    // One that is whole and not authentic is no torn tail.
                    let mut end = self.accepted;
                    for record in records {
                        self.authenticate(record)?;
                        end = record.end();
                    }
                    return Ok(end);
                }
                JournalItem::Value(record) => return Ok(record.position()),
                JournalItem::Gap { from, .. } => return Ok(from),
            }
        }
        Ok(self.accepted)
    }

    /// The incarnation that an authentic record belongs to.
    #[inline]
    fn authenticate(&mut self, record: &Record<'j>) -> Result<u32> {
        let Some(authenticator) = &mut self.authenticator else { return Ok(record.namespace()) };
        let decrypted = authenticator.authenticate(record)?;
        Ok(decrypted.map_or_else(|| record.namespace(), |decrypted| decrypted.namespace))
    }
}

/// Whether the commit of the record at `at` is the journal's last: one that was written, and not
/// taken back any more, since the index has no room for it.
pub(crate) fn is_last(journal: &Journal, mut at: u64) -> bool {
    let next = |at| whole(journal.place, &journal.memory, at);
    while let Some(record) = next(at) {
        at = record.end();
        if record.commits() {
            return next(at).is_none();
        }
    }
    false
}

/// Refuses a plain record in a file whose records are sealed, and the other way round: it may be
/// damaged, but was put there, or a header was.
fn refuse_disguise(journal: &Journal, at: u64) -> Result<()> {
    if whole(journal.place.other(), &journal.memory, at).is_none() {
        return Ok(());
    }
    Err(Error::EncryptionError(match journal.vault {
        Some(_) => format!("the record at byte {at} of the encrypted file is not encrypted"),
        None => format!(
            "the record at byte {at} is encrypted, but the header says that the file is not: it \
             was tampered with; restore a backup"
        ),
    }))
}

/// The record at `at`, if it is whole.
fn whole(place: Place, memory: &Memory, at: u64) -> Option<Record<'_>> {
    memory.record(at).filter(|r| r.verify_head(place) && r.verify_value(place))
}

impl Verdict {
    /// Leaves the file as it is, and hides from readers what lies behind the last whole commit.
    pub(crate) fn leave(self, journal: &Journal) -> Result<RecoveryReport> {
        let began = Instant::now();
        let (place, memory, medium) = (journal.place, &journal.memory, &*journal.medium);
        let mut report = self.report;
        let torn_len = ((self.used - self.accepted) as usize).min(TORN_MAX_BYTES);
        (report.commits_dropped, _) = count_commits(place, memory, self.accepted, torn_len);
        memory.extend(medium, self.accepted)?;
        report.elapsed += began.elapsed();
        Ok(report)
    }

    /// Makes the file what was accepted: keeps a torn tail aside, rewrites what may not be on the
    /// disk, cuts the rest. Idempotent, so a crash in it is a crash like any other. Gives the
    /// report and the header that the file has now.
    pub(crate) fn repair(
        self,
        disk: &dyn Disk,
        path: &Path,
        header: Header,
        journal: &Journal,
        len: u64,
    ) -> Result<(RecoveryReport, Header)> {
        let (memory, medium) = (&journal.memory, &*journal.medium);
        let place = journal.place;
        let mut report = self.report;
        if self.accepted == len && header.clean_len == Some(len) {
            return Ok((report, header));
        }
        let began = Instant::now();
        let torn_len = ((self.used - self.accepted) as usize).min(TORN_MAX_BYTES);
        let torn = &memory.rest(self.accepted)[..torn_len];
        let (commits, all) = count_commits(place, memory, self.accepted, torn_len);
        report.commits_dropped = commits;
        if commits > 0 || !all {
            let name = paths::sibling(path, paths::suffix::TORN);
            disk.publish(&name, torn)?;
            report.torn_file = Some(name);
        }
        // After a failed sync the page cache can hold what the disk does not: written again, it
        // is dirty again.
        let unsure = &memory.rest(self.synced)[..(self.accepted - self.synced) as usize];
        for (i, piece) in unsure.chunks(1 << 20).enumerate() {
            // Copied, since the piece is a mapping of the very bytes that are written.
            let piece = piece.to_vec();
            medium.write_at(self.synced + (i << 20) as u64, &piece)?;
        }
        if len > self.accepted {
            medium.set_len(self.accepted)?;
            memory.extend(medium, self.accepted)?;
        }
        medium.sync()?;
        let header = Header {
            sequence: header.sequence + 1,
            synced: self.accepted,
            clean_len: None,
            ..header
        };
        let (at, bytes) = header.encode(journal.signer());
        medium.write_at(at, &bytes)?;
        medium.sync()?;
        report.elapsed += began.elapsed();
        Ok((report, header))
    }
}

/// Whole commits in the bytes from `from` on, wherever records begin, and whether all of the bytes
/// were searched.
fn count_commits(place: Place, memory: &Memory, from: u64, len: usize) -> (u64, bool) {
    let scanner = Scanner::new(place, memory, from, from + len as u64).bounded(SEARCH_MAX_BYTES);
    let (mut commits, mut count) = (Commits::new(scanner), 0);
    while let Some(item) = commits.next() {
        count += u64::from(matches!(item, JournalItem::Commit(_)));
    }
    (count, commits.searched_all())
}
