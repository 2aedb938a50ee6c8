//! One journal record: its layout, its two checksums, and reading it back.
//!
//! ```text
//! head_crc u32 | value_crc u32 | kind u8 | key_len | value_len | [namespace] | [expiry] | [link] | key | value
//! ```
//!
//! Lengths, namespace (an incarnation's id), expiry (unix milliseconds) and link (the distance to
//! the version that this record replaces) are varints, each there only if it has something to
//! say. A bit of the kind says that the record ends its commit, another that it does not begin it.
//! `head_crc` covers kind to key, so that whoever compares keys can tell a damaged key from another
//! key without reading the value; `value_crc` covers the value. Both are XORed with the mix of
//! their place. Records are written by [`super::prepared`].

// Reads mapped memory through raw pointers: a slice over bytes that another thread appends to
// would be undefined behaviour, so slices are made only of bytes that are known to be a record's.
#![allow(unsafe_code)]

use std::marker::PhantomData;

use crate::format::place::Place;
use crate::format::{KEY_MAX_BYTES, STORED_MAX_BYTES, checksum, varint};

/// The effect of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Key and value of the namespace.
    Put = 1,
    /// The key is gone from the namespace.
    Remove = 2,
    /// A namespace begins: its name is the key, its options the value.
    Create = 3,
    /// The incarnation ends and the one named by the value (a varint) begins.
    Clear = 4,
    /// The namespace ends.
    Drop = 5,
    /// A sync mark.
    Mark = 6,
    /// The namespace's options become the value, and the key its name, unless that is empty.
    Configure = 7,
}

const VERB: u8 = 0b0000_0111;
pub(crate) const COMMIT: u8 = 0b0000_1000;
pub(crate) const LINK: u8 = 0b0001_0000;
pub(crate) const EXPIRY: u8 = 0b0010_0000;
pub(crate) const NAMESPACE: u8 = 0b0100_0000;
pub(crate) const CONTINUES: u8 = 0b1000_0000;

/// Set in the head checksum of a record that continues a commit. The bit itself stays outside of
/// the checksum: it is known only under the lock.
pub(crate) const CONTINUES_CRC: u32 = 0x9E37_79B9;

pub(crate) const CRCS_LEN: usize = 8;

/// The shortest head: checksums, kind and two lengths of one byte.
pub(crate) const HEAD_MIN_LEN: usize = CRCS_LEN + 3;

/// The head checksum with a link taken in. `LINK` itself stays outside: it is known only under
/// the lock, and with it wrong the bytes that follow are read shifted.
#[inline]
pub(crate) fn link_crc(head_crc: u32, link: u64) -> u32 {
    checksum::append(head_crc, &link.to_le_bytes())
}

/// Up to here a key is compared word by word.
const INLINE_KEY_MAX_BYTES: usize = 32;

/// A record as it lies in memory. Its lengths are within the bytes that it was read from; its
/// checksums hold only where `verify_head` and `verify_value` said so.
///
/// It is four words, handed through every lookup; what few callers ask for is read again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    start: *const u8,
    position: u64,
    value_len: u32,
    key_len: u16,
    /// The offset of the key.
    head_len: u8,
    kind: u8,
    _bytes: PhantomData<&'a [u8]>,
}

/// The fields of a head that most records don't have.
#[derive(Debug, Clone, Copy, Default)]
struct Rare {
    namespace: u32,
    expiry: u64,
    link: u64,
    prefix_end: usize,
    head_len: usize,
}

impl<'a> Record<'a> {
    /// Reads the record at `start`, of which `available` bytes can be read. `None` when they are
    /// no record: the kind is unknown, a length is over its limit, or it doesn't fit.
    ///
    /// # Safety
    /// `available` bytes from `start` can be read for `'a`, and the bytes of a record that is
    /// whole there are not written any more.
    #[inline(always)]
    pub(crate) unsafe fn read(
        position: u64,
        start: *const u8,
        available: usize,
    ) -> Option<Record<'a>> {
        if available < HEAD_MIN_LEN {
            return None;
        }
        // SAFETY: the first HEAD_MIN_LEN bytes, and below each byte before `available`, can be read.
        let byte = |at: usize| unsafe { start.add(at).read() };
        let kind = byte(CRCS_LEN);
        let verb = kind & VERB;
        if verb == 0 {
            return None;
        }
        let (first, second) = (byte(CRCS_LEN + 1), byte(CRCS_LEN + 2));
        let mut at = HEAD_MIN_LEN;
        let (mut key_len, mut value_len) = (usize::from(first), usize::from(second));
        // Most keys have a length of one byte, and most values one of one or two.
        if first | second >= 0x80 {
            let third = if available > HEAD_MIN_LEN { byte(HEAD_MIN_LEN) } else { 0xFF };
            if first | third < 0x80 {
                value_len = value_len & 0x7F | usize::from(third) << 7;
                at += 1;
            } else {
                // SAFETY: by the caller.
                (key_len, value_len, at) = unsafe { Record::read_lens(start, available) }?;
            }
        }
        if key_len > KEY_MAX_BYTES || value_len > STORED_MAX_BYTES {
            return None;
        }
        if kind & (NAMESPACE | EXPIRY | LINK) != 0 {
            // The id of a namespace of its own, up to 127, is what most of these are.
            let is_id = kind & (EXPIRY | LINK) == 0 && available > at && byte(at) < 0x80;
            at = if is_id {
                at + 1
            } else {
                // SAFETY: by the caller.
                unsafe { Record::read_rare(position, start, available, at) }?
            };
        }
        if available - at < key_len || available - at - key_len < value_len {
            return None;
        }
        Some(Record {
            start,
            position,
            value_len: value_len as u32,
            key_len: key_len as u16,
            head_len: at as u8,
            kind,
            _bytes: PhantomData,
        })
    }

    /// Lengths of keys and values, whatever they take, and where they end. Apart, as what follows,
    /// so that [`Record::read`] is short enough to become a part of every lookup and walk.
    ///
    /// # Safety
    /// `available` bytes from `start` can be read.
    #[inline(never)]
    unsafe fn read_lens(start: *const u8, available: usize) -> Option<(usize, usize, usize)> {
        let mut at = CRCS_LEN + 1;
        let mut number = || {
            // SAFETY: only bytes before `available`.
            let byte = |i: usize| (i < available).then(|| unsafe { start.add(i).read() });
            let (value, used) = varint::get(|i| byte(at + i))?;
            at += used;
            Some(value as usize)
        };
        Some((number()?, number()?, at))
    }

    /// The offset of the key, behind fields from `at` on that most records don't have.
    ///
    /// # Safety
    /// `available` bytes from `start` can be read, at least [`HEAD_MIN_LEN`].
    #[inline(never)]
    unsafe fn read_rare(
        position: u64,
        start: *const u8,
        available: usize,
        at: usize,
    ) -> Option<usize> {
        // SAFETY: only bytes before `available`.
        let byte = |i: usize| (i < available).then(|| unsafe { start.add(i).read() });
        let kind = byte(CRCS_LEN)?;
        let rare = Rare::read(kind, at, byte)?;
        let leads_back = kind & LINK == 0 || rare.link != 0 && rare.link < position;
        leads_back.then_some(rare.head_len)
    }

    /// The same record for as long as the caller likes.
    ///
    /// # Safety
    /// The memory that it was read from stays readable as long as the result is used.
    #[inline]
    pub(crate) unsafe fn outliving<'b>(self) -> Record<'b> {
        Record { _bytes: PhantomData, ..self }
    }

    #[inline]
    fn bytes(&self, from: usize, len: usize) -> &'a [u8] {
        debug_assert!(from + len <= self.len());
        // SAFETY: `read` saw that the record's bytes are within those that its caller vouched
        // for, and all callers stay within the record.
        unsafe { std::slice::from_raw_parts(self.start.add(from), len) }
    }

    fn rare(&self) -> Rare {
        if self.kind & (NAMESPACE | EXPIRY | LINK) == 0 {
            let end = usize::from(self.head_len);
            return Rare { prefix_end: end, head_len: end, ..Rare::default() };
        }
        let head = self.bytes(0, usize::from(self.head_len));
        let lens = varint::len(u64::from(self.key_len)) + varint::len(u64::from(self.value_len));
        let read = |lens| Rare::read(self.kind, CRCS_LEN + 1 + lens, |i| head.get(i).copied());
        // The shortest encoding of the lengths is what is written; should damage have made a
        // longer one, the head's checksum fails whatever this gives.
        read(lens).unwrap_or_default()
    }

    /// Whether kind, lengths, namespace, expiry, link and key are what was written here.
    #[inline(always)]
    pub(crate) fn verify_head(&self, place: Place) -> bool {
        self.stored(0) == self.head_crc() ^ place.mix(self.position) as u32
    }

    #[inline(always)]
    fn head_crc(&self) -> u32 {
        // The checksum does not cover two bits of the kind, its first byte. A CRC that begins with
        // them is that of the bytes without them: what it begins with is XORed to the first bytes.
        let outside = u32::from(self.kind & (LINK | CONTINUES));
        let crc = if self.kind & LINK == 0 {
            // Prefix and key lie side by side.
            checksum::append(outside, self.bytes(CRCS_LEN, self.value_at() - CRCS_LEN))
        } else {
            self.linked_crc(outside)
        };
        if self.continues() { crc ^ CONTINUES_CRC } else { crc }
    }

    fn linked_crc(&self, outside: u32) -> u32 {
        let rare = self.rare();
        let prefix = self.bytes(0, rare.prefix_end);
        let crc = checksum::append(outside, prefix.get(CRCS_LEN..).unwrap_or_default());
        link_crc(checksum::append(crc, self.key()), rare.link)
    }

    /// Both of [`Record::verify_head`] and [`Record::verify_value`], in fewer steps.
    #[inline(always)]
    pub(crate) fn verify(&self, place: Place) -> bool {
        if self.kind & LINK != 0 {
            return self.verify_head(place) && self.verify_value(place);
        }
        let outside = u32::from(self.kind & CONTINUES);
        let head = self.bytes(CRCS_LEN, self.value_at() - CRCS_LEN);
        let (head_crc, value_crc) = checksum::append_and(outside, head, self.value());
        let continues = if self.continues() { CONTINUES_CRC } else { 0 };
        let crcs = u64::from(value_crc) << 32 | u64::from(head_crc ^ continues);
        let stored = u64::from(self.stored(4)) << 32 | u64::from(self.stored(0));
        stored == crcs ^ place.mix(self.position)
    }

    /// Whether the key, as it is stored, is this one.
    #[inline(always)]
    pub(crate) fn has_key(&self, key: &[u8]) -> bool {
        let own = self.key();
        if own.len() != key.len() {
            return false;
        }
        if own.len() > INLINE_KEY_MAX_BYTES {
            return own == key;
        }
        // Most keys are a few words: fewer steps than a call takes.
        let ((own, own_rest), (key, key_rest)) = (own.as_chunks::<8>(), key.as_chunks::<8>());
        own.iter().zip(key).all(|(a, b)| u64::from_le_bytes(*a) == u64::from_le_bytes(*b))
            && own_rest.iter().zip(key_rest).all(|(a, b)| a == b)
    }

    /// The mix of the record's place, if the record is whole; see [`Place::of_mix`].
    pub(crate) fn stored_mix(&self) -> u64 {
        let head = self.stored(0) ^ self.head_crc();
        let value = self.stored(4) ^ checksum::append(0, self.value());
        u64::from(value) << 32 | u64::from(head)
    }

    /// Whether the value is what was written here.
    #[inline(always)]
    pub(crate) fn verify_value(&self, place: Place) -> bool {
        let crc = checksum::append(0, self.value());
        self.stored(4) == crc ^ (place.mix(self.position) >> 32) as u32
    }

    #[inline]
    fn stored(&self, at: usize) -> u32 {
        let mut word = [0; 4];
        word.copy_from_slice(self.bytes(at, 4));
        u32::from_le_bytes(word)
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The position behind the record.
    pub(crate) fn end(&self) -> u64 {
        self.position + self.len() as u64
    }

    #[inline]
    fn value_at(&self) -> usize {
        usize::from(self.head_len) + usize::from(self.key_len)
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.value_at() + self.value_len as usize
    }

    pub(crate) fn verb(&self) -> Verb {
        match self.kind & VERB {
            1 => Verb::Put,
            2 => Verb::Remove,
            3 => Verb::Create,
            4 => Verb::Clear,
            5 => Verb::Drop,
            6 => Verb::Mark,
            _ => Verb::Configure,
        }
    }

    #[inline]
    pub(crate) fn is_put(&self) -> bool {
        self.kind & VERB == Verb::Put as u8
    }

    /// Whether this is a put that does not expire.
    #[inline(always)]
    pub(crate) fn is_lasting_put(&self) -> bool {
        self.kind & (VERB | EXPIRY) == Verb::Put as u8
    }

    /// Whether a commit ends with this record.
    pub(crate) fn commits(&self) -> bool {
        self.kind & COMMIT != 0
    }

    /// Whether the record belongs to the same commit as the one before it.
    #[inline]
    pub(crate) fn continues(&self) -> bool {
        self.kind & CONTINUES != 0
    }

    pub(crate) fn kind(&self) -> u8 {
        self.kind
    }

    /// The distance to the version that this record replaced; 0 if there is none.
    pub(crate) fn link(&self) -> u64 {
        self.rare().link
    }

    /// The incarnation that the record belongs to, in a file whose records are not sealed.
    #[inline]
    pub(crate) fn namespace(&self) -> u32 {
        if self.kind & NAMESPACE == 0 { 0 } else { self.rare().namespace }
    }

    #[inline]
    pub(crate) fn expiry(&self) -> Option<u64> {
        (self.kind & EXPIRY != 0).then(|| self.rare().expiry)
    }

    /// The position of the version that this record replaced.
    pub(crate) fn previous(&self) -> Option<u64> {
        // Above zero where `read` let the record pass; should damage come in between, nothing.
        let link = (self.kind & LINK != 0).then(|| self.rare().link);
        let link = link.filter(|&l| l != 0 && l < self.position)?;
        Some(self.position - link)
    }

    #[inline]
    pub(crate) fn key(&self) -> &'a [u8] {
        self.bytes(usize::from(self.head_len), usize::from(self.key_len))
    }

    #[inline]
    pub(crate) fn value(&self) -> &'a [u8] {
        self.bytes(self.value_at(), self.value_len as usize)
    }

    /// The position of the value's first byte.
    pub(crate) fn value_position(&self) -> u64 {
        self.position + self.value_at() as u64
    }
}

impl Rare {
    /// Reads the fields from `at` on, through `byte`.
    fn read(kind: u8, mut at: usize, byte: impl Fn(usize) -> Option<u8>) -> Option<Rare> {
        let mut number = |bit: u8| {
            if kind & bit == 0 {
                return Some((0, at));
            }
            let (value, used) = varint::get(|i| byte(at + i))?;
            at += used;
            Some((value, at))
        };
        let namespace = u32::try_from(number(NAMESPACE)?.0).ok()?;
        let (expiry, prefix_end) = number(EXPIRY)?;
        let (link, head_len) = number(LINK)?;
        Some(Rare { namespace, expiry, link, prefix_end, head_len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::prepared::Prepared;

    fn read(position: u64, bytes: &[u8]) -> Option<Record<'_>> {
        // SAFETY: the slice is borrowed for as long as the record.
        unsafe { Record::read(position, bytes.as_ptr(), bytes.len()) }
    }

    fn encode(
        prepared: &Prepared<'_>,
        place: Place,
        position: u64,
        link: u64,
        continues: bool,
    ) -> Vec<u8> {
        let mut out = vec![0; prepared.len(link)];
        assert_eq!(prepared.write(place, position, link, continues, &mut out), out.len());
        assert!(out.len() <= prepared.max_len());
        out
    }

    #[test]
    fn what_is_written_is_read_back() {
        let place = Place::new([3; 16], 1);
        for (commit, namespace, expiry, link) in [
            (true, 0, None, 0),
            (false, 7, Some(1_700_000_000_000), 300),
            (true, u32::MAX, Some(0), 8192),
        ] {
            let prepared = Prepared::new(Verb::Put, commit, namespace, b"key", &[9; 300], expiry);
            let continues = namespace == 7;
            let bytes = encode(&prepared, place, 10_000, link, continues);
            let record = read(10_000, &bytes).unwrap();
            assert!(record.verify_head(place) && record.verify_value(place));
            assert!(record.verify(place));
            assert!(record.has_key(b"key") && !record.has_key(b"kez") && !record.has_key(b"ke"));
            assert_eq!(record.stored_mix(), place.mix(10_000));
            assert_eq!(record.continues(), continues);
            assert_eq!((record.key(), record.value()), (&b"key"[..], &[9; 300][..]));
            assert_eq!(record.commits(), commit);
            assert_eq!((record.namespace(), record.expiry()), (namespace, expiry));
            assert_eq!(record.previous(), (link != 0).then(|| 10_000 - link));
            assert_eq!(record.end(), 10_000 + bytes.len() as u64);
        }
    }

    #[test]
    fn a_small_first_insert_takes_twelve_bytes_beside_key_and_value() {
        let prepared = Prepared::new(Verb::Put, true, 0, &[1; 24], &[2; 150], None);
        assert_eq!(prepared.len(0), 24 + 150 + 12);
    }

    #[test]
    fn no_flipped_bit_and_no_other_place_passes() {
        let place = Place::new([3; 16], 1);
        for (link, continues) in [(0, false), (0, true), (40, false), (4000, true)] {
            let prepared = Prepared::new(Verb::Put, true, 5, b"some key", b"value", Some(77));
            let bytes = encode(&prepared, place, 9000, link, continues);
            let whole = |position, place, bytes: &[u8]| {
                let found = read(position, bytes);
                let whole = found.is_some_and(|r| r.verify_head(place) && r.verify_value(place));
                assert_eq!(found.is_some_and(|r| r.verify(place)), whole);
                whole
            };
            assert!(whole(9000, place, &bytes));
            assert!(!whole(9001, place, &bytes));
            assert!(!whole(9000, Place::new([3; 16], 2), &bytes));
            assert!(!whole(9000, Place::new([4; 16], 1), &bytes));
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(!whole(9000, place, &flipped), "bit {bit}, link {link}, {continues}");
            }
            for len in 0..bytes.len() {
                assert!(!whole(9000, place, &bytes[..len]), "length {len}");
            }
        }
    }
}
