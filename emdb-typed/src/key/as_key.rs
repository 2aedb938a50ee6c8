//! The stand-ins for a key in a call.

use crate::seal::Seal;

use super::encode::{EncodeKey, Key};
use super::option;

/// A key as calls take it, as the end of a range or as a leading field: the key itself, a reference
/// to it, or for strings the borrowed form.
///
/// | for a key of type | write |
/// | --- | --- |
/// | any `K` | `K`, `&K` |
/// | `String`, `Box<str>` | `&str` |
/// | `Vec<u8>` | `&[u8]`, `&[u8; N]` (so `b"abc"` is one) |
/// | `Option<K>` | what stands for the `K` that it has: `3` for `Some(3)` |
///
/// It has the bytes of the key in both of its forms, and for one key type no two of these have a
/// plain literal in common; so in `range(10..)` the `10` is of the key's type.
///
/// This trait is sealed: it is implemented for the types above, and for no others.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't stand for a key of type `{K}`",
    label = "expected `{K}`, or a reference to it",
    note = "besides, `&str` stands for a `String`, and `&[u8]` for a `Vec<u8>`"
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

/// A type with the bytes of the key itself, in both of its forms.
macro_rules! plain {
    ($(($($parameters:tt)*) $given:ty => $key:ty, |$this:ident| $form:expr;)*) => {$(
        impl<$($parameters)*> AsKey<$key> for $given {
            const SEAL: Seal = Seal;

            fn write_final(&self, out: &mut Vec<u8>) {
                let $this = self;
                $form.encode_into(out);
            }

            fn write_part(&self, out: &mut Vec<u8>) {
                let $this = self;
                $form.encode_part(out);
            }
        }
    )*};
}

plain! {
    (K: Key) K => K, |this| this;
    (K: Key) &K => K, |this| *this;
    () &str => String, |this| *this;
    () &str => Box<str>, |this| *this;
    () &[u8] => Vec<u8>, |this| *this;
    // Not the array, which has another part form.
    (const N: usize) &[u8; N] => Vec<u8>, |this| this.as_slice();
}

/// A stand-in for the key behind a `Some`.
macro_rules! some {
    ($(($($parameters:tt)*) $given:ty => $key:ty;)*) => {$(
        impl<$($parameters)*> AsKey<Option<$key>> for $given {
            const SEAL: Seal = Seal;

            fn write_final(&self, out: &mut Vec<u8>) {
                option::write_some(out);
                AsKey::<$key>::write_final(self, out);
            }

            fn write_part(&self, out: &mut Vec<u8>) {
                option::write_some(out);
                AsKey::<$key>::write_part(self, out);
            }
        }
    )*};
}

some! {
    (K: Key) K => K;
    (K: Key) &K => K;
    () &str => String;
    () &str => Box<str>;
    () &[u8] => Vec<u8>;
    (const N: usize) &[u8; N] => Vec<u8>;
}
