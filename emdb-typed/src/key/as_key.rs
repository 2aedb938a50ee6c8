//! What stands for a key in a call.

use crate::__private::Seal;

use super::{EncodeKey, Key};

/// A key as calls take it, as the end of a range or as a leading field: the key itself, a reference
/// to it, or for strings the borrowed form.
///
/// | for a key of type | write |
/// | --- | --- |
/// | any `K` | `K`, `&K` |
/// | `String`, `Box<str>` | `&str` |
/// | `Vec<u8>` | `&[u8]`, `&[u8; N]` (so `b"abc"` is one) |
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

    /// What has the bytes of the key, in both of its forms.
    #[doc(hidden)]
    type Form: EncodeKey + ?Sized;

    #[doc(hidden)]
    fn as_form(&self) -> &Self::Form;

    /// Appends the key's final form.
    #[doc(hidden)]
    fn write_final(&self, out: &mut Vec<u8>) {
        self.as_form().encode_into(out);
    }

    /// Appends the key's part form.
    #[doc(hidden)]
    fn write_part(&self, out: &mut Vec<u8>) {
        self.as_form().encode_part(out);
    }
}

impl<K: Key> AsKey<K> for K {
    const SEAL: Seal = Seal;
    type Form = K;

    fn as_form(&self) -> &K {
        self
    }
}

impl<K: Key> AsKey<K> for &K {
    const SEAL: Seal = Seal;
    type Form = K;

    fn as_form(&self) -> &K {
        self
    }
}

impl AsKey<String> for &str {
    const SEAL: Seal = Seal;
    type Form = str;

    fn as_form(&self) -> &str {
        self
    }
}

impl AsKey<Box<str>> for &str {
    const SEAL: Seal = Seal;
    type Form = str;

    fn as_form(&self) -> &str {
        self
    }
}

impl AsKey<Vec<u8>> for &[u8] {
    const SEAL: Seal = Seal;
    type Form = [u8];

    fn as_form(&self) -> &[u8] {
        self
    }
}

impl<const N: usize> AsKey<Vec<u8>> for &[u8; N] {
    const SEAL: Seal = Seal;
    // Not the array, which has another part form.
    type Form = [u8];

    fn as_form(&self) -> &[u8] {
        self.as_slice()
    }
}
