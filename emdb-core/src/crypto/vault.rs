//! Sealing and opening the records of one journal.
//!
//! The nonce is a counter within the session. A session is begun by whoever writes first after an
//! open, in a copy, or after an attempt that failed, with a random salt that no other has; so no
//! pair of key and nonce comes twice, whatever positions do. Counters follow each other in the
//! journal without gaps, which a replay checks.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::crypto::primitive::Aead;
use crate::crypto::sessions::{Session, Sessions};
use crate::crypto::{Keys, Unlocked, tampered};
use crate::error::Result;
use crate::format::image::Salts;
use crate::format::record::{Record, Verb};
use crate::format::sealed;
use crate::format::sealed::{Bound, Decrypted, SALT_LEN, SealedHeader};

/// The keys and sessions that seal and decrypt the records of one journal.
#[derive(Debug)]
pub(crate) struct Vault {
    pub(crate) unlocked: Unlocked,
    pub(crate) keys: Keys,
    pub(crate) generation: u64,
    pub(crate) sessions: Sessions,
    /// The number of the next session.
    pub(crate) next: AtomicU32,
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
        // One whose first commit failed has no record.
        let before = self.sessions.all().filter(|s| s.start < position && !s.is_empty());
        before.map(|session| (session.number, session.start, session.salt)).collect()
    }

    /// Takes in a session that is known to be of this journal; `start` is 0 if it is not known
    /// where it begins. False if it contradicts what is known.
    fn add(&self, number: u32, salt: [u8; SALT_LEN], start: u64) -> bool {
        self.next.fetch_max(number.saturating_add(1), Ordering::AcqRel);
        self.sessions.add(Session::new(number, salt, start))
    }

    /// Takes in the sessions of a checkpoint, if its note in the journal is authentic: then all of
    /// them are of this journal.
    pub(crate) fn take_checkpoint(&self, note: &Record<'_>, sessions: Salts) -> Result<bool> {
        let Some(parts) = SealedHeader::of(note) else { return Ok(false) };
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

    /// The cipher of a session.
    pub(crate) fn aead<'s>(&self, session: &'s Session) -> Result<&'s Aead> {
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

    /// The part of what a seal vouches for that is about its place.
    pub(crate) fn bound_at(&self, position: u64, session: u32, counter: u32) -> Bound<'static> {
        Bound {
            file_id: self.keys.file_id,
            generation: self.generation,
            position,
            session,
            counter,
            kind: 0,
            text_len: 0,
            expiry: None,
            link: 0,
            key: &[],
        }
    }

    fn bound<'r>(&self, record: &Record<'r>, parts: &SealedHeader<'_>) -> Bound<'r> {
        Bound {
            kind: record.kind(),
            text_len: parts.text.len(),
            expiry: record.expiry(),
            link: record.link(),
            key: record.key(),
            ..self.bound_at(record.position(), parts.session, parts.counter)
        }
    }

    /// The record decrypted, if it is the one that was written there.
    pub(crate) fn decrypt(&self, record: &Record<'_>) -> Result<Decrypted> {
        self.try_decrypt(record)?.ok_or_else(|| tampered(record.position(), "a record"))
    }

    /// As [`Vault::decrypt`]; none if it is not.
    pub(crate) fn try_decrypt(&self, record: &Record<'_>) -> Result<Option<Decrypted>> {
        let Some(parts) = SealedHeader::of(record) else { return Ok(None) };
        let session = self.sessions.get(parts.session).filter(|s| s.holds(record.position()));
        let Some(session) = session else { return Ok(None) };
        let bound = self.bound(record, &parts).bytes();
        let mut text = parts.text.to_vec();
        let aead = self.aead(session)?;
        if !aead.open(nonce(parts.counter), &bound, &mut text, &parts.tag) {
            return Ok(None);
        }
        Ok(Decrypted::of(text))
    }

    /// Whether a mark is what was written there.
    pub(crate) fn is_mark_whole(&self, record: &Record<'_>) -> Result<bool> {
        let Some(parts) = SealedHeader::of(record) else { return Ok(false) };
        match self.sessions.get(parts.session).filter(|s| s.holds(record.position())) {
            Some(session) => self.is_open_text_whole(record, &parts, self.aead(session)?),
            None => Ok(false),
        }
    }

    fn is_open_text_whole(
        &self,
        record: &Record<'_>,
        parts: &SealedHeader<'_>,
        aead: &Aead,
    ) -> Result<bool> {
        let mut bound = self.bound(record, parts).bytes().to_vec();
        bound.extend_from_slice(parts.text);
        Ok(aead.open(nonce(parts.counter), &bound, &mut [], &parts.tag))
    }

    /// Takes in the session that `record` begins, if that is what it does and it is authentic.
    /// Gives its number.
    pub(crate) fn take_session(&self, record: &Record<'_>) -> Result<Option<u32>> {
        let Some(parts) = SealedHeader::of(record).filter(|_| sealed::is_session(record)) else {
            return Ok(None);
        };
        let Some(&salt) = parts.text.first_chunk::<SALT_LEN>() else { return Ok(None) };
        self.take_salt(record, &parts, salt, record.position())
    }

    /// The same of a sync mark, which has the salt of its session as well.
    pub(crate) fn take_session_of_mark(&self, record: &Record<'_>) -> Result<Option<u32>> {
        let Some(parts) = SealedHeader::of(record) else { return Ok(None) };
        let Some(&salt) = parts.text.last_chunk::<SALT_LEN>() else { return Ok(None) };
        self.take_salt(record, &parts, salt, 0)
    }

    fn take_salt(
        &self,
        record: &Record<'_>,
        parts: &SealedHeader<'_>,
        salt: [u8; SALT_LEN],
        start: u64,
    ) -> Result<Option<u32>> {
        let aead = self.keys.session(self.generation, parts.session, &salt)?;
        if !self.is_open_text_whole(record, parts, &aead)? {
            return Ok(None);
        }
        Ok(self.add(parts.session, salt, start).then_some(parts.session))
    }
}

pub(crate) fn nonce(counter: u32) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&counter.to_le_bytes());
    nonce
}

/// Lets records in, one after the other as they lie in the journal: each has to be authentic, and
/// the next one of its session.
#[derive(Debug)]
pub(crate) struct ReplayAuthenticator<'v> {
    vault: &'v Vault,
    /// The session, and the counter of the next record.
    at: Option<(u32, u32)>,
}

impl<'v> ReplayAuthenticator<'v> {
    /// From the start of a journal, or behind `last`, which is authentic.
    pub(crate) fn new(vault: &'v Vault, last: Option<&Record<'_>>) -> ReplayAuthenticator<'v> {
        ReplayAuthenticator {
            vault,
            at: last.and_then(SealedHeader::of).and_then(|parts| behind(&parts)),
        }
    }

    /// Lets the next record in, and gives what is in it; nothing is in a mark.
    pub(crate) fn authenticate(&mut self, record: &Record<'_>) -> Result<Option<Decrypted>> {
        let refused = || tampered(record.position(), "a record");
        if sealed::is_session(record) {
            let number = self.vault.take_session(record)?.ok_or_else(refused)?;
            if self.at.is_some_and(|(last, _)| number <= last) {
                return Err(refused());
            }
            self.at = Some((number, 1));
            return Ok(None);
        }
        let parts = SealedHeader::of(record).ok_or_else(refused)?;
        if self.at != Some((parts.session, parts.counter)) {
            return Err(refused());
        }
        self.at = behind(&parts);
        if record.verb() != Verb::Mark {
            return self.vault.decrypt(record).map(Some);
        }
        if self.vault.is_mark_whole(record)? { Ok(None) } else { Err(refused()) }
    }
}

/// Session and counter of the record behind one.
fn behind(parts: &SealedHeader<'_>) -> Option<(u32, u32)> {
    Some((parts.session, parts.counter.checked_add(1)?))
}
