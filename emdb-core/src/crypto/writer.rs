//! Sealing the records that go to the end of a journal.

use std::sync::atomic::Ordering;

use crate::crypto::Vault;
use crate::crypto::sessions::Session;
use crate::crypto::vault::nonce;
use crate::error::{Error, Result};
use crate::format::limits::TRAILER_LEN;
use crate::format::place::Place;
use crate::format::prepared::Prepared;
use crate::format::record::Verb;
use crate::format::sealed;
use crate::format::sealed::{Bound, SALT_LEN, SESSION_KEY, SESSION_LEN, SealedHeader};

/// Records and bytes after which a session ends, far below where a key would wear out (NIST SP
/// 800-38D, section 8). Tests want to see it happen.
const SESSION_MAX_RECORDS: u32 = if cfg!(test) { 5000 } else { u32::MAX - 1 };
const SESSION_MAX_BYTES: u64 = 64 << 30;

/// The parts of a record beside its key and value.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Framing {
    pub(crate) namespace: u32,
    pub(crate) expiry: Option<u64>,
    /// The distance to what it replaces, or 0.
    pub(crate) link: u64,
    /// Whether it is not the first of its commit.
    pub(crate) continues: bool,
}

/// The writer of sessions at the end of a journal.
#[derive(Debug, Default)]
pub(crate) struct SessionWriter {
    current: Option<Current>,
    text: Vec<u8>,
}

#[derive(Debug)]
struct Current {
    number: u32,
    salt: [u8; SALT_LEN],
    /// That of the next record. The first is that of the record which begins the session.
    counter: u32,
    bytes: u64,
    /// The session itself, until it begins.
    session: Option<Session>,
}

impl SessionWriter {
    /// Makes ready to seal `records` of about `bytes` together. Gives the bytes that are needed
    /// beside those, for a record that begins a session.
    pub(crate) fn prepare(&mut self, vault: &Vault, records: usize, bytes: usize) -> Result<usize> {
        let lasts = |current: &Current| {
            u64::from(current.counter) + records as u64 <= u64::from(SESSION_MAX_RECORDS)
                && current.bytes.saturating_add(bytes as u64) <= SESSION_MAX_BYTES
        };
        if !self.current.as_ref().is_some_and(lasts) {
            let mut salt = [0; SALT_LEN];
            getrandom::fill(&mut salt).map_err(std::io::Error::from)?;
            let number = vault.next.load(Ordering::Acquire);
            if number == u32::MAX {
                return Err(worn());
            }
            let session = Session::new(number, salt, 0);
            // So that nothing can fail any more when the time has come.
            vault.aead(&session)?;
            let session = Some(session);
            self.current = Some(Current { number, salt, counter: 0, bytes: 0, session });
        }
        let begins = self.current.as_ref().is_some_and(|current| current.session.is_some());
        Ok(if begins { SESSION_LEN } else { 0 })
    }

    /// One whose session is known beforehand.
    #[cfg(all(test, feature = "encrypt"))]
    pub(crate) fn with_salt(vault: &Vault, salt: [u8; SALT_LEN]) -> Result<SessionWriter> {
        let session = Session::new(0, salt, 0);
        vault.aead(&session)?;
        let session = Some(session);
        let current = Some(Current { number: 0, salt, counter: 0, bytes: 0, session });
        Ok(SessionWriter { current, text: Vec::new() })
    }

    /// Gives the session up: the record sealed last may not be in the journal, so counters must
    /// neither follow on its own nor come again.
    pub(crate) fn abandon(&mut self) {
        self.current = None;
    }

    /// Writes the record that begins the session, if that is to begin; gives its length.
    pub(crate) fn begin(
        &mut self,
        vault: &Vault,
        place: Place,
        position: u64,
        out: &mut [u8],
    ) -> usize {
        let Some(current) = &mut self.current else { return 0 };
        let Some(session) = current.session.take() else { return 0 };
        let salt = current.salt;
        vault.next.fetch_max(current.number + 1, Ordering::AcqRel);
        vault.sessions.add(session.begun_at(position));
        self.write_mark((vault, place), position, (SESSION_KEY, &salt), out)
    }

    /// Writes a record, sealed, and gives its length.
    pub(crate) fn write(
        &mut self,
        (vault, place): (&Vault, Place),
        position: u64,
        prepared: &Prepared<'_>,
        Framing { namespace, expiry, link, continues }: Framing,
        out: &mut [u8],
    ) -> usize {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        sealed::put_text(prepared, namespace, &mut text);
        let (session, counter) = self.next(text.len());
        let bound = Bound {
            kind: prepared.kind(link, continues),
            text_len: text.len(),
            expiry,
            link,
            key: prepared.stored_key(),
            ..vault.bound_at(position, session, counter)
        };
        let tag = self.seal(vault, session, counter, &bound.bytes(), &mut text);
        text.extend_from_slice(&SealedHeader::trailer(session, counter, tag));
        let len = prepared.around(&text).write(place, position, link, continues, out);
        // A buffer of this size is seldom needed again.
        if text.capacity() > 1 << 20 {
            text = Vec::new();
        }
        self.text = text;
        len
    }

    /// The salt of the session, for marks.
    pub(crate) fn salt(&self) -> [u8; SALT_LEN] {
        self.current.as_ref().map_or([0; SALT_LEN], |current| current.salt)
    }

    /// Writes a mark, whose text is open, and gives its length.
    pub(crate) fn write_mark(
        &mut self,
        (vault, place): (&Vault, Place),
        position: u64,
        (key, text): (&[u8], &[u8]),
        out: &mut [u8],
    ) -> usize {
        let mut value = Vec::with_capacity(text.len() + TRAILER_LEN);
        value.extend_from_slice(text);
        let (session, counter) = self.next(0);
        let kind = Prepared::new(Verb::Mark, true, 0, key, &[], None).kind(0, false);
        let at = vault.bound_at(position, session, counter);
        let bound = Bound { kind, text_len: text.len(), key, ..at };
        let mut bytes = bound.bytes().to_vec();
        bytes.extend_from_slice(text);
        let tag = self.seal(vault, session, counter, &bytes, &mut []);
        value.extend_from_slice(&SealedHeader::trailer(session, counter, tag));
        Prepared::new(Verb::Mark, true, 0, key, &value, None).write(place, position, 0, false, out)
    }

    /// The session and counter of the next record. [`SessionWriter::prepare`] has seen to it that there
    /// is one.
    fn next(&mut self, bytes: usize) -> (u32, u32) {
        let Some(current) = &mut self.current else { return (u32::MAX, u32::MAX) };
        let counter = current.counter;
        current.counter += 1;
        current.bytes += bytes as u64;
        (current.number, counter)
    }

    fn seal(
        &self,
        vault: &Vault,
        session: u32,
        counter: u32,
        bound: &[u8],
        text: &mut [u8],
    ) -> [u8; 16] {
        let aead = vault.sessions.get(session).and_then(|session| vault.aead(session).ok());
        // Both are there: `prepare` has made them. Should they not be, nothing is shown.
        let sealed = aead.and_then(|aead| aead.seal(nonce(counter), bound, text));
        sealed.unwrap_or_else(|| {
            text.fill(0);
            [0; 16]
        })
    }
}

fn worn() -> Error {
    Error::EncryptionError("the file has begun as many sessions as it can; compact it".to_owned())
}
