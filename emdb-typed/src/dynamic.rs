//! Rows as JSON, by their stored [`Schema`] and without the Rust type: for tools that show,
//! export and repair what a database holds.
//!
//! [`decode`] gives what `serde_json::to_value(&row)` would give, wherever that tells the value:
//! structs are objects, options their value or `null`, enums externally tagged, byte strings arrays
//! of numbers, maps whose keys serde_json can write as strings are objects. Objects keep the order
//! of the fields, and of the entries of a map.
//!
//! Where `serde_json` would fail, or would lose something, the JSON is:
//!
//! | value | JSON |
//! | --- | --- |
//! | floats that are no numbers | `"NaN"`, `"inf"`, `"-inf"`; other NaNs with their bits, `"NaN(0x7fc00001)"` |
//! | 128-bit integers beyond 64 bits | strings of decimal digits |
//! | `Some` of what is itself `null` (`Some(None)`, `Some(())`) | `{"some": null}`, as deep as it is |
//! | maps whose keys are no strings, or with a key twice | arrays of pairs |
//! | fields whose type is not known ([`FieldSchema::is_opaque`]) | one entry `"..."` with the rest of the row in hexadecimal digits, in place of the first such field and all after it |
//!
//! A row that is no struct with named fields shows the last as an object `{"...": "0a1b"}` at the
//! end of its array, or instead of its value.
//!
//! Invariant: [`encode`] of what `decode` gave is the same bytes, for all bytes that the library has
//! written. Neither panics, whatever the bytes, the schema and the JSON are; what they take is
//! bounded by their input.
//!
//! The bytes are those of a row's value, without the version that stands before it: see
//! [`split_version`]. Text loses nothing either, if it is read by a `serde_json` with the feature
//! `float_roundtrip`, as imports do.
//!
//! An import takes a line whole or refuses it, with its number: it passes over no member that it doesn't
//! know, takes none that is there twice, and no number that is out of range. A byte order mark at the
//! beginning and `\r\n` at the ends of lines are no part of them; blank lines are passed over.
//!
//! # Example
//!
//! ```
//! use emdb::{Emdb, Table, TableError, dynamic};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, emdb::Record)]
//! struct City {
//!     #[emdb(key)]
//!     name: String,
//!     inhabitants: Option<u32>,
//! }
//!
//! let db = Emdb::open_in_memory();
//! let cities = Table::<City>::open(&db)?;
//! cities.insert(&City { name: "Basel".into(), inhabitants: Some(173_000) })?;
//!
//! let row = cities.raw().get("Basel")?.unwrap_or_default();
//! let (_version, value) = dynamic::split_version(&row).unwrap();
//! let json = dynamic::decode(cities.schema(), value).unwrap();
//! assert_eq!(json.to_string(), r#"{"name":"Basel","inhabitants":173000}"#);
//! assert_eq!(dynamic::encode(cities.schema(), &json).unwrap(), value);
//! # Ok::<(), TableError>(())
//! ```
//!
//! [`FieldSchema::is_opaque`]: crate::FieldSchema::is_opaque
//! [`Schema`]: crate::Schema

pub use crate::entry::{export_json, import_json, tables};
pub use crate::json::{DynamicRows, DynamicTable, decode, encode, split_version};
