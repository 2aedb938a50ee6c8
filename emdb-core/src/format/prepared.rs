//! Writing a journal record.
//!
//! All of it but link, mix and whether a commit goes on is known before the record's position is,
//! and is computed by [`Prepared::new`] outside every lock.

use crate::format::limits::{INNER_LEN, TRAILER_LEN};
use crate::format::place::Place;
use crate::format::record::{
    COMMIT, CONTINUES, CONTINUES_CRC, CRCS_LEN, EXPIRY, LINK, NAMESPACE, Verb, link_crc,
};
use crate::format::{KEY_MAX_BYTES, STORED_MAX_BYTES, checksum, varint};

/// kind, lengths, namespace, expiry; or, sealed, kind, lengths and expiry, and behind them the
/// fingerprint.
const PREFIX_MAX_LEN: usize = FINGERPRINT_AT + 16;
const FINGERPRINT_AT: usize = 1 + 1 + 5 + 10;
/// A link is shorter than a position.
const LINK_MAX_LEN: usize = 6;

/// A record encoded as far as it can be without its position.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prepared<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    prefix: [u8; PREFIX_MAX_LEN],
    prefix_len: u8,
    /// Whether the record will be sealed, and how long the fingerprint is that stands for namespace
    /// and key then: empty for what is about a namespace.
    sealed: Option<u8>,
    /// Bytes behind the head: those of key and value as they lie in the journal.
    payload: u32,
    value_crc: u32,
    head_crc: u32,
}

/// Kind, lengths, namespace and expiry, and the bytes that they take.
#[inline(always)]
fn prefix(
    (verb, commit): (Verb, bool),
    namespace: u32,
    lens: (usize, usize),
    expiry: Option<u64>,
) -> ([u8; PREFIX_MAX_LEN], usize) {
    debug_assert!(lens.0 <= KEY_MAX_BYTES && lens.1 <= STORED_MAX_BYTES);
    let mut prefix = [0; PREFIX_MAX_LEN];
    let mut kind = verb as u8;
    let mut len = 1;
    len += varint::put(lens.0 as u64, &mut prefix[len..]);
    len += varint::put(lens.1 as u64, &mut prefix[len..]);
    if commit {
        kind |= COMMIT;
    }
    if namespace != 0 {
        kind |= NAMESPACE;
        len += varint::put(u64::from(namespace), &mut prefix[len..]);
    }
    if let Some(at) = expiry {
        kind |= EXPIRY;
        len += varint::put(at, &mut prefix[len..]);
    }
    prefix[0] = kind;
    (prefix, len)
}

impl<'a> Prepared<'a> {
    /// The record of `verb`; `commit` on the last one of a commit. Key and value are within their
    /// limits, and an expiry of `None` is none at all.
    pub(crate) fn new(
        verb: Verb,
        commit: bool,
        namespace: u32,
        key: &'a [u8],
        value: &'a [u8],
        expiry: Option<u64>,
    ) -> Prepared<'a> {
        let lens = (key.len(), value.len());
        let (prefix, len) = prefix((verb, commit), namespace, lens, expiry);
        let head_crc = checksum::append(checksum::append(0, &prefix[..len]), key);
        let value_crc = checksum::append(0, value);
        Prepared {
            key,
            value,
            prefix,
            prefix_len: len as u8,
            sealed: None,
            payload: (key.len() + value.len()) as u32,
            value_crc,
            head_crc,
        }
    }

    /// As [`Prepared::new`], for a record that will be sealed: the fingerprint, where there is one,
    /// takes the place of namespace and key. Its checksums are known when it is.
    pub(crate) fn sealed(
        verb: Verb,
        commit: bool,
        (key, value): (&'a [u8], &'a [u8]),
        expiry: Option<u64>,
        fingerprint: Option<[u8; 16]>,
    ) -> Prepared<'a> {
        let lens =
            (fingerprint.map_or(0, |f| f.len()), value.len() + key.len() + INNER_LEN + TRAILER_LEN);
        let (mut prefix, len) = prefix((verb, commit), 0, lens, expiry);
        if let Some(fingerprint) = fingerprint {
            prefix[FINGERPRINT_AT..].copy_from_slice(&fingerprint);
        }
        Prepared {
            key,
            value,
            prefix,
            prefix_len: len as u8,
            sealed: Some(lens.0 as u8),
            payload: (lens.0 + lens.1) as u32,
            value_crc: 0,
            head_crc: 0,
        }
    }

    /// The kind, with what is known late.
    pub(crate) fn kind(&self, link: u64, continues: bool) -> u8 {
        let bit = |is: bool, bit| if is { bit } else { 0 };
        self.prefix[0] | bit(link != 0, LINK) | bit(continues, CONTINUES)
    }

    /// The key as it lies in the journal.
    #[inline]
    pub(crate) fn stored_key(&self) -> &[u8] {
        self.sealed.map_or(self.key, |len| &self.prefix[FINGERPRINT_AT..][..usize::from(len)])
    }

    /// The record around `text`, its sealed value.
    pub(crate) fn around<'b>(&'b self, text: &'b [u8]) -> Prepared<'b> {
        let key = self.stored_key();
        let prefix = &self.prefix[..usize::from(self.prefix_len)];
        Prepared {
            key,
            value: text,
            head_crc: checksum::append(checksum::append(0, prefix), key),
            value_crc: checksum::append(0, text),
            ..*self
        }
    }

    /// Bytes of the record with a link of `link` (0: none).
    #[inline]
    pub(crate) fn len(&self, link: u64) -> usize {
        let link_len = if link == 0 { 0 } else { varint::len(link) };
        CRCS_LEN + self.prefix_len as usize + link_len + self.payload as usize
    }

    /// Bytes of the record with the longest link.
    #[inline]
    pub(crate) fn max_len(&self) -> usize {
        CRCS_LEN + self.prefix_len as usize + LINK_MAX_LEN + self.payload as usize
    }

    /// Writes the record for `position` at the front of `out` and gives its length. `continues` on
    /// every record of a commit but its first.
    #[inline(always)]
    pub(crate) fn write(
        &self,
        place: Place,
        position: u64,
        link: u64,
        continues: bool,
        out: &mut [u8],
    ) -> usize {
        let mix = place.mix(position);
        let mut head_crc = self.head_crc;
        let mut at = CRCS_LEN + self.prefix_len as usize;
        out[CRCS_LEN..at].copy_from_slice(&self.prefix[..self.prefix_len as usize]);
        if link != 0 {
            out[CRCS_LEN] |= LINK;
            at += varint::put(link, &mut out[at..]);
            head_crc = link_crc(head_crc, link);
        }
        if continues {
            out[CRCS_LEN] |= CONTINUES;
            head_crc ^= CONTINUES_CRC;
        }
        out[..4].copy_from_slice(&(head_crc ^ mix as u32).to_le_bytes());
        out[4..CRCS_LEN].copy_from_slice(&(self.value_crc ^ (mix >> 32) as u32).to_le_bytes());
        out[at..at + self.key.len()].copy_from_slice(self.key);
        at += self.key.len();
        out[at..at + self.value.len()].copy_from_slice(self.value);
        at + self.value.len()
    }
}
