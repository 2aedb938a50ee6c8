//! The lock of a database: who has it open.

use std::path::Path;

use crate::api::db::Emdb;
use crate::error::Result;
use crate::os::lock::{self, LockHolder};

impl Emdb {
    /// The process that has the database at `path` open for writing now; `None` when nobody has.
    ///
    /// # Errors
    /// `Io` if the lock file can't be read.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::Emdb;
    ///
    /// assert_eq!(Emdb::lock_holder(&path)?, None);
    /// let db = Emdb::open(&path)?;
    /// assert_eq!(Emdb::lock_holder(&path)?.unwrap().pid, std::process::id());
    /// # Ok(())
    /// # }
    /// ```
    pub fn lock_holder(path: impl AsRef<Path>) -> Result<Option<LockHolder>> {
        lock::holder(path.as_ref())
    }

    /// Succeeds when nobody holds the lock of the database at `path`, whatever was left behind:
    /// a lock goes with its process, so there is nothing to break.
    ///
    /// # Errors
    /// `AlreadyLocked` while a live process holds it, for writing or for reading.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// use emdb::Emdb;
    ///
    /// let db = Emdb::open(&path)?;
    /// assert!(Emdb::break_lock(&path).is_err());
    /// drop(db);
    /// Emdb::break_lock(&path)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn break_lock(path: impl AsRef<Path>) -> Result<()> {
        lock::break_lock(path.as_ref())
    }
}
