//! A stand-in where there is no io_uring: the ordinary files.

use crate::storage::Disk;
use crate::storage::file::FileDisk;

pub(crate) fn files(_idle_ms: u32) -> Box<dyn Disk> {
    Box::new(FileDisk)
}
