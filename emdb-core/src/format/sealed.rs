//! Records of an encrypted file: what is inside of one, what stands outside, and what the seal
//! vouches for.
//!
//! A sealed record is a record whose key is the fingerprint of namespace and key (nothing, for
//! what is about a namespace) and whose value is
//!
//! ```text
//! text | session u32 | counter u32 | tag
//! ```
//!
//! The text is encrypted: value, key, the key's length (u16), namespace (u32). That of a mark is
//! open, and the seal vouches for it.

use std::fmt;

use crate::format::limits::{INNER_LEN, TRAILER_LEN};
use crate::format::prepared::Prepared;
use crate::format::record::{Record, Verb};

/// The bytes that a seal vouches for beside the text: see [`Bound::bytes`].
pub(crate) const BOUND_LEN: usize = 78;

/// The key and the length of the text of a record that begins a session: the session's salt.
pub(crate) const SESSION_KEY: &[u8] = b"S";
pub(crate) const SALT_LEN: usize = 16;

/// The longest record that begins a session.
pub(crate) const SESSION_LEN: usize = 11 + 1 + SALT_LEN + TRAILER_LEN;

/// Everything about a record that its seal vouches for, but for its text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound<'a> {
    pub(crate) file_id: [u8; 16],
    pub(crate) generation: u64,
    pub(crate) position: u64,
    pub(crate) session: u32,
    pub(crate) counter: u32,
    pub(crate) kind: u8,
    pub(crate) text_len: usize,
    pub(crate) expiry: Option<u64>,
    pub(crate) link: u64,
    /// At most 16 bytes.
    pub(crate) key: &'a [u8],
}

impl Bound<'_> {
    pub(crate) fn bytes(&self) -> [u8; BOUND_LEN] {
        let mut out = [0; BOUND_LEN];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&self.file_id);
        put(&self.generation.to_le_bytes());
        put(&self.position.to_le_bytes());
        put(&self.session.to_le_bytes());
        put(&self.counter.to_le_bytes());
        put(&[self.kind]);
        put(&(self.text_len as u32).to_le_bytes());
        put(&self.expiry.unwrap_or(0).to_le_bytes());
        put(&self.link.to_le_bytes());
        let key = &self.key[..self.key.len().min(16)];
        put(&[key.len() as u8]);
        put(key);
        out
    }
}

/// The parts of a sealed record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SealedHeader<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) session: u32,
    pub(crate) counter: u32,
    pub(crate) tag: [u8; 16],
}

impl<'a> SealedHeader<'a> {
    /// None of what can't be sealed.
    pub(crate) fn of(record: &Record<'a>) -> Option<SealedHeader<'a>> {
        if record.key().len() > 16 {
            return None;
        }
        let (text, trailer) = record.value().split_last_chunk::<TRAILER_LEN>()?;
        let (session, rest) = trailer.split_first_chunk::<4>()?;
        let (counter, tag) = rest.split_first_chunk::<4>()?;
        Some(SealedHeader {
            text,
            session: u32::from_le_bytes(*session),
            counter: u32::from_le_bytes(*counter),
            tag: *tag.first_chunk::<16>()?,
        })
    }

    /// Whether a record of this form can be sealed, whatever is in it.
    pub(crate) fn fit(record: &Record<'_>) -> bool {
        let (key_len, value_len) = (record.key().len(), record.value().len());
        record.namespace() == 0
            && match record.verb() {
                Verb::Mark => value_len >= SALT_LEN + TRAILER_LEN,
                Verb::Put | Verb::Remove => key_len == 16 && value_len >= INNER_LEN + TRAILER_LEN,
                Verb::Create | Verb::Clear | Verb::Drop | Verb::Configure => {
                    key_len == 0 && value_len >= INNER_LEN + TRAILER_LEN
                }
            }
    }

    pub(crate) fn trailer(session: u32, counter: u32, tag: [u8; 16]) -> [u8; TRAILER_LEN] {
        let mut out = [0; TRAILER_LEN];
        out[..4].copy_from_slice(&session.to_le_bytes());
        out[4..8].copy_from_slice(&counter.to_le_bytes());
        out[8..].copy_from_slice(&tag);
        out
    }
}

/// The text of a record, before it is encrypted, into an empty buffer.
pub(crate) fn put_text(prepared: &Prepared<'_>, namespace: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(prepared.value);
    out.extend_from_slice(prepared.key);
    out.extend_from_slice(&(prepared.key.len() as u16).to_le_bytes());
    out.extend_from_slice(&namespace.to_le_bytes());
}

/// The decrypted content of a sealed record.
#[derive(Clone)]
pub(crate) struct Decrypted {
    bytes: Vec<u8>,
    value_len: usize,
    key_len: usize,
    pub(crate) namespace: u32,
}

impl fmt::Debug for Decrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nothing that is sealed is shown.
        f.debug_struct("Decrypted").field("len", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl Decrypted {
    /// Makes sense of a text that was decrypted.
    pub(crate) fn of(bytes: Vec<u8>) -> Option<Decrypted> {
        let (rest, inner) = bytes.split_last_chunk::<INNER_LEN>()?;
        let (key_len, namespace) = inner.split_first_chunk::<2>()?;
        let key_len = usize::from(u16::from_le_bytes(*key_len));
        let namespace = u32::from_le_bytes(*namespace.first_chunk::<4>()?);
        let value_len = rest.len().checked_sub(key_len)?;
        Some(Decrypted { bytes, value_len, key_len, namespace })
    }

    /// Bytes in memory.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.bytes[self.value_len..self.value_len + self.key_len]
    }

    pub(crate) fn value(&self) -> &[u8] {
        &self.bytes[..self.value_len]
    }

    pub(crate) fn into_value(mut self) -> Vec<u8> {
        self.bytes.truncate(self.value_len);
        self.bytes
    }

    pub(crate) fn into_key(mut self) -> Vec<u8> {
        self.bytes.truncate(self.value_len + self.key_len);
        self.bytes.split_off(self.value_len)
    }
}

/// Whether the record begins a session.
pub(crate) fn is_session(record: &Record<'_>) -> bool {
    record.verb() == Verb::Mark && record.key() == SESSION_KEY
}
