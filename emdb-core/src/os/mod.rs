//! The operating system: time, processes, file locks, names of files, threads.

pub(crate) mod boot;
pub(crate) mod clock;
pub(crate) mod epochs;
pub(crate) mod fork;
pub(crate) mod heap;
pub(crate) mod lock;
pub(crate) mod paths;
pub(crate) mod ranked;
pub(crate) mod sync;
pub(crate) mod worker;
