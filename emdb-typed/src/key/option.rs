//! `Option`: 0 for `None`, which so comes first, or 1 and the key.

use super::as_key::SOME;
use super::decode::Key;
use super::encode::EncodeKey;
use super::error::KeyError;
use super::fixed;

const NONE: u8 = 0;

impl<K: EncodeKey> EncodeKey for Option<K> {
    fn encode_into(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(NONE),
            Some(key) => {
                out.push(SOME);
                key.encode_into(out);
            }
        }
    }

    fn encode_part(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(NONE),
            Some(key) => {
                out.push(SOME);
                key.encode_part(out);
            }
        }
    }

    fn agrees() -> bool {
        K::agrees()
    }
}

// Not of what stands for `K`: a plain `None` would have no type then.
as_key!(impl[K: Key] Option<K>);

impl<K: Key> Key for Option<K> {
    fn decode(mut bytes: &[u8]) -> Result<Self, KeyError> {
        if is_some(&mut bytes)? {
            return K::decode(bytes).map(Some);
        }
        match bytes.len() {
            0 => Ok(None),
            more => Err(KeyError::Length { expected: 1, found: 1 + more }),
        }
    }

    fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
        if is_some(bytes)? { K::decode_part(bytes).map(Some) } else { Ok(None) }
    }
}

fn is_some(bytes: &mut &[u8]) -> Result<bool, KeyError> {
    match fixed::take(bytes)? {
        [NONE] => Ok(false),
        [SOME] => Ok(true),
        _ => Err(KeyError::Value { expected: "an `Option`, which begins with 0 or 1" }),
    }
}
