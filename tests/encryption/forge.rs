//! Takes the journal of an encrypted file apart and puts it together otherwise, with every checksum
//! right: what somebody can do who has the file, but no key. See docs/format.md.

use emdb_testing::forge::{JOURNAL_START, SLOT_LEN, crc32c, finish, varint};

pub(crate) const COMMIT: u8 = 1 << 3;
pub(crate) const CONTINUES: u8 = 1 << 7;
const LINK: u8 = 1 << 4;
const EXPIRY: u8 = 1 << 5;
const NAMESPACE: u8 = 1 << 6;

/// Session, counter and tag, behind the text.
pub(crate) const TRAILER: usize = 24;

/// A record, as it can be read without a key. The kind has no bits for the optional fields.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub(crate) position: usize,
    pub(crate) len: usize,
    pub(crate) kind: u8,
    pub(crate) namespace: Option<u64>,
    pub(crate) expiry: Option<u64>,
    pub(crate) link: Option<u64>,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

impl Frame {
    /// The same at another place.
    pub(crate) fn at(&self, position: usize) -> Frame {
        Frame { position, ..self.clone() }
    }

    /// The part of the value that is behind its text.
    pub(crate) fn trailer(&mut self) -> &mut [u8] {
        let text = self.value.len().saturating_sub(TRAILER);
        &mut self.value[text..]
    }
}

/// The place of the records of one file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forge {
    place: u64,
}

impl Forge {
    /// Of the sealed records of the file that these bytes are.
    pub(crate) fn of(file: &[u8]) -> Forge {
        Forge { place: Forge::of_plain(file).place ^ u64::from_le_bytes(*b"emdbSEAL") }
    }

    /// Of what would be plain records of it.
    pub(crate) fn of_plain(file: &[u8]) -> Forge {
        let word = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap());
        Forge { place: finish(word(16) ^ finish(word(24) ^ finish(word(40)))) }
    }

    fn mix(self, position: usize) -> u64 {
        finish(self.place ^ (position as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// All records of the file.
    pub(crate) fn frames(self, file: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut at = JOURNAL_START;
        while let Some(frame) = self.frame(file, at) {
            at += frame.len;
            frames.push(frame);
        }
        frames
    }

    fn frame(self, file: &[u8], position: usize) -> Option<Frame> {
        let stored = *file.get(position + 8)?;
        let mut at = position + 9;
        let mut number = || {
            let (mut n, mut shift) = (0u64, 0);
            loop {
                let byte = *file.get(at)?;
                at += 1;
                n |= u64::from(byte & 0x7F) << shift;
                shift += 7;
                if byte < 0x80 {
                    return Some(n);
                }
                if shift > 63 {
                    return None;
                }
            }
        };
        let (key_len, value_len) = (number()? as usize, number()? as usize);
        let mut field = |bit| if stored & bit == 0 { Some(None) } else { number().map(Some) };
        let (namespace, expiry, link) = (field(NAMESPACE)?, field(EXPIRY)?, field(LINK)?);
        let key = file.get(at..at.checked_add(key_len)?)?.to_vec();
        at += key_len;
        let value = file.get(at..at.checked_add(value_len)?)?.to_vec();
        let kind = stored & !(LINK | EXPIRY | NAMESPACE);
        let len = at + value_len - position;
        let frame = Frame { position, len, kind, namespace, expiry, link, key, value };
        (self.encode(&frame) == file[position..position + len]).then_some(frame)
    }

    /// The bytes of a record at its position.
    pub(crate) fn encode(self, frame: &Frame) -> Vec<u8> {
        let Frame { position, kind, namespace, expiry, link, key, value, .. } = frame;
        let bit = |is: bool, bit| if is { bit } else { 0 };
        let mut prefix =
            vec![kind | bit(namespace.is_some(), NAMESPACE) | bit(expiry.is_some(), EXPIRY)];
        prefix[0] &= !CONTINUES;
        varint(key.len() as u64, &mut prefix);
        varint(value.len() as u64, &mut prefix);
        for field in [namespace, expiry].into_iter().flatten() {
            varint(*field, &mut prefix);
        }
        let mut covered = [&prefix[..], key].concat();
        if let Some(link) = link {
            covered.extend(link.to_le_bytes());
            prefix[0] |= LINK;
            varint(*link, &mut prefix);
        }
        let mut head = crc32c(&covered);
        if kind & CONTINUES != 0 {
            prefix[0] |= CONTINUES;
            head ^= 0x9E37_79B9;
        }
        let mix = self.mix(*position);
        let head = (head ^ mix as u32).to_le_bytes();
        let body = (crc32c(value) ^ (mix >> 32) as u32).to_le_bytes();
        [&head[..], &body, &prefix, key, value].concat()
    }

    /// `frame` with its text cut or filled up to take as many bytes as `len`.
    pub(crate) fn fit(self, frame: &Frame, len: usize) -> Option<Frame> {
        let mut frame = frame.clone();
        // A length of another size can take a byte more or less.
        for _ in 0..4 {
            let now = self.encode(&frame).len();
            match now.cmp(&len) {
                std::cmp::Ordering::Equal => return Some(frame),
                std::cmp::Ordering::Less => {
                    frame.value.splice(..0, vec![0; len - now]);
                }
                std::cmp::Ordering::Greater => {
                    frame.value.drain(..(now - len).min(frame.value.len()));
                }
            }
        }
        None
    }

    /// `file` with these records instead of its own, one behind the other, and as long as it was if
    /// that is longer.
    pub(crate) fn journal(self, file: &[u8], frames: &[Frame]) -> Vec<u8> {
        let mut out = file[..JOURNAL_START].to_vec();
        for frame in frames {
            let bytes = self.encode(&frame.at(out.len()));
            out.extend(bytes);
        }
        out.resize(out.len().max(file.len()), 0);
        out
    }

    /// `file` with `frame` where it says that it lies, and all else as it is.
    pub(crate) fn put(self, file: &[u8], frame: &Frame) -> Vec<u8> {
        let mut out = file.to_vec();
        let bytes = self.encode(frame);
        out[frame.position..frame.position + bytes.len()].copy_from_slice(&bytes);
        out
    }
}

/// The two header slots, each with what `change` makes of it and a right checksum.
pub(crate) fn change_header(file: &[u8], slots: &[usize], change: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut out = file.to_vec();
    for slot in slots {
        let at = slot * JOURNAL_START / 2;
        let slot = &mut out[at..at + SLOT_LEN];
        change(slot);
        let crc = crc32c(&slot[..SLOT_LEN - 4]).to_le_bytes();
        slot[SLOT_LEN - 4..].copy_from_slice(&crc);
    }
    out
}

/// The slot that counts: the one that was written last.
pub(crate) fn newest_slot(file: &[u8]) -> usize {
    let sequence = |slot: usize| {
        let at = slot * JOURNAL_START / 2 + 48;
        u64::from_le_bytes(file[at..at + 8].try_into().unwrap())
    };
    usize::from(sequence(1) > sequence(0))
}
