//! Tuples: the keys one after the other, the last one in the final form.

use super::encode::{EncodeKey, Key};
use super::error::KeyError;

macro_rules! tuples {
    ($(($($lead:ident $at:tt)* ; $last:ident $end:tt))*) => {$(
        impl<$($lead: EncodeKey,)* $last: EncodeKey> EncodeKey for ($($lead,)* $last,) {
            fn encode_into(&self, out: &mut Vec<u8>) {
                $(self.$at.encode_part(out);)*
                self.$end.encode_into(out);
            }

            fn encode_part(&self, out: &mut Vec<u8>) {
                $(self.$at.encode_part(out);)*
                self.$end.encode_part(out);
            }
        }

        impl<$($lead: Key,)* $last: Key> Key for ($($lead,)* $last,) {
            // A tuple of one has no leading key to move past.
            #[allow(unused_mut)]
            fn decode(mut bytes: &[u8]) -> Result<Self, KeyError> {
                Ok(($($lead::decode_part(&mut bytes)?,)* $last::decode(bytes)?,))
            }

            fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
                Ok(($($lead::decode_part(bytes)?,)* $last::decode_part(bytes)?,))
            }
        }
    )*};
}

tuples! {
    (; A 0)
    (A 0; B 1)
    (A 0 B 1; C 2)
    (A 0 B 1 C 2; D 3)
    (A 0 B 1 C 2 D 3; E 4)
    (A 0 B 1 C 2 D 3 E 4; F 5)
    (A 0 B 1 C 2 D 3 E 4 F 5; G 6)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6; H 7)
}
