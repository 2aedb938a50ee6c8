//! The data key of a database, and those of one file that are derived from it.

use std::fmt;
use std::sync::Arc;

use crate::crypto::primitive::{Aead, Hidden, Prf, Tag};
use crate::crypto::{Cipher, primitive};
use crate::error::Result;
use crate::format::header::Sign;

/// The data key.
pub(crate) struct Master {
    pub(crate) cipher: Cipher,
    key: Hidden,
}

impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Master").field("cipher", &self.cipher).finish_non_exhaustive()
    }
}

impl Master {
    pub(crate) fn new(cipher: Cipher, key: Hidden) -> Master {
        Master { cipher, key }
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    fn derive(&self, salt: &[u8], info: &[&[u8]]) -> Result<Hidden> {
        primitive::derive(&self.key, salt, info, 32)
    }
}

/// The keys of one file.
pub(crate) struct Keys {
    pub(crate) master: Arc<Master>,
    pub(crate) file_id: [u8; 16],
    fingerprints: Prf,
    headers: Prf,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("master", &self.master).finish_non_exhaustive()
    }
}

impl Keys {
    pub(crate) fn new(master: Arc<Master>, file_id: [u8; 16]) -> Result<Keys> {
        let fingerprints = Prf::new(&master.derive(&file_id, &[b"emdb 1 fingerprints"])?)?;
        let headers = Prf::new(&master.derive(&file_id, &[b"emdb 1 headers"])?)?;
        Ok(Keys { master, file_id, fingerprints, headers })
    }

    /// The tag that stands for `key` in the namespace whose incarnation is `namespace`.
    #[inline]
    pub(crate) fn fingerprint(&self, namespace: u32, key: &[u8]) -> Tag {
        self.fingerprints.of(&[&namespace.to_le_bytes(), key])
    }

    /// The cipher of a session of the journal.
    pub(crate) fn session(&self, generation: u64, number: u32, salt: &[u8]) -> Result<Aead> {
        self.aead(b"emdb 1 session", generation, &number.to_le_bytes(), salt)
    }

    /// The cipher of a checkpoint.
    pub(crate) fn image(&self, generation: u64, salt: &[u8]) -> Result<Aead> {
        self.aead(b"emdb 1 checkpoint", generation, &[], salt)
    }

    fn aead(&self, what: &[u8], generation: u64, number: &[u8], salt: &[u8]) -> Result<Aead> {
        let cipher = self.master.cipher;
        let generation = generation.to_le_bytes();
        let info = [what, &[cipher.id()], &self.file_id, &generation, number];
        Aead::new(cipher, &self.master.derive(salt, &info)?)
    }
}

impl Sign for Keys {
    fn sign(&self, slot: &[u8]) -> Tag {
        self.headers.of(&[slot])
    }

    fn is_same(&self, slot: &[u8], other: &[u8]) -> bool {
        primitive::same(slot, other)
    }
}
