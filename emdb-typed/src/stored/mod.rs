//! Other forms in which a field can be stored: as its text, and as JSON.
//!
//! Rows carry no types, so a type that asks serde what comes next can't be read from one. In these
//! forms it can: what asks is answered from a text that stands in the row as a string.

#[cfg(feature = "json")]
pub mod as_json;
pub mod as_text;
#[cfg(feature = "json")]
mod json;

#[cfg(feature = "json")]
pub use json::Json;
