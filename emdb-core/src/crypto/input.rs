//! The forms in which a key is given.

use std::fmt;

/// The key of an encrypted database, as its user has it. Its `Debug` prints no secret, and with the
/// feature `encrypt` it is overwritten when it goes.
///
/// ```
/// use emdb::EncryptionInput;
///
/// let secret = EncryptionInput::Passphrase("correct horse".to_owned());
/// assert!(!format!("{secret:?}").contains("horse"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum EncryptionInput {
    /// 256 random bits. They are not stretched, so they must not be made from a text.
    RawKey([u8; 32]),
    /// A text from which a key is derived by Argon2id.
    Passphrase(String),
}

impl EncryptionInput {
    /// Whether it is a passphrase, and the bytes.
    pub(crate) fn into_bytes(mut self) -> (bool, Vec<u8>) {
        match &mut self {
            EncryptionInput::RawKey(key) => (false, key.to_vec()),
            EncryptionInput::Passphrase(text) => (true, std::mem::take(text).into_bytes()),
        }
    }
}

impl fmt::Debug for EncryptionInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EncryptionInput::RawKey(_) => "RawKey(..)",
            EncryptionInput::Passphrase(_) => "Passphrase(..)",
        })
    }
}

#[cfg(feature = "encrypt")]
impl Drop for EncryptionInput {
    fn drop(&mut self) {
        match self {
            EncryptionInput::RawKey(key) => crate::crypto::primitive::wipe(key),
            EncryptionInput::Passphrase(text) => crate::crypto::primitive::wipe(text),
        }
    }
}
