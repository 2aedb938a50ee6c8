//! The catalogue: which tables a database has, and what their rows look like.
//!
//! It is a keyspace. Its keys are the names of the tables' keyspaces; a value is an [`Entry`].

mod admission;
mod build;
mod definition;
mod entry;
mod migrate;
mod open;
mod sample;

pub(crate) use admission::refuse;
pub(crate) use build::{CHUNK_MAX_BYTES, CHUNK_MAX_ROWS};
pub(crate) use definition::Definition;
pub(crate) use entry::Entry;
#[cfg(feature = "json")]
pub(crate) use entry::IndexState;
pub(crate) use open::{index_child, open};
