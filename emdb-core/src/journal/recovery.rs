//! From a file's bytes to a running journal: replay, verdict, repair.
//!
//! Replay takes in whole commits up to the first record that is not whole, at B. Sync marks and
//! the header say up to where the journal was once on stable storage, W. With B at or behind W
//! the rest is a torn tail: what was never promised. With B before W something that was durable
//! is damaged, and nothing is touched.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::crypto::ReplayAuthenticator;
use crate::engine::replay::Replay;
use crate::error::{Error, Result};
use crate::format::header::Header;
use crate::format::place::Place;
use crate::format::record::{Record, Verb};
use crate::format::{JOURNAL_START, mark};
use crate::journal::scan::{Commits, JournalItem, Scanner};
use crate::mvcc::generation::Generation;
use crate::storage::memory::Memory;
use crate::storage::{Disk, Medium};

/// How much of a torn tail is searched for commits and kept aside.
const TORN_MAX: usize = 64 << 20;

/// Bytes of keys that the search may checksum in vain: in a tail made for it, a record with the
/// longest key could seem to begin at each byte.
const SEARCH_MAX: u64 = 1 << 30;

/// What an open found in the file and did about it; see [`crate::Emdb::recovery`].
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
    /// Where the dropped bytes were put, if there was a whole commit among them (or there may have
    /// been, in a tail that could not be searched to its end): at most 64 MiB. Never by an open
    /// for reading alone.
    pub torn_file: Option<PathBuf>,
    /// Whether the file had been closed properly.
    pub clean: bool,
    /// How long it took.
    pub elapsed: Duration,
}

/// Where a replay ended.
pub(crate) struct End {
    /// Behind the last whole commit.
    pub(crate) accepted: u64,
    /// The largest synced position that header or marks name.
    synced: u64,
    /// Behind the last byte that is not zero.
    used: u64,
    report: RecoveryReport,
}

/// Reads the journal, from the end of a checkpoint's note `from` on if there is one, into `replay`
/// and judges what lies behind its last whole commit. Records from `upto` on are not read. Writes
/// nothing.
pub(crate) fn read<'g>(
    header: &Header,
    generation: &'g Generation,
    (len, from): (u64, Option<Record<'g>>),
    upto: u64,
    replay: &mut Replay<'g>,
) -> Result<End> {
    let began = Instant::now();
    if len < JOURNAL_START {
        return Err(Error::corrupted(len, "the file ends in its header"));
    }
    let (place, memory) = (generation.place, &generation.memory);
    let clean = header.clean_len == Some(len);
    let mut synced = header.synced.max(header.clean_len.unwrap_or(0));
    let start = from.map_or(JOURNAL_START, |note| note.end());
    let mut accepted = start;
    let mut at = start;
    let mut records = 0;
    let vault = generation.vault.as_ref();
    let mut authenticator = vault.map(|vault| ReplayAuthenticator::new(vault, from.as_ref()));
    while let Some(record) = whole(place, memory, at).filter(|_| at < upto) {
        // A record that belongs to another commit than the one that is open says that some are
        // missing; a mark is a commit of its own.
        let is_mark = record.verb() == Verb::Mark;
        if record.continues() != replay.is_open() || is_mark && replay.is_open() {
            break;
        }
        let decrypted = match &mut authenticator {
            Some(authenticator) => authenticator.authenticate(&record)?,
            None => None,
        };
        at = record.end();
        if is_mark {
            synced =
                synced.max(mark::read(place, record.value_position(), record.value()).unwrap_or(0));
        } else {
            replay.push(record, decrypted.map_or_else(|| record.namespace(), |o| o.namespace));
        }
        if record.commits() {
            records += replay.commit()?;
            accepted = at;
        }
    }
    replay.finish()?;
    refuse_disguise(generation, at)?;
    let rest = memory.rest(accepted);
    let zeros = rest.iter().rev().take_while(|b| **b == 0).count();
    let used = accepted + (rest.len() - zeros) as u64;
    synced = synced.max(mark::search(place, accepted, rest).unwrap_or(0));
    if synced > accepted {
        let reason = if synced > len && at >= len {
            format!("the file ends here, but was on stable storage up to byte {synced}")
        } else {
            format!("a record is damaged that was on stable storage (up to byte {synced})")
        };
        return Err(Error::corrupted(at, reason));
    }
    let report = RecoveryReport {
        torn_bytes: used - accepted,
        from_checkpoint: from.map(|note| note.end()),
        records_replayed: records,
        clean,
        elapsed: began.elapsed(),
        ..RecoveryReport::default()
    };
    Ok(End { accepted, synced, used, report })
}

/// Whether the commit of the record at `at` is the journal's last: one that was written, and not
/// taken back any more, since the index has no room for it.
pub(crate) fn is_last(generation: &Generation, mut at: u64) -> bool {
    let next = |at| whole(generation.place, &generation.memory, at);
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
fn refuse_disguise(generation: &Generation, at: u64) -> Result<()> {
    if whole(generation.place.other(), &generation.memory, at).is_none() {
        return Ok(());
    }
    Err(Error::EncryptionError(match generation.vault {
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

impl End {
    /// Leaves the file as it is, and hides from readers what lies behind the last whole commit.
    pub(crate) fn leave(
        self,
        place: Place,
        memory: &Memory,
        medium: &dyn Medium,
    ) -> Result<RecoveryReport> {
        let began = Instant::now();
        let mut report = self.report;
        let torn_len = ((self.used - self.accepted) as usize).min(TORN_MAX);
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
        generation: &Generation,
        len: u64,
    ) -> Result<(RecoveryReport, Header)> {
        let (memory, medium) = (&generation.memory, &*generation.medium);
        let place = generation.place;
        let mut report = self.report;
        if self.accepted == len && header.clean_len == Some(len) {
            return Ok((report, header));
        }
        let began = Instant::now();
        let torn_len = ((self.used - self.accepted) as usize).min(TORN_MAX);
        let torn = &memory.rest(self.accepted)[..torn_len];
        let (commits, all) = count_commits(place, memory, self.accepted, torn_len);
        report.commits_dropped = commits;
        if commits > 0 || !all {
            let name = crate::os::paths::sibling(path, ".torn");
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
        let (at, bytes) = header.encode(generation.signer());
        medium.write_at(at, &bytes)?;
        medium.sync()?;
        report.elapsed += began.elapsed();
        Ok((report, header))
    }
}

/// Whole commits in the bytes from `from` on, wherever records begin, and whether all of the bytes
/// were searched.
fn count_commits(place: Place, memory: &Memory, from: u64, len: usize) -> (u64, bool) {
    let scanner = Scanner::new(place, memory, from, from + len as u64).bounded(SEARCH_MAX);
    let mut parts = Commits::new(scanner);
    let commits = parts.by_ref().filter(|part| matches!(part, JournalItem::Commit(_))).count();
    (commits as u64, parts.searched_all())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::mark::Mark;
    use crate::format::prepared::Prepared;
    use crate::mvcc::generation::GenerationHandle;
    use crate::storage::sim::SimDisk;

    /// How much is accepted of a journal of these records: whether each commits and continues; none
    /// is a mark. Tells the number of records.
    fn accepted(records: &[Option<(bool, bool)>]) -> usize {
        let header = Header::create(0).unwrap();
        let place = Place::new(header.file_id, header.generation);
        let mut bytes = header.image(None);
        let mut ends = vec![bytes.len() as u64];
        for record in records {
            let position = bytes.len() as u64;
            let mut out = vec![0; 100];
            let len = match *record {
                Some((commits, continues)) => {
                    Prepared::new(Verb::Put, commits, 0, b"k", b"v", None)
                        .write(place, position, 0, continues, &mut out)
                }
                None => Mark::new(place, position, JOURNAL_START)
                    .prepare()
                    .write(place, position, 0, false, &mut out),
            };
            bytes.extend(&out[..len]);
            ends.push(bytes.len() as u64);
        }
        let medium = SimDisk::new(false).create(Path::new("x")).unwrap();
        medium.write_at(0, &bytes).unwrap();
        let len = bytes.len() as u64;
        let memory = Memory::flat(&*medium, len).unwrap();
        let handle =
            GenerationHandle::new(Generation::new(place, header.hash_seed, 1, memory, medium));
        let mut replay = Replay::new(&handle);
        let end = read(&header, &handle.generation, (len, None), u64::MAX, &mut replay).unwrap();
        ends.iter().position(|e| *e == end.accepted).unwrap()
    }

    #[test]
    fn a_record_of_another_commit_ends_the_journal() {
        let (alone, first, middle, last) =
            (Some((true, false)), Some((false, false)), Some((false, true)), Some((true, true)));
        let mark = None;
        assert_eq!(accepted(&[alone, first, middle, last, mark, alone]), 6);
        assert_eq!(accepted(&[alone, last, alone]), 1);
        assert_eq!(accepted(&[alone, middle, last]), 1);
        assert_eq!(accepted(&[first, alone]), 0);
        assert_eq!(accepted(&[alone, first, first, last]), 1);
        assert_eq!(accepted(&[alone, first, mark, last]), 1);
        assert_eq!(accepted(&[alone, first, middle]), 1);
    }
}
