//! The primitives, by the crates of the RustCrypto project.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::ChaCha20Poly1305;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::crypt::{Cipher, KdfParams};
use crate::error::{Error, Result};

/// Bytes that are overwritten when they go.
pub(crate) type Hidden = Zeroizing<Vec<u8>>;

/// A tag that authenticates.
pub(crate) type Tag = [u8; 16];

/// An authenticated cipher with its key.
pub(crate) enum Aead {
    Aes(Box<Aes256Gcm>),
    ChaCha(Box<ChaCha20Poly1305>),
}

impl Aead {
    pub(crate) fn new(cipher: Cipher, key: &[u8]) -> Result<Aead> {
        let bad = |_| Error::EncryptionError("a key has another length".to_owned());
        Ok(match cipher {
            Cipher::Aes256Gcm => Aead::Aes(Box::new(Aes256Gcm::new_from_slice(key).map_err(bad)?)),
            Cipher::ChaCha20Poly1305 => {
                Aead::ChaCha(Box::new(ChaCha20Poly1305::new_from_slice(key).map_err(bad)?))
            }
        })
    }

    /// Encrypts `text` in place. No nonce comes twice. None if the text is longer than the cipher
    /// takes, far beyond what a record may be.
    pub(crate) fn seal(&self, nonce: [u8; 12], aad: &[u8], text: &mut [u8]) -> Option<Tag> {
        let sealed = match self {
            Aead::Aes(aes) => aes.encrypt_inout_detached(&nonce.into(), aad, text.into()),
            Aead::ChaCha(chacha) => chacha.encrypt_inout_detached(&nonce.into(), aad, text.into()),
        };
        sealed.ok().map(Into::into)
    }

    /// Decrypts `text` in place; tells whether it is authentic. If not, nothing is decrypted.
    pub(crate) fn open(&self, nonce: [u8; 12], aad: &[u8], text: &mut [u8], tag: &Tag) -> bool {
        let (nonce, tag) = ((&nonce).into(), tag.into());
        match self {
            Aead::Aes(aes) => aes.decrypt_inout_detached(nonce, aad, text.into(), tag),
            Aead::ChaCha(chacha) => chacha.decrypt_inout_detached(nonce, aad, text.into(), tag),
        }
        .is_ok()
    }
}

/// A keyed function that nobody can tell from chance without the key: HMAC-SHA-256 (RFC 2104).
pub(crate) struct Prf(Hmac<Sha256>);

impl Prf {
    pub(crate) fn new(key: &[u8]) -> Result<Prf> {
        let keyed = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key);
        keyed.map(Prf).map_err(|_| Error::EncryptionError("a key has another length".to_owned()))
    }

    /// The first 128 bits for the concatenation of `parts`.
    pub(crate) fn of(&self, parts: &[&[u8]]) -> Tag {
        let mut mac = self.0.clone();
        parts.iter().for_each(|part| mac.update(part));
        let (front, _) = mac.finalize().into_bytes().split_first_chunk().map_or_else(
            // SHA-256 gives 32 bytes.
            || ([0; 16], ()),
            |(front, _)| (*front, ()),
        );
        front
    }
}

/// HKDF-SHA-256 (RFC 5869).
pub(crate) fn derive(secret: &[u8], salt: &[u8], info: &[&[u8]], len: usize) -> Result<Hidden> {
    let mut out = Zeroizing::new(vec![0; len]);
    Hkdf::<Sha256>::new(Some(salt), secret)
        .expand_multi_info(info, &mut out)
        .map_err(|_| Error::EncryptionError("a key of that length can't be derived".to_owned()))?;
    Ok(out)
}

/// Argon2id (RFC 9106).
pub(crate) fn stretch(passphrase: &[u8], salt: &[u8], params: KdfParams) -> Result<Hidden> {
    let bad = |e| Error::EncryptionError(format!("the passphrase can't be stretched: {e}"));
    let (memory, passes, lanes) = (params.memory_kib(), params.passes(), params.lanes());
    let params = Params::new(memory, passes, lanes, Some(32)).map_err(bad)?;
    let mut out = Zeroizing::new(vec![0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase, salt, &mut out)
        .map_err(bad)?;
    Ok(out)
}

/// Whether two are the same, in a time that doesn't tell where they differ.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Bytes to be overwritten when they go.
pub(crate) fn hide(bytes: Vec<u8>) -> Hidden {
    Zeroizing::new(bytes)
}

/// Overwrites a secret.
pub(crate) fn wipe(secret: &mut (impl zeroize::Zeroize + ?Sized)) {
    secret.zeroize();
}
