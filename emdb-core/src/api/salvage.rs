//! Copying what is intact of a damaged file into a new one.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::api::db::Emdb;
use crate::api::encryption::EncryptionInput;
use crate::crypto::Secret;
use crate::error::{Error, Result};
use crate::maintenance::salvage;
use crate::maintenance::salvage::Salvage;
use crate::os::lock::FileLock;
use crate::os::{lock, paths};
use crate::progress::{OnProgress, Progress};
use crate::storage::Disk;
use crate::storage::file::{FileDisk, FileMedium};
use crate::storage::temp::Temp;

/// Losses that a report lists.
const LISTED: usize = 10_000;

/// What a salvage read, copied and could not copy; see [`Emdb::salvage`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SalvageReport {
    /// Bytes of the damaged file.
    pub bytes_read: u64,
    /// Live records that were copied, but those of internal namespaces. Expired ones are among
    /// them, with their expiry.
    pub records: u64,
    /// Whole commits that were found.
    pub commits: u64,
    /// Namespaces that were copied, the default one among them and internal ones not.
    pub namespaces: u64,
    /// What was not copied, at most 10,000 of them, in the order of the file.
    pub lost: Vec<Lost>,
    /// Losses beyond those.
    pub lost_dropped: u64,
    /// Bytes of all losses.
    pub bytes_lost: u64,
}

impl SalvageReport {
    pub(crate) fn add(&mut self, lost: Lost) {
        self.bytes_lost += lost.len;
        if self.lost.len() == LISTED {
            self.lost_dropped += 1;
        } else {
            self.lost.push(lost);
        }
    }
}

/// Something that was lost; see [`SalvageReport`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lost {
    /// Where in the damaged file.
    pub offset: u64,
    /// How many bytes.
    pub len: u64,
    /// What was there, as far as that can be told.
    pub kind: LostKind,
    /// The name of the namespace that it was in, if that is known; the default one has an empty
    /// name.
    pub namespace: Option<String>,
    /// The key that it was about, if that is known. Records that begin or end a namespace have an
    /// empty one, or its name.
    pub key: Option<Vec<u8>>,
    /// Whether it is known to have been on stable storage. If not, it may be what a crash left of
    /// writes that were never flushed.
    pub durable: bool,
}

/// What was lost; see [`Lost`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LostKind {
    /// Bytes in which no record is whole.
    Gap,
    /// A record whose key is whole and whose value is not.
    Value,
    /// A whole record of a commit of which others are missing; see
    /// [`SalvageOptions::partial_commits`].
    IncompleteCommit,
    /// The file once went on, and was cut here.
    Cut,
    /// A record of an encrypted database that is whole but not authentic, or whose session is lost.
    NotAuthentic,
    /// A record beyond what a namespace takes.
    TooMany,
}

/// How a damaged file is salvaged; see [`Emdb::salvage`].
///
/// ```
/// # fn main() -> emdb_core::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let (damaged, target) = (folder.path().join("damaged"), folder.path().join("target"));
/// use std::ops::ControlFlow;
/// use emdb_core::{Emdb, SalvageOptions};
///
/// # let db = Emdb::open(&damaged)?;
/// # db.insert("key", "value")?;
/// # db.close()?;
/// let options = SalvageOptions::new().partial_commits(true);
/// let report = options.run(&damaged, &target, None, |_| ControlFlow::Continue(()))?;
/// assert_eq!(report.records, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[must_use = "nothing is salvaged before run()"]
pub struct SalvageOptions {
    partial_commits: bool,
}

impl SalvageOptions {
    /// What [`Emdb::salvage`] does.
    ///
    /// ```
    /// # use emdb_core::SalvageOptions;
    /// let options = SalvageOptions::new();
    /// # let _ = options;
    /// ```
    pub const fn new() -> SalvageOptions {
        SalvageOptions { partial_commits: false }
    }

    /// Whether whole records count even if others of their commit are lost. The result can then
    /// hold a part of what was meant to happen as one. Default: false.
    ///
    /// ```
    /// # use emdb_core::SalvageOptions;
    /// let options = SalvageOptions::new().partial_commits(true);
    /// # let _ = options;
    /// ```
    pub const fn partial_commits(mut self, partial: bool) -> SalvageOptions {
        self.partial_commits = partial;
        self
    }

    /// As [`Emdb::salvage_with`].
    ///
    /// # Errors
    /// As [`Emdb::salvage_with`].
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let (damaged, target) = (folder.path().join("damaged"), folder.path().join("target"));
    /// # use std::ops::ControlFlow;
    /// # use emdb_core::{Emdb, SalvageOptions};
    /// # Emdb::open(&damaged)?.close()?;
    /// SalvageOptions::new().run(&damaged, &target, None, |_| ControlFlow::Continue(()))?;
    /// assert!(Emdb::open(&target)?.is_empty()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn run(
        &self,
        damaged: impl AsRef<Path>,
        target: impl AsRef<Path>,
        encryption: Option<EncryptionInput>,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<SalvageReport> {
        self.salvage(damaged.as_ref(), target.as_ref(), encryption, &mut progress)
    }

    fn salvage(
        &self,
        damaged: &Path,
        target: &Path,
        encryption: Option<EncryptionInput>,
        tell: OnProgress<'_>,
    ) -> Result<SalvageReport> {
        let source = Source::open(damaged)?;
        let target = Target::new(target, &source)?;
        let lock = FileLock::acquire(&target.path)?;
        let done = {
            let _temp = Temp::new(&FileDisk, target.temp.clone());
            self.build(source, &target, encryption.map(Secret::new), tell)
        };
        lock.release();
        done
    }

    fn build(
        &self,
        source: Source,
        target: &Target,
        secret: Option<Secret>,
        tell: OnProgress<'_>,
    ) -> Result<SalvageReport> {
        target.check_absent()?;
        let medium = Arc::new(FileMedium::new(source.file));
        let salvage = Salvage::new(medium, self.partial_commits, secret.as_ref())?;
        let report = salvage.run(&FileDisk, &target.temp, tell)?;
        target.check_absent()?;
        FileDisk.rename(&target.temp, &target.path)?;
        FileDisk.sync_names(&target.path)?;
        Ok(report)
    }
}

/// The damaged file, opened for reading and kept from writers.
struct Source {
    file: File,
    path: PathBuf,
}

impl Source {
    fn open(given: &Path) -> Result<Source> {
        let path = std::fs::canonicalize(given)?;
        // Opening something else, a pipe for one, could wait.
        if !std::fs::metadata(&path)?.is_file() {
            let what = format!("{} is not a regular file", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what).into());
        }
        let file = File::open(&path)?;
        lock::share(&file)?;
        Ok(Source { file, path })
    }

    /// Whether `path` is this file, by any name.
    fn is_at(&self, path: &Path) -> Result<bool> {
        match std::fs::metadata(path) {
            Ok(_) if std::fs::canonicalize(path)? == self.path => Ok(true),
            Ok(_) => lock::is_same_file(&self.file, path),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e.into()),
        }
    }
}

/// Where the copy goes.
struct Target {
    path: PathBuf,
    temp: PathBuf,
}

impl Target {
    fn new(given: &Path, source: &Source) -> Result<Target> {
        let path = paths::canonical(given)?;
        let temp = paths::sibling(&path, salvage::TEMP);
        let used = [
            paths::lock_file(&path),
            paths::sibling(&temp, ".emdb-tmp"),
            temp.clone(),
            path.clone(),
        ];
        for name in &used {
            if source.is_at(name)? {
                return Err(Error::config(format!(
                    "{} is the damaged file, which must stay as it is; choose another target",
                    name.display()
                )));
            }
        }
        let target = Target { path, temp };
        target.check_absent()?;
        Ok(target)
    }

    fn check_absent(&self) -> Result<()> {
        match std::fs::metadata(&self.path) {
            Ok(meta) if meta.is_file() && meta.len() == 0 => Ok(()),
            Ok(_) => Err(Error::config(format!(
                "the target {} exists and is not an empty file; choose another, or remove it",
                self.path.display()
            ))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}

impl Emdb {
    /// Copies what is intact of the database file `damaged` into a new one at `target`, and lists
    /// what was lost. The damaged file is only read, whatever its bytes are.
    ///
    /// What is copied is the state that comes of applying every commit that is whole, in their
    /// order, be it behind damage or in a tail that was never flushed. A key whose last commit is
    /// lost so has the value of the one before. Namespaces keep names and options, records their
    /// expiry. Records of a namespace whose beginning is lost come into one that is called
    /// `salvaged-` and a number. A file without a header is read as well. The copy of an encrypted
    /// file is encrypted with the same key.
    ///
    /// The copy is built beside its place, as `<target>.salvage.tmp`, and appears whole or not at
    /// all. Memory is needed for the hash index of the live records.
    ///
    /// # Errors
    /// - `AlreadyLocked`: the damaged file is open somewhere, or the target is.
    /// - `InvalidConfig`: the target exists and is not empty, or is the damaged file.
    /// - `EncryptionError`: a key was given, and the file is not encrypted; or none was given, or a
    ///   wrong one, and it is. Without its header an encrypted file can't be read by anybody.
    /// - `MagicMismatch`, `Corrupted`: nothing in the file tells that it is a database.
    /// - `VersionMismatch`: another version wrote it.
    /// - `Io`: what the operating system said; a full disk, for one.
    ///
    /// After an error there is nothing new at `target` but its lock file.
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let (damaged, target) = (folder.path().join("damaged"), folder.path().join("target"));
    /// use emdb_core::{Emdb, LostKind};
    ///
    /// let db = Emdb::open(&damaged)?;
    /// db.insert("a", "1")?;
    /// db.insert("b", "2")?;
    /// db.close()?;
    /// let mut bytes = std::fs::read(&damaged)?;
    /// *bytes.last_mut().unwrap() ^= 1; // The value of `b`.
    /// std::fs::write(&damaged, bytes)?;
    /// assert!(Emdb::open(&damaged).is_err());
    ///
    /// let report = Emdb::salvage(&damaged, &target, None)?;
    /// assert_eq!((report.records, report.lost[0].kind), (1, LostKind::Value));
    /// assert_eq!(report.lost[0].key.as_deref(), Some(&b"b"[..]));
    /// assert_eq!(Emdb::open(&target)?.get("a")?.as_deref(), Some(&b"1"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn salvage(
        damaged: impl AsRef<Path>,
        target: impl AsRef<Path>,
        encryption: Option<EncryptionInput>,
    ) -> Result<SalvageReport> {
        Emdb::salvage_with(damaged, target, encryption, |_| ControlFlow::Continue(()))
    }

    /// As [`salvage`](Emdb::salvage). `progress` is told bytes from time to time: first those that
    /// were read, then those that were copied, of which the number is known only after reading.
    /// [`SalvageOptions`] has more to choose from.
    ///
    /// # Errors
    /// As [`salvage`](Emdb::salvage); `Cancelled` if `progress` breaks.
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let (damaged, target) = (folder.path().join("damaged"), folder.path().join("target"));
    /// use std::ops::ControlFlow;
    /// use emdb_core::{Emdb, Error};
    ///
    /// # Emdb::open(&damaged)?.close()?;
    /// let cancelled = Emdb::salvage_with(&damaged, &target, None, |_| ControlFlow::Break(()));
    /// assert!(matches!(cancelled, Err(Error::Cancelled)));
    /// assert!(!target.exists());
    /// # Ok(())
    /// # }
    /// ```
    pub fn salvage_with(
        damaged: impl AsRef<Path>,
        target: impl AsRef<Path>,
        encryption: Option<EncryptionInput>,
        progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<SalvageReport> {
        SalvageOptions::new().run(damaged, target, encryption, progress)
    }

    /// Reads everything and compares: header, the checksums of each record, the structure of
    /// commits, sync marks, and index and order in memory against the journal. It judges the state
    /// that is committed when it begins. Readers and writers go on meanwhile.
    ///
    /// Damage is no error here but stands in the report. What goes with a hole in the journal is
    /// told once: keys that only the memory still knows are not listed one by one. It costs the
    /// time of an open and, while it runs, the memory of a second index.
    ///
    /// # Errors
    /// Only what keeps it from looking: `TransactionActive` inside a transaction of this thread,
    /// `InvalidConfig` in a child forked after the open.
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// let db = emdb_core::Emdb::open(&path)?;
    /// db.insert("key", "value")?;
    /// let report = db.verify()?;
    /// assert!(report.is_ok(), "{:?}", report.problems);
    /// assert_eq!((report.records, report.live_records), (1, 1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn verify(&self) -> Result<crate::VerifyReport> {
        self.verify_with(|_| ControlFlow::Continue(()))
    }

    /// As [`verify`](Emdb::verify). `progress` is told bytes from time to time; comparing, which
    /// comes after reading, counts none.
    ///
    /// # Errors
    /// As [`verify`](Emdb::verify); `Cancelled` if `progress` breaks.
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// use std::ops::ControlFlow;
    ///
    /// let db = emdb_core::Emdb::open_in_memory();
    /// let mut last = 0;
    /// db.verify_with(|progress| {
    ///     last = progress.done;
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert!(db.verify_with(|_| ControlFlow::Break(())).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn verify_with(
        &self,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<crate::VerifyReport> {
        self.engine().verify(&mut progress)
    }
}
