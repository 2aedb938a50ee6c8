//! Little-endian base-128 integers (LEB128), for lengths and other small numbers.

/// Bytes that `value` takes.
pub(crate) fn len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Writes `value` at the front of `out` and gives the number of bytes.
///
/// # Panics
/// If `out` is shorter than `len(value)`.
#[inline]
pub(crate) fn put(mut value: u64, out: &mut [u8]) -> usize {
    let mut at = 0;
    while value >= 0x80 {
        out[at] = value as u8 | 0x80;
        value >>= 7;
        at += 1;
    }
    out[at] = value as u8;
    at + 1
}

/// Reads a value that must fill `bytes` exactly.
pub(crate) fn get_all(bytes: &[u8]) -> Option<u64> {
    let (value, used) = get(|at| bytes.get(at).copied())?;
    (used == bytes.len()).then_some(value)
}

/// Reads a value through `byte`, which gives the byte at an offset while there is one. `None`
/// when the bytes end first or the value has more than 64 bits.
#[inline]
pub(crate) fn get(mut byte: impl FnMut(usize) -> Option<u8>) -> Option<(u64, usize)> {
    let first = byte(0)?;
    if first < 0x80 {
        return Some((u64::from(first), 1));
    }
    let mut value = u64::from(first & 0x7F);
    let mut at = 1;
    loop {
        let b = byte(at)?;
        if at == 9 && b > 1 {
            return None;
        }
        value |= u64::from(b & 0x7F) << (7 * at);
        at += 1;
        if b < 0x80 {
            return Some((value, at));
        }
        if at == 10 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_comes_back() {
        let mut values: Vec<u64> =
            (0..64).flat_map(|b| [1u64 << b, (1u64 << b) - 1, (1u64 << b) + 1]).collect();
        values.push(u64::MAX);
        for value in values {
            let mut buf = [0; 10];
            let used = put(value, &mut buf);
            assert_eq!(used, len(value), "{value}");
            assert_eq!(get_all(&buf[..used]), Some(value));
            assert_eq!(get_all(&buf[..used - 1]), None);
        }
    }

    #[test]
    fn more_than_64_bits_are_refused() {
        assert_eq!(get_all(&[0xFF; 10]), None);
        assert_eq!(get_all(&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2]), None);
        assert_eq!(get_all(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]), None);
    }
}
