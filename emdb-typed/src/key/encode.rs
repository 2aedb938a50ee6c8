//! The traits of what has the bytes of a key.

use super::error::KeyError;
use super::escape;

/// The key of a table: what one row is found by.
///
/// `#[derive(Key)]` implements it for newtypes, structs of keys and enums without fields.
///
/// | type | sorts | bytes |
/// | --- | --- | --- |
/// | `u8` to `u128`, `i8` to `i128`, and [`NonZero`](std::num::NonZero) of them | as numbers | big-endian, the sign bit flipped |
/// | `f32`, `f64` | as [`total_cmp`](f64::total_cmp): negative NaNs, numbers, NaNs; `-0.0` before `0.0` | IEEE 754, big-endian; the sign bit flipped, and negative numbers inverted |
/// | `bool`, `char` | `false` first; by code point | one byte; four, big-endian |
/// | `String`, `Box<str>`, `Vec<u8>` | byte by byte | themselves; escaped and closed in front of something else |
/// | `Option<K>` | `None` first | 0; or 1 and the key |
/// | `[K; N]`, tuples of one to eight keys | by the first, then the second, and so on | one after the other |
/// | [`Reverse<K>`](std::cmp::Reverse) | the other way round | those of the part form of `K`, inverted |
/// | `()` | there is only one | none: the key of a table of one row |
/// | [`IpAddr`](std::net::IpAddr), [`Ipv4Addr`](std::net::Ipv4Addr), [`Ipv6Addr`](std::net::Ipv6Addr) | version 4 first | the octets; an `IpAddr` has its version, 4 or 6, in front |
/// | [`Duration`](std::time::Duration) | by length | seconds, 8 bytes; nanoseconds, 4 bytes |
///
/// With a feature of its name, the types of another crate: `uuid` (`Uuid`), `jiff` (`Timestamp` and
/// the civil `Date`, `Time` and `DateTime`), `time` (`OffsetDateTime`, `Date`, `Time`,
/// `PrimitiveDateTime`) and `chrono` (`DateTime<Utc>`, `NaiveDate`, `NaiveTime`,
/// `NaiveDateTime`). Points in time are seconds since 1970 (`i64`) and nanoseconds (`u32`), dates
/// are year (`i32`), month and day, times of day are hour, minute, second and nanoseconds
/// (`u32`): the same bytes in all three, so that a program can go from one crate to another. An
/// `OffsetDateTime` is kept as its point in time, and comes back in UTC. A row with
/// such a key needs the `serde` feature of that crate, too.
///
/// `usize` and `isize` are deliberately left out: their width, and with it every stored key,
/// would depend on the machine.
///
/// # Example
///
/// ```
/// use emdb_typed::{EncodeKey, Key};
///
/// let mut bytes = Vec::new();
/// (-1_i16, "Basel".to_owned()).encode_into(&mut bytes);
/// assert_eq!(bytes, *b"\x7F\xFFBasel");
/// assert_eq!(<(i16, String)>::decode(&bytes)?, (-1, "Basel".to_owned()));
///
/// // The bytes of a struct are those of the tuple of its fields.
/// #[derive(Debug, Clone, PartialEq, emdb_derive::Key)]
/// #[emdb(crate = "emdb_typed")] // not needed with the facade
/// struct Place {
///     region: i16,
///     city: String,
/// }
/// assert_eq!(Place::decode(&bytes)?, Place { region: -1, city: "Basel".into() });
/// # Ok::<(), emdb_typed::KeyError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the key of a table",
    label = "not a key type",
    note = "keys are integers of a fixed width, floats, `bool`, `char`, `String`, `Vec<u8>`, \
            and arrays, tuples and `Option`s of keys",
    note = "for a type of your own, `#[derive(emdb::Key)]` on a struct of keys or an enum without \
            fields",
    note = "`usize` and `isize` differ between machines: use `u64` or `i64`"
)]
pub trait Key: EncodeKey + Clone + Send + Sync + 'static {
    /// Reads a key back from all of `bytes`, in the final form.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when no key of this type has these bytes.
    fn decode(bytes: &[u8]) -> Result<Self, KeyError>;

    /// Reads a key in the part form from the beginning of `bytes`, and leaves what follows it.
    ///
    /// It belongs to [`EncodeKey::encode_part`]: who replaces one replaces both.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when `bytes` don't begin with a key of this type. The rest of them is of no
    /// use then.
    ///
    /// # Example
    ///
    /// ```
    /// use emdb_typed::{EncodeKey, Key};
    ///
    /// let mut bytes = Vec::new();
    /// "Basel".encode_part(&mut bytes);
    /// 173_u8.encode_into(&mut bytes);
    ///
    /// let mut rest = bytes.as_slice();
    /// assert_eq!(String::decode_part(&mut rest)?, "Basel");
    /// assert_eq!(u8::decode(rest)?, 173);
    /// # Ok::<(), emdb_typed::KeyError>(())
    /// ```
    fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
        Self::decode(&escape::read(bytes)?)
    }
}

/// A key, or what a lookup may use in its place: `str` for `String`.
///
/// Lookups take `&Q` where the table's key implements [`Borrow<Q>`](std::borrow::Borrow). As with
/// `Hash` and the maps of the standard library, the borrowed form must give the same bytes as
/// the key itself. (`[u8]` does so for `[u8; N]` in the final form alone, for an array of a known
/// length needs no escapes in front of something else. Where parts are made, [`AsKey`] is asked,
/// which takes no slice for an array.)
///
/// # By hand
///
/// [`encode_into`](EncodeKey::encode_into) and [`Key::decode`] are enough: the part form that comes
/// with them is right for any key. A type whose bytes tell by themselves where they end, because
/// there is always the same number of them, spares the escapes when it replaces
/// [`encode_part`](EncodeKey::encode_part) and [`Key::decode_part`].
///
/// ```
/// use emdb_typed::{EncodeKey, Key, KeyError};
///
/// /// `u24`, so to speak.
/// #[derive(Debug, Clone, PartialEq, PartialOrd)]
/// struct Color([u8; 3]);
///
/// impl EncodeKey for Color {
///     fn encode_into(&self, out: &mut Vec<u8>) {
///         out.extend_from_slice(&self.0);
///     }
/// }
///
/// impl Key for Color {
///     fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
///         <[u8; 3]>::decode(bytes).map(Color)
///     }
/// }
///
/// let mut bytes = Vec::new();
/// (Color([1, 0, 2]), 7_u8).encode_into(&mut bytes);
/// assert_eq!(<(Color, u8)>::decode(&bytes)?, (Color([1, 0, 2]), 7));
/// # Ok::<(), KeyError>(())
/// ```
///
/// [`AsKey`]: crate::AsKey
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be used to look up a row",
    label = "neither a key nor the borrowed form of one",
    note = "pass a reference to the key: `get(&7)`, or `get(\"abc\")` for a `String`"
)]
pub trait EncodeKey {
    /// Appends the key's bytes in the final form, for the end of the bytes.
    fn encode_into(&self, out: &mut Vec<u8>);

    /// Appends the key's bytes in the part form, in front of something else.
    ///
    /// No part is the beginning of another part of its type, so that parts sort as their keys do,
    /// whatever follows them.
    fn encode_part(&self, out: &mut Vec<u8>) {
        escape::write(&to_bytes(self), out);
    }
}

/// The bytes of one key.
pub(crate) fn to_bytes<Q: EncodeKey + ?Sized>(key: &Q) -> Vec<u8> {
    // Room for the integers, so that they allocate once.
    let mut bytes = Vec::with_capacity(16);
    key.encode_into(&mut bytes);
    bytes
}

/// Decodes the final form of a key whose two forms are one.
pub(super) fn decode_whole<K: Key>(bytes: &[u8]) -> Result<K, KeyError> {
    let mut rest = bytes;
    let key = K::decode_part(&mut rest)?;
    match rest.len() {
        0 => Ok(key),
        more => Err(KeyError::Length { expected: bytes.len() - more, found: bytes.len() }),
    }
}
