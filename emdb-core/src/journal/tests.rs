//! Reading journals that are whole, and that are damaged.

use crate::format::JOURNAL_START;
use crate::format::place::Place;
use crate::format::prepared::Prepared;
use crate::format::record::Verb;
use crate::journal::commits::{Commits, JournalItem};
use crate::journal::scan::{Scanner, find_place};
use crate::storage::Disk;
use crate::storage::memory::Memory;
use crate::storage::sim::SimDisk;
use std::path::Path;

fn place() -> Place {
    Place::new([5; 16], 1)
}

/// A journal of these commits, each a number of records, and where the records begin.
fn journal(commits: &[usize]) -> (Vec<u8>, Vec<u64>) {
    let (mut bytes, mut positions) = (vec![0; JOURNAL_START as usize], Vec::new());
    for &records in commits {
        for n in 0..records {
            let (key, value) = (positions.len().to_string(), vec![n as u8 + 1; 20 + n]);
            let last = n + 1 == records;
            let prepared = Prepared::new(Verb::Put, last, 0, key.as_bytes(), &value, None);
            let position = bytes.len() as u64;
            positions.push(position);
            let mut out = vec![0; prepared.len(0)];
            prepared.write(place(), position, 0, n > 0, &mut out);
            bytes.extend(out);
        }
    }
    positions.push(bytes.len() as u64);
    (bytes, positions)
}

fn memory(bytes: &[u8]) -> Memory {
    let medium = SimDisk::new(false).create(Path::new("x")).unwrap();
    medium.write_at(0, bytes).unwrap();
    Memory::flat(&*medium, bytes.len() as u64).unwrap()
}

/// The parts, as letters with the positions where they begin.
fn parts(bytes: &[u8]) -> Vec<(char, u64, usize)> {
    let memory = memory(bytes);
    let end = bytes.len() as u64;
    let scanner = Scanner::new(place(), &memory, JOURNAL_START, end).ending_in_zeros();
    let describe = |part: JournalItem<'_, '_>| match part {
        JournalItem::Commit(records) => ('c', records[0].position(), records.len()),
        JournalItem::Incomplete(records) => ('i', records[0].position(), records.len()),
        JournalItem::Mark(record) => ('m', record.position(), 1),
        JournalItem::Value(record) => ('v', record.position(), 1),
        JournalItem::Gap { from, to } => ('g', from, (to - from) as usize),
    };
    let (mut commits, mut parts) = (Commits::new(scanner), Vec::new());
    while let Some(part) = commits.next() {
        parts.push(describe(part));
    }
    parts
}

#[test]
fn a_whole_journal_is_its_commits() {
    let (mut bytes, at) = journal(&[1, 3, 1]);
    let expected = [('c', at[0], 1), ('c', at[1], 3), ('c', at[4], 1)];
    assert_eq!(parts(&bytes), expected);
    bytes.extend([0; 5000]);
    assert_eq!(parts(&bytes), expected);
}

#[test]
fn a_mark_is_a_commit_of_its_own_or_none() {
    for (ends, continues, kind) in [(true, false, 'm'), (false, false, 'i'), (true, true, 'i')] {
        let (mut bytes, at) = journal(&[2]);
        let position = bytes.len() as u64;
        let prepared = Prepared::new(Verb::Mark, ends, 0, b"", &[9; 24], None);
        let mut out = vec![0; prepared.len(0)];
        prepared.write(place(), position, 0, continues, &mut out);
        bytes.extend(out);
        let found = parts(&bytes);
        assert_eq!(found, [('c', at[0], 2), (kind, position, 1)], "{ends} {continues}");
    }
}

#[test]
fn damage_takes_the_commit_that_it_is_in_and_no_other() {
    let (bytes, at) = journal(&[1, 3, 1, 2]);
    let len = |n: usize| (at[n + 1] - at[n]) as usize;
    let flipped = |position: u64| {
        let mut bytes = bytes.clone();
        bytes[position as usize] ^= 0x10;
        parts(&bytes)
    };
    // The head of a record in the middle.
    assert_eq!(
        flipped(at[2]),
        [
            ('c', at[0], 1),
            ('i', at[1], 1),
            ('g', at[2], len(2)),
            ('i', at[3], 1),
            ('c', at[4], 1),
            ('c', at[5], 2)
        ]
    );
    // The value of the first.
    assert_eq!(
        flipped(at[2] - 1),
        [('c', at[0], 1), ('v', at[1], 1), ('i', at[2], 2), ('c', at[4], 1), ('c', at[5], 2)]
    );
    // The head of the first, and of the last.
    assert_eq!(flipped(at[1])[1..3], [('g', at[1], len(1)), ('i', at[2], 2)]);
    assert_eq!(flipped(at[6])[3..], [('i', at[5], 1), ('g', at[6], len(6))]);
}

#[test]
fn every_flipped_bit_is_seen_and_takes_one_commit() {
    let (bytes, at) = journal(&[2, 1, 3, 1]);
    let whole = |p: &[(char, u64, usize)]| p.iter().filter(|p| p.0 == 'c').count();
    for bit in at[0] as usize * 8..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let found = parts(&bytes);
        assert_eq!(whole(&found), 3, "bit {bit}: {found:?}");
    }
}

#[test]
fn a_zeroed_stretch_is_a_gap_and_zeros_at_the_end_are_none() {
    let (mut bytes, at) = journal(&[1, 1, 1]);
    bytes[at[1] as usize..at[2] as usize].fill(0);
    let gap = ('g', at[1], (at[2] - at[1]) as usize);
    assert_eq!(parts(&bytes), [('c', at[0], 1), gap, ('c', at[2], 1)]);
    bytes[at[2] as usize..].fill(0);
    assert_eq!(parts(&bytes), [('c', at[0], 1)]);
}

#[test]
fn records_alone_tell_the_place() {
    let (mut bytes, at) = journal(&[1, 1, 2, 1]);
    bytes[..JOURNAL_START as usize + 3].fill(0xEE);
    let found = find_place(&memory(&bytes), JOURNAL_START, bytes.len() as u64).unwrap();
    assert_eq!(found.mix(9), place().mix(9));
    // One whole record has no witness.
    bytes[at[2] as usize..].fill(7);
    assert!(find_place(&memory(&bytes), JOURNAL_START, bytes.len() as u64).is_none());
}

#[test]
fn bytes_made_to_cost_time_cost_little() {
    // Each byte begins a record with the longest key.
    let pattern = [7, 0xFF, 0xFF, 3, 0];
    let mut bytes = vec![0; JOURNAL_START as usize];
    bytes.extend(pattern.iter().cycle().take(1 << 19));
    let memory = memory(&bytes);
    let end = bytes.len() as u64;
    let scanner = Scanner::new(place(), &memory, JOURNAL_START, end).bounded(1 << 24);
    let mut parts = Commits::new(scanner);
    assert!(matches!(parts.next(), Some(JournalItem::Gap { .. })));
    assert!(parts.next().is_none() && !parts.searched_all());
}
