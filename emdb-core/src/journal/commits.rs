//! The one reader of a journal: whole commits, and what is left where there are none.
//!
//! Recovery, replay, catching up, repair, verification and salvage read a journal through [`Commits`].
//! It does not know what a record means, but for its framing: a record that continues a commit
//! follows another one of it, and a mark is a commit of its own.

use crate::format::place::Place;
use crate::format::record::{Record, Verb};
use crate::journal::scan::{Scanned, Scanner};
use crate::storage::memory::Memory;

/// A part of a journal.
#[derive(Debug)]
pub(crate) enum JournalItem<'r, 'm> {
    /// A whole commit: its records follow each other, the first begins it, the last one ends it.
    Commit(&'r [Record<'m>]),
    /// Whole records of a commit of which others are missing.
    Incomplete(&'r [Record<'m>]),
    /// A sync mark, a checkpoint's note, or the record that begins a session.
    Mark(Record<'m>),
    /// A record whose head is whole and whose value is not.
    Value(Record<'m>),
    /// Bytes in which no record is whole.
    Gap { from: u64, to: u64 },
}

/// Makes commits of the records that a scanner finds. Each is borrowed until the next call.
#[derive(Debug)]
pub(crate) struct Commits<'m> {
    scanner: Scanner<'m>,
    /// Records of one commit.
    open: Vec<Record<'m>>,
    /// Whether the first record of the commit is among them.
    begun: bool,
    /// Whether they have been given out, and go with the next call.
    given_out: bool,
    /// Found behind an incomplete commit.
    pending: Option<Scanned<'m>>,
}

impl<'m> Commits<'m> {
    /// Goes on behind damage, for as long as the scanner finds records.
    pub(crate) fn new(scanner: Scanner<'m>) -> Commits<'m> {
        Commits { scanner, open: Vec::new(), begun: false, given_out: false, pending: None }
    }

    /// Reads what lies from `from` on and before `end` of a journal that should be whole: behind the
    /// first damage there is nothing.
    pub(crate) fn of_whole(place: Place, memory: &'m Memory, from: u64, end: u64) -> Commits<'m> {
        Commits::new(Scanner::new(place, memory, from, end).ending_at_damage())
    }

    /// The position that has been reached.
    pub(crate) fn position(&self) -> u64 {
        self.scanner.position()
    }

    /// Whether nothing was passed over to save time: false only for bytes that were made for that.
    pub(crate) fn searched_all(&self) -> bool {
        self.scanner.searched_all()
    }

    /// The next part; none at the end.
    pub(crate) fn next(&mut self) -> Option<JournalItem<'_, 'm>> {
        if std::mem::take(&mut self.given_out) {
            self.open.clear();
        }
        loop {
            let found = self.pending.take().or_else(|| self.scanner.next());
            let goes_on = match &found {
                Some(Scanned::Record(record)) => self.goes_on(record),
                _ => false,
            };
            if !goes_on && !self.open.is_empty() {
                // The open commit stays incomplete.
                self.pending = found;
                return Some(self.give_out(false));
            }
            match found? {
                Scanned::Record(record) if record.verb() == Verb::Mark => {
                    if !record.continues() && record.commits() {
                        return Some(JournalItem::Mark(record));
                    }
                    // No writer makes such a one.
                    self.open.push(record);
                    return Some(self.give_out(false));
                }
                Scanned::Record(record) => {
                    if !goes_on {
                        self.begun = !record.continues();
                    }
                    self.open.push(record);
                    if record.commits() {
                        let whole = self.begun;
                        return Some(self.give_out(whole));
                    }
                }
                Scanned::Headed(record) => return Some(JournalItem::Value(record)),
                Scanned::Gap { from, to } => return Some(JournalItem::Gap { from, to }),
            }
        }
    }

    /// Whether the record belongs to the commit that is open.
    #[inline]
    fn goes_on(&self, record: &Record<'m>) -> bool {
        record.verb() != Verb::Mark
            && record.continues()
            && self.open.last().is_some_and(|last| last.end() == record.position())
    }

    fn give_out(&mut self, whole: bool) -> JournalItem<'_, 'm> {
        self.given_out = true;
        self.begun = false;
        if whole { JournalItem::Commit(&self.open) } else { JournalItem::Incomplete(&self.open) }
    }
}
