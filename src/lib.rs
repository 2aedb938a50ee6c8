//! A serde-typed, ORM-style embedded database: derive a struct, get a durable table in one file.
//!
//! There is no server and no query language. A struct says which of its fields is the key, a
//! [`Table`] stores its values in a namespace of an [`Emdb`], and several writes become one in a
//! transaction. Whoever wants bytes instead finds them one call below.
//!
//! # Example
//!
//! ```
//! use emdb::{Emdb, Record, Table, TableError};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize, Record)]
//! #[emdb(namespace = "users")]
//! struct User {
//!     #[emdb(key)]
//!     id: u64,
//!     name: String,
//! }
//!
//! let db = Emdb::open_in_memory(); // Emdb::open("app.emdb")? keeps it in a file
//! let users = Table::<User>::open(&db)?;
//! users.insert(&User { id: 1, name: "Ada".into() })?;
//! db.transaction(|tx| {
//!     let users = users.with(tx);
//!     users.insert(&User { id: 2, name: "Grace".into() })?;
//!     users.remove(&1)
//! })?;
//! assert_eq!(users.get(&2)?, Some(User { id: 2, name: "Grace".into() }));
//! assert_eq!(users.len()?, 1);
//! # Ok::<(), TableError>(())
//! ```
//!
//! # Bytes beside types
//!
//! [`Namespace`] is the one key/value type: `insert`, `get`, `remove`, `iter` and the rest on
//! bytes. [`Emdb`] derefs to its default namespace, [`Table::raw`] gives the namespace of a
//! table, and a transaction spans all of them. Typed and raw data live in one file.
//!
//! ```
//! # fn main() -> emdb::Result<()> {
//! use emdb::Emdb;
//!
//! let db = Emdb::open_in_memory();
//! let log = db.namespace("log")?;
//! db.transaction(|tx| -> emdb::Result<()> {
//!     tx.insert("balance", "7")?;
//!     tx.namespace(&log).insert("1", "balance set")
//! })?;
//! assert_eq!(db.get("balance")?.as_deref(), Some(&b"7"[..]));
//! // As it lies in the mapped file, not copied.
//! assert_eq!(db.get_zerocopy("balance")?.unwrap(), b"7"[..]);
//! # Ok(())
//! # }
//! ```
//!
//! # Order and snapshots
//!
//! A namespace that is kept ordered gives ranges of keys, from both ends and at the cost of what is
//! taken. A [`Snapshot`] is one committed state of everything, for as long as it is wanted.
//!
//! ```
//! # fn main() -> emdb::Result<()> {
//! use emdb::{Emdb, NamespaceOptions};
//!
//! let db = Emdb::open_in_memory();
//! let log = db.namespace_with("log", NamespaceOptions::new().ordered(true))?;
//! log.insert_many([("2024-05-01", "started"), ("2024-06-01", "stopped")])?;
//! let before = db.snapshot();
//! log.remove("2024-05-01")?;
//! assert_eq!(log.range("2024-05"..)?.len(), 1);
//! let (last, _) = log.range_iter(..)?.next_back().unwrap();
//! assert_eq!(last, b"2024-06-01");
//! assert_eq!(before.namespace("log")?.range_prefix("2024-05")?.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | default | what it brings |
//! | --- | --- | --- |
//! | `ttl` | yes | records that expire: `default_ttl`, `insert_with_ttl`, `expires_at`, `ttl`, `persist`, `sweep_expired`. Expiry that is stored is honoured without it, too |
//! | `nested` | no | dotted groups of keys: `focus`, `group`, `delete_group` |
//! | `encrypt` | no | reserved for encryption at rest; brings nothing yet, files are plaintext |
//! | `uuid` | no | [`Key`](trait@Key) for `uuid::Uuid` |
//! | `jiff` | no | [`Key`](trait@Key) for `jiff::Timestamp` and the civil `Date`, `Time` and `DateTime` |
//! | `time` | no | [`Key`](trait@Key) for `time::OffsetDateTime`, `Date`, `Time` and `PrimitiveDateTime` |
//! | `chrono` | no | [`Key`](trait@Key) for `chrono::DateTime<Utc>`, `NaiveDate`, `NaiveTime` and `NaiveDateTime` |
//!
//! A key is a field of a row, so a program that uses one of the last four turns on the `serde` feature
//! of that crate, too.
//!
//! # Guarantees
//!
//! - A write is in the journal when its call returns, and survives a kill of the process. After
//!   [`Emdb::flush`] it survives a power cut; [`FlushPolicy`] can make every write do so.
//! - A commit, be it one write or a transaction over many tables, is there as a whole or not at
//!   all: for readers, for iterators, and after a crash.
//! - A read or an iterator sees exactly one committed state, waits for no writer, and keeps none
//!   waiting.
//! - Every lookup verifies checksums. Damage is an error, never wrong data; an open that finds
//!   flushed data damaged refuses with [`Error::Corrupted`] and leaves the file as it is.
//! - What an open dropped of an unfinished tail stands in [`Emdb::recovery`].
//!
//! # Limits
//!
//! - One process at a time has a file open; a second gets [`Error::AlreadyLocked`]. A lock goes
//!   with its process, so that nothing is left to clean up after a crash.
//! - The hash index is in memory, 10 to 20 bytes a key, 18 more in ordered namespaces, and an open
//!   reads the whole journal.
//! - The file grows with each write, for nothing rewrites it yet; [`EmdbStats::dead_bytes`] tells
//!   how much of it is no longer needed.
//! - A key has up to 65,535 bytes, a value up to 1 GiB, a namespace up to 2^30 records, and a file
//!   up to 4 TiB.
//! - Iteration over a namespace that is not ordered has no particular order.
//! - The file is mapped into memory. A foreign process that truncates it, or a medium that fails
//!   below the mapping, kills the process (SIGBUS); what is on disk stays right.
//! - An empty file opens as a new database.
//! - 64-bit platforms, Rust 1.89 or later.
//!
//! # Where to go next
//!
//! - [`Record`](derive@Record), [`Key`](derive@Key): the attributes of the derives.
//! - [`Table`], [`Key`](trait@Key), [`TableError`]: typed tables, key types, what can go wrong.
//! - [`Emdb`], [`EmdbBuilder`], [`Namespace`], [`Transaction`], [`Snapshot`], [`Error`]: the engine.
//! - The `examples` folder: `typed`, `raw`, `ranges`, `snapshots`, `nested`, and `quickstart`, a whole
//!   program on real input.

#[cfg(feature = "nested")]
pub use emdb_core::Focus;
#[cfg(feature = "ttl")]
pub use emdb_core::Ttl;
pub use emdb_core::{
    Emdb, EmdbBuilder, EmdbIter, EmdbKeyIter, EmdbRangeIter, EmdbStats, Error, FlushPolicy,
    IoBackend, KeyRange, LockHolder, Namespace, NamespaceOptions, RecoveryReport, Result, Results,
    Snapshot, SnapshotNamespace, Transaction, TransactionNamespace, ValueRef,
};
pub use emdb_derive::{Key, Record};
pub use emdb_typed::{
    AsKey, DecodeError, EncodeError, EncodeKey, Key, KeyBounds, KeyError, KeyPrefix, Keys, Live,
    Record, Rows, SchemaDifference, Staged, Table, TableError,
};

/// What the derive's expansion names. No part of the API.
#[doc(hidden)]
pub use emdb_typed::__private;

/// Compiles the README's examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
