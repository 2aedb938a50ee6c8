//! Arrays: the keys one after the other, the last one in the final form. The length is the type's,
//! and takes no bytes; so an array of bytes is stored as it is.

use super::encode::{EncodeKey, Key, decode_whole};
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
