//! A serde-typed, ORM-style embedded database: derive a struct, get a durable table in one file.
pub use emdb_core::*;
pub use emdb_derive::Record;
pub use emdb_typed::*;
