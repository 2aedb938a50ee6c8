//! Fields stored as the text that their `Display` gives and their `FromStr` takes:
//! `#[serde(with = "emdb::as_text")]`.
//!
//! For types that are told by a short text, and whose serde form asks what comes next or isn't
//! there at all: decimal numbers, URLs, versions, patterns. An `Option` of one is stored by
//! `#[serde(with = "emdb::as_text::option")]`. The row has a string, in JSON and for
//! [`Schema`](crate::Schema), too.
//!
//! A value whose text is not taken back can't be stored: the write is refused with
//! [`TableError::Encode`](crate::TableError::Encode).
//!
//! # Example
//!
//! ```
//! use emdb::{Emdb, Table, TableError};
//! use rust_decimal::Decimal;
//!
//! #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, emdb::Record)]
//! struct Price {
//!     #[emdb(key)]
//!     sku: String,
//!     #[serde(with = "emdb::as_text")]
//!     net: Decimal,
//!     #[serde(with = "emdb::as_text::option")]
//!     reduced: Option<Decimal>,
//! }
//!
//! let db = Emdb::open_in_memory();
//! let prices = Table::<Price>::open(&db)?;
//! let price = Price { sku: "A1".into(), net: Decimal::new(1999, 2), reduced: None };
//! prices.insert(&price)?;
//! assert_eq!(prices.get("A1")?, Some(price));
//! # Ok::<(), TableError>(())
//! ```

use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;

/// Writes the value's text.
///
/// # Errors
///
/// The serializer's, and one that says so when the text is not taken back.
pub fn serialize<T, S>(value: &T, serializer: S) -> Result<S::Ok, S::Error>
where
    T: Display + FromStr<Err: Display>,
    S: Serializer,
{
    serializer.serialize_str(&text_of(value)?)
}

/// Reads the value from its text.
///
/// # Errors
///
/// The deserializer's, and what `FromStr` says about the text.
pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_str(Text(PhantomData))
}

fn text_of<T: Display + FromStr<Err: Display>, E: serde::ser::Error>(
    value: &T,
) -> Result<String, E> {
    let text = value.to_string();
    match text.parse::<T>() {
        Ok(_) => Ok(text),
        Err(error) => Err(E::custom(format!("its text {text:?} is not taken back: {error}"))),
    }
}

struct Text<T>(PhantomData<T>);

impl<T: FromStr<Err: Display>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text of a value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|error| E::custom(format!("{text:?} is no such value: {error}")))
    }
}

/// The same for an `Option`: `#[serde(with = "emdb::as_text::option")]`.
pub mod option {
    use super::{Deserializer, Display, Error, FromStr, PhantomData, Serializer, Visitor, fmt};
    use super::{deserialize as read, text_of};

    /// Writes the value's text, if there is a value.
    ///
    /// # Errors
    ///
    /// The serializer's, and one that says so when the text is not taken back.
    pub fn serialize<T, S>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error>
    where
        T: Display + FromStr<Err: Display>,
        S: Serializer,
    {
        match value {
            Some(value) => serializer.serialize_some(&text_of::<T, S::Error>(value)?),
            None => serializer.serialize_none(),
        }
    }

    /// Reads the value from its text, if there is one.
    ///
    /// # Errors
    ///
    /// The deserializer's, and what `FromStr` says about the text.
    pub fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        deserializer.deserialize_option(Optional(PhantomData))
    }

    struct Optional<T>(PhantomData<T>);

    impl<'de, T: FromStr<Err: Display>> Visitor<'de> for Optional<T> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the text of a value, or nothing")
        }

        fn visit_none<E: Error>(self) -> Result<Option<T>, E> {
            Ok(None)
        }

        fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Option<T>, D::Error> {
            read(from).map(Some)
        }
    }
}
