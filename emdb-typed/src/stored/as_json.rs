//! Fields stored as JSON: `#[serde(with = "emdb::as_json")]`, with the feature `json`.
//!
//! For types that ask serde what comes next, and so can't be read from a row as it is: enums that
//! serde writes `untagged` or with a `tag`, structs with `flatten` or `skip_serializing_if`, values
//! that have any form. [`Json`](crate::Json) does the same by the type. For `serde_json` and other
//! human-readable formats the field stays what it is; in a row it is a string.
//!
//! Values are as exact as JSON: floats that are not finite become `null`, keys of maps have to be
//! strings or numbers. A value whose JSON is not taken back can't be stored: the write is refused
//! with [`TableError::Encode`](crate::TableError::Encode).
//!
//! # Example
//!
//! ```
//! use emdb::{Emdb, Table, TableError};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! #[serde(tag = "type")]
//! enum Event {
//!     Login { user: String },
//!     Logout,
//! }
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize, emdb::Record)]
//! struct Entry {
//!     #[emdb(key)]
//!     at: u64,
//!     #[serde(with = "emdb::as_json")]
//!     events: Vec<Event>,
//! }
//!
//! let db = Emdb::open_in_memory();
//! let entries = Table::<Entry>::open(&db)?;
//! let login = Event::Login { user: "ada".into() };
//! let entry = Entry { at: 1, events: vec![login, Event::Logout] };
//! entries.insert(&entry)?;
//! assert_eq!(entries.get(&1)?, Some(entry));
//! # Ok::<(), TableError>(())
//! ```

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::ser::{Error as _, Serializer};

/// Writes the value's JSON as a string, or the value itself where the format is human-readable.
///
/// # Errors
///
/// The serializer's, and one that says so when the value has no JSON, or it is not taken back.
pub fn serialize<T, S>(value: &T, serializer: S) -> Result<S::Ok, S::Error>
where
    T: Serialize + DeserializeOwned,
    S: Serializer,
{
    if serializer.is_human_readable() {
        return value.serialize(serializer);
    }
    let json = serde_json::to_string(value)
        .map_err(|error| S::Error::custom(format!("it can't be written as JSON: {error}")))?;
    match serde_json::from_str::<T>(&json) {
        Ok(_) => serializer.serialize_str(&json),
        Err(error) => Err(S::Error::custom(format!("its JSON {json} is not taken back: {error}"))),
    }
}

/// Reads the value from its JSON.
///
/// # Errors
///
/// The deserializer's, and what is wrong with the JSON.
pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    if deserializer.is_human_readable() {
        return T::deserialize(deserializer);
    }
    deserializer.deserialize_str(Text(PhantomData))
}

struct Text<T>(PhantomData<T>);

impl<T: DeserializeOwned> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the JSON of a value, as a string")
    }

    fn visit_str<E: Error>(self, json: &str) -> Result<T, E> {
        serde_json::from_str(json).map_err(|e| E::custom(format!("the JSON is no such value: {e}")))
    }
}
