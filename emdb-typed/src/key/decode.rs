//! The trait of the types that rows are found by, and that come back from their bytes.

use super::as_key::AsKey;
use super::encode::EncodeKey;
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
/// use emdb::{EncodeKey, Key};
///
/// let mut bytes = Vec::new();
/// (-1_i16, "Basel".to_owned()).encode_into(&mut bytes);
/// assert_eq!(bytes, *b"\x7F\xFFBasel");
/// assert_eq!(<(i16, String)>::decode(&bytes)?, (-1, "Basel".to_owned()));
///
/// // The bytes of a struct are those of the tuple of its fields.
/// #[derive(Debug, Clone, PartialEq, emdb::Key)]
/// struct Place {
///     region: i16,
///     city: String,
/// }
/// assert_eq!(Place::decode(&bytes)?, Place { region: -1, city: "Basel".into() });
/// # Ok::<(), emdb::KeyError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the key of a table",
    label = "not a key type",
    note = "keys are integers of a fixed width, floats, `bool`, `char`, `String`, `Vec<u8>`, \
            and arrays, tuples and `Option`s of keys",
    note = "for a type of your own, `#[derive(emdb::Key)]` on a struct of keys or an enum without \
            fields",
    note = "types of the crates `uuid`, `jiff`, `time` and `chrono` are keys with the feature of emdb that is \
            called so: `emdb = {{ .., features = [\"uuid\"] }}`",
    note = "`usize` and `isize` differ between machines: use `u64` or `i64`"
)]
pub trait Key:
    EncodeKey + AsKey<Self> + AsKey<Option<Self>> + Clone + Send + Sync + 'static
{
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
    /// use emdb::{EncodeKey, Key};
    ///
    /// let mut bytes = Vec::new();
    /// "Basel".encode_part(&mut bytes);
    /// 173_u8.encode_into(&mut bytes);
    ///
    /// let mut rest = bytes.as_slice();
    /// assert_eq!(String::decode_part(&mut rest)?, "Basel");
    /// assert_eq!(u8::decode(rest)?, 173);
    /// # Ok::<(), emdb::KeyError>(())
    /// ```
    fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
        Self::decode(&escape::read(bytes)?)
    }
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
