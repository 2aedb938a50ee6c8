//! The places of a database: platform folders, names beside the data file, symbolic links resolved.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result, named};

/// The suffixes of the files beside a data file.
pub(crate) mod suffix {
    /// The lock.
    pub(crate) const LOCK: &str = ".lock";
    /// The checkpoint that lasts.
    pub(crate) const CHECKPOINT: &str = ".meta";
    /// The checkpoint that is good for one run of the machine.
    pub(crate) const HOT_CHECKPOINT: &str = ".hot.meta";
    /// The end of the journal that the last recovery dropped.
    pub(crate) const TORN: &str = ".torn";
    /// Added to the name of any file until it is whole.
    pub(crate) const TEMPORARY: &str = ".emdb-tmp";
    /// The copy of a compaction until it takes the place of the data file.
    pub(crate) const COMPACTION: &str = ".compact.tmp";
    /// A backup until it is whole.
    pub(crate) const BACKUP: &str = ".backup.tmp";
    /// The copy of a salvage until all of it is there.
    pub(crate) const SALVAGE: &str = ".salvage.tmp";

    /// Files that a crash can leave on their way to this name.
    pub(crate) const UNFINISHED: [&str; 7] = [
        COMPACTION,
        BACKUP,
        SALVAGE,
        TEMPORARY,
        ".torn.emdb-tmp",
        ".meta.emdb-tmp",
        ".hot.meta.emdb-tmp",
    ];

    /// Files that can lie beside one that took the place of a file with another key.
    pub(crate) const DISPOSABLE: [&str; 10] = [
        TORN,
        ".torn.emdb-tmp",
        CHECKPOINT,
        ".meta.emdb-tmp",
        HOT_CHECKPOINT,
        ".hot.meta.emdb-tmp",
        TEMPORARY,
        COMPACTION,
        BACKUP,
        SALVAGE,
    ];

    /// Files that are given up where there is no space.
    pub(crate) const GIVEN_UP: [&str; 3] = [HOT_CHECKPOINT, CHECKPOINT, TORN];

    /// The files of a database: its data file, those that lie beside that, and those that will.
    pub(crate) const OWN: [&str; 7] =
        ["", LOCK, CHECKPOINT, HOT_CHECKPOINT, TORN, COMPACTION, BACKUP];
}

/// `<path><suffix>`, in the same folder.
pub(crate) fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// The lock file of the data file at `path`.
pub(crate) fn lock_file(path: &Path) -> PathBuf {
    sibling(path, suffix::LOCK)
}

/// The file at the end of all symbolic links, which need not exist yet; its folder must.
pub(crate) fn canonical(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    // As many hops as the kernel follows.
    for _ in 0..40 {
        match std::fs::canonicalize(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            found => return found.map_err(named("reach", &path)),
        }
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_os_string();
        let parent = match path.parent() {
            Some(p) if !p.as_os_str().is_empty() => p,
            _ => Path::new("."),
        };
        let folder = std::fs::canonicalize(parent).map_err(named("reach the folder", parent))?;
        let resolved = folder.join(name);
        match std::fs::read_link(&resolved) {
            // A link whose target is still to be made.
            Ok(target) => path = folder.join(target),
            Err(_) => return Ok(resolved),
        }
    }
    Err(named("follow", &path)(io::Error::other("too many levels of symbolic links")))
}

/// Whether both names lead to one file, by links or otherwise.
pub(crate) fn is_same_file(a: &Path, b: &Path) -> io::Result<bool> {
    let (Some(a), Some(b)) = (identity(a)?, identity(b)?) else { return Ok(false) };
    Ok(a == b)
}

/// The identity that tells a file from all others; none if there is no file.
fn identity(path: &Path) -> io::Result<Option<(u64, u64, PathBuf)>> {
    #[cfg(unix)]
    let found = std::fs::metadata(path).map(|meta| {
        use std::os::unix::fs::MetadataExt;
        (meta.dev(), meta.ino(), PathBuf::new())
    });
    #[cfg(not(unix))]
    let found = std::fs::canonicalize(path).map(|path| (0, 0, path));
    match found {
        Ok(identity) => Ok(Some(identity)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(named("look at", path)(e)),
    }
}

/// Owner-only permission on what `options` create, and no symbolic link followed at the last
/// component.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW);
    }
    options
}

/// The same for a lock file, which may be something else: a pipe would wait for somebody at its other
/// end. Not for what is written through a ring, which takes that flag for its own.
pub(crate) fn private_lock(options: &mut OpenOptions) -> &mut OpenOptions {
    let options = private(options);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    }
    options
}

/// `<data dir>/<app>/<database>`; with `make`, the folders are made.
pub(crate) fn in_data_dir(
    root: Option<PathBuf>,
    app: &str,
    database: &str,
    make: bool,
) -> Result<PathBuf> {
    for (what, name) in [("app_name", app), ("database_name", database)] {
        let mut parts = Path::new(name).components();
        let plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        if !plain || name.contains(['/', '\\']) {
            return Err(Error::config(format!(
                "{what} {name:?} must be one plain name: not empty, absolute or `..`, and without \
                 separators"
            )));
        }
    }
    let root = match root {
        Some(root) => root,
        None => platform_data_dir()?,
    };
    let folder = root.join(app);
    if make {
        std::fs::create_dir_all(&folder).map_err(named("make the folder", &folder))?;
    }
    Ok(folder.join(database))
}

fn platform_data_dir() -> Result<PathBuf> {
    use etcetera::BaseStrategy;
    let dirs = etcetera::base_strategy::choose_native_strategy().map_err(|_| {
        Error::config("this user has no home directory; name a folder with data_root")
    })?;
    // `%LOCALAPPDATA%` is what etcetera calls the cache directory there.
    Ok(if cfg!(windows) { dirs.cache_dir() } else { dirs.data_dir() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_their_folder_are_refused() {
        let root = tempfile::tempdir().unwrap();
        for bad in ["", ".", "..", "/", "/etc", "a/b", "a\\b", "a/", "../x"] {
            for (app, database) in [(bad, "ok"), ("ok", bad)] {
                let made = in_data_dir(Some(root.path().into()), app, database, true);
                assert!(matches!(made, Err(Error::InvalidConfig(_))), "{bad:?}");
            }
        }
        let path = in_data_dir(Some(root.path().into()), "app", "main.db", false).unwrap();
        assert_eq!(path, root.path().join("app").join("main.db"));
        assert!(!root.path().join("app").exists());
        in_data_dir(Some(root.path().into()), "app", "main.db", true).unwrap();
        assert!(root.path().join("app").is_dir());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_to_a_file_that_need_not_exist() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().canonicalize().unwrap();
        std::os::unix::fs::symlink("b", folder.join("a")).unwrap();
        std::os::unix::fs::symlink("c", folder.join("b")).unwrap();
        assert_eq!(canonical(&folder.join("a")).unwrap(), folder.join("c"));
        std::os::unix::fs::symlink("loop", folder.join("loop")).unwrap();
        assert!(canonical(&folder.join("loop")).is_err());
        assert!(canonical(&folder.join("missing").join("x")).is_err());
    }
}
