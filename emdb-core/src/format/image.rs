//! The checkpoint's file: an image of what the journal says up to one position.
//!
//! ```text
//! header page | slots, expiries and runs of each namespace | metadata
//! ```
//!
//! Header and metadata are verified when the image is loaded; pages of slots, expiries and runs
//! when they are first used. Their checksums are XORed with the mix of their place, of which the
//! image's note and position are the key, so that they can't change places, also not with those
//! of another image.

use crate::format::checksum;
use crate::format::limits::TRAILER_LEN;
use crate::format::place::Place;
use crate::format::record::{HEAD_MIN_LEN, Record, Verb};

const MAGIC: [u8; 8] = *b"\x89emdM\r\n\x1A";
const VERSION: u32 = 1;
/// The bytes of the header that are not zero, its checksum among them.
const HEADER_LEN: usize = 116;

/// The offset of the first section; sections of slots begin at multiples of it.
pub(crate) const PAGE_BYTES: u64 = 4096;
/// Pages of a full-size segment.
pub(crate) const SEGMENT_PAGES: usize = 64;

/// The key and the value's length of the note that binds an image to the journal.
pub(crate) const NOTE_KEY: &[u8] = b"C";
pub(crate) const NOTE_LEN: usize = 16;

/// Bytes of the note's record.
pub(crate) fn note_len(sealed: bool) -> u64 {
    let text = NOTE_LEN + if sealed { TRAILER_LEN } else { 0 };
    (HEAD_MIN_LEN + NOTE_KEY.len() + text) as u64
}

/// Whether the record is the note of some image.
pub(crate) fn is_note(record: &Record<'_>) -> bool {
    record.verb() == Verb::Mark && record.key() == NOTE_KEY && record.value().len() >= NOTE_LEN
}

/// The state that an image is of, and where its metadata lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) file_id: [u8; 16],
    pub(crate) generation: u64,
    pub(crate) note: [u8; NOTE_LEN],
    pub(crate) note_at: u64,
    /// The position behind the note.
    pub(crate) below: u64,
    /// The image's length.
    pub(crate) len: u64,
    pub(crate) meta_at: u64,
    pub(crate) meta_len: u64,
    pub(crate) meta_sum: u32,
    /// In which run of the machine it was written, if it is good only there; otherwise zeros.
    pub(crate) boot: [u8; 16],
}

/// The place that checksums of an image are bound to.
pub(crate) fn place(note: [u8; NOTE_LEN], below: u64) -> Place {
    Place::new(note, below)
}

/// The checksum of bytes at `at`.
pub(crate) fn sum(bytes: &[u8], place: Place, at: u64) -> u32 {
    checksum::append(0, bytes) ^ place.mix(at) as u32
}

/// The same, of numbers.
pub(crate) fn words_sum(words: &[u64], place: Place, at: u64) -> u32 {
    let mut bytes = [0; 4096];
    let crc = words.chunks(bytes.len() / 8).fold(0, |crc, words| {
        for (word, out) in words.iter().zip(bytes.as_chunks_mut::<8>().0) {
            *out = word.to_le_bytes();
        }
        checksum::append(crc, &bytes[..words.len() * 8])
    });
    crc ^ place.mix(at) as u32
}

impl Header {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(PAGE_BYTES as usize);
        out.extend(MAGIC);
        out.extend(VERSION.to_le_bytes());
        out.extend(self.meta_sum.to_le_bytes());
        out.extend(self.file_id);
        out.extend(self.note);
        let numbers =
            [self.generation, self.note_at, self.below, self.len, self.meta_at, self.meta_len];
        numbers.iter().for_each(|n| out.extend(n.to_le_bytes()));
        out.extend(self.boot);
        out.extend(checksum::append(0, &out).to_le_bytes());
        out.resize(PAGE_BYTES as usize, 0);
        out
    }

    /// Reads the header from an image's first page. None if it is not whole.
    pub(crate) fn read(page: &[u8]) -> Option<Header> {
        let (head, rest) = page.get(..PAGE_BYTES as usize)?.split_at(HEADER_LEN);
        let (body, crc) = head.split_at(HEADER_LEN - 4);
        if checksum::append(0, body).to_le_bytes() != crc || rest.iter().any(|b| *b != 0) {
            return None;
        }
        let mut from = Cursor(body);
        if from.array()? != MAGIC || from.u32()? != VERSION {
            return None;
        }
        let meta_sum = from.u32()?;
        let (file_id, note) = (from.array()?, from.array()?);
        Some(Header {
            file_id,
            note,
            generation: from.u64()?,
            note_at: from.u64()?,
            below: from.u64()?,
            len: from.u64()?,
            meta_at: from.u64()?,
            meta_len: from.u64()?,
            meta_sum,
            boot: from.array()?,
        })
    }
}

/// Numbers of eight bytes somewhere in the image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Array {
    pub(crate) at: u64,
    pub(crate) count: u64,
    pub(crate) sum: u32,
}

/// A full-size segment of the hash index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Full {
    pub(crate) depth: u8,
    /// Slots that are in use.
    pub(crate) used: u32,
    pub(crate) at: u64,
    pub(crate) sums: Box<[u32; SEGMENT_PAGES]>,
}

/// The hash index of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Slots {
    /// One segment below full size: slots, and twelve home bits of each.
    Small { bucket_bits: u8, slots: Vec<(u64, u16)> },
    /// In the order of their hashes.
    Full(Vec<Full>),
}

/// The order of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) common: Box<[u8]>,
    pub(crate) windows: Array,
    pub(crate) positions: Array,
}

/// One namespace of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Namespace {
    pub(crate) name: String,
    pub(crate) options: Vec<u8>,
    pub(crate) id: u32,
    pub(crate) records: u64,
    pub(crate) live_bytes: u64,
    pub(crate) slots: Slots,
    /// Two numbers each: the expiry and the record's position.
    pub(crate) expiries: Array,
    pub(crate) run: Option<Run>,
}

impl Namespace {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.id.to_le_bytes());
        put_bytes(self.name.as_bytes(), out);
        put_bytes(&self.options, out);
        out.extend(self.records.to_le_bytes());
        out.extend(self.live_bytes.to_le_bytes());
        match &self.slots {
            Slots::Small { bucket_bits, slots } => {
                out.extend([0, *bucket_bits]);
                out.extend((slots.len() as u32).to_le_bytes());
                for (word, home) in slots {
                    out.extend(word.to_le_bytes());
                    out.extend(home.to_le_bytes());
                }
            }
            Slots::Full(segments) => {
                out.extend([1, 0]);
                out.extend((segments.len() as u32).to_le_bytes());
                for segment in segments {
                    out.push(segment.depth);
                    out.extend(segment.used.to_le_bytes());
                    out.extend(segment.at.to_le_bytes());
                    segment.sums.iter().for_each(|sum| out.extend(sum.to_le_bytes()));
                }
            }
        }
        self.expiries.encode(out);
        out.push(u8::from(self.run.is_some()));
        if let Some(run) = &self.run {
            put_bytes(&run.common, out);
            run.windows.encode(out);
            run.positions.encode(out);
        }
    }

    fn read(from: &mut Cursor<'_>) -> Option<Namespace> {
        let id = from.u32()?;
        let name = std::str::from_utf8(from.bytes()?).ok()?.to_owned();
        let options = from.bytes()?.to_vec();
        let (records, live_bytes) = (from.u64()?, from.u64()?);
        let [kind, bucket_bits] = from.array()?;
        let count = from.u32()? as usize;
        let slots = match kind {
            0 => {
                from.bound(count, 10)?;
                let slot = |_| Some((from.u64()?, u16::from_le_bytes(from.array()?)));
                Slots::Small { bucket_bits, slots: (0..count).map(slot).collect::<Option<_>>()? }
            }
            1 => {
                from.bound(count, 13 + 4 * SEGMENT_PAGES)?;
                let segment = |_| {
                    let [depth] = from.array()?;
                    let (used, at) = (from.u32()?, from.u64()?);
                    let mut sums = Box::new([0; SEGMENT_PAGES]);
                    for sum in sums.iter_mut() {
                        *sum = from.u32()?;
                    }
                    Some(Full { depth, used, at, sums })
                };
                Slots::Full((0..count).map(segment).collect::<Option<_>>()?)
            }
            _ => return None,
        };
        let expiries = Array::read(from)?;
        let run = match from.array()? {
            [0] => None,
            [1] => Some(Run {
                common: from.bytes()?.into(),
                windows: Array::read(from)?,
                positions: Array::read(from)?,
            }),
            _ => return None,
        };
        Some(Namespace { name, options, id, records, live_bytes, slots, expiries, run })
    }
}

/// The sessions of a journal by their numbers: where each begins, and its salt.
pub(crate) type Salts = Vec<(u32, u64, [u8; 16])>;

/// The metadata of `count` namespaces, and of the sessions of a journal whose records are sealed.
pub(crate) fn meta(next_id: u32, count: u32, namespaces: &[u8], sessions: &Salts) -> Vec<u8> {
    let mut out = Vec::with_capacity(12 + namespaces.len() + 28 * sessions.len());
    out.extend(next_id.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(namespaces);
    out.extend((sessions.len() as u32).to_le_bytes());
    for (number, start, salt) in sessions {
        out.extend(number.to_le_bytes());
        out.extend(start.to_le_bytes());
        out.extend(salt);
    }
    out
}

/// Reads what [`meta`] made: the next id of an incarnation, the namespaces, and the sessions.
pub(crate) fn read_meta(bytes: &[u8]) -> Option<(u32, Vec<Namespace>, Salts)> {
    let mut from = Cursor(bytes);
    let (next_id, count) = (from.u32()?, from.u32()? as usize);
    from.bound(count, 30)?;
    let namespaces = (0..count).map(|_| Namespace::read(&mut from)).collect::<Option<_>>()?;
    let count = from.u32()? as usize;
    from.bound(count, 28)?;
    let session = |_| Some((from.u32()?, from.u64()?, from.array()?));
    let sessions = (0..count).map(session).collect::<Option<_>>()?;
    from.0.is_empty().then_some((next_id, namespaces, sessions))
}

impl Array {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.at.to_le_bytes());
        out.extend(self.count.to_le_bytes());
        out.extend(self.sum.to_le_bytes());
    }

    fn read(from: &mut Cursor<'_>) -> Option<Array> {
        Some(Array { at: from.u64()?, count: from.u64()?, sum: from.u32()? })
    }
}

/// Keys have lengths of two bytes at the most, and so have names.
fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend((bytes.len() as u16).to_le_bytes());
    out.extend(bytes);
}

/// Reads from the front.
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (front, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*front)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = u16::from_le_bytes(self.array()?);
        let (front, rest) = self.0.split_at_checked(usize::from(len))?;
        self.0 = rest;
        Some(front)
    }

    /// Refuses more items than there can be.
    fn bound(&self, count: usize, size: usize) -> Option<()> {
        (count.checked_mul(size)? <= self.0.len()).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_metadata_come_back_and_nothing_shorter_passes() {
        let header = Header {
            file_id: [1; 16],
            generation: 2,
            note: [3; 16],
            note_at: 9000,
            below: 9028,
            len: 5000,
            meta_at: 4096,
            meta_len: 904,
            meta_sum: 7,
            boot: [9; 16],
        };
        assert_eq!(Header::read(&header.encode()), Some(header));
        let array = Array { at: 8192, count: 3, sum: 9 };
        let full = Full { depth: 0, used: 5, at: 4096, sums: Box::new([6; SEGMENT_PAGES]) };
        let small = Slots::Small { bucket_bits: 3, slots: vec![(77, 5), (78, 6)] };
        let run = Run { common: (*b"pre").into(), windows: array, positions: array };
        let (mut out, mut all) = (Vec::new(), Vec::new());
        for (name, slots, run) in [("", Slots::Full(vec![full]), Some(run)), ("two", small, None)] {
            let namespace = Namespace {
                name: name.to_owned(),
                options: vec![1],
                id: name.len() as u32,
                records: 5,
                live_bytes: 900,
                slots,
                expiries: array,
                run,
            };
            namespace.encode(&mut out);
            all.push(namespace);
        }
        let sessions = vec![(3, 8192, [5; 16])];
        let meta = meta(9, 2, &out, &sessions);
        assert_eq!(read_meta(&meta), Some((9, all, sessions)));
        assert!((0..meta.len()).all(|len| read_meta(&meta[..len]).is_none()));
    }
}
