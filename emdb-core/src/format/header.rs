//! The two header slots at the front of the data file.
//!
//! They are written in turn, each with a checksum and a sequence number: a slot is overwritten
//! only when the other is already on stable storage, so one whole slot survives any crash.

use super::{JOURNAL_START, checksum};
use crate::error::{Error, Result};

/// The version of everything on disk.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// Not text, so that no text file begins with it; the line ends catch a transfer that changes
/// them.
pub(crate) const MAGIC: [u8; 8] = *b"\x89emdb\r\n\x1A";

/// A slot fits one sector.
const SLOT_LEN: usize = 512;
const SLOT_AT: [u64; 2] = [0, JOURNAL_START / 2];
const CLEAN: u32 = 1;

/// What a header slot says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// Random, made with the file and kept for its life.
    pub(crate) file_id: [u8; 16],
    /// Random: seeds the hash of the index, so that nobody can craft keys that collide.
    pub(crate) hash_seed: u64,
    /// Counts rewrites of the whole file.
    pub(crate) generation: u64,
    /// Grows with each slot written; the valid slot with the larger one counts.
    pub(crate) sequence: u64,
    /// The journal is on stable storage up to here.
    pub(crate) synced: u64,
    /// Set by a clean close: the length that the file has had since.
    pub(crate) clean_len: Option<u64>,
    /// When the file was made, in unix milliseconds.
    pub(crate) created_ms: u64,
}

impl Header {
    /// A new file's header, with fresh random identity.
    pub(crate) fn create(created_ms: u64) -> Result<Header> {
        let mut random = [0; 24];
        getrandom::fill(&mut random).map_err(std::io::Error::from)?;
        let mut file_id = [0; 16];
        file_id.copy_from_slice(&random[..16]);
        Ok(Header {
            file_id,
            hash_seed: word64(&random[16..]),
            generation: 1,
            sequence: 1,
            synced: JOURNAL_START,
            clean_len: Some(JOURNAL_START),
            created_ms,
        })
    }

    /// The header of the file that takes the place of this one's.
    pub(crate) fn successor(&self) -> Header {
        Header {
            generation: self.generation + 1,
            sequence: 1,
            synced: JOURNAL_START,
            clean_len: None,
            ..self.clone()
        }
    }

    /// The slot's bytes and where in the file they belong.
    pub(crate) fn encode(&self) -> (u64, [u8; SLOT_LEN]) {
        let mut slot = [0; SLOT_LEN];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            slot[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&MAGIC);
        put(&FORMAT_VERSION.to_le_bytes());
        put(&(if self.clean_len.is_some() { CLEAN } else { 0 }).to_le_bytes());
        put(&self.file_id);
        put(&self.hash_seed.to_le_bytes());
        put(&self.generation.to_le_bytes());
        put(&self.sequence.to_le_bytes());
        put(&self.synced.to_le_bytes());
        put(&self.clean_len.unwrap_or(0).to_le_bytes());
        put(&self.created_ms.to_le_bytes());
        let crc = checksum::append(0, &slot[..SLOT_LEN - 4]);
        slot[SLOT_LEN - 4..].copy_from_slice(&crc.to_le_bytes());
        (SLOT_AT[(self.sequence % 2) as usize], slot)
    }

    /// The bytes of a new file: header area with both slots.
    pub(crate) fn image(&self) -> Vec<u8> {
        let mut image = vec![0; JOURNAL_START as usize];
        for sequence in [self.sequence, self.sequence + 1] {
            let (at, slot) = Header { sequence, ..self.clone() }.encode();
            image[at as usize..at as usize + SLOT_LEN].copy_from_slice(&slot);
        }
        image
    }

    /// Reads the header from the first bytes of a file.
    pub(crate) fn read(front: &[u8]) -> Result<Header> {
        let mut best: Option<Header> = None;
        let mut newer = None;
        for at in SLOT_AT {
            let Some(slot) = front.get(at as usize..at as usize + SLOT_LEN) else { continue };
            match decode(slot) {
                Slot::Valid(header) => {
                    if best.as_ref().is_none_or(|b| b.sequence < header.sequence) {
                        best = Some(header);
                    }
                }
                Slot::Version(found) => newer = Some(found),
                Slot::Invalid => {}
            }
        }
        if let Some(found) = newer {
            return Err(Error::VersionMismatch { found, expected: FORMAT_VERSION });
        }
        best.ok_or_else(|| missing(front))
    }
}

/// What doesn't hold in the header area `front` of a file whose header is `known`: byte and reason.
pub(crate) fn check(front: &[u8], known: &Header) -> Vec<(u64, &'static str)> {
    let mut problems = Vec::new();
    let mut newest = 0;
    for at in SLOT_AT {
        match front.get(at as usize..at as usize + SLOT_LEN).map(decode) {
            Some(Slot::Valid(found)) => {
                newest = newest.max(found.sequence);
                let identity = |h: &Header| (h.file_id, h.hash_seed, h.generation, h.created_ms);
                if identity(&found) != identity(known) {
                    problems.push((at, "a header slot belongs to another file"));
                }
            }
            Some(Slot::Version(_)) => problems.push((at, "a header slot has another version")),
            Some(Slot::Invalid) | None => problems.push((at, "a header slot fails its checksum")),
        }
    }
    if problems.is_empty() && newest != known.sequence {
        problems.push((0, "the header slot that was written last is not there"));
    }
    let is_slot = |at: u64| SLOT_AT.iter().any(|s| (*s..*s + SLOT_LEN as u64).contains(&at));
    let stray = (0..).zip(front).find(|(at, byte)| **byte != 0 && !is_slot(*at));
    problems.extend(stray.map(|(at, _)| (at, "a byte between the header slots is not zero")));
    problems
}

enum Slot {
    Valid(Header),
    Version(u32),
    Invalid,
}

fn decode(slot: &[u8]) -> Slot {
    let (body, crc) = slot.split_at(SLOT_LEN - 4);
    if !body.starts_with(&MAGIC) || checksum::append(0, body).to_le_bytes() != crc {
        return Slot::Invalid;
    }
    let mut at = MAGIC.len();
    let mut take = |n: usize| {
        at += n;
        &body[at - n..at]
    };
    let version = word32(take(4));
    if version != FORMAT_VERSION {
        return Slot::Version(version);
    }
    let flags = word32(take(4));
    let mut file_id = [0; 16];
    file_id.copy_from_slice(take(16));
    let hash_seed = word64(take(8));
    let generation = word64(take(8));
    let sequence = word64(take(8));
    let synced = word64(take(8));
    let clean_len = word64(take(8));
    let created_ms = word64(take(8));
    if sequence > u64::MAX / 2 {
        // Nobody has written that many: a forgery, which would leave no number to go on with.
        return Slot::Invalid;
    }
    Slot::Valid(Header {
        file_id,
        hash_seed,
        generation,
        sequence,
        synced,
        clean_len: (flags & CLEAN != 0).then_some(clean_len),
        created_ms,
    })
}

fn word32(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |n, b| n << 8 | u32::from(*b))
}

fn word64(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))
}

/// No slot is whole: a database with a damaged header, or no database at all?
fn missing(front: &[u8]) -> Error {
    let ours = SLOT_AT.iter().any(|at| {
        let slot = front.get(*at as usize..).unwrap_or_default();
        let seen = slot.len().min(MAGIC.len());
        seen > 0 && slot[..seen] == MAGIC[..seen]
    });
    if ours { Error::corrupted(0, "neither header slot is whole") } else { Error::MagicMismatch }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_slot_counts_and_one_whole_slot_is_enough() {
        let header = Header::create(5).unwrap();
        let mut image = header.image();
        let next = Header { sequence: 3, synced: 9999, clean_len: None, ..header.clone() };
        let (at, slot) = next.encode();
        image[at as usize..at as usize + SLOT_LEN].copy_from_slice(&slot);
        assert_eq!(Header::read(&image).unwrap(), next);
        image[at as usize + 40] ^= 1;
        assert_eq!(Header::read(&image).unwrap().sequence, 2);
        image[SLOT_AT[0] as usize + 40] ^= 1;
        assert!(matches!(Header::read(&image), Err(Error::Corrupted { offset: 0, .. })));
    }

    #[test]
    fn foreign_bytes_are_told_from_damaged_ones() {
        assert!(matches!(Header::read(b"SQLite format 3\0"), Err(Error::MagicMismatch)));
        assert!(matches!(Header::read(&[0; 9000]), Err(Error::MagicMismatch)));
        assert!(matches!(Header::read(&MAGIC[..3]), Err(Error::Corrupted { .. })));
    }

    #[test]
    fn another_version_is_named() {
        let mut image = Header::create(5).unwrap().image();
        for at in SLOT_AT {
            let slot = &mut image[at as usize..at as usize + SLOT_LEN];
            slot[8] = 9;
            let crc = checksum::append(0, &slot[..SLOT_LEN - 4]).to_le_bytes();
            slot[SLOT_LEN - 4..].copy_from_slice(&crc);
        }
        assert!(matches!(
            Header::read(&image),
            Err(Error::VersionMismatch { found: 9, expected: FORMAT_VERSION })
        ));
    }
}
