//! The stand-ins for a key in a call.
//!
//! Invariant: what stands for a key has its bytes, in both forms.
//!
//! There is no blanket implementation (not even of `K` for `K`), and each type stands for few keys:
//! so the compiler, which knows the key's type, knows that of a literal, in a tuple too. The fields
//! of a tuple are stand-ins each by itself, and a tuple of keys is one of them.

use crate::seal::Seal;

/// A key as calls take it, as the end of a range or as a field of a composite one: the key itself, a
/// reference to it, or its borrowed form, which needs no allocation.
///
/// | for a key of type | write |
/// | --- | --- |
/// | any `K` | `K`, `&K`; or a `Box`, `Rc` or `Arc` of it |
/// | `String`, `Box<str>` | `&str` |
/// | `Vec<u8>` | `&[u8]`, `[u8; N]`, `&[u8; N]` (so `b"abc"` is one) |
/// | a tuple, an array, `Reverse` | one of what stands for its fields: `("acme", 7)` |
/// | a struct that derives [`Key`](trait@crate::Key) | a tuple of what stands for its fields |
/// | `Option<K>` | what stands for the `K` that it has: `3` for `Some(3)` |
///
/// It has the bytes of the key in both of its forms, and for one key type no two of these have a
/// plain literal in common; so in `range(10..)` and in `get(&("acme", 10))` the `10` is of the key's
/// type. An expression whose type only its surroundings tell, such as `text.parse()?` or `id.into()`,
/// has to be told: `text.parse::<u64>()?`.
///
/// A `[u8]` does for a `[u8; N]` where a whole key is taken by reference, as in `get(&bytes[..])`;
/// one of another length finds nothing.
///
/// This trait is sealed: it is implemented for the types above, by `#[derive(Key)]`, and by
/// [`as_key!`](crate::as_key) for keys whose traits are written by hand.
///
/// # Example
///
/// ```
/// use emdb::{AsKey, Table, TableError};
/// # #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, emdb::Record)]
/// #[emdb(key(org, id))]
/// struct Member {
///     org: String,
///     id: u64,
/// }
///
/// /// Whatever stands for the key of a member.
/// fn is_member(
///     members: &Table<Member>,
///     key: &(impl AsKey<(String, u64)> + ?Sized),
/// ) -> Result<bool, TableError> {
///     members.contains_key(key)
/// }
///
/// # let db = emdb::Emdb::open_in_memory();
/// let members = Table::<Member>::open(&db)?;
/// members.insert(&Member { org: "acme".into(), id: 7 })?;
/// assert!(is_member(&members, &("acme", 7))?);
/// assert!(is_member(&members, &("acme".to_owned(), 7))?);
/// assert_eq!(members.range(("acme", 0)..("acme", 9))?.count(), 1);
/// # Ok::<(), TableError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't stand for a key of type `{K}`",
    label = "expected `{K}`, a reference to it, or its borrowed form",
    note = "a `&str` stands for a `String`, a `&[u8]` or `&[u8; N]` for a `Vec<u8>`, and what stands \
            for `K` for an `Option<K>`",
    note = "a tuple stands for a tuple of keys, or a struct that derives `Key`, when each of its \
            fields stands for one of theirs: `(\"acme\", 7)` for a `(String, u64)`",
    note = "a type that implements `Key` by hand needs the line `emdb::as_key!(Type);`"
)]
pub trait AsKey<K> {
    #[doc(hidden)]
    const SEAL: Seal;

    /// Appends the key's final form.
    #[doc(hidden)]
    fn write_final(&self, out: &mut Vec<u8>);

    /// Appends the key's part form.
    #[doc(hidden)]
    fn write_part(&self, out: &mut Vec<u8>);
}

/// Lets a key whose traits are written by hand be given to calls; see [`AsKey`].
///
/// - `as_key!(Color)`: a `Color` stands for itself, and for the `Some` of an `Option<Color>`.
///   [`Key`](trait@crate::Key) asks for it, and `#[derive(Key)]` does it by itself.
/// - `as_key!(impl[T: Key] Pair<T>)`: the same for a generic type. The brackets have its parameters; a
///   `where` clause may come last.
/// - `as_key!(str as Name)`: a `str` stands for a `Name` besides, as `Name: Borrow<str>` has it. As ever
///   with `Borrow`, both need to have the same bytes. Derived keys may add this.
///
/// # Example
///
/// ```
/// use emdb::{EncodeKey, Key, KeyError, as_key};
///
/// #[derive(Debug, Clone, PartialEq)]
/// struct Tag(String);
///
/// impl EncodeKey for Tag {
///     fn encode_into(&self, out: &mut Vec<u8>) {
///         self.0.encode_into(out);
///     }
///
///     fn encode_part(&self, out: &mut Vec<u8>) {
///         self.0.encode_part(out);
///     }
/// }
///
/// impl Key for Tag {
///     fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
///         String::decode(bytes).map(Tag)
///     }
///
///     fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
///         String::decode_part(bytes).map(Tag)
///     }
/// }
///
/// as_key!(Tag);
///
/// impl std::borrow::Borrow<str> for Tag {
///     fn borrow(&self) -> &str {
///         &self.0
///     }
/// }
///
/// as_key!(str as Tag);
/// ```
#[macro_export]
macro_rules! as_key {
    (impl[$($parameters:tt)*] $key:ty $(where $($clause:tt)*)?) => {
        $crate::__private::as_key! {
            @[diagnostic::do_not_recommend] impl[$($parameters)*] $key $(where $($clause)*)?
        }
    };
    // The derive's, whose expansion resolves no name that a prelude has.
    (@[$($attribute:meta)?] impl[$($parameters:tt)*] $key:ty $(where $($clause:tt)*)?) => {
        #[automatically_derived]
        $(#[$attribute])?
        #[allow(deprecated)]
        impl<$($parameters)*> $crate::__private::AsKey<$key> for $key $(where $($clause)*)? {
            const SEAL: $crate::__private::Seal = $crate::__private::Seal;

            fn write_final(&self, out: &mut $crate::__private::Vec<::core::primitive::u8>) {
                $crate::__private::EncodeKey::encode_into(self, out);
            }

            fn write_part(&self, out: &mut $crate::__private::Vec<::core::primitive::u8>) {
                $crate::__private::EncodeKey::encode_part(self, out);
            }
        }

        #[automatically_derived]
        $(#[$attribute])?
        #[allow(deprecated)]
        impl<$($parameters)*> $crate::__private::AsKey<::core::option::Option<$key>> for $key
        $(where $($clause)*)?
        {
            const SEAL: $crate::__private::Seal = $crate::__private::Seal;

            fn write_final(&self, out: &mut $crate::__private::Vec<::core::primitive::u8>) {
                $crate::__private::write_some(out);
                $crate::__private::EncodeKey::encode_into(self, out);
            }

            fn write_part(&self, out: &mut $crate::__private::Vec<::core::primitive::u8>) {
                $crate::__private::write_some(out);
                $crate::__private::EncodeKey::encode_part(self, out);
            }
        }
    };
    ($given:ty as $key:ty) => {
        #[diagnostic::do_not_recommend]
        impl $crate::__private::AsKey<$key> for $given
        where
            $key: ::core::borrow::Borrow<$given>,
        {
            const SEAL: $crate::__private::Seal = $crate::__private::Seal;

            fn write_final(&self, out: &mut $crate::__private::Vec<::core::primitive::u8>) {
                $crate::__private::EncodeKey::encode_into(self, out);
            }

            fn write_part(&self, out: &mut $crate::__private::Vec<::core::primitive::u8>) {
                $crate::__private::EncodeKey::encode_part(self, out);
            }
        }
    };
    ($key:ty) => {
        $crate::__private::as_key!(impl[] $key);
    };
}

pub use as_key;

/// The byte with which every `Some` begins.
pub(super) const SOME: u8 = 1;

/// Writes that byte.
pub fn write_some(out: &mut Vec<u8>) {
    out.push(SOME);
}

/// The bytes of the key in the final form.
pub(crate) fn final_form<K>(given: &(impl AsKey<K> + ?Sized)) -> Vec<u8> {
    // Room for the integers, so that they allocate once.
    let mut bytes = Vec::with_capacity(16);
    given.write_final(&mut bytes);
    bytes
}

/// The bytes of the key in the part form.
pub(crate) fn part_form<K>(given: &(impl AsKey<K> + ?Sized)) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16);
    given.write_part(&mut bytes);
    bytes
}
