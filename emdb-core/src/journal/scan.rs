//! Going through the bytes of a journal that may be damaged.
//!
//! A [`Scanner`] finds records: one after the other while they are whole, and behind damage by
//! trying each byte, since checksums and place tell a record from all else. [`Commits`] makes
//! commits of them. Neither knows what a record means.

use std::collections::VecDeque;

use crate::format::place::Place;
use crate::format::record::{HEAD_MIN, Record, Verb};
use crate::storage::memory::Memory;

/// Bytes that a search may checksum in vain, whatever is searched, and for each byte of it. Crafted
/// bytes could make a long record seem to begin at each of them.
const BUDGET: u64 = 1 << 30;
const BUDGET_A_BYTE: u64 = 1024;

/// A candidate whose key is no longer than this is tried even when the budget is used up.
const CHEAP: usize = 128;

/// What lies in a journal.
#[derive(Debug)]
pub(crate) enum Scanned<'m> {
    /// A whole record.
    Record(Record<'m>),
    /// A record whose head is whole and whose value is not.
    Headed(Record<'m>),
    /// Bytes in which no record is whole.
    Gap { from: u64, to: u64 },
}

/// Finds the records of a journal, whatever its bytes are.
#[derive(Debug)]
pub(crate) struct Scanner<'m> {
    place: Place,
    memory: &'m Memory,
    at: u64,
    end: u64,
    /// Zeros at the end were allocated ahead.
    ends_in_zeros: bool,
    budget: u64,
    searched_all: bool,
    /// Found by the search for the end of a gap.
    found: Option<Scanned<'m>>,
}

impl<'m> Scanner<'m> {
    /// Goes through `from..end`; `from` is where a record may begin.
    pub(crate) fn new(place: Place, memory: &'m Memory, from: u64, end: u64) -> Scanner<'m> {
        let budget = BUDGET + BUDGET_A_BYTE.saturating_mul(end.saturating_sub(from));
        Scanner {
            place,
            memory,
            at: from,
            end,
            ends_in_zeros: false,
            budget,
            searched_all: true,
            found: None,
        }
    }

    /// Lets the search checksum no more than about `budget` bytes in vain.
    pub(crate) fn bounded(mut self, budget: u64) -> Scanner<'m> {
        self.budget = budget;
        self
    }

    /// Takes zeros at the end for space that was allocated ahead, not for damage.
    pub(crate) fn ending_in_zeros(mut self) -> Scanner<'m> {
        self.ends_in_zeros = true;
        self
    }

    /// The position that has been reached.
    pub(crate) fn position(&self) -> u64 {
        self.at
    }

    /// The record at `at`, its head verified.
    fn headed(&self, at: u64) -> Option<Record<'m>> {
        self.memory.record_before(at, self.end).filter(|r| r.verify_head(self.place))
    }

    fn judged(&self, record: Record<'m>) -> Scanned<'m> {
        if record.verify_value(self.place) {
            Scanned::Record(record)
        } else {
            Scanned::Headed(record)
        }
    }

    /// Whether `cost` can be spent.
    fn afford(&mut self, cost: usize) -> bool {
        let left = self.budget.checked_sub(cost as u64);
        self.budget = left.unwrap_or(self.budget);
        self.searched_all &= left.is_some();
        left.is_some()
    }

    /// What is found at `at` in a search, where nothing says that a record begins there.
    fn attempt(&mut self, at: u64) -> Option<Scanned<'m>> {
        let record = self.memory.record_before(at, self.end)?;
        let key_len = record.key().len();
        if key_len > CHEAP && !self.afford(key_len) || !record.verify_head(self.place) {
            return None;
        }
        if !self.afford(record.value().len()) {
            return None;
        }
        match self.judged(record) {
            // In many bytes one such head is there by chance; two in a row are not.
            Scanned::Headed(_)
                if record.end() < self.end && self.headed(record.end()).is_none() =>
            {
                None
            }
            found => Some(found),
        }
    }

    /// Goes from the damage at `from` to where the next record begins, or to the end.
    fn search(&mut self, from: u64) -> u64 {
        let mut at = from;
        while at < self.end {
            let zeros = self.memory.zeros(at, self.end);
            if zeros > HEAD_MIN as u64 {
                // A record begins with checksums and its kind, which is not zero.
                at += zeros - (HEAD_MIN as u64 - 1);
            } else if self.memory.at(at).is_none() {
                // A part of an in-memory journal that nobody needed.
                at = self.memory.border(at).unwrap_or(self.end);
            } else {
                at += 1;
            }
            self.found = self.attempt(at);
            if self.found.is_some() {
                return at;
            }
        }
        self.end
    }

    /// Where the journal goes on, if nothing but free bytes lie between here and there: in memory
    /// no record lies across a border.
    fn behind_border(&self) -> Option<u64> {
        let mut at = self.at;
        loop {
            let border = self.memory.border(at).filter(|b| *b < self.end)?;
            if self.memory.at(at).is_some() && self.memory.zeros(at, border) < border - at {
                return (at != self.at).then_some(at);
            }
            at = border;
            if self.headed(at).is_some() {
                return Some(at);
            }
        }
    }
}

impl<'m> Iterator for Scanner<'m> {
    type Item = Scanned<'m>;

    fn next(&mut self) -> Option<Scanned<'m>> {
        if let Some(found) = self.found.take() {
            if let Scanned::Record(record) | Scanned::Headed(record) = &found {
                self.at = record.end();
            }
            return Some(found);
        }
        if self.at >= self.end {
            return None;
        }
        if let Some(record) = self.headed(self.at) {
            self.at = record.end();
            return Some(self.judged(record));
        }
        if let Some(at) = self.behind_border() {
            self.at = at;
            return self.next();
        }
        let from = self.at;
        self.at = self.search(from);
        let mut to = self.at;
        if self.ends_in_zeros && self.found.is_none() {
            let rest = &self.memory.rest(from);
            let rest = &rest[..rest.len().min((to - from) as usize)];
            to = from + rest.iter().rposition(|b| *b != 0).map_or(0, |n| n as u64 + 1);
        }
        (to > from).then_some(Scanned::Gap { from, to })
    }
}

/// What a journal is made of.
#[derive(Debug)]
pub(crate) enum JournalItem<'m> {
    /// A whole commit: its records follow each other, the first begins it, the last one ends it.
    Commit(Vec<Record<'m>>),
    /// Whole records of a commit of which others are missing.
    Incomplete(Vec<Record<'m>>),
    /// A sync mark.
    Mark(Record<'m>),
    /// A record whose head is whole and whose value is not.
    Value(Record<'m>),
    /// Bytes in which no record is whole.
    Gap { from: u64, to: u64 },
}

/// Makes commits of what a scanner finds.
#[derive(Debug)]
pub(crate) struct Commits<'m> {
    scanner: Scanner<'m>,
    /// Records of one commit, and whether its first is among them.
    open: Vec<Record<'m>>,
    begun: bool,
    ready: VecDeque<JournalItem<'m>>,
}

impl<'m> Commits<'m> {
    pub(crate) fn new(scanner: Scanner<'m>) -> Commits<'m> {
        Commits { scanner, open: Vec::new(), begun: false, ready: VecDeque::new() }
    }

    /// The position that has been reached.
    pub(crate) fn position(&self) -> u64 {
        self.scanner.position()
    }

    /// Whether nothing was passed over to save time: false only for bytes that were made for that.
    pub(crate) fn searched_all(&self) -> bool {
        self.scanner.searched_all
    }

    /// What was open stays incomplete.
    fn abandon(&mut self) {
        if !self.open.is_empty() {
            self.ready.push_back(JournalItem::Incomplete(std::mem::take(&mut self.open)));
        }
        self.begun = false;
    }

    fn take(&mut self, record: Record<'m>) {
        if record.verb() == Verb::Mark {
            self.abandon();
            self.ready.push_back(JournalItem::Mark(record));
            return;
        }
        let follows = self.open.last().is_some_and(|last| last.end() == record.position());
        if !record.continues() || !follows {
            self.abandon();
            self.begun = !record.continues();
        }
        self.open.push(record);
        if record.commits() {
            if self.begun {
                self.ready.push_back(JournalItem::Commit(std::mem::take(&mut self.open)));
            }
            self.abandon();
        }
    }
}

impl<'m> Iterator for Commits<'m> {
    type Item = JournalItem<'m>;

    fn next(&mut self) -> Option<JournalItem<'m>> {
        loop {
            if let Some(part) = self.ready.pop_front() {
                return Some(part);
            }
            match self.scanner.next() {
                Some(Scanned::Record(record)) => self.take(record),
                Some(Scanned::Headed(record)) => {
                    self.abandon();
                    self.ready.push_back(JournalItem::Value(record));
                }
                Some(Scanned::Gap { from, to }) => {
                    self.abandon();
                    self.ready.push_back(JournalItem::Gap { from, to });
                }
                None if self.open.is_empty() => return None,
                None => self.abandon(),
            }
        }
    }
}

/// The place of a file that no longer says which one it is: marks tell it, and so does every whole
/// record that another one follows.
pub(crate) fn find_place(memory: &Memory, from: u64, end: u64) -> Option<Place> {
    let rest = memory.rest(from);
    let rest = &rest[..rest.len().min(end.saturating_sub(from) as usize)];
    if let Some(place) = crate::format::mark::find_place(from, rest) {
        return Some(place);
    }
    let mut budget = BUDGET + BUDGET_A_BYTE.saturating_mul(rest.len() as u64);
    for at in from..end {
        let Some(record) = memory.record_before(at, end) else { continue };
        // A record that is the last one would be believed without a second witness.
        let Some(next) = memory.record_before(record.end(), end) else { continue };
        let cost = record.len() + next.len();
        match budget.checked_sub(cost as u64) {
            Some(left) => budget = left,
            None if cost > CHEAP => continue,
            None => {}
        }
        let place = Place::of_mix(record.stored_mix(), at);
        if next.verify_head(place) && next.verify_value(place) {
            return Some(place);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::JOURNAL_START;
    use crate::format::prepared::Prepared;
    use crate::storage::Disk;
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
        let describe = |part: JournalItem<'_>| match part {
            JournalItem::Commit(records) => ('c', records[0].position(), records.len()),
            JournalItem::Incomplete(records) => ('i', records[0].position(), records.len()),
            JournalItem::Mark(record) => ('m', record.position(), 1),
            JournalItem::Value(record) => ('v', record.position(), 1),
            JournalItem::Gap { from, to } => ('g', from, (to - from) as usize),
        };
        Commits::new(scanner).map(describe).collect()
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
}
