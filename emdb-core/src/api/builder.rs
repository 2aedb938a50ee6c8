//! The options of an open.

use std::path::{Path, PathBuf};
use std::time::Duration;

#[cfg(feature = "encrypt")]
use crate::crypto::Cipher;
#[cfg(feature = "encrypt")]
use crate::crypto::EncryptionInput;
use crate::crypto::{KdfParams, Sealing, Secret};
use crate::engine::settings::{AutoCompact, Settings};
use crate::error::{Error, Result};
use crate::journal::durability::FlushPolicy;
use crate::os::paths;

/// Options for opening a database; see [`crate::Emdb::builder`].
///
/// Without a path or names it makes an in-memory database.
///
/// ```
/// # fn main() -> emdb::Result<()> {
/// use emdb::{Emdb, FlushPolicy};
///
/// # let folder = tempfile::tempdir()?;
/// let db = Emdb::builder()
///     .path(folder.path().join("app.emdb"))
///     .flush_policy(FlushPolicy::Group)
///     .build()?;
/// db.insert("key", "value")?;
/// db.flush()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is opened before build()"]
pub struct EmdbBuilder {
    path: Option<PathBuf>,
    app_name: Option<String>,
    database_name: Option<String>,
    data_root: Option<PathBuf>,
    /// The key or passphrase, and whether both were given.
    secret: Option<Secret>,
    two_secrets: bool,
    kdf_params: Option<KdfParams>,
    pub(crate) settings: Settings,
}

impl EmdbBuilder {
    /// The data file. It is made if it doesn't exist; its folder must.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::Emdb;
    ///
    /// let db = Emdb::builder().path(&path).build()?;
    /// assert!(path.exists());
    /// # Ok(())
    /// # }
    /// ```
    pub fn path(mut self, path: impl AsRef<Path>) -> EmdbBuilder {
        self.path = Some(path.as_ref().into());
        self
    }

    /// With [`database_name`](EmdbBuilder::database_name): the file
    /// `<data dir>/<app_name>/<database_name>` under the platform's data folder for the user,
    /// with folders made as needed. (`$XDG_DATA_HOME` or `~/.local/share` on Linux,
    /// `~/Library/Application Support` on macOS, `%LOCALAPPDATA%` on Windows.)
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// use emdb::Emdb;
    ///
    /// let db = Emdb::builder()
    ///     .app_name("notes")
    ///     .database_name("main.emdb")
    /// #   .data_root(folder.path())
    ///     .build()?;
    /// assert!(db.path().ends_with("notes/main.emdb"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn app_name(mut self, name: impl Into<String>) -> EmdbBuilder {
        self.app_name = Some(name.into());
        self
    }

    /// See [`app_name`](EmdbBuilder::app_name).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// use emdb::{Emdb, Error};
    ///
    /// let alone = Emdb::builder().database_name("main.emdb").build();
    /// assert!(matches!(alone, Err(Error::InvalidConfig(_))));
    /// # Ok(())
    /// # }
    /// ```
    pub fn database_name(mut self, name: impl Into<String>) -> EmdbBuilder {
        self.database_name = Some(name.into());
        self
    }

    /// Takes the place of the platform's data folder.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// use emdb::Emdb;
    ///
    /// let names = Emdb::builder().app_name("notes").database_name("main.emdb");
    /// let db = names.data_root(folder.path()).build()?;
    /// assert_eq!(db.path(), folder.path().join("notes").join("main.emdb"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn data_root(mut self, root: impl AsRef<Path>) -> EmdbBuilder {
        self.data_root = Some(root.as_ref().into());
        self
    }

    /// Whether every namespace is kept ordered, so that ranges of its keys can be read. Default:
    /// false. It holds for this open and is not stored; one namespace alone, and for good, is
    /// ordered by [`namespace_with`](crate::Emdb::namespace_with). Costs memory, about 18 bytes a
    /// key.
    ///
    /// A file that was written without it gets its order when that is first asked for.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// use emdb::Emdb;
    ///
    /// let db = Emdb::builder().enable_range_scans(true).build()?;
    /// db.insert_many([("b", "2"), ("a", "1"), ("c", "3")])?;
    /// let keys: Vec<_> = db.range_iter("a".."c")?.map(|(key, _)| key).collect();
    /// assert_eq!(keys, [b"a", b"b"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn enable_range_scans(mut self, enable: bool) -> EmdbBuilder {
        self.settings.range_scans = enable;
        self
    }

    /// The policy by which writes become durable. Default: [`FlushPolicy::OnEachFlush`].
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::Emdb;
    ///
    /// use emdb::FlushPolicy;
    ///
    /// let db = Emdb::builder().path(&path).flush_policy(FlushPolicy::WriteThrough).build()?;
    /// db.insert("key", "value")?;
    /// assert_eq!(db.stats()?.syncs, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn flush_policy(mut self, policy: FlushPolicy) -> EmdbBuilder {
        self.settings.flush_policy = policy;
        self
    }

    /// Lets the journal's writes and syncs go through an io_uring, where a thread of the kernel
    /// picks them up; it goes to sleep when nothing came for `idle_ms` milliseconds (0: the
    /// kernel's own choice, a second). Linux only. Default: off.
    ///
    /// Nothing is promised otherwise than without. Where the kernel refuses (it is too old, a
    /// sandbox forbids it, a limit is reached), and on other systems, the ordinary path is taken:
    /// [`EmdbStats::io_backend`](crate::EmdbStats::io_backend) tells which one it is. With
    /// [`FlushPolicy::WriteThrough`] a commit and its sync are one submission while nobody else
    /// is syncing.
    ///
    /// Measure before turning it on. The kernel's thread takes a processor until it sleeps, each
    /// write is a round trip to it, where the ordinary path only touches memory, and an open
    /// takes longer. Where processors are few or syncs are quick, the ordinary path is faster.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::{Emdb, FlushPolicy, IoBackend};
    ///
    /// let db = Emdb::builder()
    ///     .path(&path)
    ///     .flush_policy(FlushPolicy::WriteThrough)
    ///     .iouring_sqpoll(50)
    ///     .build()?;
    /// db.insert("key", "value")?;
    /// if db.stats()?.io_backend != IoBackend::IoUring {
    ///     // It works all the same.
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn iouring_sqpoll(mut self, idle_ms: u32) -> EmdbBuilder {
        self.settings.sqpoll_idle_ms = Some(idle_ms);
        self
    }

    /// Whether checksums are verified at each lookup. Default: true. Without, a damaged record
    /// can be served, or its key be taken for absent; what is opened is verified all the same.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::Emdb;
    ///
    /// let db = Emdb::builder().path(&path).verify_reads(false).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn verify_reads(mut self, verify: bool) -> EmdbBuilder {
        self.settings.unverified_reads = !verify;
        self
    }

    /// Opens the file for reading alone, beside others who do the same, in this process and in
    /// others. Default: false.
    ///
    /// Nothing at all is written: no file is made, changed, cut or synced, so that this works on
    /// read-only media and without the permission to write. A torn tail, which a crash can leave,
    /// stays in the file and out of view; [`recovery`](crate::Emdb::recovery) tells of it. Every
    /// call that writes gives [`Error::ReadOnly`], a transaction and a namespace that would have
    /// to be made among them; `flush` and `close` find nothing to do, and `sweep_expired` gives 0.
    ///
    /// While anybody reads so, the database can't be opened for writing, and the other way round:
    /// [`Error::AlreadyLocked`]. Reads see the file as the operating system shows it: after a crash
    /// of the system, commits that were never flushed can be in it, and be gone after the next one.
    /// An absent file is `Io` (not found), one of length 0 an empty database. Options for writers
    /// do nothing.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::{Emdb, Error};
    ///
    /// let db = Emdb::open(&path)?;
    /// db.insert("key", "value")?;
    /// db.close()?;
    ///
    /// let one = Emdb::builder().path(&path).read_only(true).build()?;
    /// let other = Emdb::builder().path(&path).read_only(true).build()?;
    /// assert_eq!(one.get("key")?, other.get("key")?);
    /// assert!(matches!(one.insert("key", "other"), Err(Error::ReadOnly)));
    /// assert!(matches!(Emdb::open(&path), Err(Error::AlreadyLocked)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_only(mut self, read_only: bool) -> EmdbBuilder {
        self.settings.read_only = read_only;
        self
    }

    /// Lets a background thread sync what is unsynced, about this often. It keeps no database
    /// open. A zero duration is refused by [`build`](EmdbBuilder::build).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::Emdb;
    ///
    /// use std::time::Duration;
    ///
    /// let db = Emdb::builder().path(&path).flush_every(Duration::from_millis(100)).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn flush_every(mut self, period: Duration) -> EmdbBuilder {
        self.settings.flush_every = Some(period);
        self
    }

    /// How long a write, a transaction or a call of maintenance waits for transactions of other
    /// threads before it gives up with [`Error::LockTimeout`]. Default: 60 seconds.
    ///
    /// Without a limit, a transaction that waits for another thread which waits for it (joins one
    /// that writes, say) would hang for ever. With one, that thread gets an error, and the
    /// transaction goes on. A program whose transactions take longer than a minute beside other
    /// writers raises it; `Duration::MAX` waits for ever. Reads never wait.
    /// [`transaction_within`](crate::Emdb::transaction_within) has a limit of its own.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// use std::time::Duration;
    ///
    /// use emdb::{Emdb, Error};
    ///
    /// let db = Emdb::builder().lock_timeout(Duration::from_millis(20)).build()?;
    /// db.transaction(|tx| -> Result<(), Error> {
    ///     tx.insert("key", "of the transaction")?;
    ///     // To wait for a thread that writes: each waits for the other.
    ///     let other = db.clone();
    ///     let done = std::thread::spawn(move || other.insert("key", "of the other")).join();
    ///     assert!(matches!(done, Ok(Err(Error::LockTimeout { .. }))));
    ///     Ok(())
    /// })?;
    /// assert_eq!(db.get("key")?, Some(b"of the transaction".to_vec()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn lock_timeout(mut self, limit: Duration) -> EmdbBuilder {
        self.settings.lock_timeout = Some(limit);
        self
    }

    /// Lets a background thread [compact](crate::Emdb::compact) the database whenever at least the
    /// part `ratio` of its journal is dead, above 0 and up to 1, and that is at least `min_bytes`
    /// bytes. Without this, nothing is compacted by itself.
    ///
    /// A compaction that fails is counted in
    /// [`compaction_failures`](crate::EmdbStats::compaction_failures), and tried again later; the
    /// database goes on as it was. Another `ratio` is refused by [`build`](EmdbBuilder::build).
    /// So is a file that is mounted by itself, in whose place no other can be put: mount its folder.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::Emdb;
    ///
    /// // Once half of the file is dead, and that is 64 MiB or more.
    /// let db = Emdb::builder().path(&path).auto_compact(0.5, 64 << 20).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn auto_compact(mut self, ratio: f64, min_bytes: u64) -> EmdbBuilder {
        self.settings.auto_compact = Some(AutoCompact { ratio, min_bytes });
        self
    }

    /// Encrypts a new database with this key, and opens an encrypted one: 256 random bits, which
    /// the program keeps in a safe place. A key for a database that is not encrypted, a wrong one, or
    /// none for one that is, is refused by [`build`](EmdbBuilder::build) with `EncryptionError`.
    /// Without a file what is in memory is encrypted, and so are its backups.
    ///
    /// A database that exists is encrypted by
    /// [`Emdb::enable_encryption`](crate::Emdb::enable_encryption).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::{Emdb, Error};
    ///
    /// # let from_a_safe_place = || [7; 32];
    /// let key: [u8; 32] = from_a_safe_place();
    /// Emdb::builder().path(&path).encryption_key(key).build()?.insert("key", "value")?;
    ///
    /// assert!(matches!(Emdb::open(&path), Err(Error::EncryptionError(_))));
    /// let db = Emdb::builder().path(&path).encryption_key(key).build()?;
    /// assert_eq!(db.get("key")?.as_deref(), Some(&b"value"[..]));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "encrypt")]
    pub fn encryption_key(self, key: [u8; 32]) -> EmdbBuilder {
        self.secret(EncryptionInput::RawKey(key))
    }

    /// As [`encryption_key`](EmdbBuilder::encryption_key), with a text from which the key is derived
    /// by Argon2id: see [`KdfParams`] for how long that takes at each open.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::Emdb;
    ///
    /// let db = Emdb::builder().path(&path).encryption_passphrase("correct horse").build()?;
    /// assert!(db.stats()?.encrypted);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "encrypt")]
    pub fn encryption_passphrase(self, passphrase: impl Into<String>) -> EmdbBuilder {
        self.secret(EncryptionInput::Passphrase(passphrase.into()))
    }

    #[cfg(feature = "encrypt")]
    fn secret(mut self, input: EncryptionInput) -> EmdbBuilder {
        self.two_secrets |= self.secret.is_some();
        self.secret = Some(Secret::new(input));
        self
    }

    /// The cipher of a new encrypted database. One that exists has its own: if that is another,
    /// [`build`](EmdbBuilder::build) says so with `InvalidConfig`. Default: AES-256-GCM.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::{Cipher, Emdb};
    ///
    /// let cipher = Cipher::ChaCha20Poly1305;
    /// let db = Emdb::builder().path(&path).encryption_key([7; 32]).cipher(cipher).build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "encrypt")]
    pub fn cipher(mut self, cipher: Cipher) -> EmdbBuilder {
        self.settings.cipher = Some(cipher);
        self
    }

    /// The work of trying a passphrase of a new database. One that exists has its own, which
    /// [`EncryptionOptions::change_passphrase`](crate::EncryptionOptions::change_passphrase)
    /// changes.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::{Emdb, KdfParams};
    ///
    /// let db = Emdb::builder()
    ///     .path(&path)
    ///     .encryption_passphrase("correct horse")
    ///     .kdf_params(KdfParams::new(128 << 10, 3, 4))
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "encrypt")]
    pub fn kdf_params(mut self, params: KdfParams) -> EmdbBuilder {
        self.kdf_params = Some(params);
        self
    }

    /// The settings, with what goes together put together.
    pub(crate) fn settled(&self) -> Result<Settings> {
        let mut settings = self.settings.clone();
        let Some(secret) = &self.secret else {
            if self.settings.cipher.is_some() || self.kdf_params.is_some() {
                return Err(Error::config(
                    "cipher and kdf_params go with encryption_key or encryption_passphrase",
                ));
            }
            return Ok(settings);
        };
        if self.two_secrets {
            return Err(Error::config("give one encryption_key or encryption_passphrase"));
        }
        let params = self.kdf_params.unwrap_or_default();
        params.check()?;
        let cipher = self.settings.cipher.unwrap_or_default();
        settings.sealing = Some(Sealing { secret: secret.clone(), cipher, params });
        Ok(settings)
    }

    /// The data file; none in memory.
    pub(crate) fn resolve(&self) -> Result<Option<PathBuf>> {
        if self.settings.flush_every.is_some_and(|p| p.is_zero()) {
            return Err(Error::config("flush_every needs a period above zero"));
        }
        // Not a number is refused as well.
        if self.settings.auto_compact.is_some_and(|a| !(a.ratio > 0.0 && a.ratio <= 1.0)) {
            return Err(Error::config("auto_compact needs a ratio above 0 and up to 1"));
        }
        let named = (self.app_name.as_deref(), self.database_name.as_deref());
        let bad = |reason: &str| Err(Error::config(reason));
        match (&self.path, named) {
            (Some(_), (None, None)) if self.data_root.is_some() => {
                bad("data_root goes with app_name and database_name, not with path")
            }
            (Some(path), (None, None)) => Ok(Some(path.clone())),
            (Some(_), _) => bad("path can't be combined with app_name or database_name"),
            (None, (Some(_), None)) => bad("app_name needs database_name as well"),
            (None, (None, Some(_))) => bad("database_name needs app_name as well"),
            (None, (None, None)) if self.data_root.is_some() => {
                bad("data_root needs app_name and database_name as well")
            }
            (None, (None, None)) if self.settings.read_only => {
                bad("read_only needs a file: name one with path, or app_name and database_name")
            }
            (None, (None, None)) => Ok(None),
            (None, (Some(app), Some(database))) => {
                let make = !self.settings.read_only;
                paths::in_data_dir(self.data_root.clone(), app, database, make).map(Some)
            }
        }
    }
}
