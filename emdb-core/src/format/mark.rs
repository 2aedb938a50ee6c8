//! Sync marks: records that say up to where the journal is known to be on stable storage.
//!
//! A mark is an ordinary record whose value is aligned to eight bytes and begins with a word that
//! only this file, generation and position can have. So recovery finds marks behind a damaged
//! record, where no record boundary is known any more, by looking at every aligned word.
//!
//! Marks of the time are records of the same verb, told from those by their key.

use crate::format::place::Place;
use crate::format::record::{HEAD_MIN_LEN, Record, Verb};

/// Bytes of a mark's value: the identifying word, the synced position, and a check of both.
pub(crate) const MARK_LEN: usize = 24;

/// The key of a mark of the time, and the length of its text.
pub(crate) const TIME_KEY: &[u8] = b"T";
const TIME_LEN: usize = 16;

const MARK_WORD: u64 = u64::from_le_bytes(*b"emdbMARK");

/// The key (zero bytes that pad to the alignment) and the value of a mark at `position`.
pub(crate) struct Mark {
    padding: [u8; 8],
    padding_len: usize,
    value: [u8; MARK_LEN],
}

impl Mark {
    pub(crate) fn new(place: Place, position: u64, synced: u64) -> Mark {
        let body = position + HEAD_MIN_LEN as u64;
        let padding_len = (body.next_multiple_of(8) - body) as usize;
        let at = body + padding_len as u64;
        let mut value = [0; MARK_LEN];
        value[..8].copy_from_slice(&(MARK_WORD ^ place.mix(at)).to_le_bytes());
        value[8..16].copy_from_slice(&synced.to_le_bytes());
        value[16..].copy_from_slice(&place.mix(!synced ^ at.rotate_left(32)).to_le_bytes());
        Mark { padding: [0; 8], padding_len, value }
    }

    /// Bytes that any mark takes at the most.
    pub(crate) const MAX_LEN: usize = HEAD_MIN_LEN + 7 + MARK_LEN;

    /// The record's key, which moves its value to the alignment.
    pub(crate) fn padding(&self) -> &[u8] {
        &self.padding[..self.padding_len]
    }

    pub(crate) fn value(&self) -> &[u8; MARK_LEN] {
        &self.value
    }

    #[cfg(test)]
    pub(crate) fn prepare(&self) -> super::prepared::Prepared<'_> {
        let (verb, key) = (super::record::Verb::Mark, self.padding());
        super::prepared::Prepared::new(verb, true, 0, key, &self.value, None)
    }
}

/// The text of a mark of the time.
pub(crate) fn time_text(unix_ms: u64) -> [u8; TIME_LEN] {
    let mut text = [0; TIME_LEN];
    text[..8].copy_from_slice(&unix_ms.to_le_bytes());
    text
}

/// The time that a mark has, if it is one of the time.
pub(crate) fn read_time(record: &Record<'_>) -> Option<u64> {
    let is_one = record.verb() == Verb::Mark && record.key() == TIME_KEY;
    let text = record.value().first_chunk::<TIME_LEN>().filter(|_| is_one)?;
    text.first_chunk().map(|time| u64::from_le_bytes(*time))
}

/// The synced position that a mark's value at `at` names, if it is one.
#[inline]
pub(crate) fn read(place: Place, at: u64, value: &[u8]) -> Option<u64> {
    let word = |i: usize| {
        value.get(i * 8..i * 8 + 8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes)
    };
    if word(0)? != MARK_WORD ^ place.mix(at) {
        return None;
    }
    let synced = word(1)?;
    (word(2)? == place.mix(!synced ^ at.rotate_left(32))).then_some(synced)
}

/// The largest position that any mark in `bytes` names; `bytes` begin at position `start`.
pub(crate) fn search(place: Place, start: u64, bytes: &[u8]) -> Option<u64> {
    let skip = (start.next_multiple_of(8) - start) as usize;
    let mut best = None;
    for at in (skip..bytes.len().saturating_sub(MARK_LEN - 1)).step_by(8) {
        best = best.max(read(place, start + at as u64, &bytes[at..]));
    }
    best
}

/// The place that the first mark in `bytes` was made for; `bytes` begin at position `start`. For a
/// file that no longer says which one it is.
pub(crate) fn find_place(start: u64, bytes: &[u8]) -> Option<Place> {
    let skip = (start.next_multiple_of(8) - start) as usize;
    (skip..bytes.len().saturating_sub(MARK_LEN - 1)).step_by(8).find_map(|offset| {
        let (at, value) = (start + offset as u64, &bytes[offset..]);
        let word = value.first_chunk::<8>().map(|b| u64::from_le_bytes(*b))?;
        let place = Place::of_mix(word ^ MARK_WORD, at);
        read(place, at, value).map(|_| place)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_at_any_alignment_and_nowhere_else() {
        let place = Place::new([7; 16], 1);
        for position in 9000..9016 {
            let mark = Mark::new(place, position, 8888);
            let prepared = mark.prepare();
            let mut bytes = vec![0; prepared.len(0)];
            prepared.write(place, position, 0, false, &mut bytes);
            assert!(bytes.len() <= Mark::MAX_LEN);
            assert_eq!(search(place, position, &bytes), Some(8888));
            let found = find_place(position, &bytes).unwrap();
            assert_eq!(found.mix(1), place.mix(1));
            assert_eq!(search(place, position + 8, &bytes), None);
            assert_eq!(search(Place::new([7; 16], 2), position, &bytes), None);
            bytes[prepared.len(0) - 12] ^= 1;
            assert_eq!(search(place, position, &bytes), None);
            assert!(find_place(position, &bytes).is_none());
        }
    }
}
