//! Tuples: the keys one after the other, the last one in the final form.

use crate::seal::Seal;

use super::as_key::AsKey;
use super::decode::Key;
use super::encode::EncodeKey;
use super::error::KeyError;

macro_rules! tuples {
    ($(($($lead:ident $given:ident $at:tt)* ; $last:ident $given_last:ident $end:tt))*) => {$(
        impl<$($lead: EncodeKey,)* $last: EncodeKey> EncodeKey for ($($lead,)* $last,) {
            fn encode_into(&self, out: &mut Vec<u8>) {
                $(self.$at.encode_part(out);)*
                self.$end.encode_into(out);
            }

            fn encode_part(&self, out: &mut Vec<u8>) {
                $(self.$at.encode_part(out);)*
                self.$end.encode_part(out);
            }

            fn agrees() -> bool {
                $($lead::agrees() &&)* $last::agrees()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($lead: Key, $given: AsKey<$lead>,)* $last: Key, $given_last: AsKey<$last>>
            AsKey<($($lead,)* $last,)> for ($($given,)* $given_last,)
        {
            const SEAL: Seal = Seal;

            fn write_final(&self, out: &mut Vec<u8>) {
                $(AsKey::<$lead>::write_part(&self.$at, out);)*
                AsKey::<$last>::write_final(&self.$end, out);
            }

            fn write_part(&self, out: &mut Vec<u8>) {
                $(AsKey::<$lead>::write_part(&self.$at, out);)*
                AsKey::<$last>::write_part(&self.$end, out);
            }
        }

        some! {
            [$($given,)* $given_last] ($($given,)* $given_last,);
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
    (; A P 0)
    (A P 0; B Q 1)
    (A P 0 B Q 1; C R 2)
    (A P 0 B Q 1 C R 2; D S 3)
    (A P 0 B Q 1 C R 2 D S 3; E T 4)
    (A P 0 B Q 1 C R 2 D S 3 E T 4; F U 5)
    (A P 0 B Q 1 C R 2 D S 3 E T 4 F U 5; G V 6)
    (A P 0 B Q 1 C R 2 D S 3 E T 4 F U 5 G V 6; H W 7)
}
