//! A backend of a few hundred lines: ordered maps in memory.
//!
//! It shows that the seam is one. It knows nothing of keys, rows, indexes and the catalogue, and
//! names nothing of the engine but the vocabulary that all backends share.
//!
//! A state is a map of keyspaces that is copied on write. Invariant: only who holds the write lock
//! replaces the database's state, by one that has all of a commit.

mod database;
mod error;
mod state;
mod table;
mod transaction;
mod view;

pub(crate) use database::Memory;
pub(crate) use transaction::{MemoryStaged, MemoryTransaction};
