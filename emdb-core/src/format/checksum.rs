//! CRC-32C (Castagnoli), by way of the `crc32c` crate but for short inputs on x86-64.
//!
//! Records are short, and a checksum is computed at every lookup. The crate walks to the next
//! aligned word byte by byte, at both ends; unaligned words make it two to three times as fast
//! for what a record holds.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::sync::atomic::{AtomicU8, Ordering};

/// Up to here the crate's three parallel streams don't pay yet.
#[cfg(target_arch = "x86_64")]
const SHORT_MAX_BYTES: usize = 512;
/// From here on three parts beside each other pay.
#[cfg(target_arch = "x86_64")]
const MIDDLE_MIN_BYTES: usize = 72;

/// The checksum of what `crc` is of, followed by `bytes`. 0 is the checksum of nothing.
#[inline]
pub(crate) fn append(crc: u32, bytes: &[u8]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if bytes.len() <= SHORT_MAX_BYTES && is_fast() {
        // SAFETY: the processor has the instructions.
        return unsafe { fast(crc, bytes) };
    }
    crc32c::crc32c_append(crc, bytes)
}

/// [`append`] to `crc`, and the checksum of `others` alone.
#[inline(always)]
pub(crate) fn append_and(crc: u32, bytes: &[u8], others: &[u8]) -> (u32, u32) {
    #[cfg(target_arch = "x86_64")]
    if bytes.len() <= SHORT_MAX_BYTES && others.len() <= SHORT_MAX_BYTES && is_fast() {
        // SAFETY: the processor has the instructions.
        return unsafe { fast_and(crc, bytes, others) };
    }
    (append(crc, bytes), append(0, others))
}

/// Whether the processor has the instructions that short inputs are checked by; it is asked once.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn is_fast() -> bool {
    static ANSWER: AtomicU8 = AtomicU8::new(UNKNOWN);
    const UNKNOWN: u8 = 0;
    const YES: u8 = 1;
    const NO: u8 = 2;
    #[cold]
    fn ask() -> u8 {
        let both = is_x86_feature_detected!("sse4.2") && is_x86_feature_detected!("pclmulqdq");
        if both { YES } else { NO }
    }
    match ANSWER.load(Ordering::Relaxed) {
        UNKNOWN => {
            let answer = ask();
            ANSWER.store(answer, Ordering::Relaxed);
            answer == YES
        }
        answer => answer == YES,
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse4.2,pclmulqdq")]
fn fast_and(crc: u32, bytes: &[u8], others: &[u8]) -> (u32, u32) {
    (fast(crc, bytes), fast(0, others))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse4.2,pclmulqdq")]
#[inline]
fn fast(crc: u32, bytes: &[u8]) -> u32 {
    if bytes.len() >= MIDDLE_MIN_BYTES { thrice(crc, bytes) } else { short(crc, bytes) }
}

/// As [`short`], in three parts beside each other, since each step waits for the one before it. The
/// checksum of a part is that of the whole, once it is multiplied by a power of x for what follows:
/// Gopal et al., "Fast CRC Computation for iSCSI Polynomial Using CRC32 Instruction", 2011.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse4.2,pclmulqdq")]
#[inline]
fn thrice(crc: u32, bytes: &[u8]) -> u32 {
    use std::arch::x86_64::{
        _mm_clmulepi64_si128, _mm_crc32_u64, _mm_cvtsi64_si128, _mm_cvtsi128_si64,
    };

    let words = bytes.as_chunks::<8>().0;
    let each = words.len() / 3;
    let (first, second, third) = (&words[..each], &words[each..2 * each], &words[2 * each..]);
    let (mut a, mut b, mut c) = (u64::from(!crc), 0, 0);
    for i in 0..each {
        a = _mm_crc32_u64(a, u64::from_le_bytes(first[i]));
        b = _mm_crc32_u64(b, u64::from_le_bytes(second[i]));
        c = _mm_crc32_u64(c, u64::from_le_bytes(third[i]));
    }
    let times = |state: u64, words: usize| {
        let factor = i64::from(POWERS[words]);
        let (state, factor) = (_mm_cvtsi64_si128(state as i64), _mm_cvtsi64_si128(factor));
        _mm_cvtsi128_si64(_mm_clmulepi64_si128::<0>(state, factor)) as u64
    };
    let state = c ^ _mm_crc32_u64(0, times(a, 2 * each) ^ times(b, each));
    short(!(state as u32), &bytes[3 * each * 8..])
}

/// Of each number of words that can follow a part, the power of x, modulo the polynomial and in
/// reflected order, that takes the part's checksum past them: 33 less than their bits, since the
/// product is one place short and `crc32` itself takes it on by 32.
#[cfg(target_arch = "x86_64")]
const POWERS: [u32; SHORT_MAX_BYTES / 8] = {
    let mut powers = [0; SHORT_MAX_BYTES / 8];
    let mut words = 1;
    while words < powers.len() {
        let (mut power, mut left) = (1_u32 << 31, words * 64 - 33);
        while left > 0 {
            power = power >> 1 ^ if power & 1 == 1 { 0x82F6_3B78 } else { 0 };
            left -= 1;
        }
        powers[words] = power;
        words += 1;
    }
    powers
};

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
                let expected = crc32c::crc32c_append(7, part);
                assert_eq!(append(7, part), expected, "{from}..{to}");
                let other = crc32c::crc32c(&bytes[..to]);
                assert_eq!(append_and(7, part, &bytes[..to]), (expected, other), "{from}..{to}");
                #[cfg(target_arch = "x86_64")]
                if is_fast() {
                    // SAFETY: the processor has the instructions.
                    assert_eq!(unsafe { short(7, part) }, expected, "in one, {from}..{to}");
                }
            }
        }
    }

    #[test]
    fn it_is_castagnolis() {
        // The check value of the catalogue of parametrised CRC algorithms.
        assert_eq!(append(0, b"123456789"), 0xE306_9283);
    }
}
