//! Integers: big-endian, so that the most significant byte is compared first, and with the sign
//! bit of signed ones flipped, so that negative ones come before the others.

use std::num::NonZero;

use super::error::KeyError;

macro_rules! integers {
    ($($int:ty, $flip:expr;)*) => {$(
        fixed_width! {
            $int: size_of::<$int>(),
                |key| (key ^ $flip).to_be_bytes(),
                |bytes| Ok(<$int>::from_be_bytes(bytes) ^ $flip);
            // The bytes of the integer itself.
            NonZero<$int>: size_of::<$int>(),
                |key| (key.get() ^ $flip).to_be_bytes(),
                |bytes| {
                    let zero = KeyError::Value { expected: "a number other than zero" };
                    NonZero::new(<$int>::from_be_bytes(bytes) ^ $flip).ok_or(zero)
                };
        }
    )*};
}

integers! {
    u8, 0;
    u16, 0;
    u32, 0;
    u64, 0;
    u128, 0;
    i8, i8::MIN;
    i16, i16::MIN;
    i32, i32::MIN;
    i64, i64::MIN;
    i128, i128::MIN;
}
