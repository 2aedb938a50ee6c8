//! Calls that encrypt a database, decrypt it, and change its key.

use std::ops::ControlFlow;
use std::path::Path;

use crate::api::db::Emdb;
use crate::api::encryption_options::{
    EncryptionOptions, convert, finish, is_converted, is_encrypted, open_offline,
};
use crate::crypto::{EncryptionInput, Secret};
use crate::error::Result;
use crate::progress::Progress;

impl Emdb {
    /// Encrypts the database at `path`, which nobody has open, with the key `target`.
    ///
    /// A new, encrypted file is written beside the old one and takes its place: after a crash the
    /// one or the other is there, whole, and the call can be made again. Namespaces, options, expiries
    /// and table catalogues stay. The former file, its checkpoint and torn tail are unlinked;
    /// what was in them may be left in free blocks of the medium, and in backups. A database that is
    /// encrypted with this key already stays as it is.
    ///
    /// # Errors
    /// - `AlreadyLocked`: the database is open.
    /// - `EncryptionError`: it is encrypted already, with another key.
    /// - `Io`: it does not exist, the disk is full, or the file has several hard links; also on
    ///   Windows, where a mapped file can't be replaced.
    /// - `Corrupted`: it is damaged.
    ///
    /// After `Cancelled`, and after an error before the new file takes the old one's place, it is as it
    /// was. After an `Io` from then on it is encrypted already. Making the call again is right
    /// in either case.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::{Emdb, EncryptionInput};
    ///
    /// # let db = Emdb::open(&path)?;
    /// # db.insert("key", "value")?;
    /// # db.close()?;
    /// Emdb::enable_encryption(&path, EncryptionInput::Passphrase("correct horse".to_owned()))?;
    ///
    /// assert!(Emdb::open(&path).is_err());
    /// let db = Emdb::builder().path(&path).encryption_passphrase("correct horse").build()?;
    /// assert_eq!(db.get("key")?.as_deref(), Some(&b"value"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn enable_encryption(path: impl AsRef<Path>, target: EncryptionInput) -> Result<()> {
        Emdb::enable_encryption_with(path, target, |_| ControlFlow::Continue(()))
    }

    /// As [`enable_encryption`](Emdb::enable_encryption), telling `progress` how many bytes of live
    /// records have been copied. [`EncryptionOptions`] has more to choose from.
    ///
    /// # Errors
    /// As [`enable_encryption`](Emdb::enable_encryption); `Cancelled` if `progress` breaks: the
    /// database is as it was then.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use std::ops::ControlFlow;
    /// use emdb::{Emdb, EncryptionInput, Error};
    ///
    /// # Emdb::open(&path)?.close()?;
    /// let key = EncryptionInput::RawKey([7; 32]);
    /// let cancelled = Emdb::enable_encryption_with(&path, key, |_| ControlFlow::Break(()));
    /// assert!(matches!(cancelled, Err(Error::Cancelled)));
    /// Emdb::open(&path)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn enable_encryption_with(
        path: impl AsRef<Path>,
        target: EncryptionInput,
        progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        EncryptionOptions::new().enable(path, target, progress)
    }

    /// Decrypts the database at `path`, which nobody has open; `current` is its key. Everything else
    /// is as with [`enable_encryption`](Emdb::enable_encryption). From then on anybody who can read
    /// the file can read what is in it.
    ///
    /// # Errors
    /// As [`enable_encryption`](Emdb::enable_encryption), and `EncryptionError` for a wrong key, or if
    /// the database is not encrypted. When the call is made again and the database was not opened
    /// since, there is nothing left to do, and it says `Ok`.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::{Emdb, EncryptionInput};
    ///
    /// # Emdb::builder().path(&path).encryption_key([7; 32]).build()?.close()?;
    /// Emdb::disable_encryption(&path, EncryptionInput::RawKey([7; 32]))?;
    /// assert!(!Emdb::open(&path)?.stats()?.encrypted);
    /// # Ok(())
    /// # }
    /// ```
    pub fn disable_encryption(path: impl AsRef<Path>, current: EncryptionInput) -> Result<()> {
        Emdb::disable_encryption_with(path, current, |_| ControlFlow::Continue(()))
    }

    /// As [`disable_encryption`](Emdb::disable_encryption), telling `progress` how many bytes of live
    /// records have been copied.
    ///
    /// # Errors
    /// As [`disable_encryption`](Emdb::disable_encryption); `Cancelled` if `progress` breaks: the
    /// database is as it was then.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// # use std::ops::ControlFlow;
    /// # use emdb::{Emdb, EncryptionInput};
    /// # Emdb::builder().path(&path).encryption_key([7; 32]).build()?.close()?;
    /// Emdb::disable_encryption_with(&path, EncryptionInput::RawKey([7; 32]), |progress| {
    ///     println!("{} of {} bytes", progress.done, progress.total);
    ///     ControlFlow::Continue(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn disable_encryption_with(
        path: impl AsRef<Path>,
        current: EncryptionInput,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        let (path, current) = (path.as_ref(), Secret::new(current));
        if is_converted(path)? && !is_encrypted(path)? {
            // Done already, but for what a crash may have kept from being tidied.
            return finish(path, None, None);
        }
        convert(open_offline(path, Some(&current))?, None, &mut progress)
    }

    /// Gives the database at `path`, which nobody has open, a new data key and a new key of its
    /// user: everything is encrypted again. For a key that others may know. Everything else is as
    /// with [`enable_encryption`](Emdb::enable_encryption); the cipher stays.
    ///
    /// Backups from before open with the former key, as ever.
    ///
    /// # Errors
    /// As [`enable_encryption`](Emdb::enable_encryption), and `EncryptionError` for a wrong key, or if
    /// the database is not encrypted. When the call is made again and the database was not opened
    /// since, there is nothing left to do, and it says `Ok`.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::{Emdb, EncryptionInput};
    ///
    /// # Emdb::builder().path(&path).encryption_key([7; 32]).build()?.close()?;
    /// let (current, new) = (EncryptionInput::RawKey([7; 32]), EncryptionInput::RawKey([8; 32]));
    /// Emdb::rotate_encryption_key(&path, current, new)?;
    /// assert!(Emdb::builder().path(&path).encryption_key([7; 32]).build().is_err());
    /// Emdb::builder().path(&path).encryption_key([8; 32]).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn rotate_encryption_key(
        path: impl AsRef<Path>,
        current: EncryptionInput,
        new: EncryptionInput,
    ) -> Result<()> {
        Emdb::rotate_encryption_key_with(path, current, new, |_| ControlFlow::Continue(()))
    }

    /// As [`rotate_encryption_key`](Emdb::rotate_encryption_key), telling `progress` how many bytes
    /// of live records have been copied. [`EncryptionOptions`] has more to choose from.
    ///
    /// # Errors
    /// As [`rotate_encryption_key`](Emdb::rotate_encryption_key); `Cancelled` if `progress` breaks:
    /// the database is as it was then.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// # use std::ops::ControlFlow;
    /// # use emdb::{Emdb, EncryptionInput};
    /// # Emdb::builder().path(&path).encryption_key([7; 32]).build()?.close()?;
    /// let (current, new) = (EncryptionInput::RawKey([7; 32]), EncryptionInput::RawKey([8; 32]));
    /// Emdb::rotate_encryption_key_with(&path, current, new, |progress| {
    ///     println!("{} of {} bytes", progress.done, progress.total);
    ///     ControlFlow::Continue(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn rotate_encryption_key_with(
        path: impl AsRef<Path>,
        current: EncryptionInput,
        new: EncryptionInput,
        progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        EncryptionOptions::new().rotate(path, current, new, progress)
    }

    /// Changes the passphrase, or raw key, of the database at `path`, which nobody has open. Only
    /// the header is written: the data key stays and is wrapped anew. Whoever knew the former one and
    /// has a copy of the former file, or its header, can still open both files; where that matters,
    /// [`rotate_encryption_key`](Emdb::rotate_encryption_key) is the call.
    ///
    /// # Errors
    /// - `AlreadyLocked`: the database is open.
    /// - `EncryptionError`: a wrong key, or the database is not encrypted.
    /// - `Io`: it does not exist, or can't be written.
    /// - `Corrupted`: it is damaged.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::{Emdb, EncryptionInput};
    ///
    /// # let quick = emdb::KdfParams::new(19_456, 2, 1);
    /// # Emdb::builder().path(&path).encryption_passphrase("old").kdf_params(quick).build()?.close()?;
    /// let passphrase = |text: &str| EncryptionInput::Passphrase(text.to_owned());
    /// Emdb::change_passphrase(&path, passphrase("old"), passphrase("new"))?;
    /// assert!(Emdb::builder().path(&path).encryption_passphrase("old").build().is_err());
    /// Emdb::builder().path(&path).encryption_passphrase("new").build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn change_passphrase(
        path: impl AsRef<Path>,
        current: EncryptionInput,
        new: EncryptionInput,
    ) -> Result<()> {
        EncryptionOptions::new().change_passphrase(path, current, new)
    }
}
