//! Keys and ciphers: what an encrypted database is sealed with.
//!
//! ```text
//! raw key, or passphrase by Argon2id --HKDF--> key-encryption key, commitment
//! data key (random, wrapped by the key-encryption key)
//!   --HKDF--> fingerprint key, header key (of the file)
//!   --HKDF, random salt--> session keys (of the journal), image keys (of checkpoints)
//! ```
//!
//! Without the feature `encrypt` all of this is compiled but for the primitives below it, which
//! then refuse, so no [`Vault`] ever exists.

mod cipher;
mod input;
mod keys;
#[cfg_attr(not(feature = "encrypt"), path = "primitive/disabled.rs")]
#[cfg_attr(feature = "encrypt", path = "primitive/enabled.rs")]
pub(crate) mod primitive;
pub(crate) mod sealed_image;
mod secret;
mod sessions;
#[cfg(all(test, feature = "encrypt"))]
mod tests;
pub(crate) mod unlock;
mod vault;
mod writer;

pub use cipher::{Cipher, KdfParams};
pub use input::EncryptionInput;
pub(crate) use keys::Keys;
pub(crate) use secret::{Sealing, Secret, Unlocked};
pub(crate) use vault::{ReplayAuthenticator, Vault};
pub(crate) use writer::{Framing, SessionWriter};

use crate::error::Error;

/// Sealed bytes are not what was written.
#[cold]
pub(crate) fn tampered(at: u64, what: &str) -> Error {
    Error::EncryptionError(format!(
        "{what} at byte {at} is not authentic: it was tampered with, or is of another file; \
         restore a backup or salvage it"
    ))
}
