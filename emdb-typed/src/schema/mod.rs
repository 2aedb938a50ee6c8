//! The structure of a table's rows, as the catalogue keeps it and as the program has it.
//!
//! Invariant: two schemas of one version don't [differ](SchemaDifference) exactly if rows of the
//! one can be read as rows of the other, as far as the types can be followed. Fields are stored by
//! position, so their order counts.
//!
//! # File format
//!
//! A [`Schema`] is stored in the encoding of rows: the fields of the structs of these files, and their order,
//! are what gives its bytes meaning. A test pins them.

mod description;
mod difference;
mod shape;
mod snippet;
mod text;
mod trace;

#[cfg(test)]
mod tests;

#[cfg(feature = "json")]
pub(crate) use description::{Field, Form};
pub use description::{FieldSchema, IndexSchema, Schema};
pub use difference::SchemaDifference;
pub(crate) use shape::{Container, Kind, Shape, container};
#[cfg(feature = "json")]
pub(crate) use shape::{Part, Parts, Variant};
pub(crate) use snippet::next_version;
pub(crate) use trace::Traced;
