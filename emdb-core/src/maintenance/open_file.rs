//! Opening a database by the name of its file: locking it, and making it if it is absent.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::engine::open;
use crate::engine::settings::Settings;
use crate::error::{Error, Result, named};
use crate::maintenance::database::Database;
use crate::os::lock::FileLock;
use crate::os::paths;
use crate::storage::{self, Disk};

/// Opens the database in the file at `given`, which is made if it is absent or empty, unless it is to
/// be read alone.
pub(crate) fn open_file(given: &Path, settings: &Settings) -> Result<Arc<Database>> {
    let disk: Arc<dyn Disk> = storage::files(settings.sqpoll_idle_ms).into();
    loop {
        let path = paths::canonical(given)?;
        match std::fs::metadata(&path) {
            Ok(meta) if !meta.is_file() => {
                let what = format!("{} is not a regular file", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, what).into());
            }
            _ => {}
        }
        if settings.auto_compact.is_some() && !settings.read_only && !disk.is_replaceable(&path) {
            return Err(Error::config(format!(
                "auto_compact: {} is mounted by itself, so no compaction can put a new file in its \
                 place; mount the folder that it is in instead, or open it without auto_compact",
                path.display()
            )));
        }
        let mut lock = match settings.read_only {
            true => FileLock::share(&path)?,
            false => FileLock::acquire(&path)?,
        };
        match open_locked(&disk, &path, &mut lock, settings) {
            // Something was renamed to the path between its check and its lock.
            Ok(None) => lock.release(),
            Ok(Some(database)) => {
                if let Some(file) = &database.engine.file {
                    file.keep_lock(lock);
                }
                return Ok(database);
            }
            Err(e) => {
                lock.release();
                return Err(e.named("open", &path));
            }
        }
    }
}

/// Opens the file at `path`; none if that is not the one that is locked.
fn open_locked(
    disk: &Arc<dyn Disk>,
    path: &Path,
    lock: &mut FileLock,
    settings: &Settings,
) -> Result<Option<Arc<Database>>> {
    let mut is_locked = false;
    match std::fs::metadata(path) {
        _ if settings.read_only => {}
        Ok(meta) if meta.len() == 0 => {
            // A reader may have it open, who is not to lose the name to a new file.
            lock.add_data_file(path)?;
            open::create(settings, &**disk, path)?;
            // It may be the same, if no other can take its place.
            is_locked = lock.is_at(path)?;
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => open::create(settings, &**disk, path)?,
        Ok(_) => {}
        Err(e) => return Err(named("look at", path)(e).into()),
    }
    if !is_locked && !lock.add_data_file(path)? {
        return Ok(None);
    }
    Database::on_disk(settings, disk.clone(), path).map(Some)
}
