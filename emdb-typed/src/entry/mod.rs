//! The calls of a program that name the embedded database.

#[cfg(feature = "json")]
mod json;
mod table;
mod transact;

#[cfg(test)]
mod tests;

#[cfg(feature = "json")]
pub use json::{export_json, import_json, tables};
pub use transact::Transact;
