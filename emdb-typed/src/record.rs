//! The trait of the types that a table holds.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::key::Key;
use crate::schema::Schema;

/// A struct that is stored as the rows of a [`Table`](crate::Table).
///
/// Derive it; the derive's documentation lists the attributes. The trait is not meant to be
/// implemented by hand: later releases add to it.
///
/// # Example
///
/// ```
/// use emdb_typed::Record;
///
/// #[derive(serde::Serialize, serde::Deserialize, emdb_derive::Record)]
/// #[emdb(namespace = "users", crate = "emdb_typed")]
/// struct User {
///     #[emdb(key)]
///     id: u64,
///     name: String,
/// }
///
/// let user = User { id: 7, name: "Ada".into() };
/// assert_eq!(user.key(), 7);
/// assert_eq!(User::NAMESPACE, "users");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a record",
    label = "not a record",
    note = "derive it: `#[derive(serde::Serialize, serde::Deserialize, emdb::Record)]`, \
            and mark the key with `#[emdb(key)]`"
)]
pub trait Record: Serialize + DeserializeOwned + 'static {
    /// The type of the primary key.
    type Key: Key;

    /// The namespace that holds the table's rows.
    const NAMESPACE: &'static str;

    /// The version of the schema, from 1. It stands before each stored row.
    const VERSION: u32;

    /// The row's primary key.
    fn key(&self) -> Self::Key;

    /// What the catalogue stores about the type.
    #[doc(hidden)]
    fn describe() -> Schema;
}

/// All that [`Record`] demands of a type, as one bound for generated code.
#[doc(hidden)]
pub trait Row: Serialize + DeserializeOwned + 'static {}

impl<T: Serialize + DeserializeOwned + 'static> Row for T {}
