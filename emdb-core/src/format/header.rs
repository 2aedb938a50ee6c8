//! The two header slots at the front of the data file.
//!
//! They are written in turn, each with a checksum and a sequence number: a slot is overwritten
//! only when the other is already on stable storage, so one whole slot survives any crash.

use crate::error::{Error, Result};
use crate::format::envelope::Envelope;
use crate::format::{JOURNAL_START, checksum, envelope};

/// The version of everything on disk.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// Not text, so that no text file begins with it; the line ends catch a transfer that changes
/// them.
pub(crate) const MAGIC: [u8; 8] = *b"\x89emdb\r\n\x1A";

/// A slot fits one sector.
const SLOT_LEN: usize = 512;
const SLOT_AT: [u64; 2] = [0, JOURNAL_START / 2];
const CLEAN: u32 = 1;
const ENCRYPTED: u32 = 2;
const CONVERTED: u32 = 4;
const UNTIDY: u32 = 8;
const FLAGS: u32 = CLEAN | ENCRYPTED | CONVERTED | UNTIDY;

/// The places of the envelope, and of the seal over all bytes before it; the checksum is last.
const ENVELOPE_AT: usize = 80;
const SEAL_AT: usize = SLOT_LEN - 4 - 16;

/// Vouches for header slots, by a key that only those have who can open the file.
pub(crate) trait Sign {
    /// The signature of these bytes.
    fn sign(&self, slot: &[u8]) -> [u8; 16];

    /// Whether two slots are the same, in a time that doesn't tell where they differ.
    fn is_same(&self, slot: &[u8], other: &[u8]) -> bool;
}

/// The contents of a header slot.
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
    /// Of an encrypted file: its key, wrapped.
    pub(crate) envelope: Option<Envelope>,
    /// The file took the place of one with another key, or none, and has not been opened for use
    /// since.
    pub(crate) converted: bool,
    /// Files that the former one left beside it may still be there.
    pub(crate) untidy: bool,
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
            envelope: None,
            converted: false,
            untidy: false,
        })
    }

    /// The header of the file that takes the place of this one's.
    pub(crate) fn successor(&self) -> Header {
        Header {
            generation: self.generation + 1,
            sequence: 1,
            synced: JOURNAL_START,
            clean_len: None,
            converted: false,
            untidy: false,
            ..self.clone()
        }
    }

    /// The slot's bytes and where in the file they belong. `signer` vouches for that of an
    /// encrypted file.
    pub(crate) fn encode(&self, signer: Option<&dyn Sign>) -> (u64, [u8; SLOT_LEN]) {
        let mut slot = [0; SLOT_LEN];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            slot[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&MAGIC);
        put(&FORMAT_VERSION.to_le_bytes());
        let flag = |is, flag| if is { flag } else { 0 };
        let flags = flag(self.clean_len.is_some(), CLEAN)
            | flag(self.envelope.is_some(), ENCRYPTED)
            | flag(self.converted, CONVERTED)
            | flag(self.untidy, UNTIDY);
        put(&flags.to_le_bytes());
        put(&self.file_id);
        put(&self.hash_seed.to_le_bytes());
        put(&self.generation.to_le_bytes());
        put(&self.sequence.to_le_bytes());
        put(&self.synced.to_le_bytes());
        put(&self.clean_len.unwrap_or(0).to_le_bytes());
        put(&self.created_ms.to_le_bytes());
        if let Some(envelope) = &self.envelope {
            put(&envelope.encode());
        }
        if let Some(signer) = signer {
            let seal = signer.sign(&slot[..SEAL_AT]);
            slot[SEAL_AT..SEAL_AT + seal.len()].copy_from_slice(&seal);
        }
        let crc = checksum::append(0, &slot[..SLOT_LEN - 4]);
        slot[SLOT_LEN - 4..].copy_from_slice(&crc.to_le_bytes());
        (SLOT_AT[(self.sequence % 2) as usize], slot)
    }

    /// The bytes of a new file: header area with both slots.
    pub(crate) fn image(&self, signer: Option<&dyn Sign>) -> Vec<u8> {
        let mut image = vec![0; JOURNAL_START as usize];
        for sequence in [self.sequence, self.sequence + 1] {
            let (at, slot) = Header { sequence, ..self.clone() }.encode(signer);
            image[at as usize..at as usize + SLOT_LEN].copy_from_slice(&slot);
        }
        image
    }

    /// Whether `signer` vouches for the slot that says this, in the first bytes of a file.
    pub(crate) fn is_signed(&self, front: &[u8], signer: &dyn Sign) -> bool {
        let (at, expected) = self.encode(Some(signer));
        signer.is_same(&expected, slot(front, at))
    }

    /// Reads the header from the first bytes of a file.
    pub(crate) fn read(front: &[u8]) -> Result<Header> {
        let mut best: Option<Header> = None;
        let mut newer = None;
        for at in SLOT_AT {
            match decode(slot(front, at)) {
                Slot::Valid(header) => {
                    let other = |b: &Header| b.envelope.is_some() != header.envelope.is_some();
                    if best.as_ref().is_some_and(other) {
                        return Err(Error::EncryptionError(
                            "one header slot says that the file is encrypted and the other that \
                             it is not: it was tampered with; restore a backup"
                                .to_owned(),
                        ));
                    }
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

/// The bytes of the slot at `at`, or none.
fn slot(front: &[u8], at: u64) -> &[u8] {
    front.get(at as usize..at as usize + SLOT_LEN).unwrap_or_default()
}

/// The problems in the header area `front` of a file whose header is `known`: byte and reason.
pub(crate) fn check(
    front: &[u8],
    known: &Header,
    signer: Option<&dyn Sign>,
) -> Vec<(u64, &'static str)> {
    let mut problems = Vec::new();
    let mut newest = 0;
    for at in SLOT_AT {
        match decode(slot(front, at)) {
            Slot::Valid(found) => {
                newest = newest.max(found.sequence);
                let identity = |h: &Header| (h.file_id, h.hash_seed, h.generation, h.created_ms);
                if identity(&found) != identity(known) {
                    problems.push((at, "a header slot belongs to another file"));
                } else if signer.is_some_and(|signer| !found.is_signed(front, signer)) {
                    problems.push((at, "a header slot is not authentic"));
                }
            }
            Slot::Version(_) => problems.push((at, "a header slot has another version")),
            Slot::Invalid => problems.push((at, "a header slot fails its checksum")),
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
    let Some((body, crc)) = slot.split_at_checked(SLOT_LEN - 4) else { return Slot::Invalid };
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
    debug_assert_eq!(at, ENVELOPE_AT);
    let envelope = Envelope::read(&body[ENVELOPE_AT..ENVELOPE_AT + envelope::LEN]);
    let envelope = if flags & ENCRYPTED == 0 { Some(None) } else { envelope.map(Some) };
    // Nobody has written that many slots, or whole files: a forgery, which would leave no number to
    // go on with.
    let sane = sequence.max(generation) <= u64::MAX / 2 && flags & !FLAGS == 0;
    let Some(envelope) = envelope.filter(|_| sane) else {
        return Slot::Invalid;
    };
    Slot::Valid(Header {
        file_id,
        hash_seed,
        generation,
        sequence,
        synced,
        clean_len: (flags & CLEAN != 0).then_some(clean_len),
        created_ms,
        envelope,
        converted: flags & CONVERTED != 0,
        untidy: flags & UNTIDY != 0,
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
        let mut image = header.image(None);
        let next = Header { sequence: 3, synced: 9999, clean_len: None, ..header.clone() };
        let (at, slot) = next.encode(None);
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
        let mut image = Header::create(5).unwrap().image(None);
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
