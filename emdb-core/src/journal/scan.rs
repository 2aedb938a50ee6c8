//! Going through the bytes of a journal that may be damaged.
//!
//! A [`Scanner`] finds records: one after the other while they are whole, and behind damage by
//! trying each byte, since checksums and place tell a record from all else.

use crate::format::place::Place;
use crate::format::record::{HEAD_MIN_LEN, Record};
use crate::storage::memory::Memory;

/// Bytes that a search may checksum in vain, whatever is searched, and for each byte of it. Crafted
/// bytes could make a long record seem to begin at each of them.
const SEARCH_MAX_BYTES: u64 = 1 << 30;
const SEARCH_BYTES_A_BYTE: u64 = 1024;

/// A candidate whose key is no longer than this is tried even when the budget is used up.
const CHEAP_KEY_MAX_BYTES: usize = 128;

/// A stretch of a journal.
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
    /// Nothing is searched for behind damage.
    ends_at_damage: bool,
    /// Zeros at the end were allocated ahead.
    ends_in_zeros: bool,
    /// Values are not verified.
    heads_alone: bool,
    budget: u64,
    searched_all: bool,
    /// Found by the search for the end of a gap.
    found: Option<Scanned<'m>>,
}

impl<'m> Scanner<'m> {
    /// Goes through `from..end`; `from` is where a record may begin.
    pub(crate) fn new(place: Place, memory: &'m Memory, from: u64, end: u64) -> Scanner<'m> {
        let budget =
            SEARCH_MAX_BYTES + SEARCH_BYTES_A_BYTE.saturating_mul(end.saturating_sub(from));
        Scanner {
            place,
            memory,
            at: from,
            end,
            ends_at_damage: false,
            ends_in_zeros: false,
            heads_alone: false,
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

    /// Ends at the first damage, which it gives as a gap up to the end.
    pub(crate) fn ending_at_damage(mut self) -> Scanner<'m> {
        self.ends_at_damage = true;
        self
    }

    /// Takes zeros at the end for space that was allocated ahead, not for damage.
    pub(crate) fn ending_in_zeros(mut self) -> Scanner<'m> {
        self.ends_in_zeros = true;
        self
    }

    /// Takes a record for whole whose head is, and leaves its value unread.
    pub(crate) fn by_heads_alone(mut self) -> Scanner<'m> {
        self.heads_alone = true;
        self
    }

    /// Whether nothing was passed over to save time.
    pub(crate) fn searched_all(&self) -> bool {
        self.searched_all
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
        if self.heads_alone || record.verify_value(self.place) {
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

    /// The record found at `at` in a search, where nothing says that a record begins there.
    fn attempt(&mut self, at: u64) -> Option<Scanned<'m>> {
        let record = self.memory.record_before(at, self.end)?;
        let key_len = record.key().len();
        if key_len > CHEAP_KEY_MAX_BYTES && !self.afford(key_len) || !record.verify_head(self.place)
        {
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
            if zeros > HEAD_MIN_LEN as u64 {
                // A record begins with checksums and its kind, which is not zero.
                at += zeros - (HEAD_MIN_LEN as u64 - 1);
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

    /// The position at which the journal goes on, if nothing but free bytes lie between here and
    /// there: in memory no record lies across a border.
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

    #[inline]
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
        if let Some(record) = self.memory.record_before(self.at, self.end) {
            // Nearly always it is whole, which is told in one go.
            if !self.heads_alone && record.verify(self.place) {
                self.at = record.end();
                return Some(Scanned::Record(record));
            }
            if record.verify_head(self.place) {
                self.at = record.end();
                return Some(self.judged(record));
            }
        }
        if let Some(at) = self.behind_border() {
            self.at = at;
            return self.next();
        }
        let from = self.at;
        self.at = if self.ends_at_damage { self.end } else { self.search(from) };
        let mut to = self.at;
        if self.ends_in_zeros && self.found.is_none() {
            let rest = &self.memory.rest(from);
            let rest = &rest[..rest.len().min((to - from) as usize)];
            to = from + rest.iter().rposition(|b| *b != 0).map_or(0, |n| n as u64 + 1);
        }
        (to > from).then_some(Scanned::Gap { from, to })
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
    let mut budget = SEARCH_MAX_BYTES + SEARCH_BYTES_A_BYTE.saturating_mul(rest.len() as u64);
    for at in from..end {
        let Some(record) = memory.record_before(at, end) else { continue };
        // A record that is the last one would be believed without a second witness.
        let Some(next) = memory.record_before(record.end(), end) else { continue };
        let cost = record.len() + next.len();
        match budget.checked_sub(cost as u64) {
            Some(left) => budget = left,
            None if cost > CHEAP_KEY_MAX_BYTES => continue,
            None => {}
        }
        let place = Place::of_mix(record.stored_mix(), at);
        if next.verify_head(place) && next.verify_value(place) {
            return Some(place);
        }
    }
    None
}
