//! Backup: one committed state, copied into a file of its own.

use std::path::Path;

use crate::engine::{Engine, open};
use crate::error::{Error, Result, named};
use crate::format::header::Header;
use crate::maintenance::copy::{copy_all, of_copy, read_view_of_all, reread};
use crate::maintenance::database::Database;
use crate::os::clock::unix_ms;
use crate::os::lock::FileLock;
use crate::os::paths::{self, suffix};
use crate::progress::ProgressMeter;
use crate::storage::Disk;
use crate::storage::data_file::DataFile;
use crate::storage::file::FileDisk;
use crate::storage::temp::Temp;

/// Copies what is committed now to the file `target`.
pub(crate) fn backup(
    database: &Database,
    target: &Path,
    meter: &mut ProgressMeter<'_>,
) -> Result<()> {
    database.check()?;
    let engine = &database.engine;
    let target = paths::canonical(target)?;
    if let Some(file) = &engine.file {
        refuse_own(&file.path, &target)?;
    }
    let mut lock = FileLock::acquire(&target)?;
    let done = backup_locked(engine, &target, &mut lock, meter);
    lock.release();
    done.map_err(|e| of_copy(e).named("back up to", &target))
}

/// The names that belong to the database at `own` are no place for its backup.
fn refuse_own(own: &Path, target: &Path) -> Result<()> {
    for end in suffix::OWN {
        let name = paths::sibling(own, end);
        // Files that the target needs for itself must not be the database, either.
        let needed = paths::sibling(target, end);
        if name == target || needed == own || paths::is_same_file(&name, target)? {
            return Err(Error::config(format!(
                "{} is a file of the database itself; choose another name for the backup",
                target.display()
            )));
        }
    }
    Ok(())
}

fn backup_locked(
    engine: &Engine,
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
        Err(e) => return Err(named("look at", target)(e).into()),
    }
    let disk = FileDisk;
    let temp = Temp::new(&disk, paths::sibling(target, suffix::BACKUP));
    copy_to(engine, &disk, &temp.path, meter)?;
    publish(&disk, &temp.path, target)
}

/// Writes the copy, whole and durable.
fn copy_to(
    engine: &Engine,
    disk: &dyn Disk,
    temp: &Path,
    meter: &mut ProgressMeter<'_>,
) -> Result<()> {
    let header = Header::create(unix_ms())?;
    let header = Header { clean_len: None, ..header };
    let handle = engine.generation(&crossbeam_epoch::pin()).clone();
    let key = handle.generation.journal.unlocked();
    let copy = open::fresh(&engine.plain_settings(), disk, temp, header, key)?;
    // The copy is synced beside the copying.
    copy.allow_syncing(None);
    let (view, namespaces) = read_view_of_all(engine);
    copy_all(&view, &namespaces, &copy, meter)?;
    engine.mark_time_in(&copy)?;
    reread(&copy)?;
    meter.finish()?;
    copy.background.stop();
    copy.close()
}

fn publish(disk: &dyn Disk, temp: &Path, target: &Path) -> Result<()> {
    disk.rename(temp, target)?;
    disk.sync_names(target)?;
    // A former database there may have left an index, which no file needs any more.
    for name in [DataFile::image_of(target), DataFile::passing_image_of(target)] {
        let _ = disk.remove(&name);
    }
    Ok(())
}
