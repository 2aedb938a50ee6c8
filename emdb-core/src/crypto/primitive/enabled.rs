//! The primitives, by the crates of the RustCrypto project.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use chacha20poly1305::ChaCha20Poly1305;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::crypto::{Cipher, KdfParams};
use crate::error::{Error, Result};

/// Bytes that are overwritten when they go.
pub(crate) type Hidden = Zeroizing<Vec<u8>>;

/// A tag that authenticates.
pub(crate) type Tag = [u8; 16];

/// An authenticated cipher with its key.
pub(crate) struct Aead {
    cipher: Keyed,
    /// Stands for the key, so that tests can tell whether it meets a nonce twice.
    #[cfg(test)]
    id: Tag,
}

enum Keyed {
    Aes(Box<Aes256Gcm>),
    ChaCha(Box<ChaCha20Poly1305>),
}

impl Aead {
    pub(crate) fn new(cipher: Cipher, key: &[u8]) -> Result<Aead> {
        let bad = |_| Error::EncryptionError("a key has another length".to_owned());
        #[cfg(test)]
        let id = Prf::new(key)?.of(&[&[cipher.id()]]);
        let cipher = match cipher {
            Cipher::Aes256Gcm => Keyed::Aes(Box::new(Aes256Gcm::new_from_slice(key).map_err(bad)?)),
            Cipher::ChaCha20Poly1305 => {
                Keyed::ChaCha(Box::new(ChaCha20Poly1305::new_from_slice(key).map_err(bad)?))
            }
        };
        Ok(Aead {
            cipher,
            #[cfg(test)]
            id,
        })
    }

    /// Encrypts `text` in place. No nonce comes twice. None if the text is longer than the cipher
    /// takes, far beyond what a record may be.
    pub(crate) fn seal(&self, nonce: [u8; 12], aad: &[u8], text: &mut [u8]) -> Option<Tag> {
        #[cfg(test)]
        crate::crypto::tests::note_nonce(self.id, nonce);
        let nonce = nonce.into();
        let sealed = match &self.cipher {
            Keyed::Aes(aes) => aes.encrypt_inout_detached(&nonce, aad, text.into()),
            Keyed::ChaCha(chacha) => chacha.encrypt_inout_detached(&nonce, aad, text.into()),
        };
        sealed.ok().map(Into::into)
    }

    /// Decrypts `text` in place; tells whether it is authentic. If not, nothing is decrypted.
    pub(crate) fn open(&self, nonce: [u8; 12], aad: &[u8], text: &mut [u8], tag: &Tag) -> bool {
        let (nonce, tag) = ((&nonce).into(), tag.into());
        match &self.cipher {
            Keyed::Aes(aes) => aes.decrypt_inout_detached(nonce, aad, text.into(), tag),
            Keyed::ChaCha(chacha) => chacha.decrypt_inout_detached(nonce, aad, text.into(), tag),
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
        // SHA-256 gives 32 bytes.
        mac.finalize().into_bytes().first_chunk().copied().unwrap_or_default()
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
    // By itself it would not overwrite the memory in which it works. A file may ask for more than
    // there is.
    let mut blocks = Zeroizing::new(Vec::new());
    let room = blocks.try_reserve_exact(params.block_count());
    room.map_err(|_| std::io::Error::from(std::io::ErrorKind::OutOfMemory))?;
    blocks.resize(params.block_count(), Block::new());
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(passphrase, salt, &mut out, &mut blocks[..])
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
