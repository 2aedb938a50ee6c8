//! The bytes that the embedded database keeps of a table.

mod bytes;
mod catalogue;
