//! The byte-level engine of emdb: keys and values of bytes in one file.
//!
//! Most programs want the typed tables of the `emdb` crate, which re-exports everything here.
//!
//! An append-only journal holds the records, an in-memory hash index of one word a key leads to
//! them, and readers take them from the mapped file without a lock. [`Emdb`] is an open database,
//! [`Namespace`] a set of keys in it, [`Transaction`] a group of writes that happen as one.
//!
//! ```
//! # fn main() -> emdb::Result<()> {
//! use emdb::Emdb;
//!
//! let db = Emdb::open_in_memory();
//! db.insert("alice", "7")?;
//! db.insert("bob", "3")?;
//! db.transaction(|tx| -> emdb::Result<()> {
//!     tx.insert("alice", "6")?;
//!     tx.insert("bob", "4")?;
//!     Ok(())
//! })?;
//! assert_eq!(db.get("bob")?.as_deref(), Some(&b"4"[..]));
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! - A write is in the journal when its call returns: it survives a kill of the process. After
//!   [`Emdb::flush`] it survives a power cut.
//! - A commit is there as a whole or not at all, for readers, iterators and after a crash.
//! - Every lookup verifies checksums: damage is an error, never wrong data.
//! - One process at a time has a file open, or any number of them for reading alone
//!   ([`EmdbBuilder::read_only`]).
//!
//! A mapped file can't be protected from a foreign process that truncates it, or from a medium that
//! fails below a mapping: either kills the process (SIGBUS). The bytes on disk stay right.

mod api;
mod checkpoint;
mod crypto;
mod cursor;
mod engine;
mod error;
mod format;
mod index;
mod journal;
mod maintenance;
mod mvcc;
mod os;
mod progress;
mod storage;
#[cfg(test)]
mod tests;

/// The names that come with features. Whoever re-exports all of them has those of the features that this
/// crate was compiled with.
#[doc(hidden)]
pub mod by_feature {
    #[cfg(feature = "encrypt")]
    pub use crate::api::encryption_options::EncryptionOptions;
    #[cfg(feature = "nested")]
    pub use crate::api::nested::Focus;
    #[cfg(feature = "ttl")]
    pub use crate::api::ttl::Ttl;
}

/// The names of what is not there without a feature, for compiler messages. No part of the API.
#[doc(hidden)]
pub mod in_messages {
    pub use crate::api::without::{EncryptFeature, NestedFeature, TtlFeature};
}

pub use api::builder::EmdbBuilder;
pub use api::db::Emdb;
#[doc(hidden)]
pub use api::internal;
pub use api::iterators::{EmdbIter, EmdbKeyIter, EmdbRangeIter, Results};
pub use api::namespace::Namespace;
pub use api::salvage::SalvageOptions;
pub use api::snapshot::{Snapshot, SnapshotNamespace};
pub use api::stats::EmdbStats;
pub use api::transaction::{Transaction, TransactionNamespace};
// Without any feature there is nothing in it.
#[allow(unused_imports, unreachable_pub)]
#[doc(inline)]
pub use by_feature::*;
pub use crypto::{Cipher, EncryptionInput, KdfParams};
pub use cursor::range::KeyRange;
pub use engine::settings::NamespaceOptions;
pub use engine::value_ref::ValueRef;
pub use error::{Error, Result};
pub use journal::durability::FlushPolicy;
pub use journal::recovery::RecoveryReport;
pub use maintenance::salvage_report::{Lost, LostKind, SalvageReport};
pub use maintenance::verify_report::{Problem, ProblemKind, VerifyReport};
pub use os::lock::LockHolder;
pub use progress::Progress;
pub use storage::IoBackend;
