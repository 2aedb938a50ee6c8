//! The derive macros of emdb.
//!
//! Use it through the facade (`use emdb::Record`), which re-exports the macro next to the trait of
//! the same name. The expansion runs in five stages, one module each: `ast` reads the item,
//! `attr` its attributes, `valid` checks what only the whole tells, `expand` writes the
//! implementation, and `fallback` stands in for it when there were mistakes.
//!
//! Invariant: every mistake is reported in one go, on the token that is wrong, and causes no
//! error elsewhere.

mod ast;
mod attr;
mod errors;
mod expand;
mod fallback;
mod names;
mod serde;
mod text;
mod valid;
mod words;

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements `Record` for a struct, so that a `Table` can hold it.
///
/// The struct has named or unnamed fields, owns its data (no lifetime parameters), and implements
/// serde's `Serialize` and `DeserializeOwned`.
///
/// # Attributes of the struct
///
/// - `#[emdb(namespace = "users")]`: the namespace that holds the rows, 1 to 255 bytes. Without it,
///   the struct's name in snake case.
/// - `#[emdb(crate = "path")]`: where the library is when it is not at `::emdb`, for instance
///   because it is renamed in `Cargo.toml` or re-exported by another crate.
///
/// # Attributes of a field
///
/// - `#[emdb(key)]`: the primary key, on exactly one field.
///
/// # Example
///
/// ```ignore
/// #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
/// #[emdb(namespace = "users")]
/// struct User {
///     #[emdb(key)]
///     id: u64,
///     name: String,
/// }
/// ```
#[proc_macro_derive(Record, attributes(emdb))]
pub fn derive_record(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::derive(&input).into()
}
