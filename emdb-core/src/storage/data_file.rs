//! The data file of a database: where it is, and the right to it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::error::{Error, Result};
use crate::os::lock::FileLock;
use crate::os::paths::{self, suffix};
use crate::os::sync;
use crate::storage::Disk;

/// A data file, and the right to it.
#[derive(Debug)]
pub(crate) struct DataFile {
    pub(crate) disk: Arc<dyn Disk>,
    /// Without symbolic links.
    pub(crate) path: PathBuf,
    /// None on a simulated disk, and once closed.
    lock: Mutex<Option<FileLock>>,
    closed: AtomicBool,
}

impl DataFile {
    pub(crate) fn new(disk: Arc<dyn Disk>, path: PathBuf) -> DataFile {
        DataFile { disk, path, lock: Mutex::new(None), closed: AtomicBool::new(false) }
    }

    /// The checkpoint of the data file at `path`.
    pub(crate) fn image_of(path: &Path) -> PathBuf {
        paths::sibling(path, suffix::CHECKPOINT)
    }

    /// The checkpoint that was taken last while much was written, and is good only as long as the
    /// machine runs.
    pub(crate) fn passing_image_of(path: &Path) -> PathBuf {
        paths::sibling(path, suffix::HOT_CHECKPOINT)
    }

    /// Removes what the former file left beside the one at `path`, for good, but for `kept`, which
    /// is this one's.
    pub(crate) fn remove_left(
        disk: &dyn Disk,
        path: &Path,
        kept: Option<&Path>,
    ) -> std::io::Result<()> {
        // As much as can be, and then the first thing that could not.
        let names = suffix::DISPOSABLE.map(|end| paths::sibling(path, end));
        let removed = names.map(|name| match kept == Some(&name) {
            true => Ok(()),
            false => disk.remove(&name),
        });
        removed.into_iter().collect::<std::io::Result<()>>()?;
        disk.sync_names(path)
    }

    /// Gives up the files beside it that nothing needs to be right, for the space that they take: an
    /// open without a checkpoint takes longer, and what a recovery dropped was never promised.
    pub(crate) fn give_up_disposable(&self) {
        if self.check_name().is_ok() {
            for end in suffix::GIVEN_UP {
                // What stays, stays: the one who needs the space sees.
                let _ = self.disk.remove(&paths::sibling(&self.path, end));
            }
        }
    }

    /// Keeps the lock for as long as the database is open.
    pub(crate) fn keep_lock(&self, lock: FileLock) {
        *sync::lock(&self.lock) = Some(lock);
    }

    /// Has the database closed by `close`, once, and then lets go of the lock.
    pub(crate) fn close(&self, close: impl FnOnce() -> Result<()>) -> Result<()> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let closed = close();
        if let Some(lock) = sync::lock(&self.lock).take() {
            lock.release();
        }
        closed
    }

    /// Refuses to touch the names beside a file that is not this one: somebody may have renamed
    /// another to the path while this one is open, as in restoring a backup.
    pub(crate) fn check_name(&self) -> Result<()> {
        let is_ours = match &*sync::lock(&self.lock) {
            Some(lock) => lock.is_at(&self.path)?,
            None => true,
        };
        if is_ours {
            return Ok(());
        }
        Err(std::io::Error::other(format!(
            "{} is not the file that this database has open: it was renamed, removed or replaced \
             meanwhile, and is left as it is; close the database, and open the file that is wanted",
            self.path.display()
        ))
        .into())
    }

    /// Refuses what ends with another file at the path, where none can be put.
    pub(crate) fn check_replaceable(&self) -> Result<()> {
        if self.disk.is_replaceable(&self.path) { Ok(()) } else { Err(not_replaceable(&self.path)) }
    }

    /// Gives the file at `temp` the name of the data file, with the lock on it.
    pub(crate) fn replace(&self, temp: &Path) -> Result<()> {
        self.check_name()?;
        let rename = || match self.disk.rename(temp, &self.path) {
            Err(e) if e.kind() == ErrorKind::ResourceBusy => Err(not_replaceable(&self.path)),
            done => Ok(done?),
        };
        match &mut *sync::lock(&self.lock) {
            Some(lock) => lock.take_over(temp, rename),
            None => rename(),
        }
    }
}

/// Why no other file can take the place of the one at `path`, and what to do about it. Copying over it
/// instead would leave neither of the two, should a crash come in between.
fn not_replaceable(path: &Path) -> Error {
    let what = format!(
        "{} is mounted by itself, so a new file can't take its place, which is how a database is \
         compacted and its key changed; mount the folder that it is in instead",
        path.display()
    );
    std::io::Error::new(ErrorKind::Unsupported, what).into()
}
