//! CRC-32C (Castagnoli), by way of the `crc32c` crate but for short inputs on x86-64.
//!
//! Records are short, and a checksum is computed at every lookup. The crate walks to the next
//! aligned word byte by byte, at both ends; unaligned words make it two to three times as fast
//! for what a record holds.

#![allow(unsafe_code)]

/// Up to here the crate's three parallel streams don't pay yet.
#[cfg(target_arch = "x86_64")]
const SHORT: usize = 512;

/// The checksum of what `crc` is of, followed by `bytes`. 0 is the checksum of nothing.
#[inline]
pub(crate) fn append(crc: u32, bytes: &[u8]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if bytes.len() <= SHORT && is_x86_feature_detected!("sse4.2") {
        // SAFETY: the processor has SSE 4.2.
        return unsafe { short(crc, bytes) };
    }
    crc32c::crc32c_append(crc, bytes)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse4.2")]
#[inline]
fn short(crc: u32, bytes: &[u8]) -> u32 {
    use std::arch::x86_64::{_mm_crc32_u8, _mm_crc32_u16, _mm_crc32_u32, _mm_crc32_u64};

    let word = |state, bytes: &[u8; 8]| _mm_crc32_u64(state, u64::from_le_bytes(*bytes));
    let (chunks, mut rest) = bytes.as_chunks::<32>();
    let mut state = u64::from(!crc);
    for chunk in chunks {
        state = chunk.as_chunks().0.iter().fold(state, word);
    }
    // Halves rather than a loop, which the compiler would unroll for more than there can be.
    if let Some((half, after)) = rest.split_first_chunk::<16>() {
        state = half.as_chunks().0.iter().fold(state, word);
        rest = after;
    }
    if let Some((half, after)) = rest.split_first_chunk::<8>() {
        state = word(state, half);
        rest = after;
    }
    let mut state = state as u32;
    if let Some((word, after)) = rest.split_first_chunk::<4>() {
        state = _mm_crc32_u32(state, u32::from_le_bytes(*word));
        rest = after;
    }
    if let Some((word, after)) = rest.split_first_chunk::<2>() {
        state = _mm_crc32_u16(state, u16::from_le_bytes(*word));
        rest = after;
    }
    if let Some(byte) = rest.first() {
        state = _mm_crc32_u8(state, *byte);
    }
    !state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_and_alignment_agrees_with_the_crate() {
        let bytes: Vec<u8> = (0..700u32).map(|n| ((n * 31) >> 2) as u8).collect();
        for from in 0..9 {
            for to in from..bytes.len() {
                let part = &bytes[from..to];
                assert_eq!(append(7, part), crc32c::crc32c_append(7, part), "{from}..{to}");
            }
        }
    }

    #[test]
    fn it_is_castagnolis() {
        // The check value of the catalogue of parametrised CRC algorithms.
        assert_eq!(append(0, b"123456789"), 0xE306_9283);
    }
}
