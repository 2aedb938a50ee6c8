//! The words that all backends have in common with the embedded engine: its errors, its times to live, how
//! it tells progress, and the set in which writes are gathered.
//!
//! Invariant: outside of the embedded backend's files nothing else of `emdb_core` is named.

#[cfg(feature = "ttl")]
pub(crate) use emdb_core::Ttl;
#[cfg(not(feature = "ttl"))]
pub(crate) use emdb_core::in_messages::TtlFeature;
pub use emdb_core::internal::{KeyspaceId, WriteRef, WriteSet};
pub(crate) use emdb_core::{Error, Progress};
