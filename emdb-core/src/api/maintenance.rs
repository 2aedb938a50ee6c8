//! Calls that look after a whole database.

use std::ops::ControlFlow;
use std::path::Path;

use crate::api::db::Emdb;
use crate::error::Result;
use crate::maintenance::backup::backup;
use crate::maintenance::compact::compact;
use crate::progress::{Progress, ProgressMeter};

impl Emdb {
    /// Rewrites the file with what is live, so that it shrinks to that. Ordered namespaces come
    /// out in the order of their keys, which makes ranges faster.
    ///
    /// Readers, iterators, snapshots and [`ValueRef`](crate::ValueRef)s notice nothing; those that
    /// were there before keep the former file's space until they go. Writers go on, and wait only
    /// while the last commits are copied, a few milliseconds
    /// ([`compaction_pause`](crate::EmdbStats::compaction_pause)). Until it is done it takes the
    /// space of the new file beside the old one. A crash at any moment leaves the old file or the
    /// new one, whole.
    ///
    /// Expired records are left out. The file keeps its mode and owner. Where space is short, files that can be done
    /// without (checkpoints, and what a recovery kept aside) make way.
    ///
    /// # Errors
    /// - `Io`: no space for the new file, for one, and how many bytes are missing; the database goes on as it was. Also if the data
    ///   file has several hard links or is mounted by itself (as a container's single file: mount its folder), and on Windows, where a mapped file can't be replaced.
    /// - `Corrupted`: a live record is damaged. Nothing has changed; see `Emdb::salvage`.
    /// - `TransactionActive` inside a transaction of this thread, `Poisoned`, `ReadOnly`.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("db");
    /// let db = emdb::Emdb::open(&path)?;
    /// for n in 0..1000u32 {
    ///     db.insert("counter", n.to_string())?;
    /// }
    /// assert!(db.stats()?.dead_bytes > 10_000);
    /// db.compact()?;
    /// assert!(db.stats()?.dead_bytes < 100);
    /// assert_eq!(db.get("counter")?.as_deref(), Some(&b"999"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn compact(&self) -> Result<()> {
        self.compact_with(|_| ControlFlow::Continue(()))
    }

    /// As [`compact`](Emdb::compact), telling `progress` how many bytes of live records have been
    /// copied. Breaking ends it with `Cancelled` and leaves everything as it was; once all is
    /// copied it is not asked any more.
    ///
    /// # Errors
    /// As [`compact`](Emdb::compact), and `Cancelled`.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use std::ops::ControlFlow;
    ///
    /// db.compact_with(|progress| {
    ///     println!("{} of {} bytes", progress.done, progress.total);
    ///     ControlFlow::Continue(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn compact_with(
        &self,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        let total = self.engine().live_bytes();
        compact(self.database(), &mut ProgressMeter::new(&mut progress, total))
    }

    /// Copies the state that is committed now to the file `target`, which is then a database of its
    /// own with the same namespaces, records and expiries; expired records are left out. Readers
    /// and writers go on meanwhile. A file that was at `target` before, a database as well, is
    /// replaced once the copy is whole and on stable storage; if anything fails, and after a crash,
    /// it is as it was.
    ///
    /// A database in memory can be backed up too.
    ///
    /// # Errors
    /// - `InvalidConfig`: the target is a file of this database, by whatever path or link.
    /// - `AlreadyLocked`: somebody has the target open.
    /// - `MagicMismatch`: the target is something else than a database. It is not touched.
    /// - `Io`: a missing folder or a full disk, for example.
    /// - `Corrupted`: a live record is damaged.
    /// - `TransactionActive` inside a transaction of this thread.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("copy");
    /// use emdb::Emdb;
    ///
    /// let db = Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// db.backup_to(&path)?;
    /// assert_eq!(Emdb::open(&path)?.get("key")?.as_deref(), Some(&b"value"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn backup_to(&self, target: impl AsRef<Path>) -> Result<()> {
        self.backup_to_with(target, |_| ControlFlow::Continue(()))
    }

    /// As [`backup_to`](Emdb::backup_to), telling `progress` how many bytes of live records have
    /// been copied. Breaking ends it with `Cancelled` and leaves nothing behind.
    ///
    /// # Errors
    /// As [`backup_to`](Emdb::backup_to), and `Cancelled`.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("copy");
    /// use std::ops::ControlFlow;
    /// use emdb::{Emdb, Error};
    ///
    /// let db = Emdb::open_in_memory();
    /// let stopped = db.backup_to_with(&path, |_| ControlFlow::Break(()));
    /// assert!(matches!(stopped, Err(Error::Cancelled)));
    /// assert!(!path.exists());
    /// # Ok(())
    /// # }
    /// ```
    pub fn backup_to_with(
        &self,
        target: impl AsRef<Path>,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        let total = self.engine().live_bytes();
        backup(self.database(), target.as_ref(), &mut ProgressMeter::new(&mut progress, total))
    }
}
