//! Copying what is intact of a damaged file into a new one.

use std::ops::ControlFlow;
use std::path::Path;

use crate::api::db::Emdb;
use crate::crypto::{EncryptionInput, Secret};
use crate::error::Result;
use crate::maintenance::salvage_file::SalvageRequest;
use crate::maintenance::salvage_report::SalvageReport;
use crate::progress::Progress;

/// The options of a salvage; see [`Emdb::salvage`].
///
/// ```
/// # fn main() -> emdb::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let (damaged, target) = (folder.path().join("damaged"), folder.path().join("target"));
/// use std::ops::ControlFlow;
/// use emdb::{Emdb, SalvageOptions};
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
    /// The options of a plain [`Emdb::salvage`].
    ///
    /// ```
    /// # use emdb::SalvageOptions;
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
    /// # use emdb::SalvageOptions;
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
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let (damaged, target) = (folder.path().join("damaged"), folder.path().join("target"));
    /// # use std::ops::ControlFlow;
    /// # use emdb::{Emdb, SalvageOptions};
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
        let request = SalvageRequest {
            damaged: damaged.as_ref(),
            target: target.as_ref(),
            secret: encryption.map(Secret::new),
            partial_commits: self.partial_commits,
        };
        request.run(&mut progress)
    }
}

impl Emdb {
    /// Copies what is intact of the database file `damaged` into a new one at `target`, and lists
    /// what was lost. The damaged file is only read, whatever its bytes are.
    ///
    /// The copy has the state that comes of applying every whole commit in order, be it behind
    /// damage or in a tail that was never flushed. A key whose last commit is lost so has the value
    /// of the one before. Namespaces keep names and options, records their expiry. Records of a
    /// namespace whose beginning is lost come into one that is called `salvaged-` and a number. A
    /// file without a header is read as well. The copy of an encrypted file is encrypted with the
    /// same key.
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
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let (damaged, target) = (folder.path().join("damaged"), folder.path().join("target"));
    /// use emdb::{Emdb, LostKind};
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
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let (damaged, target) = (folder.path().join("damaged"), folder.path().join("target"));
    /// use std::ops::ControlFlow;
    /// use emdb::{Emdb, Error};
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
}
