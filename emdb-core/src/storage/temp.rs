//! A file on its way to its name.

use std::path::PathBuf;

use crate::storage::Disk;

/// Removes the file of a temporary name when dropped, after an error or when a callback panics. A
/// file that was renamed has that name no more.
#[derive(Debug)]
pub(crate) struct Temp<'d> {
    disk: &'d dyn Disk,
    pub(crate) path: PathBuf,
}

impl<'d> Temp<'d> {
    pub(crate) fn new(disk: &'d dyn Disk, path: PathBuf) -> Temp<'d> {
        Temp { disk, path }
    }
}

impl Drop for Temp<'_> {
    fn drop(&mut self) {
        let _ = self.disk.remove(&self.path);
    }
}
