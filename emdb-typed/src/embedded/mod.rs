//! The embedded backend: an [`Emdb`](emdb_core::Emdb) in this process.
//!
//! Each keyspace is a namespace. A table that reads by itself calls the engine's lookup; one in a
//! transaction reads and writes through that; a commit is the engine's, with the write lock held
//! since before the first read.

mod database;
mod live;
mod snapshot;
mod staged;
mod view;

pub use live::Live;
pub use staged::Staged;

/// One state of a namespace.
pub(crate) use emdb_core::internal::View;
