//! The derive macros of emdb.
//!
//! Use them through the facade (`use emdb::{Key, Record}`), which re-exports the macros next to the
//! traits of the same names. The expansion runs in five stages, one module each: `ast` reads the
//! item, `attr` its attributes, `valid` checks what only the whole tells, `expand` writes the
//! implementation, and `fallback` stands in for it when there were mistakes. Those of `Key` are in
//! the module `key`.
//!
//! Invariant: every mistake is reported in one go, on the token that is wrong, and causes no
//! error elsewhere.

mod ast;
mod attr;
mod errors;
mod expand;
mod fallback;
mod key;
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

/// Implements `Key` and `EncodeKey` for a struct of keys, or for an enum without fields.
///
/// The type is `Clone`, owns its data (no lifetime parameters), and may be generic: its fields have
/// to be keys then. `PartialOrd` and `Ord` aren't asked for; derived ones agree with the bytes,
/// but for the two cases below.
///
/// # Bytes
///
/// - A struct, with names or without, has the bytes of the tuple of its fields: in the order in which
///   they are declared, the last one in the final form. So a newtype has exactly the bytes of what
///   it wraps, and a table can change from one to the other.
/// - Fields of the type `PhantomData` take no bytes and need no key: `struct Id<T>(u64,
///   PhantomData<T>)`. Without other fields, there are no bytes: the key of a table of one row.
/// - A variant of an enum is its position in the declaration: one byte in an enum of up to 256
///   variants, otherwise two, big-endian. Further variants can be added at the end, up to those
///   256; another order of the variants is another key. Explicit discriminants (`A = 7`) mean
///   nothing here, while a derived `Ord` goes by them.
/// - Floats sort by `total_cmp`, while a derived `PartialOrd` goes by `<`.
///
/// Bytes that no key has are refused when they are read.
///
/// # Prefixes
///
/// For a struct of several fields, tuples of the first ones, at least one and not all, implement
/// `KeyPrefix`.
///
/// # Attributes
///
/// - `#[emdb(crate = "path")]` in front of the type: where the library is when it is not at `::emdb`.
///
/// # Example
///
/// ```ignore
/// /// Sorts by country, then by city.
/// #[derive(Clone, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize, emdb::Key)]
/// struct Place {
///     country: String,
///     city: String,
/// }
///
/// #[derive(Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize, emdb::Key)]
/// struct UserId(u64);
///
/// #[derive(Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize, emdb::Key)]
/// enum Priority {
///     High,
///     Low,
/// }
/// ```
#[proc_macro_derive(Key, attributes(emdb))]
pub fn derive_key(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    key::derive(&input).into()
}
