//! `Reverse`: the bytes of the part form, inverted.
//!
//! It has to be the part form even at the end: of two final forms one may be the beginning of the
//! other, and inverting both leaves the shorter one first. Of two parts none is, so that they
//! differ at some byte, and there inverting turns their order round.

use std::cmp::Reverse;

use crate::seal::Seal;

use super::as_key::AsKey;
use super::decode::{Key, decode_whole};
use super::encode::EncodeKey;
use super::error::KeyError;

impl<K: EncodeKey> EncodeKey for Reverse<K> {
    fn encode_into(&self, out: &mut Vec<u8>) {
        let start = out.len();
        self.0.encode_part(out);
        invert(&mut out[start..]);
    }

    fn encode_part(&self, out: &mut Vec<u8>) {
        self.encode_into(out);
    }

    fn agrees() -> bool {
        K::agrees()
    }
}

#[diagnostic::do_not_recommend]
impl<K: Key, Q: AsKey<K>> AsKey<Reverse<K>> for Reverse<Q> {
    const SEAL: Seal = Seal;

    fn write_final(&self, out: &mut Vec<u8>) {
        let start = out.len();
        self.0.write_part(out);
        invert(&mut out[start..]);
    }

    fn write_part(&self, out: &mut Vec<u8>) {
        AsKey::<Reverse<K>>::write_final(self, out);
    }
}

some! {
    [Q] Reverse<Q>;
}

impl<K: Key> Key for Reverse<K> {
    fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        decode_whole(bytes)
    }

    fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
        let inverted: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
        let mut rest = inverted.as_slice();
        let key = K::decode_part(&mut rest)?;
        *bytes = &bytes[bytes.len() - rest.len()..];
        Ok(Reverse(key))
    }
}

fn invert(bytes: &mut [u8]) {
    bytes.iter_mut().for_each(|byte| *byte = !*byte);
}
