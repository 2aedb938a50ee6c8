//! Rows as JSON: with their types, and by their stored schemas; tables and databases as
//! newline-delimited JSON, out and in.
//!
//! Invariant: what an export wrote, an import reads back to the same rows, bytes and expiries.

mod as_type;
mod database_line;
mod dynamic_table;
mod export;
mod failure;
mod import;
mod line;
mod lines;
mod members;
mod read;
mod shape;
mod table;
mod text;
mod value;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use dynamic_table::tables_of;
pub use dynamic_table::{DynamicRows, DynamicTable};
pub(crate) use export::export;
pub(crate) use import::import;
pub use value::{decode, encode, split_version};
