//! Encrypting a database that exists, decrypting it, and changing its key.
//!
//! All of them are for a database that nobody has open. Each but the change of a passphrase is a
//! compaction into a file with another key, and takes the name of the old one as that does.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::api::db::Emdb;
use crate::crypto::EncryptionInput;
use crate::crypto::{Cipher, KdfParams, Sealing, Secret};
use crate::engine::open;
use crate::engine::settings::Settings;
use crate::error::{Error, Result};
use crate::maintenance::rekey;
use crate::progress::{OnProgress, Progress, ProgressMeter};

/// The options of an encrypted database, beyond its key: cipher and work of a passphrase.
///
/// ```
/// # fn main() -> emdb::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("db");
/// use std::ops::ControlFlow;
/// use emdb::{Cipher, Emdb, EncryptionInput, EncryptionOptions};
///
/// # let db = Emdb::open(&path)?;
/// # db.insert("key", "value")?;
/// # db.close()?;
/// let key = EncryptionInput::RawKey([7; 32]);
/// let options = EncryptionOptions::new().cipher(Cipher::ChaCha20Poly1305);
/// options.enable(&path, key, |_| ControlFlow::Continue(()))?;
///
/// let db = Emdb::builder().path(&path).encryption_key([7; 32]).build()?;
/// assert_eq!(db.get("key")?.as_deref(), Some(&b"value"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[must_use = "options do nothing before enable(), rotate() or change_passphrase()"]
pub struct EncryptionOptions {
    cipher: Option<Cipher>,
    params: Option<KdfParams>,
}

impl EncryptionOptions {
    /// The cipher and the work that the database has; where it has none, AES-256-GCM and the default
    /// of [`KdfParams`].
    ///
    /// ```
    /// # use emdb::EncryptionOptions;
    /// let options = EncryptionOptions::new();
    /// # let _ = options;
    /// ```
    pub const fn new() -> EncryptionOptions {
        EncryptionOptions { cipher: None, params: None }
    }

    /// The cipher of the new file. A change of the passphrase makes none, and leaves the cipher as it
    /// is.
    ///
    /// ```
    /// # use emdb::{Cipher, EncryptionOptions};
    /// let options = EncryptionOptions::new().cipher(Cipher::ChaCha20Poly1305);
    /// # let _ = options;
    /// ```
    pub const fn cipher(mut self, cipher: Cipher) -> EncryptionOptions {
        self.cipher = Some(cipher);
        self
    }

    /// The work of trying the new passphrase.
    ///
    /// ```
    /// # use emdb::{EncryptionOptions, KdfParams};
    /// let options = EncryptionOptions::new().kdf_params(KdfParams::new(256 << 10, 4, 4));
    /// # let _ = options;
    /// ```
    pub const fn kdf_params(mut self, params: KdfParams) -> EncryptionOptions {
        self.params = Some(params);
        self
    }

    /// The sealing that these options ask for. Options that are not set stay as they are in the
    /// file at `path`.
    fn sealing(&self, input: EncryptionInput, path: &Path) -> Result<Sealing> {
        let former = open::peek(path)?.and_then(|header| header.envelope);
        let known = former.as_ref().and_then(|former| KdfParams::of(former.stretch));
        if let Some(params) = &self.params {
            params.check()?;
        }
        // An open refuses parameters of the file beyond the bounds.
        let known = known.filter(|known| known.check().is_ok());
        let params = self.params.or(known).unwrap_or_default();
        let known = former.and_then(|former| Cipher::of_id(former.cipher));
        let cipher = self.cipher.or(known).unwrap_or_default();
        Ok(Sealing { secret: Secret::new(input), cipher, params })
    }

    /// As [`Emdb::enable_encryption_with`].
    ///
    /// # Errors
    /// As [`Emdb::enable_encryption_with`]; `InvalidConfig` if the parameters are out of bounds, or if the
    /// database is encrypted with this key already, but not with the cipher or the parameters asked for.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// # use std::ops::ControlFlow;
    /// # use emdb::{Emdb, EncryptionInput, EncryptionOptions};
    /// # Emdb::open(&path)?.close()?;
    /// let key = EncryptionInput::RawKey([7; 32]);
    /// EncryptionOptions::new().enable(&path, key, |_| ControlFlow::Continue(()))?;
    /// assert!(Emdb::open(&path).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn enable(
        &self,
        path: impl AsRef<Path>,
        target: EncryptionInput,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        let path = path.as_ref();
        let sealing = self.sealing(target, path)?;
        if is_encrypted(path)? {
            // Done already, but for what a crash may have kept from being tidied.
            finish(path, Some(&sealing.secret), self.cipher).map_err(|e| match e {
                Error::EncryptionError(_) => Error::EncryptionError(
                    "the database is encrypted already, with another key; change that by \
                     Emdb::rotate_encryption_key"
                        .to_owned(),
                ),
                other => other,
            })?;
            return self.check_stretch(path);
        }
        convert(open_offline(path, None)?, Some(&sealing), &mut progress)
    }

    /// Refuses parameters that the encrypted file at `path` does not have.
    fn check_stretch(&self, path: &Path) -> Result<()> {
        let envelope = open::peek(path)?.and_then(|header| header.envelope);
        let known = envelope.and_then(|envelope| KdfParams::of(envelope.stretch));
        match (self.params, known) {
            (Some(wanted), Some(known)) if wanted != known => Err(Error::config(format!(
                "the database is encrypted already, with {known:?}; leave the parameters out, or \
                 change them with EncryptionOptions::change_passphrase"
            ))),
            _ => Ok(()),
        }
    }

    /// As [`Emdb::rotate_encryption_key_with`].
    ///
    /// # Errors
    /// As [`Emdb::rotate_encryption_key_with`]; `InvalidConfig` if the parameters are out of bounds.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// # use std::ops::ControlFlow;
    /// # use emdb::{Cipher, Emdb, EncryptionInput, EncryptionOptions};
    /// # Emdb::builder().path(&path).encryption_key([7; 32]).build()?.close()?;
    /// // The same key for the user, another cipher and another data key below it.
    /// let key = EncryptionInput::RawKey([7; 32]);
    /// let options = EncryptionOptions::new().cipher(Cipher::ChaCha20Poly1305);
    /// options.rotate(&path, key.clone(), key, |_| ControlFlow::Continue(()))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn rotate(
        &self,
        path: impl AsRef<Path>,
        current: EncryptionInput,
        new: EncryptionInput,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        let (path, current) = (path.as_ref(), Secret::new(current));
        let sealing = self.sealing(new, path)?;
        match open_offline(path, Some(&current)) {
            Ok(db) => convert(db, Some(&sealing), &mut progress),
            // Done already, if the file says so and the new key fits.
            Err(e @ Error::EncryptionError(_)) if is_converted(path)? => {
                finish(path, Some(&sealing.secret), self.cipher).map_err(|_| e)
            }
            Err(e) => Err(e),
        }
    }

    /// As [`Emdb::change_passphrase`].
    ///
    /// # Errors
    /// As [`Emdb::change_passphrase`]; `InvalidConfig` if the parameters are out of bounds.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// # use emdb::{Emdb, EncryptionInput, EncryptionOptions, KdfParams};
    /// # let quick = KdfParams::new(19_456, 2, 1);
    /// # Emdb::builder().path(&path).encryption_passphrase("same").kdf_params(quick).build()?.close()?;
    /// // The same passphrase, but more work to try it.
    /// let passphrase = EncryptionInput::Passphrase("same".to_owned());
    /// let options = EncryptionOptions::new().kdf_params(KdfParams::new(128 << 10, 3, 4));
    /// options.change_passphrase(&path, passphrase.clone(), passphrase)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn change_passphrase(
        &self,
        path: impl AsRef<Path>,
        current: EncryptionInput,
        new: EncryptionInput,
    ) -> Result<()> {
        let (path, current) = (path.as_ref(), Secret::new(current));
        if self.cipher.is_some() {
            return Err(Error::config(
                "a passphrase changes without the cipher; EncryptionOptions::rotate changes both",
            ));
        }
        let sealing = self.sealing(new, path)?;
        let db = match open_offline(path, Some(&current)) {
            // Done already, if the new one fits, but perhaps not in both places.
            Err(e @ Error::EncryptionError(_)) => {
                open_offline(path, Some(&sealing.secret)).map_err(|_| e)?
            }
            opened => opened?,
        };
        let handle = db.engine().generation(&crossbeam_epoch::pin()).clone();
        let Some(key) = handle.generation.journal.unlocked() else { return Err(absent()) };
        rekey::rewrap(db.database(), sealing.wrap(&key.master)?)?;
        drop(handle);
        db.close()
    }
}

/// Whether the file took the place of one with another key, and has not been used since.
pub(super) fn is_converted(path: &Path) -> Result<bool> {
    Ok(open::peek(path)?.is_some_and(|header| header.converted))
}

pub(super) fn is_encrypted(path: &Path) -> Result<bool> {
    Ok(open::peek(path)?.is_some_and(|header| header.envelope.is_some()))
}

/// A key can't be changed where there is none.
fn absent() -> Error {
    Error::EncryptionError(
        "the database is not encrypted; encrypt it by Emdb::enable_encryption".to_owned(),
    )
}

/// Opens a database that has to exist, for as long as the call lasts, and not for use.
pub(super) fn open_offline(path: &Path, secret: Option<&Secret>) -> Result<Emdb> {
    open_with(path, secret, None)
}

/// The same, with this cipher if one is named.
fn open_with(path: &Path, secret: Option<&Secret>, cipher: Option<Cipher>) -> Result<Emdb> {
    // Something to convert has to be there; an open would make it.
    std::fs::metadata(path)?;
    let sealing = secret.map(|secret| Sealing {
        secret: secret.clone(),
        cipher: Cipher::default(),
        params: KdfParams::default(),
    });
    let settings = Settings { sealing, cipher, offline: true, ..Settings::default() };
    Emdb::open_at(PathBuf::from(path), &settings)
}

/// Rewrites the database for this key, or without one, and closes it.
pub(super) fn convert(db: Emdb, target: Option<&Sealing>, tell: OnProgress<'_>) -> Result<()> {
    let key = target.map(Sealing::create).transpose()?;
    let total = db.engine().live_bytes();
    rekey::convert(db.database(), key, &mut ProgressMeter::new(tell, total))?;
    db.close()
}

/// Opens a database that is converted already, which tidies up.
pub(super) fn finish(path: &Path, secret: Option<&Secret>, cipher: Option<Cipher>) -> Result<()> {
    open_with(path, secret, cipher)?.close()
}
