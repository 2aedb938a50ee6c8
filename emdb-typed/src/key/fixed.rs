//! Keys of a fixed width: both forms are the same bytes.

use super::error::KeyError;

/// Implements the traits from `fn(&Key) -> [u8; N]` and `fn([u8; N]) -> Result<Key, KeyError>`. `#[disagrees]`
/// marks a type whose comparisons say otherwise than its bytes.
macro_rules! fixed_width {
    ($($(#[$agrees:ident])? $key:ty: $width:expr, $to_bytes:expr, $from_bytes:expr;)*) => {$(
        impl $crate::key::encode::EncodeKey for $key {
            fn encode_into(&self, out: &mut Vec<u8>) {
                let to_bytes: fn(&$key) -> [u8; $width] = $to_bytes;
                out.extend_from_slice(&to_bytes(self));
            }

            fn encode_part(&self, out: &mut Vec<u8>) {
                self.encode_into(out);
            }

            $(fn agrees() -> bool {
                stringify!($agrees) != "disagrees"
            })?
        }

        as_key!($key);

        impl $crate::key::decode::Key for $key {
            fn decode(bytes: &[u8]) -> Result<Self, $crate::key::error::KeyError> {
                let from_bytes: fn([u8; $width]) -> Result<$key, $crate::key::error::KeyError> =
                    $from_bytes;
                from_bytes($crate::key::fixed::whole(bytes)?)
            }

            fn decode_part(bytes: &mut &[u8]) -> Result<Self, $crate::key::error::KeyError> {
                $crate::key::fixed::take::<{ $width }>(bytes).and_then(|key| Self::decode(&key))
            }
        }
    )*};
}

/// All of `bytes`.
pub(super) fn whole<const N: usize>(bytes: &[u8]) -> Result<[u8; N], KeyError> {
    bytes.try_into().map_err(|_| KeyError::Length { expected: N, found: bytes.len() })
}

/// The first of `bytes`, which leaves the others.
pub(super) fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], KeyError> {
    let (first, rest) = bytes
        .split_first_chunk::<N>()
        .ok_or(KeyError::Length { expected: N, found: bytes.len() })?;
    *bytes = rest;
    Ok(*first)
}
