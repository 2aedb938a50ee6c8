//! Backup: one committed state, copied into a file of its own.

use std::path::Path;
use std::sync::Arc;

use crate::engine::{Engine, open};
use crate::error::{Error, Result};
use crate::format::header::Header;
use crate::maintenance::compact;
use crate::maintenance::copy::{copy_all, of_copy};
use crate::os::lock::FileLock;
use crate::os::paths;
use crate::progress::ProgressMeter;
use crate::storage::Disk;
use crate::storage::data_file::DataFile;
use crate::storage::file::FileDisk;
use crate::storage::temp::Temp;

/// What the copy is called until it is whole.
pub(crate) const TEMP: &str = ".backup.tmp";

impl Engine {
    /// Copies what is committed now to the file `target`.
    pub(crate) fn backup(
        self: &Arc<Engine>,
        target: &Path,
        meter: &mut ProgressMeter<'_>,
    ) -> Result<()> {
        self.check_maintenance()?;
        let target = paths::canonical(target)?;
        self.refuse_own(&target)?;
        let mut lock = FileLock::acquire(&target)?;
        let done = self.backup_locked(&target, &mut lock, meter);
        lock.release();
        done.map_err(of_copy)
    }

    /// The names that belong to this database are no place for its backup.
    fn refuse_own(&self, target: &Path) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let ends = ["", ".lock", ".meta", ".hot.meta", ".torn", compact::TEMP, TEMP];
        for end in ends {
            let name = paths::sibling(&file.path, end);
            // What the target needs for itself must not be the database, either.
            let needed = paths::sibling(target, end);
            if name == target || needed == file.path || paths::is_same_file(&name, target)? {
                return Err(Error::config(format!(
                    "{} is a file of the database itself; choose another name for the backup",
                    target.display()
                )));
            }
        }
        Ok(())
    }

    fn backup_locked(
        self: &Arc<Engine>,
        target: &Path,
        lock: &mut FileLock,
        meter: &mut ProgressMeter<'_>,
    ) -> Result<()> {
        match std::fs::metadata(target) {
            Ok(meta) if !meta.is_file() => {
                return Err(Error::config(format!("{} is not a regular file", target.display())));
            }
            Ok(meta) => {
                if !lock.add_data_file(target)? {
                    return Err(Error::AlreadyLocked);
                }
                if meta.len() > 0 {
                    open::check_is_database(target)?;
                }
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(e.into()),
        }
        let disk = FileDisk;
        let temp = Temp::new(&disk, paths::sibling(target, TEMP));
        self.copy_to(&disk, &temp.path, meter)?;
        publish(&disk, &temp.path, target)
    }

    /// Writes the copy, whole and durable.
    fn copy_to(
        self: &Arc<Engine>,
        disk: &dyn Disk,
        temp: &Path,
        meter: &mut ProgressMeter<'_>,
    ) -> Result<()> {
        let header = Header::create(crate::os::clock::unix_ms())?;
        let header = Header { clean_len: None, ..header };
        let handle = self.generation(&crossbeam_epoch::pin()).clone();
        let key = handle.generation.unlocked();
        let copy = open::fresh(&self.plain_settings(), disk, temp, header, key)?;
        copy.sync_meanwhile();
        let (view, states) = self.read_view_of_all();
        copy_all(&view, &states, &copy, meter)?;
        copy.reread()?;
        meter.finish()?;
        copy.background.stop();
        copy.close()
    }
}

fn publish(disk: &dyn Disk, temp: &Path, target: &Path) -> Result<()> {
    disk.rename(temp, target)?;
    disk.sync_names(target)?;
    // What was there before may have left an index, which no file needs any more.
    for name in [DataFile::image_of(target), DataFile::passing_image_of(target)] {
        let _ = disk.remove(&name);
    }
    Ok(())
}
