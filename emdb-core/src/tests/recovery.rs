//! The end of a journal, as a recovery finds it, and a torn tail behind it.

use crate::engine::replay::Replay;
use crate::format::JOURNAL_START;
use crate::format::header::Header;
use crate::format::mark::Mark;
use crate::format::place::Place;
use crate::format::prepared::Prepared;
use crate::journal::file::Journal;
use crate::journal::recovery::{Stretch, read};
use crate::mvcc::generation::Generation;
use crate::storage::Disk;
use crate::storage::memory::Memory;
use crate::tests::*;

/// The number of records that are accepted of a journal of these: whether each commits and
/// continues; none is a mark.
fn accepted(records: &[Option<(bool, bool)>]) -> usize {
    let header = Header::create(0).unwrap();
    let place = Place::new(header.file_id, header.generation);
    let mut bytes = header.image(None);
    let mut ends = vec![bytes.len() as u64];
    for record in records {
        let position = bytes.len() as u64;
        let mut out = vec![0; 100];
        let len = match *record {
            Some((commits, continues)) => Prepared::new(Verb::Put, commits, 0, b"k", b"v", None)
                .write(place, position, 0, continues, &mut out),
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
    let journal = Journal::new(place, 1, (memory, medium), None);
    let generation = Generation::new(journal, header.hash_seed);
    let mut replay = Replay::new(&generation);
    let stretch = Stretch { len, from: None, upto: u64::MAX };
    let end = read(&header, &generation.journal, stretch, &mut replay).unwrap();
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

#[test]
fn a_torn_tail_with_whole_commits_behind_is_kept_aside_and_reported() {
    let disk = SimDisk::new(true);
    let engine = open(&disk, FlushPolicy::Group).unwrap();
    let put = |key: &[u8]| write(&engine, &[(key.to_vec(), Some(vec![7; 40]))]).unwrap();
    put(b"flushed");
    engine.flush().unwrap();
    let end = stats(&engine).logical_size_bytes;
    put(b"lost");
    put(b"behind");
    engine.background.stop();
    let killed = disk.killed();
    // The first of the two unsynced records never made it to the disk.
    let medium = killed.open(Path::new(PATH)).unwrap();
    medium.write_at(end + 20, &[0; 20]).unwrap();
    let engine = open(&killed, FlushPolicy::Group).unwrap();
    let report = engine.recovery.clone().unwrap();
    assert_eq!(report.commits_dropped, 1);
    assert!(report.torn_bytes > 50 && !report.clean);
    assert!(report.torn_file.is_some_and(|f| killed.exists(&f)));
    assert_eq!(content(&engine).len(), 1);
    engine.background.stop();
}
