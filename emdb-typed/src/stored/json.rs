//! A value that is stored as JSON.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::de::{DeserializeOwned, Deserializer};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::as_json;

/// A value that rows store as JSON: for types that ask serde what comes next, with the feature `json`.
///
/// [`as_json`] does the same by an attribute, and says what is kept of a value. It
/// derefs to the value; [`into_inner`](Json::into_inner) takes it out.
///
/// # Example
///
/// ```
/// use emdb::{Emdb, Json, Table, TableError};
/// use serde_json::{Value, json};
///
/// #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, emdb::Record)]
/// struct Document {
///     #[emdb(key)]
///     id: u64,
///     body: Json<Value>,
/// }
///
/// let db = Emdb::open_in_memory();
/// let documents = Table::<Document>::open(&db)?;
/// documents.insert(&Document { id: 1, body: Json(json!({ "tags": ["a", "b"] })) })?;
/// let document = documents.get(&1)?.expect("it was inserted");
/// assert_eq!(document.body["tags"][1], "b");
/// # Ok::<(), TableError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Json<T>(pub T);

impl<T> Json<T> {
    /// The value.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Json<T> {
    fn from(value: T) -> Self {
        Json(value)
    }
}

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Json<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: fmt::Display> fmt::Display for Json<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Serialize + DeserializeOwned> Serialize for Json<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        as_json::serialize(&self.0, serializer)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Json<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        as_json::deserialize(deserializer).map(Json)
    }
}
