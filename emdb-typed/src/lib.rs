//! Typed tables over the byte engine of emdb.
//!
//! A struct that derives [`Record`] says which of its fields is the key; a [`Table`] of it stores
//! and finds its values. Programs use this crate through the facade `emdb`.
//!
//! - [`Key`]: keys as bytes that sort as the keys do.
//! - Rows: a version, then the fields in bincode's encoding through serde.
//! - The catalogue: each table's schema stands in the database, and a struct that changed is noticed
//!   when its table is opened.
//!
//! # Example
//!
//! ```
//! use emdb_core::Emdb;
//! use emdb_typed::{Table, TableError};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize, emdb_derive::Record)]
//! #[emdb(namespace = "cities", crate = "emdb_typed")] // `crate` isn't needed with the facade
//! struct City {
//!     #[emdb(key)]
//!     name: String,
//!     inhabitants: u32,
//! }
//!
//! let db = Emdb::open_in_memory();
//! let cities = Table::<City>::open(&db)?;
//! cities.insert(&City { name: "Basel".into(), inhabitants: 173_000 })?;
//! let replaced = cities.insert(&City { name: "Basel".into(), inhabitants: 175_000 })?;
//! assert_eq!(replaced.map(|city| city.inhabitants), Some(173_000));
//! assert!(cities.contains_key("Basel")?);
//! # Ok::<(), TableError>(())
//! ```

mod batch;
mod build;
mod catalogue;
mod codec;
mod definition;
mod error;
mod index;
mod iter;
mod key;
mod lent;
mod lifetime;
mod open;
mod record;
mod row;
mod schema;
mod store;
mod table;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use codec::{DecodeError, EncodeError};
pub use error::TableError;
pub use iter::{ByIndex, ByKey, Keys, Rows, TwoEnded};
pub use key::{AsKey, EncodeKey, Key, KeyBounds, KeyError, KeyPrefix};
pub use index::{Each, Index, Lookup, Multi, Sparse, Unique};
pub use record::{AutoKey, AutoRecord, OrderedRecord, Record};
pub use schema::{Schema, SchemaDifference};
pub use store::{Frozen, Live, Staged};
pub use table::{MigrateReport, Page, Problem, Table, VerifyReport};
