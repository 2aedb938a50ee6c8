//! Errors, grouped by what the caller can do about them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed. The set is the same under every combination of features.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused. A full disk leaves the database as it was: free space and
    /// call again. Removing, clearing and dropping still work then, and so does a compaction for which there
    /// is room.
    #[error("input/output error: {0}")]
    Io(#[from] io::Error),
    /// Another handle or process has the database open for writing, or other handles of this one
    /// are still alive where the call needs to be the last.
    #[error(
        "the database is in use by another process or handle; close that first \
         (Emdb::lock_holder tells which process it is)"
    )]
    AlreadyLocked,
    /// The file is no emdb database. It was not touched.
    #[error("the file is not an emdb database; check the path, nothing was changed")]
    MagicMismatch,
    /// The file was written by another format version.
    #[error("the file has format version {found}, this build reads version {expected}")]
    VersionMismatch {
        /// The version that the file names.
        found: u32,
        /// The version that this build reads and writes.
        expected: u32,
    },
    /// Bytes that were once whole are damaged. The file was not changed.
    #[error("the database is damaged at byte {offset}: {reason}; restore a backup or salvage it")]
    Corrupted {
        /// The byte of the data file where the damage was met.
        offset: u64,
        /// The rule that did not hold there.
        reason: String,
    },
    /// An option or argument can't be honoured; the text says which and why.
    #[error("invalid configuration: {0}")]
    InvalidConfig(String),
    /// A key that had to be present is not.
    #[error("the key is not in the database")]
    KeyNotFound,
    /// A key is missing, superfluous or wrong, or sealed bytes were tampered with.
    #[error("encryption error: {0}")]
    EncryptionError(String),
    /// This thread is inside a transaction of this database, and the call would wait for it.
    #[error(
        "a transaction of this thread is open on this database; use the transaction handle, or \
         call this after it ended"
    )]
    TransactionActive,
    /// Another thread's transaction was open for as long as this call may wait for it:
    /// [`EmdbBuilder::lock_timeout`](crate::EmdbBuilder::lock_timeout). Nothing was written.
    #[error(
        "waited {waited:.1?} for the right to write, while a transaction of another thread was open \
         (the present one for {open_for:.1?} at least); nothing was written. Call again, or allow \
         more by EmdbBuilder::lock_timeout; if that transaction waits for this very thread, let it \
         not: nothing but its own handle can write before it ends"
    )]
    LockTimeout {
        /// How long the call has waited.
        waited: Duration,
        /// How long, at least, the transaction that is open has been.
        open_for: Duration,
    },
    /// The namespace behind this handle was dropped.
    #[error("the namespace was dropped; open it again with Emdb::namespace to start a new one")]
    NamespaceDropped,
    /// Something exceeds a documented limit. Nothing was written.
    #[error("{what} of {size} is over the limit of {limit}; nothing was written")]
    TooLarge {
        /// The thing that was too large: a key, a value, a file.
        what: &'static str,
        /// Its size in bytes (for counts, in records).
        size: u64,
        /// The largest that is taken.
        limit: u64,
    },
    /// The database is open for reading only.
    #[error("the database is open for reading only; open it without read_only to write")]
    ReadOnly,
    /// The caller's progress callback asked to stop.
    #[error("the call was cancelled by its progress callback; nothing was left behind")]
    Cancelled,
    /// An earlier write or sync failed, so what is on disk is uncertain. Reads go on.
    #[error(
        "an earlier write or sync failed, so writes are refused until the database is reopened; \
         reads go on"
    )]
    Poisoned,
}

impl Error {
    pub(crate) fn corrupted(offset: u64, reason: impl Into<String>) -> Error {
        Error::Corrupted { offset, reason: reason.into() }
    }

    /// Whether a disk is full, or what one may have of it.
    pub(crate) fn is_for_want_of_space(&self) -> bool {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        matches!(self, Error::Io(e) if full.contains(&e.kind()))
    }

    /// Names what was to be done, and to which file, in an error of the operating system that has no
    /// name yet.
    pub(crate) fn named(self, action: &'static str, path: &Path) -> Error {
        match self {
            Error::Io(e) => Error::Io(named(action, path)(e)),
            other => other,
        }
    }

    pub(crate) fn config(reason: impl Into<String>) -> Error {
        Error::InvalidConfig(reason.into())
    }

    /// A second copy, for a status that can be asked for more than once. An `Io` keeps its kind
    /// and text; the operating system's own value can't be copied.
    pub(crate) fn duplicate(&self) -> Error {
        match self {
            Error::Io(e) => Error::Io(io::Error::new(e.kind(), e.to_string())),
            Error::AlreadyLocked => Error::AlreadyLocked,
            Error::MagicMismatch => Error::MagicMismatch,
            Error::VersionMismatch { found, expected } => {
                Error::VersionMismatch { found: *found, expected: *expected }
            }
            Error::Corrupted { offset, reason } => {
                Error::Corrupted { offset: *offset, reason: reason.clone() }
            }
            Error::InvalidConfig(reason) => Error::InvalidConfig(reason.clone()),
            Error::KeyNotFound => Error::KeyNotFound,
            Error::EncryptionError(reason) => Error::EncryptionError(reason.clone()),
            Error::TransactionActive => Error::TransactionActive,
            Error::LockTimeout { waited, open_for } => {
                Error::LockTimeout { waited: *waited, open_for: *open_for }
            }
            Error::NamespaceDropped => Error::NamespaceDropped,
            Error::TooLarge { what, size, limit } => {
                Error::TooLarge { what, size: *size, limit: *limit }
            }
            Error::ReadOnly => Error::ReadOnly,
            Error::Cancelled => Error::Cancelled,
            Error::Poisoned => Error::Poisoned,
        }
    }
}

/// An error of the operating system with what it is about. The error that this wraps has the code.
#[derive(Debug, thiserror::Error)]
#[error("can't {action} {}: {source}", path.display())]
struct Named {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// Names the action, as "open the data file", and its file in an error. The kind stays; an error that
/// has a name keeps that.
pub(crate) fn named(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    move |source| {
        if source.get_ref().is_some_and(|inner| inner.is::<Named>()) {
            return source;
        }
        io::Error::new(source.kind(), Named { action, path: path.to_path_buf(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_kind_and_its_first_name() {
        let error = io::Error::from_raw_os_error(13);
        let text = error.to_string();
        let error = named("open", Path::new("/a/b"))(error);
        let error = named("back up to", Path::new("/c"))(error);
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(error.to_string(), format!("can't open /a/b: {text}"));
    }
}
