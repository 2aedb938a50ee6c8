//! Sealing and opening the records of one journal.
//!
//! The nonce is a counter within the session. A session is begun by whoever writes first after an
//! open, in a copy, or after an attempt that failed, with a random salt that no other has; so no
//! pair of key and nonce comes twice, whatever positions do. Counters follow each other in the
//! journal without gaps, which a replay checks.

use std::sync::atomic::{AtomicU32, Ordering};

use super::primitive::Aead;
use super::sessions::{Session, Sessions};
use super::{Keys, Unlocked, tampered};
use crate::error::{Error, Result};
use crate::format::image::Salts;
use crate::format::place::Place;
use crate::format::record::{Prepared, Record, Verb};
use crate::format::sealed::{self, Bound, Opened, Parts, SALT, SESSION_KEY, SESSION_LEN, TRAILER};

/// Records and bytes after which a session ends, far below where a key would wear out (NIST SP
/// 800-38D, section 8). Tests want to see it happen.
const RECORDS: u32 = if cfg!(test) { 5000 } else { u32::MAX - 1 };
const BYTES: u64 = 64 << 30;

/// What seals and opens the records of one journal.
#[derive(Debug)]
pub(crate) struct Vault {
    pub(crate) unlocked: Unlocked,
    pub(crate) keys: Keys,
    pub(crate) generation: u64,
    sessions: Sessions,
    /// The number of the next session.
    next: AtomicU32,
}

impl Vault {
    pub(crate) fn new(unlocked: &Unlocked, file_id: [u8; 16], generation: u64) -> Result<Vault> {
        Ok(Vault {
            keys: Keys::new(unlocked.master.clone(), file_id)?,
            unlocked: unlocked.clone(),
            generation,
            sessions: Sessions::new(),
            next: AtomicU32::new(0),
        })
    }

    /// The sessions that began before `position`, by their numbers: where, and with which salt.
    pub(crate) fn salts(&self, position: u64) -> Salts {
        let before = self.sessions.all().filter(|session| session.start < position);
        before.map(|session| (session.number, session.start, session.salt)).collect()
    }

    /// Takes in a session that is known to be of this journal; `start` is 0 if it is not known
    /// where it begins. False if it contradicts what is known.
    fn add(&self, number: u32, salt: [u8; SALT], start: u64) -> bool {
        self.next.fetch_max(number.saturating_add(1), Ordering::AcqRel);
        self.sessions.add(Session::new(number, salt, start))
    }

    /// Takes in the sessions of a checkpoint, if its note in the journal is authentic: then all of
    /// them are of this journal.
    pub(crate) fn take_checkpoint(&self, note: &Record<'_>, sessions: Salts) -> Result<bool> {
        let Some(parts) = Parts::of(note) else { return Ok(false) };
        let Some(session) = sessions.iter().find(|s| s.0 == parts.session) else {
            return Ok(false);
        };
        let aead = self.keys.session(self.generation, session.0, &session.2)?;
        let ascending = sessions.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1);
        let before = sessions.iter().all(|s| s.1 < note.position());
        if !ascending || !before || !self.is_open_text_whole(note, &parts, &aead)? {
            return Ok(false);
        }
        let mut sessions = sessions.into_iter();
        Ok(sessions.all(|(number, start, salt)| self.add(number, salt, start)))
    }

    fn aead<'s>(&self, session: &'s Session) -> Result<&'s Aead> {
        if let Some(aead) = session.aead.get() {
            return Ok(aead);
        }
        let aead = self.keys.session(self.generation, session.number, &session.salt)?;
        Ok(session.aead.get_or_init(|| aead))
    }

    /// Whether a session of this number has been taken in.
    pub(crate) fn knows(&self, number: u32) -> bool {
        self.sessions.get(number).is_some()
    }

    fn bound<'r>(&self, record: &Record<'r>, parts: &Parts<'_>) -> Bound<'r> {
        Bound {
            file_id: self.keys.file_id,
            generation: self.generation,
            position: record.position(),
            session: parts.session,
            counter: parts.counter,
            kind: record.kind(),
            text_len: parts.text.len(),
            expiry: record.expiry(),
            link: record.link(),
            key: record.key(),
        }
    }

    /// What is in the record, if it is what was written there.
    pub(crate) fn open(&self, record: &Record<'_>) -> Result<Opened> {
        self.try_open(record)?.ok_or_else(|| tampered(record.position(), "a record"))
    }

    /// As [`Vault::open`]; none if it is not.
    pub(crate) fn try_open(&self, record: &Record<'_>) -> Result<Option<Opened>> {
        let Some(parts) = Parts::of(record) else { return Ok(None) };
        let session = self.sessions.get(parts.session).filter(|s| s.holds(record.position()));
        let Some(session) = session else { return Ok(None) };
        let bound = self.bound(record, &parts).bytes();
        let mut text = parts.text.to_vec();
        let aead = self.aead(session)?;
        if !aead.open(nonce(parts.counter), &bound, &mut text, &parts.tag) {
            return Ok(None);
        }
        Ok(Opened::of(text))
    }

    /// Whether a mark is what was written there.
    pub(crate) fn is_mark_whole(&self, record: &Record<'_>) -> Result<bool> {
        let Some(parts) = Parts::of(record) else { return Ok(false) };
        match self.sessions.get(parts.session).filter(|s| s.holds(record.position())) {
            Some(session) => self.is_open_text_whole(record, &parts, self.aead(session)?),
            None => Ok(false),
        }
    }

    fn is_open_text_whole(
        &self,
        record: &Record<'_>,
        parts: &Parts<'_>,
        aead: &Aead,
    ) -> Result<bool> {
        let mut bound = self.bound(record, parts).bytes().to_vec();
        bound.extend_from_slice(parts.text);
        Ok(aead.open(nonce(parts.counter), &bound, &mut [], &parts.tag))
    }

    /// Takes in the session that `record` begins, if that is what it does and it is authentic.
    /// Gives its number.
    pub(crate) fn take_session(&self, record: &Record<'_>) -> Result<Option<u32>> {
        let Some(parts) = Parts::of(record).filter(|_| sealed::is_session(record)) else {
            return Ok(None);
        };
        let Some(&salt) = parts.text.first_chunk::<SALT>() else { return Ok(None) };
        self.take_salt(record, &parts, salt, record.position())
    }

    /// The same of a sync mark, which has the salt of its session as well.
    pub(crate) fn take_session_of_mark(&self, record: &Record<'_>) -> Result<Option<u32>> {
        let Some(parts) = Parts::of(record) else { return Ok(None) };
        let Some(&salt) = parts.text.last_chunk::<SALT>() else { return Ok(None) };
        self.take_salt(record, &parts, salt, 0)
    }

    fn take_salt(
        &self,
        record: &Record<'_>,
        parts: &Parts<'_>,
        salt: [u8; SALT],
        start: u64,
    ) -> Result<Option<u32>> {
        let aead = self.keys.session(self.generation, parts.session, &salt)?;
        if !self.is_open_text_whole(record, parts, &aead)? {
            return Ok(None);
        }
        Ok(self.add(parts.session, salt, start).then_some(parts.session))
    }
}

fn nonce(counter: u32) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&counter.to_le_bytes());
    nonce
}

/// Lets records in, one after the other as they lie in the journal: each has to be authentic, and
/// the next one of its session.
#[derive(Debug)]
pub(crate) struct Admission<'v> {
    vault: &'v Vault,
    /// The session, and the counter of the next record.
    at: Option<(u32, u32)>,
}

impl<'v> Admission<'v> {
    /// From the start of a journal, or behind `last`, which is authentic.
    pub(crate) fn new(vault: &'v Vault, last: Option<&Record<'_>>) -> Admission<'v> {
        Admission { vault, at: last.and_then(Parts::of).and_then(|parts| behind(&parts)) }
    }

    /// Lets the next record in, and gives what is in it; nothing is in a mark.
    pub(crate) fn admit(&mut self, record: &Record<'_>) -> Result<Option<Opened>> {
        let refused = || tampered(record.position(), "a record");
        if sealed::is_session(record) {
            let number = self.vault.take_session(record)?.ok_or_else(refused)?;
            if self.at.is_some_and(|(last, _)| number <= last) {
                return Err(refused());
            }
            self.at = Some((number, 1));
            return Ok(None);
        }
        let parts = Parts::of(record).ok_or_else(refused)?;
        if self.at != Some((parts.session, parts.counter)) {
            return Err(refused());
        }
        self.at = behind(&parts);
        if record.verb() != Verb::Mark {
            return self.vault.open(record).map(Some);
        }
        if self.vault.is_mark_whole(record)? { Ok(None) } else { Err(refused()) }
    }
}

/// Session and counter of the record behind one.
fn behind(parts: &Parts<'_>) -> Option<(u32, u32)> {
    Some((parts.session, parts.counter.checked_add(1)?))
}

/// What stands around a record.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Framing {
    pub(crate) namespace: u32,
    pub(crate) expiry: Option<u64>,
    /// The distance to what it replaces, or 0.
    pub(crate) link: u64,
    /// Whether it is not the first of its commit.
    pub(crate) continues: bool,
}

/// What the end of a journal needs for sealing.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    current: Option<Current>,
    text: Vec<u8>,
}

#[derive(Debug)]
struct Current {
    number: u32,
    salt: [u8; SALT],
    /// That of the next record. The first is that of the record which begins the session.
    counter: u32,
    bytes: u64,
    /// The session itself, until it begins.
    session: Option<Session>,
}

impl Writer {
    /// Makes ready to seal `records` of about `bytes` together. Gives the bytes that are needed
    /// beside those, for a record that begins a session.
    pub(crate) fn prepare(&mut self, vault: &Vault, records: usize, bytes: usize) -> Result<usize> {
        let lasts = |current: &Current| {
            u64::from(current.counter) + records as u64 <= u64::from(RECORDS)
                && current.bytes.saturating_add(bytes as u64) <= BYTES
        };
        if !self.current.as_ref().is_some_and(lasts) {
            let mut salt = [0; SALT];
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
    #[cfg(test)]
    pub(super) fn with_salt(vault: &Vault, salt: [u8; SALT]) -> Writer {
        let session = Some(Session::new(0, salt, 0));
        vault.aead(session.as_ref().unwrap()).unwrap();
        let current = Some(Current { number: 0, salt, counter: 0, bytes: 0, session });
        Writer { current, text: Vec::new() }
    }

    /// What was sealed last may not be in the journal: counters must not follow on it, nor come
    /// again.
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
        self.write_open((vault, place), position, (SESSION_KEY, &salt), out)
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
            file_id: vault.keys.file_id,
            generation: vault.generation,
            position,
            session,
            counter,
            kind: prepared.kind(link, continues),
            text_len: text.len(),
            expiry,
            link,
            key: prepared.stored_key(),
        };
        let tag = self.seal(vault, session, counter, &bound.bytes(), &mut text);
        text.extend_from_slice(&Parts::trailer(session, counter, tag));
        let len = prepared.around(&text).write(place, position, link, continues, out);
        // A buffer of this size is seldom needed again.
        if text.capacity() > 1 << 20 {
            text = Vec::new();
        }
        self.text = text;
        len
    }

    /// Writes a mark, whose text is open, and gives its length.
    pub(crate) fn write_mark(
        &mut self,
        (vault, place): (&Vault, Place),
        position: u64,
        (key, text): (&[u8], &[u8]),
        out: &mut [u8],
    ) -> usize {
        self.write_open((vault, place), position, (key, text), out)
    }

    /// The salt of the session, for marks.
    pub(crate) fn salt(&self) -> [u8; SALT] {
        self.current.as_ref().map_or([0; SALT], |current| current.salt)
    }

    fn write_open(
        &mut self,
        (vault, place): (&Vault, Place),
        position: u64,
        (key, text): (&[u8], &[u8]),
        out: &mut [u8],
    ) -> usize {
        let mut value = Vec::with_capacity(text.len() + TRAILER);
        value.extend_from_slice(text);
        let (session, counter) = self.next(0);
        let bound = Bound {
            file_id: vault.keys.file_id,
            generation: vault.generation,
            position,
            session,
            counter,
            kind: Prepared::new(Verb::Mark, true, 0, key, &[], None).kind(0, false),
            text_len: text.len(),
            expiry: None,
            link: 0,
            key,
        };
        let mut bytes = bound.bytes().to_vec();
        bytes.extend_from_slice(text);
        let tag = self.seal(vault, session, counter, &bytes, &mut []);
        value.extend_from_slice(&Parts::trailer(session, counter, tag));
        Prepared::new(Verb::Mark, true, 0, key, &value, None).write(place, position, 0, false, out)
    }

    /// The session and counter of the next record. [`Writer::prepare`] has seen to it that there
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
