//! Integers: big-endian, so that the most significant byte is compared first, and with the sign
//! bit of signed ones flipped, so that negative ones come before the others.

use super::{EncodeKey, Key, KeyError};

macro_rules! unsigned {
    ($($int:ty)*) => {$(
        impl EncodeKey for $int {
            fn encode_into(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }
        }

        impl Key for $int {
            fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
                Ok(<$int>::from_be_bytes(whole(bytes)?))
            }
        }
    )*};
}

macro_rules! signed {
    ($($int:ty)*) => {$(
        impl EncodeKey for $int {
            fn encode_into(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&(self ^ <$int>::MIN).to_be_bytes());
            }
        }

        impl Key for $int {
            fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
                Ok(<$int>::from_be_bytes(whole(bytes)?) ^ <$int>::MIN)
            }
        }
    )*};
}

unsigned!(u8 u16 u32 u64 u128);
signed!(i8 i16 i32 i64 i128);

fn whole<const N: usize>(bytes: &[u8]) -> Result<[u8; N], KeyError> {
    bytes.try_into().map_err(|_| KeyError::Length { expected: N, found: bytes.len() })
}
