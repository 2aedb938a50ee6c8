//! One writer at a time, or any number of readers: advisory locks on `<path>.lock` and on the data
//! file itself. A reader shares both, and writes neither.
//!
//! The kernel lets both go when the process ends, however it ends, so nothing is ever left to
//! break. The lock file is never unlinked: two holders could exist otherwise, one of the unlinked
//! file and one of the new one. Its content is for people to read.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, Result, named};
use crate::format::header::{FORMAT_VERSION, MAGIC};
use crate::os::clock::unix_ms;
use crate::os::paths;

/// The time that an open waits: a process that forked elsewhere can hold a descriptor for a moment
/// after this one closed its own.
const OPEN_WAIT_MAX: Duration = Duration::from_millis(20);

/// The holder of a database's lock; see [`crate::Emdb::lock_holder`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockHolder {
    /// The process; 0 if that can't be told, where it opened another hard link to the file.
    pub pid: u32,
    /// When it took the lock, in unix milliseconds.
    pub acquired_at_ms: u64,
    /// The format version that it writes.
    pub schema_version: u32,
    /// The version of this crate in it.
    pub crate_version: String,
}

/// A held lock. It is let go by `release` alone, in the process that took it: a drop only closes
/// the descriptors, which in a forked child lets nothing go.
#[derive(Debug)]
pub(crate) struct FileLock {
    files: Vec<File>,
    kind: Kind,
}

/// The way a file is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// By its one writer.
    Alone,
    /// By a reader, beside others.
    Shared,
}

impl FileLock {
    /// Takes the lock of the data file at `path`, which need not exist yet.
    pub(crate) fn acquire(path: &Path) -> Result<FileLock> {
        let name = paths::lock_file(path);
        let mut file = paths::private_lock(
            OpenOptions::new().read(true).write(true).create(true).truncate(false),
        )
        .open(&name)
        .map_err(|e| refuse_link(&name, e))?;
        lock_patiently(&file, Kind::Alone).map_err(|e| e.named("lock", &name))?;
        refuse_database(&name, &file)?;
        imitate(path, &file);
        write_holder(&mut file)?;
        Ok(FileLock { files: vec![file], kind: Kind::Alone })
    }

    /// Shares the lock of the data file at `path` with other readers. A lock file that is not
    /// there is not made, and one that can't be opened is left alone: the lock of the data file,
    /// which follows, is the one that keeps writers out.
    pub(crate) fn share(path: &Path) -> Result<FileLock> {
        let name = paths::lock_file(path);
        // Opening something else, a pipe for one, could wait.
        let plain = std::fs::symlink_metadata(&name).is_ok_and(|m| m.is_file());
        let file = plain.then(|| existing(&name).ok().flatten()).flatten();
        if let Some(file) = &file {
            lock_patiently(file, Kind::Shared).map_err(|e| e.named("lock", &name))?;
        }
        Ok(FileLock { files: Vec::from_iter(file), kind: Kind::Shared })
    }

    /// Locks the data file as well: it may be reached by hard links, each with a lock file of its
    /// own. False when another file has taken the name meanwhile.
    pub(crate) fn add_data_file(&mut self, path: &Path) -> Result<bool> {
        let opened = OpenOptions::new().read(true).write(self.kind == Kind::Alone).open(path);
        let file = opened.map_err(named("open the data file", path))?;
        lock_patiently(&file, self.kind).map_err(|e| e.named("lock", path))?;
        let same = is_same_file(&file, path);
        self.files.push(file);
        same
    }

    /// Whether the data file that is locked is the one at `path`.
    pub(crate) fn is_at(&self, path: &Path) -> Result<bool> {
        // Behind the lock file; an empty file that was found comes before the one that replaced it.
        let Some(file) = self.files.iter().skip(1).next_back() else { return Ok(true) };
        match is_same_file(file, path) {
            Err(Error::Io(e)) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            found => found,
        }
    }

    /// Has the file at `temp` locked in the place of the data file, whose name `rename` gives it.
    pub(crate) fn take_over(
        &mut self,
        temp: &Path,
        rename: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let opened = OpenOptions::new().read(true).write(true).open(temp);
        let file = opened.map_err(named("open", temp))?;
        lock_patiently(&file, Kind::Alone).map_err(|e| e.named("lock", temp))?;
        rename()?;
        // Behind the lock file.
        self.files.truncate(1);
        self.files.push(file);
        Ok(())
    }

    pub(crate) fn release(self) {
        for file in self.files.iter().rev() {
            // Closing the descriptor, which follows, lets the lock go as well.
            let _ = file.unlock();
        }
    }
}

/// Whether the open `file` is the one at `path`.
#[cfg(unix)]
pub(crate) fn is_same_file(file: &File, path: &Path) -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (opened, found) =
        (file.metadata()?, std::fs::metadata(path).map_err(named("look at", path))?);
    Ok((opened.dev(), opened.ino()) == (found.dev(), found.ino()))
}

#[cfg(not(unix))]
pub(crate) fn is_same_file(_file: &File, _path: &Path) -> Result<bool> {
    // An open file can't be renamed over there.
    Ok(true)
}

/// Takes a lock on a data file beside others who only read it, until it is closed.
pub(crate) fn share(file: &File) -> Result<()> {
    lock_patiently(file, Kind::Shared)
}

fn lock_patiently(file: &File, kind: Kind) -> Result<()> {
    let began = Instant::now();
    loop {
        let locked = match kind {
            Kind::Alone => file.try_lock(),
            Kind::Shared => file.try_lock_shared(),
        };
        match locked {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(e)) => return Err(e.into()),
            Err(TryLockError::WouldBlock) if began.elapsed() < OPEN_WAIT_MAX => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(TryLockError::WouldBlock) => return Err(Error::AlreadyLocked),
        }
    }
}

fn refuse_link(name: &Path, error: io::Error) -> Error {
    if std::fs::symlink_metadata(name).is_ok_and(|m| m.file_type().is_symlink()) {
        return Error::Io(io::Error::new(
            error.kind(),
            format!("the lock file {} is a symbolic link; remove it", name.display()),
        ));
    }
    named("open the lock file", name)(error).into()
}

/// The lock file is written over, so it must not be somebody's database of that name.
fn refuse_database(name: &Path, file: &File) -> Result<()> {
    let mut front = Vec::new();
    Read::take(file, MAGIC.len() as u64).read_to_end(&mut front)?;
    if front == MAGIC {
        return Err(Error::config(format!(
            "{} is a database, but the lock file needs that name; rename one of the two databases",
            name.display()
        )));
    }
    Ok(())
}

/// Gives the lock file mode and owner of the data file, if that is there: whoever may write the one has
/// to be able to lock the other. Those that this process may not give stay.
#[cfg(unix)]
fn imitate(model: &Path, file: &File) {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let (Ok(old), Ok(new)) = (std::fs::metadata(model), file.metadata()) else { return };
    // By another name it could be a file that is none of ours.
    if !old.is_file() || !new.is_file() || new.nlink() != 1 {
        return;
    }
    let group = Some(old.gid());
    if (old.uid(), old.gid()) != (new.uid(), new.gid())
        && fchown(file, Some(old.uid()), group).is_err()
        && fchown(file, None, group).is_err()
    {
        // Its bits would be for other people.
        return;
    }
    let mode = old.mode() & 0o666 | 0o600;
    if mode != new.mode() & 0o7777 {
        let _ = file.set_permissions(std::fs::Permissions::from_mode(mode));
    }
}

#[cfg(not(unix))]
fn imitate(_model: &Path, _file: &File) {}

fn write_holder(file: &mut File) -> Result<()> {
    let text = format!(
        "pid={}\nacquired_at_ms={}\nschema_version={FORMAT_VERSION}\ncrate_version={}\n",
        std::process::id(),
        unix_ms(),
        env!("CARGO_PKG_VERSION"),
    );
    let len = text.len() as u64;
    let mut replace = || {
        file.rewind()?;
        file.write_all(text.as_bytes())?;
        // The text of a former holder is as long but for the process: to cut it first would cost
        // more than all else that an open does.
        if file.metadata()?.len() > len { file.set_len(len) } else { Ok(()) }
    };
    // A full disk must not keep a database closed whose own file has room.
    let _ = replace();
    Ok(())
}

/// The holder of the lock of the data file at `path`.
pub(crate) fn holder(path: &Path) -> Result<Option<LockHolder>> {
    let Some(path) = resolved(path)? else { return Ok(None) };
    let mut text = String::new();
    match existing(&paths::lock_file(&path))? {
        Some(file) if is_held(&file, File::try_lock_shared)? => {
            Read::take(file, 4096).read_to_string(&mut text)?;
        }
        // Held by way of another hard link, whose lock file says by whom.
        _ if is_data_held(&path, File::try_lock_shared)? => {}
        _ => return Ok(None),
    }
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.split_once('=').filter(|(n, _)| *n == name))
            .map(|(_, v)| v)
    };
    let number = |name| field(name).and_then(|v| v.parse::<u64>().ok()).unwrap_or(0);
    Ok(Some(LockHolder {
        pid: number("pid") as u32,
        acquired_at_ms: number("acquired_at_ms"),
        schema_version: number("schema_version") as u32,
        crate_version: field("crate_version").unwrap_or_default().to_owned(),
    }))
}

/// Succeeds when nobody holds the lock.
pub(crate) fn break_lock(path: &Path) -> Result<()> {
    let Some(path) = resolved(path)? else { return Ok(()) };
    let file = existing(&paths::lock_file(&path))?;
    let held = file.map(|f| is_held(&f, File::try_lock)).transpose()? == Some(true)
        || is_data_held(&path, File::try_lock)?;
    if held { Err(Error::AlreadyLocked) } else { Ok(()) }
}

/// Whether `file` refuses this kind of lock.
fn is_held(file: &File, lock: fn(&File) -> Result<(), TryLockError>) -> Result<bool> {
    match lock(file) {
        Ok(()) => file.unlock().map(|()| false).map_err(Error::from),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(e)) => Err(e.into()),
    }
}

fn is_data_held(path: &Path, lock: fn(&File) -> Result<(), TryLockError>) -> Result<bool> {
    // Opening something else, a pipe for one, could wait.
    if !std::fs::metadata(path).is_ok_and(|m| m.is_file()) {
        return Ok(false);
    }
    is_held(&File::open(path).map_err(named("open the data file", path))?, lock)
}

fn resolved(path: &Path) -> Result<Option<PathBuf>> {
    match paths::canonical(path) {
        Ok(path) => Ok(Some(path)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn existing(name: &Path) -> Result<Option<File>> {
    match paths::private_lock(OpenOptions::new().read(true)).open(name) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(refuse_link(name, e)),
    }
}
