//! Typed tables over the byte engine of emdb.
//!
//! A struct that derives [`Record`] says which of its fields is the key, and which are indexed; a
//! [`Table`] of it stores and finds its values. Programs use this crate through the facade `emdb`,
//! whose documentation teaches it from the beginning.
//!
//! - [`Table`]: the rows. Every call is written once, and works by itself, in a transaction
//!   ([`Table::with`]) and on a snapshot ([`Table::at`]).
//! - [`Key`]: keys as bytes that sort as the keys do. [`AsKey`], [`KeyBounds`] and [`KeyPrefix`] are
//!   what calls take in place of a key, as a range, and as the first fields of one.
//! - [`Rows`] and [`Keys`]: lazy walks, from both ends, over one state.
//! - [`Index`] and [`Lookup`]: finding rows by something else than their key. A row and its index
//!   entries change in one commit.
//! - [`Schema`]: what the catalogue in the database knows about a table. A struct that changed is
//!   noticed when its table is opened; one of a later version reads what older ones wrote.
//! - [`Table::migrate`], [`Table::verify`], [`Table::rebuild_indexes`]: keeping a table in shape.
//! - [`TableError`]: what can go wrong, by what the caller can do about it.
//!
//! A row is stored as its version, then its fields in bincode's encoding through serde. It carries no
//! types: what asks serde for them is stored by [`as_text`], or with the feature `json` as `Json`.
//!
//! # Example
//!
//! ```
//! use emdb::{Emdb, Table, TableError};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize, emdb::Record)]
//! #[emdb(namespace = "cities")]
//! struct City {
//!     #[emdb(key)]
//!     name: String,
//!     #[emdb(index)]
//!     country: String,
//!     inhabitants: u32,
//! }
//!
//! let db = Emdb::open_in_memory();
//! let cities = Table::<City>::open(&db)?;
//! let city = |name: &str, country: &str, inhabitants| City {
//!     name: name.into(),
//!     country: country.into(),
//!     inhabitants,
//! };
//! cities.insert(&city("Basel", "ch", 173_000))?;
//! cities.insert(&city("Bern", "ch", 134_000))?;
//! cities.insert(&city("Bremen", "de", 577_000))?;
//!
//! cities.update("Basel", |basel| basel.inhabitants += 2_000)?;
//! assert_eq!(cities.get("Basel")?, Some(city("Basel", "ch", 175_000)));
//! assert_eq!(cities.prefix("B")?.count(), 3);
//!
//! let mut swiss = 0;
//! for city in cities.by(City::COUNTRY).all("ch")? {
//!     swiss += city?.inhabitants;
//! }
//! assert_eq!(swiss, 309_000);
//! # Ok::<(), TableError>(())
//! ```

#[doc(hidden)]
pub mod backend;
mod catalogue;
mod codec;
mod describe;
#[cfg(feature = "json")]
pub mod dynamic;
mod embedded;
mod entry;
mod error;
mod expr;
mod hex;
mod index;
#[cfg(feature = "json")]
mod json;
mod key;
mod lent;
mod lifetime;
mod migration;
mod predecessor;
pub mod query;
mod record;
mod revision;
mod row;
mod schema;
mod seal;
mod stale;
mod stored;
mod table;
mod upkeep;
mod validate;
mod vocabulary;
#[cfg(not(all(feature = "json", feature = "ttl")))]
mod without;
mod write;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

/// The names that come with features. Whoever re-exports all of them has those of the features that this
/// crate was compiled with.
#[doc(hidden)]
pub mod by_feature {
    #[cfg(feature = "json")]
    pub use crate::{Json, as_json, dynamic};
}

/// The names of the derives' expansions that compiler messages show: there they stand as `emdb::key_field`,
/// say. No part of the API.
#[doc(hidden)]
pub mod in_messages {
    pub use crate::index::{Computed, ComputedEach, ComputedSparse, Named};
    pub use crate::key::key_field;
    pub use crate::lifetime::Expires;
    pub use crate::predecessor::{FromVersion, MigrateError, SameKey};
    pub use crate::validate::ValidateError;
    #[cfg(not(feature = "json"))]
    pub use crate::without::JsonFeature;
}

pub use backend::{Store, StoreMut};
pub use codec::{DecodeError, EncodeError};
pub use embedded::{Live, Staged};
pub use entry::Transact;
pub use error::TableError;
pub use expr::{Expr, Field, Fields};
pub use index::{Each, Index, Multi, OneRow, Sparse, Unique};
pub use key::{AsKey, EncodeKey, Key, KeyBounds, KeyError, KeyPrefix};
pub use lifetime::ExpiryTime;
pub use migration::{Migrating, Migration};
pub use record::{AutoKey, AutoRecord, OrderedRecord, Record, RevisedRecord};
pub use revision::Revision;
pub use schema::{FieldSchema, IndexSchema, Schema, SchemaDifference};
pub use stored::as_text;
#[cfg(feature = "json")]
pub use stored::{Json, as_json};
pub use table::{ByIndex, ByKey, Frozen, Keys, Lookup, Page, Rows, Table, TwoEnded};
pub use upkeep::{MigrateReport, Problem, VerifyReport};
