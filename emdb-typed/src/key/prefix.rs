//! The leading fields of a key.

use crate::seal::Seal;

use super::as_key::AsKey;
use super::encode::EncodeKey;
use super::escape;

/// The common beginning of all keys of a scan.
///
/// For a tuple, and for a struct that derives [`Key`](trait@crate::Key), a tuple of its first
/// fields, at least one and not all: `&(org,)` of a key `(u64, String)`. Each field may be written
/// as [`AsKey`] has it: `&("ch",)` does for a `String`. For `String`, `Box<str>` and `Vec<u8>`
/// it is the beginning of the string.
///
/// This trait is sealed: it is implemented for the types above, and by `#[derive(Key)]`.
///
/// # Example
///
/// ```
/// use emdb::{EncodeKey, KeyPrefix};
///
/// fn prefix<K>(prefix: &(impl KeyPrefix<K> + ?Sized)) -> Vec<u8> {
///     let mut bytes = Vec::new();
///     prefix.encode_prefix(&mut bytes);
///     bytes
/// }
///
/// let mut key = Vec::new();
/// ("ch".to_owned(), Some(3_u8), 7_u8).encode_into(&mut key);
/// assert!(key.starts_with(&prefix::<(String, Option<u8>, u8)>(&("ch",))));
/// assert!(key.starts_with(&prefix::<(String, Option<u8>, u8)>(&("ch", Some(3)))));
/// assert!(!key.starts_with(&prefix::<(String, Option<u8>, u8)>(&("c",))));
/// assert_eq!(prefix::<String>("c"), b"c");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the beginning of a key of type `{K}`",
    label = "not the leading fields of `{K}`",
    note = "write a tuple of its first fields, not of all: `&(first,)`; \
            a text will do for a key that is a `String`",
    note = "the row with one whole key is what `get` finds"
)]
pub trait KeyPrefix<K> {
    #[doc(hidden)]
    const SEAL: Seal;

    /// Appends what the final form of every such key begins with, and that of no other key does.
    fn encode_prefix(&self, out: &mut Vec<u8>);

    /// The same for the part form.
    fn encode_part_prefix(&self, out: &mut Vec<u8>) {
        // Leading fields are parts in both forms.
        self.encode_prefix(out);
    }
}

impl KeyPrefix<Vec<u8>> for [u8] {
    const SEAL: Seal = Seal;

    fn encode_prefix(&self, out: &mut Vec<u8>) {
        self.encode_into(out);
    }

    fn encode_part_prefix(&self, out: &mut Vec<u8>) {
        escape::write_open(self, out);
    }
}

macro_rules! text {
    ($($key:ty)*) => {$(
        impl KeyPrefix<$key> for str {
            const SEAL: Seal = Seal;

            fn encode_prefix(&self, out: &mut Vec<u8>) {
                self.encode_into(out);
            }

            fn encode_part_prefix(&self, out: &mut Vec<u8>) {
                escape::write_open(self.as_bytes(), out);
            }
        }
    )*};
}

text!(String Box<str>);

/// Gives each key the prefixes of all lengths: the fields of the prefix with their positions, and
/// what the key has behind them.
macro_rules! prefixes {
    ($($($key:ident $given:ident $at:tt)+ ; $($more:ident)+ ;)*) => {$(
        impl<$($key, $given: AsKey<$key>,)+ $($more),+> KeyPrefix<($($key,)+ $($more,)+)>
            for ($($given,)+)
        {
            const SEAL: Seal = Seal;

            fn encode_prefix(&self, out: &mut Vec<u8>) {
                $(self.$at.write_part(out);)+
            }
        }
    )*};
}

prefixes! {
    A P 0; B;
    A P 0; B C;
    A P 0; B C D;
    A P 0; B C D E;
    A P 0; B C D E F;
    A P 0; B C D E F G;
    A P 0; B C D E F G H;
    A P 0 B Q 1; C;
    A P 0 B Q 1; C D;
    A P 0 B Q 1; C D E;
    A P 0 B Q 1; C D E F;
    A P 0 B Q 1; C D E F G;
    A P 0 B Q 1; C D E F G H;
    A P 0 B Q 1 C R 2; D;
    A P 0 B Q 1 C R 2; D E;
    A P 0 B Q 1 C R 2; D E F;
    A P 0 B Q 1 C R 2; D E F G;
    A P 0 B Q 1 C R 2; D E F G H;
    A P 0 B Q 1 C R 2 D S 3; E;
    A P 0 B Q 1 C R 2 D S 3; E F;
    A P 0 B Q 1 C R 2 D S 3; E F G;
    A P 0 B Q 1 C R 2 D S 3; E F G H;
    A P 0 B Q 1 C R 2 D S 3 E T 4; F;
    A P 0 B Q 1 C R 2 D S 3 E T 4; F G;
    A P 0 B Q 1 C R 2 D S 3 E T 4; F G H;
    A P 0 B Q 1 C R 2 D S 3 E T 4 F U 5; G;
    A P 0 B Q 1 C R 2 D S 3 E T 4 F U 5; G H;
    A P 0 B Q 1 C R 2 D S 3 E T 4 F U 5 G V 6; H;
}
