//! The handles that users hold, and their calls: thin, over the engine and its maintenance.

mod build;
pub(crate) mod builder;
pub(crate) mod db;
#[cfg(feature = "encrypt")]
mod encryption;
#[cfg(feature = "encrypt")]
pub(crate) mod encryption_options;
mod handle;
pub mod internal;
pub(crate) mod iterators;
mod locking;
mod maintenance;
mod many;
pub(crate) mod namespace;
mod namespaces;
#[cfg(feature = "nested")]
pub(crate) mod nested;
mod ranges;
pub(crate) mod salvage;
pub(crate) mod snapshot;
pub(crate) mod stats;
pub(crate) mod transaction;
#[cfg(feature = "ttl")]
pub(crate) mod ttl;
mod verify;
pub(crate) mod without;
