//! The byte-level engine of emdb: keys and values of bytes in one file.
//!
//! Most programs want the typed tables of the `emdb` crate, which re-exports everything here.
//!
//! An append-only journal holds the records, an in-memory hash index of one word a key leads to
//! them, and readers take them from the mapped file without a lock. [`Emdb`] is an open database,
//! [`Namespace`] a set of keys in it, [`Transaction`] a group of writes that happen as one.
//!
//! ```
//! # fn main() -> emdb_core::Result<()> {
//! use emdb_core::Emdb;
//!
//! let db = Emdb::open_in_memory();
//! db.insert("alice", "7")?;
//! db.insert("bob", "3")?;
//! db.transaction(|tx| -> emdb_core::Result<()> {
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
//! A mapped file can't be protected from a foreign process that truncates it, or from a medium
//! that fails below a mapping: either kills the process (SIGBUS). What is on disk stays right.

#[cfg(feature = "encrypt")]
mod admin;
mod boot;
mod clock;
mod crypt;
mod db;
mod encryption;
mod engine;
mod error;
mod fork;
mod format;
mod index;
#[doc(hidden)]
pub mod internal;
mod iter;
mod lock;
mod maintenance;
mod namespace;
#[cfg(feature = "nested")]
mod nested;
mod options;
mod order;
mod paths;
mod progress;
mod range;
mod ranges;
mod salvage;
mod settings;
mod snapshot;
mod staged;
mod stats;
mod storage;
mod store;
mod sync;
mod transaction;
#[cfg(feature = "ttl")]
mod ttl;
mod value;
mod verify;
mod view;
mod walk;

#[cfg(feature = "encrypt")]
pub use admin::EncryptionOptions;
pub use crypt::{Cipher, KdfParams};
pub use db::Emdb;
pub use encryption::EncryptionInput;
pub use error::{Error, Result};
pub use iter::{EmdbIter, EmdbKeyIter, EmdbRangeIter, Results};
pub use lock::LockHolder;
pub use namespace::Namespace;
#[cfg(feature = "nested")]
pub use nested::Focus;
pub use options::EmdbBuilder;
pub use progress::Progress;
pub use range::KeyRange;
pub use salvage::{Lost, LostKind, SalvageOptions, SalvageReport};
pub use settings::{FlushPolicy, NamespaceOptions};
pub use snapshot::{Snapshot, SnapshotNamespace};
pub use stats::EmdbStats;
pub use storage::IoBackend;
pub use store::recovery::RecoveryReport;
pub use transaction::{Transaction, TransactionNamespace};
#[cfg(feature = "ttl")]
pub use ttl::Ttl;
pub use value::ValueRef;
pub use verify::{Problem, ProblemKind, VerifyReport};
