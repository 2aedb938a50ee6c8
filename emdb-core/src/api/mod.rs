//! The handles that users hold, and their calls: thin, over the engine and its maintenance.

#[cfg(feature = "encrypt")]
pub(crate) mod admin;
pub(crate) mod builder;
pub(crate) mod db;
pub(crate) mod encryption;
pub(crate) mod handle;
pub mod internal;
pub(crate) mod iterators;
pub(crate) mod maintenance;
pub(crate) mod namespace;
#[cfg(feature = "nested")]
pub(crate) mod nested;
pub(crate) mod ranges;
pub(crate) mod salvage;
pub(crate) mod snapshot;
pub(crate) mod stats;
pub(crate) mod transaction;
#[cfg(feature = "ttl")]
pub(crate) mod ttl;
