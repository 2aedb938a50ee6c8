//! How a key is given.

use std::fmt;

/// The key of an encrypted database, as its user has it. Its `Debug` prints no secret.
///
/// ```
/// use emdb_core::EncryptionInput;
///
/// let secret = EncryptionInput::Passphrase("correct horse".to_owned());
/// assert!(!format!("{secret:?}").contains("horse"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum EncryptionInput {
    /// The 256 bits themselves.
    RawKey([u8; 32]),
    /// A text from which a key is derived.
    Passphrase(String),
}

impl fmt::Debug for EncryptionInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EncryptionInput::RawKey(_) => "RawKey(..)",
            EncryptionInput::Passphrase(_) => "Passphrase(..)",
        })
    }
}
