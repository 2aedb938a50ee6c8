//! The trait of the types that a table holds.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::DecodeError;
use crate::index::{Description, EntryWriter};
use crate::key::Key;
use crate::lent::Fields;
use crate::lifetime::Lifetime;
use crate::migration::{MigrateFailure, Migration};
use crate::schema::Schema;

/// A struct that is stored as the rows of a [`Table`](crate::Table).
///
/// Derive it; the derive's documentation lists the attributes. The trait is not meant to be
/// implemented by hand: later releases add to it.
///
/// # Example
///
/// ```
/// use emdb::Record;
///
/// #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
/// #[emdb(namespace = "users")]
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
    /// The type of the primary key; for a composite one, the tuple of its fields.
    type Key: Key;

    /// A row as [`Table::get_with`](crate::Table::get_with) lends it: a struct with the same
    /// fields, in which `String` is `&str` and `Vec<u8>` is `&[u8]`, also inside of `Option` and
    /// `Vec`.
    ///
    /// It is the record itself, decoded as usual, where the derive can't tell how a field is
    /// stored: if the type is generic, or serde attributes change what is written.
    type Ref<'a>;

    /// The namespace that holds the table's rows.
    const NAMESPACE: &'static str;

    /// The version of the schema, from 1. It stands before each stored row.
    const VERSION: u32;

    /// The name that the namespace had before, where a table is looked for that has it still.
    #[doc(hidden)]
    const WAS: Option<&'static str> = None;

    /// The row's primary key.
    fn key(&self) -> Self::Key;

    /// The description that the derive gives of the type.
    #[doc(hidden)]
    fn describe() -> Description<Self>
    where
        Self: Sized;

    /// Reads a row's fields without copying them.
    #[doc(hidden)]
    fn lend<'a>(fields: &mut Fields<'a>) -> Result<Self::Ref<'a>, DecodeError>;

    /// Writes the entries that a lent row has in the index at this position; tells whether they can
    /// be told without the row itself.
    #[doc(hidden)]
    fn lent_entries(row: &Self::Ref<'_>, index: usize, entries: &mut EntryWriter) -> bool {
        let _ = (row, index, entries);
        false
    }

    /// Reads a row that an older version of the type wrote: `None` if there is no such version.
    #[doc(hidden)]
    fn upgrade(version: u32, value: &[u8]) -> Option<Result<Self, DecodeError>>
    where
        Self: Sized,
    {
        let _ = (version, value);
        None
    }

    /// Whether rows of an older version become ones of this by a function that `migrate` names, and
    /// can't be read before that.
    #[doc(hidden)]
    fn migrates(version: u32) -> bool {
        let _ = version;
        false
    }

    /// Makes a row that an older version wrote one of this: by `From`, and by the functions that `migrate`
    /// names. `None` if it is dropped.
    #[doc(hidden)]
    fn migrate(
        version: u32,
        value: &[u8],
        migration: &mut Migration<'_>,
    ) -> Result<Option<Self>, MigrateFailure>
    where
        Self: Sized,
    {
        let _ = (version, value, migration);
        Err(MigrateFailure::Unknown)
    }

    /// The schema that an older version of the type has.
    #[doc(hidden)]
    fn older_schema(version: u32) -> Option<Schema> {
        let _ = version;
        None
    }

    /// Why the row may not be stored, if it may not.
    #[doc(hidden)]
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// When the row expires.
    #[doc(hidden)]
    fn lifetime(&self) -> Lifetime {
        Lifetime::Default
    }

    /// Whether rows count their writes.
    #[doc(hidden)]
    const REVISED: bool = false;

    /// The number of the row's writes, if the type counts them.
    #[doc(hidden)]
    fn revision(&self) -> u64 {
        0
    }

    /// Makes it another one.
    #[doc(hidden)]
    fn set_revision(&mut self, revision: u64) {
        let _ = revision;
    }

    /// Whether keys are given by [`insert_new`](crate::Table::insert_new): what the highest key
    /// that was ever used is kept for.
    #[doc(hidden)]
    const AUTO: bool = false;
}

/// A record whose table keeps its rows in the order of their keys: any, but one with
/// `#[emdb(unordered)]`.
#[diagnostic::on_unimplemented(
    message = "the table of `{Self}` is unordered",
    label = "needs an ordered table",
    note = "`#[emdb(unordered)]` leaves `range`, `prefix`, `first`, `last`, `page` and `rev` out; \
            remove it to have them"
)]
pub trait OrderedRecord: Record {}

/// A record whose rows count their writes: `#[emdb(revision)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no revision",
    label = "needs `#[emdb(revision)]`",
    note = "add a field that counts the writes of a row: `#[emdb(revision)] rev: u64`; a table that has \
            rows takes that as a new version of its type"
)]
pub trait RevisedRecord: Record {}

/// A record whose key can be given by the table: `#[emdb(key, auto)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no automatic key",
    label = "needs `#[emdb(key, auto)]`",
    note = "mark the key, an unsigned integer, with `#[emdb(key, auto)]`"
)]
pub trait AutoRecord: Record<Key: AutoKey> {
    /// Puts the key into the row.
    #[doc(hidden)]
    fn set_key(&mut self, key: Self::Key);
}

/// A key that can be counted up: an unsigned integer of a fixed width.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be counted up",
    label = "not an unsigned integer",
    note = "`auto` needs a key of the type `u8`, `u16`, `u32`, `u64` or `u128`"
)]
pub trait AutoKey: Key + Copy + Ord {
    /// The key of the first row.
    #[doc(hidden)]
    const FIRST: Self;

    /// The next key, if there is one.
    #[doc(hidden)]
    fn next(self) -> Option<Self>;
}

macro_rules! auto_key {
    ($($integer:ty)*) => {$(
        impl AutoKey for $integer {
            const FIRST: Self = 1;

            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
        }
    )*};
}

auto_key!(u8 u16 u32 u64 u128);

/// All that [`Record`] demands of a type, as one bound for generated code.
#[doc(hidden)]
pub trait Row: Serialize + DeserializeOwned + 'static {}

impl<T: Serialize + DeserializeOwned + 'static> Row for T {}
