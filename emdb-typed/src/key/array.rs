//! Arrays: the keys one after the other, the last one in the final form. The length is the type's,
//! and takes no bytes; so an array of bytes is stored as it is.

use crate::seal::Seal;

use super::as_key::AsKey;
use super::decode::{Key, decode_whole};
use super::encode::EncodeKey;
use super::error::KeyError;

impl<K: EncodeKey, const N: usize> EncodeKey for [K; N] {
    fn encode_into(&self, out: &mut Vec<u8>) {
        if let Some((last, leading)) = self.split_last() {
            leading.iter().for_each(|key| key.encode_part(out));
            last.encode_into(out);
        }
    }

    fn encode_part(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|key| key.encode_part(out));
    }

    fn agrees() -> bool {
        K::agrees()
    }
}

#[diagnostic::do_not_recommend]
impl<K: Key, Q: AsKey<K>, const N: usize> AsKey<[K; N]> for [Q; N] {
    const SEAL: Seal = Seal;

    fn write_final(&self, out: &mut Vec<u8>) {
        if let Some((last, leading)) = self.split_last() {
            leading.iter().for_each(|key| key.write_part(out));
            last.write_final(out);
        }
    }

    fn write_part(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|key| key.write_part(out));
    }
}

/// Bytes that need not be as many: those of no key then.
#[diagnostic::do_not_recommend]
impl<const N: usize> AsKey<[u8; N]> for [u8] {
    const SEAL: Seal = Seal;

    fn write_final(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn write_part(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
}

some! {
    [Q, const N: usize] [Q; N];
}

impl<K: Key, const N: usize> Key for [K; N] {
    fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        if N == 0 {
            return decode_whole(bytes);
        }
        let mut rest = bytes;
        let mut keys = decode_parts(&mut rest, N - 1)?;
        keys.push(K::decode(rest)?);
        into_array(keys)
    }

    fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
        into_array(decode_parts(bytes, N)?)
    }
}

fn decode_parts<K: Key>(bytes: &mut &[u8], count: usize) -> Result<Vec<K>, KeyError> {
    (0..count).map(|_| K::decode_part(bytes)).collect()
}

fn into_array<K, const N: usize>(keys: Vec<K>) -> Result<[K; N], KeyError> {
    // There are N of them, so this never fails.
    keys.try_into().map_err(|keys: Vec<K>| KeyError::Length { expected: N, found: keys.len() })
}
