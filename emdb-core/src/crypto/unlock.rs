//! From a header and a user's key to what opens the records.

use crate::crypto::{Secret, Unlocked, Vault};
use crate::error::{Error, Result};
use crate::format::header::Header;

/// The vault that decrypts the records of the file that begins with `front` and has this header;
/// none if they are not sealed. The key has to fit, and the header to be authentic.
pub(crate) fn unlock(
    header: &Header,
    front: &[u8],
    secret: Option<&Secret>,
) -> Result<Option<Vault>> {
    let refused = |what: &str| Err(Error::EncryptionError(what.to_owned()));
    let (envelope, secret) = match (&header.envelope, secret) {
        (None, None) => return Ok(None),
        (Some(envelope), Some(secret)) => (envelope, secret),
        (None, Some(_)) => {
            return refused(
                "a key was given, but the database is not encrypted; open it without one, or \
                 encrypt it by Emdb::enable_encryption",
            );
        }
        (Some(_), None) => {
            return refused("the database is encrypted; open it with its key or passphrase");
        }
    };
    let unlocked = Unlocked::open(secret, envelope)?;
    let vault = Vault::new(&unlocked, header.file_id, header.generation)?;
    if !header.is_signed(front, &vault.keys) {
        return refused(
            "the file's header is not authentic: it was tampered with; restore a backup",
        );
    }
    Ok(Some(vault))
}
