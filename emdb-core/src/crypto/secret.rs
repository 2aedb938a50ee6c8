//! The key as its user has it, and what it opens.

use std::fmt;
use std::sync::{Arc, Mutex};

use crate::crypto::EncryptionInput;
use crate::crypto::keys::Master;
use crate::crypto::primitive::{Aead, Hidden};
use crate::crypto::{Cipher, KdfParams, primitive};
use crate::error::{Error, Result};
use crate::format::envelope::{Envelope, Stretch};
use crate::os::sync::lock;

/// A user's key or passphrase. Clones share it.
#[derive(Clone)]
pub(crate) struct Secret(Arc<Inner>);

struct Inner {
    is_passphrase: bool,
    bytes: Hidden,
    /// The result of the last stretch, so that making a database and opening it take one.
    last: Mutex<Option<Last>>,
}

/// Salt and work, and what they came to.
type Last = ([u8; 16], Stretch, Arc<Wrapping>);

/// The key that wraps a data key, and the commitment that tells that it is the right one.
struct Wrapping {
    key: Hidden,
    commitment: [u8; 32],
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A data key, and how it is wrapped.
#[derive(Debug, Clone)]
pub(crate) struct Unlocked {
    pub(crate) envelope: Envelope,
    pub(crate) master: Arc<Master>,
}

impl Unlocked {
    /// Unwraps the data key.
    pub(crate) fn open(secret: &Secret, envelope: &Envelope) -> Result<Unlocked> {
        let master = Arc::new(secret.unwrap(envelope)?);
        Ok(Unlocked { envelope: envelope.clone(), master })
    }
}

/// The way a new database is sealed.
#[derive(Debug, Clone)]
pub(crate) struct Sealing {
    pub(crate) secret: Secret,
    pub(crate) cipher: Cipher,
    pub(crate) params: KdfParams,
}

impl Secret {
    pub(crate) fn new(input: EncryptionInput) -> Secret {
        let (is_passphrase, bytes) = input.into_bytes();
        Secret(Arc::new(Inner {
            is_passphrase,
            bytes: primitive::hide(bytes),
            last: Mutex::default(),
        }))
    }

    fn wrapping(&self, salt: [u8; 16], stretch: Stretch) -> Result<Arc<Wrapping>> {
        let mut last = lock(&self.0.last);
        if let Some((_, _, known)) = last.as_ref().filter(|l| (l.0, l.1) == (salt, stretch)) {
            return Ok(known.clone());
        }
        let stretched = match KdfParams::of(stretch) {
            None => None,
            Some(params) => Some(primitive::stretch(&self.0.bytes, &salt, params)?),
        };
        let secret = stretched.as_ref().unwrap_or(&self.0.bytes);
        let derive = |what| primitive::derive(secret, &salt, &[what], 32);
        let key = derive(b"emdb 1 key-encryption key")?;
        let mut commitment = [0; 32];
        commitment.copy_from_slice(&derive(b"emdb 1 key commitment")?);
        let wrapping = Arc::new(Wrapping { key, commitment });
        *last = Some((salt, stretch, wrapping.clone()));
        Ok(wrapping)
    }

    /// The data key in `envelope`.
    fn unwrap(&self, envelope: &Envelope) -> Result<Master> {
        let damaged = |what: &str| Error::EncryptionError(format!("the file's {what}"));
        let cipher = Cipher::of_id(envelope.cipher)
            .ok_or_else(|| damaged("cipher is not known to this version"))?;
        let needs_passphrase = envelope.stretch != Stretch::None;
        if needs_passphrase != self.0.is_passphrase {
            let (has, given) = match needs_passphrase {
                true => ("a passphrase", "a raw key"),
                false => ("a raw key", "a passphrase"),
            };
            return Err(Error::EncryptionError(format!(
                "wrong key: the database was encrypted with {has}, and {given} was given"
            )));
        }
        if KdfParams::of(envelope.stretch).is_some_and(|params| params.check().is_err()) {
            return Err(damaged("Argon2id parameters are out of bounds"));
        }
        let wrapping = self.wrapping(envelope.salt, envelope.stretch)?;
        if !primitive::same(&wrapping.commitment, &envelope.commitment) {
            return Err(Error::EncryptionError(
                "wrong key or passphrase; nothing was changed".to_owned(),
            ));
        }
        let (text, tag) = envelope.wrapped.split_at(32);
        let mut key = primitive::hide(text.to_vec());
        let tag = tag.first_chunk().copied().unwrap_or_default();
        let aead = Aead::new(cipher, &wrapping.key)?;
        if !aead.open([0; 12], &envelope.open_part(), &mut key, &tag) {
            return Err(damaged("wrapped key is not authentic: its header was tampered with"));
        }
        Ok(Master::new(cipher, key))
    }
}

impl Sealing {
    /// A new data key, wrapped.
    pub(crate) fn create(&self) -> Result<Unlocked> {
        let mut key = primitive::hide(vec![0; 32]);
        getrandom::fill(&mut key).map_err(std::io::Error::from)?;
        let master = Arc::new(Master::new(self.cipher, key));
        Ok(Unlocked { envelope: self.wrap(&master)?, master })
    }

    /// Wraps a data key.
    pub(crate) fn wrap(&self, master: &Master) -> Result<Envelope> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(std::io::Error::from)?;
        self.wrap_with(master, salt)
    }

    pub(crate) fn wrap_with(&self, master: &Master, salt: [u8; 16]) -> Result<Envelope> {
        let stretch = if self.secret.0.is_passphrase {
            self.params.check()?;
            self.params.stretch()
        } else {
            Stretch::None
        };
        let wrapping = self.secret.wrapping(salt, stretch)?;
        let mut envelope = Envelope {
            cipher: master.cipher.id(),
            stretch,
            salt,
            commitment: wrapping.commitment,
            wrapped: [0; 48],
        };
        // The wrapping key is of this salt, and so wraps once: the nonce can be constant.
        let mut key = primitive::hide(master.key().to_vec());
        let aead = Aead::new(master.cipher, &wrapping.key)?;
        let tag = aead.seal([0; 12], &envelope.open_part(), &mut key);
        let tag =
            tag.ok_or_else(|| Error::EncryptionError("the key can't be wrapped".to_owned()))?;
        envelope.wrapped[..32].copy_from_slice(&key);
        envelope.wrapped[32..].copy_from_slice(&tag);
        Ok(envelope)
    }
}
