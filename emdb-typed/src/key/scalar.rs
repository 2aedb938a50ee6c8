//! Truth values, characters, floating-point numbers, lengths of time, and the unit.

use std::time::Duration;

use super::error::KeyError;

fixed_width! {
    (): 0, |()| [], |[]| Ok(());

    bool: 1, |key| [u8::from(*key)], |[byte]| match byte {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(KeyError::Value { expected: "a `bool`, 0 or 1" }),
    };

    char: 4, |key| u32::from(*key).to_be_bytes(), |bytes| {
        let expected = "a character";
        char::from_u32(u32::from_be_bytes(bytes)).ok_or(KeyError::Value { expected })
    };

    Duration: 12, |key| instant(key.as_secs(), key.subsec_nanos()), |bytes| {
        let (secs, nanos) = split_instant(bytes);
        if nanos >= NANOS_PER_SEC {
            return Err(KeyError::Value { expected: "a duration with less than 10^9 nanoseconds" });
        }
        Ok(Duration::new(secs, nanos))
    };
}

/// The order of `total_cmp`, which is IEEE 754's `totalOrder`: magnitudes sort as integers do, and
/// those of negative numbers the other way round. Every bit pattern is a key of its own: `-0.0` is
/// another one than `0.0`, and so are the NaNs.
macro_rules! floats {
    ($($float:ty, $bits:ty;)*) => {
        fixed_width! {$(
            #[disagrees]
            $float: size_of::<$float>(),
                |key| {
                    let bits = key.to_bits();
                    let sign = 1 << (<$bits>::BITS - 1);
                    let sorted = if bits & sign == 0 { bits | sign } else { !bits };
                    sorted.to_be_bytes()
                },
                |bytes| {
                    let sorted = <$bits>::from_be_bytes(bytes);
                    let sign = 1 << (<$bits>::BITS - 1);
                    let bits = if sorted & sign == 0 { !sorted } else { sorted & !sign };
                    Ok(<$float>::from_bits(bits))
                };
        )*}
    };
}

floats! {
    f32, u32;
    f64, u64;
}

pub(super) const NANOS_PER_SEC: u32 = 1_000_000_000;

/// Seconds and the nanoseconds after them.
pub(super) fn instant(secs: u64, nanos: u32) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&secs.to_be_bytes());
    bytes[8..].copy_from_slice(&nanos.to_be_bytes());
    bytes
}

pub(super) fn split_instant(bytes: [u8; 12]) -> (u64, u32) {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = bytes;
    (u64::from_be_bytes([a, b, c, d, e, f, g, h]), u32::from_be_bytes([i, j, k, l]))
}
