//! The one seam to the medium below: files on a disk, memory, or a simulated disk in tests.
//!
//! [`Medium`] is one journal's bytes, [`Disk`] the names above them, [`memory::Memory`] what readers see.
//! Everything that can fail in the world outside fails here, as an `io::Error`.

pub(crate) mod data_file;
pub(crate) mod file;
mod medium;
pub(crate) mod memory;
pub(crate) mod ram;
mod read_only;
mod select;
#[cfg(test)]
pub(crate) mod sim;
pub(crate) mod temp;
mod uring;

pub use medium::IoBackend;
pub(crate) use medium::{Disk, Keep, Map, Medium, Window};
pub(crate) use select::files;
