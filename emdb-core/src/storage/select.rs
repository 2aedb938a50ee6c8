//! The choice of a medium for files.

use crate::storage::Disk;
use crate::storage::file::FileDisk;
use crate::storage::uring;

/// The file system; journals in it are written through an io_uring that sleeps after so many idle
/// milliseconds, if that is asked for and the system can.
pub(crate) fn files(sqpoll_idle_ms: Option<u32>) -> Box<dyn Disk> {
    match sqpoll_idle_ms {
        Some(idle_ms) => uring::files(idle_ms),
        None => Box::new(FileDisk),
    }
}
