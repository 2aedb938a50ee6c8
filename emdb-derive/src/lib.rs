//! The derive macros of emdb.
//!
//! Use them through the facade (`use emdb::{Key, Record}`), which re-exports the macros next to the
//! traits of the same names. The expansion runs in five stages, one module each: `ast` reads the
//! item, `attr` its attributes, `valid` checks what only the whole tells, `expand` writes the
//! implementation, and `fallback` stands in for it when there were mistakes. Beside them, `syntax`
//! has the grammar of attributes, `words` their vocabulary, `types` questions about types, `bounds`
//! the where clauses, and `tokens` the pieces that several of them write. The stages of `Key` are in
//! the module `key`, and `members` has those of `Fields`.
//!
//! Invariant: every mistake is reported in one go, on the token that is wrong, and causes no
//! error elsewhere.

mod ast;
mod attr;
mod bounds;
mod errors;
mod expand;
mod fallback;
mod key;
mod lent;
mod members;
mod names;
mod serde;
mod syntax;
mod text;
mod tokens;
mod ttl;
mod types;
mod valid;
mod words;

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements `Record` for a struct, so that a `Table` can hold it.
///
/// The struct has named or unnamed fields, owns its data (no lifetime parameters), and implements
/// serde's `Serialize` and `DeserializeOwned`. It may be generic: its `where` clause and serde's
/// bounds are all that it needs to say.
///
/// # Attributes of the struct
///
/// | `#[emdb(...)]` | meaning |
/// | --- | --- |
/// | `namespace = "users"` | the namespace that holds the rows, 1 to 255 bytes; without it, the struct's name in snake case |
/// | `key(org, id)` | a primary key of several fields, at most eight, in this order: the type of the key is their tuple. It stands in place of `key` on a field |
/// | `index(name = "by_org_age", fields(org, age))` | an index over these fields, at most eight, in this order. It can be repeated |
/// | `index(name = "by_city", fields(address.city, id))` | the same over a member of a field's value, whose type derives `Fields` |
/// | `index(..., unique)` | such an index that takes each value once |
/// | `index(..., filter = path::to_fn)` | such an index of some rows alone: those for which the function, `fn(&Self) -> bool`, is true. Its answer must depend on nothing but the row, and on no time: reads ask it again |
/// | `index(name = "title_lower", with = path::to_fn, type = String)` | an index over what a function gives, `fn(&Self) -> String`, or of what stands for one, such as `&str`. It may be `unique` and have a `filter`. Its answer must depend on nothing but the row: when it becomes another one, give the function another name, or call `rebuild_indexes` |
/// | `index(..., with = path::to_fn, type = String, sparse)` | the same by an `Option`: rows with `None` are left out |
/// | `index(..., with = path::to_fn, type = String, each)` | the same by an iterator, or a collection: an entry for each element |
/// | `version = 2, from = UserV1` | the version of the schema, from 1, and the type that the version before it had. `Self: From<UserV1>`, and both have keys of one type. `UserV1` derives `Record`, too, in the same namespace and with a lower version, and may itself have a `from` |
/// | `version = 2, from = UserV1, migrate = path::to_fn` | the same, by a function, `fn(UserV1, &mut Migration) -> Result<Option<Self>, E>`, in place of `From`: it can refuse, drop the row, give it a key of another type, and write to other tables. It runs when the table is opened |
/// | `was = "persons"` | the name that the namespace had: a table that has it still is moved when it is opened |
/// | `ttl = "30d"` | how long a row lives after it was written: a whole number, and `ms`, `s`, `m`, `h` or `d` |
/// | `validate = path::to_fn` | a function, `fn(&Self) -> Result<(), impl Display>`, that is asked before each write |
/// | `unordered` | rows are found by their key alone, which takes less memory: the table has no `range`, `prefix`, `first`, `last`, `page` and `rev` |
/// | `crate = "path"` | where the library is when it is not at `::emdb`, for instance because it is renamed in `Cargo.toml` or re-exported by another crate |
///
/// # Attributes of a field
///
/// | `#[emdb(...)]` | meaning |
/// | --- | --- |
/// | `key` | the primary key, on one field |
/// | `key, auto` | the table can give the key, the next integer: `u8` to `u128` |
/// | `unique` | an index of the field's name that takes each value once |
/// | `index` | an index of the field's name |
/// | `index(sparse)`, `unique(sparse)` | on an `Option`: rows with `None` are left out. Otherwise `None` is a value like any other |
/// | `index(each)`, `unique(each)` | on a `Vec`, a set, an array or an `Option`: an entry for each of the elements |
/// | `expires_at` | the row expires at this time, a `u64` or `Option<u64>` in milliseconds since 1970. It stands in place of `ttl` |
/// | `revision` | a `u64` that the table counts: 1 in a new row, and one more with every write, whatever the row says. [`save`](../emdb/struct.Table.html#method.save) writes a row only if its revision is still the stored one |
///
/// In a tuple struct, positions stand for names: `key(0, 1)`, `fields(1, 2)`.
///
/// Functions are paths, so they can be in the struct's own `impl`: `validate = Self::check`. Lists may
/// be split: `#[emdb(version = 2)]` and `#[emdb(from = UserV1)]` are one.
///
/// # What it writes
///
/// - `Record`, with `Key`, `NAMESPACE`, `VERSION` and `key`; `OrderedRecord` but for `unordered`;
///   `AutoRecord` for `auto`; `RevisedRecord` for `revision`.
/// - A constant for each index, as visible as the struct: its name is that of the index in
///   `SCREAMING_SNAKE_CASE`, and of the field `0` of a tuple struct it is `FIELD_0`. It is typed with
///   the record and with what is indexed: the field's type, the tuple of several, or with `each` the
///   type of the elements. A name whose constant would be `NAMESPACE`, `VERSION`, `AUTO` or `FIELDS` is refused.
/// - `Fields`, and the constant `FIELDS`, with a member for each field, by which queries name it.
/// - `Record::Ref`, what `get_with` lends: a struct with the same fields, in which `String` is `&str`
///   and `Vec<u8>` is `&[u8]`, also inside of `Option` and `Vec`. It is the record itself if the struct
///   is generic, if no field has such a type, or if a serde attribute changes what is stored (any but
///   `rename`, `rename_all`, `alias`, `default` on a field, `bound`, `crate`, `expecting` and
///   `deny_unknown_fields`).
///
/// A struct that implements `Serialize` or `Deserialize` by hand writes and reads its fields in
/// order, as the derives do: `Record::Ref` takes that for granted.
///
/// # Serde
///
/// Rows are stored without names. So `flatten`, `tag`, `untagged`, `skip_serializing_if` and `skip` on
/// one side alone are refused. A field with `skip` isn't stored, and so is no key, no index, and no
/// expiry.
///
/// # Example
///
/// ```
/// #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
/// #[emdb(namespace = "users", validate = User::check)]
/// #[emdb(index(name = "by_city_age", fields(city, age), filter = User::is_adult))]
/// struct User {
///     #[emdb(key, auto)]
///     id: u64,
///     #[emdb(unique)]
///     email: String,
///     #[emdb(index(each))]
///     tags: Vec<String>,
///     city: String,
///     age: u8,
/// }
///
/// impl User {
///     fn check(&self) -> Result<(), &'static str> {
///         if self.email.contains('@') { Ok(()) } else { Err("an address has an @") }
///     }
///
///     fn is_adult(&self) -> bool {
///         self.age >= 18
///     }
/// }
///
/// # let db = emdb::Emdb::open_in_memory();
/// let users = emdb::Table::<User>::open(&db)?;
/// let ada = users.by(User::EMAIL).get("ada@example.org")?;
/// let adults = users.by(User::BY_CITY_AGE).prefix(&("Basel",))?;
/// # assert!(ada.is_none() && adults.count() == 0);
/// # Ok::<(), emdb::TableError>(())
/// ```
#[proc_macro_derive(Record, attributes(emdb))]
pub fn derive_record(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::derive(&input).into()
}

/// Implements `Fields` for a struct or an enum that stands in a record, so that queries can name its members.
///
/// `User::FIELDS.address.city` is a field of the record then, if the type of `address` derives `Fields`. Records
/// have it by `Record`, and derive it alone.
///
/// An enum gets a sibling without data, `StateKind` of `State`, and its fields the call `is`:
/// `User::FIELDS.state.is(StateKind::Active)`.
///
/// # Attributes
///
/// - `#[emdb(crate = "path")]` in front of the type: where the library is when it is not at `::emdb`.
///
/// # Example
///
/// ```
/// #[derive(serde::Serialize, serde::Deserialize, emdb::Record)]
/// struct User {
///     #[emdb(key)]
///     id: u64,
///     address: Address,
/// }
///
/// #[derive(serde::Serialize, serde::Deserialize, emdb::Fields)]
/// struct Address {
///     city: String,
/// }
///
/// let in_basel = User::FIELDS.address.city.eq("Basel");
/// # let db = emdb::Emdb::open_in_memory();
/// assert!(!emdb::Table::<User>::open(&db)?.query().filter(in_basel).exists()?);
/// # Ok::<(), emdb::TableError>(())
/// ```
#[proc_macro_derive(Fields, attributes(emdb))]
pub fn derive_fields(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    members::derive(&input).into()
}

/// Implements `Key`, and what belongs to it, for a struct of keys, or for an enum without fields.
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
/// # Tuples in its place
///
/// Calls take a key itself, a reference to it, and for a struct a tuple of what stands for its fields,
/// in the order in which they are declared (`AsKey`): `get(&("ch", "Basel"))`, with nothing allocated.
/// For a newtype that is a tuple of one, `get(&("ada",))`, so that a `UserId` can't be taken for
/// another number. `emdb::as_key!(str as Name)` lets a newtype with `Borrow<str>` be looked up by a
/// plain `&str`.
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
/// ```
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
