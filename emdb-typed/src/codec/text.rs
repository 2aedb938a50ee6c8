//! Text of a row, which has to be UTF-8.

#![allow(unsafe_code)]

use super::failure::Failure;

/// A word in which each byte has its top bit alone.
const TOPS: u64 = 0x8080_8080_8080_8080;

/// `bytes` as text. Most text of rows is short and ASCII, which is told in a few steps.
#[inline(always)]
pub(super) fn checked(bytes: &[u8]) -> Result<&str, Failure> {
    if is_ascii(bytes) {
        // SAFETY: ASCII is UTF-8.
        return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
    }
    other(bytes)
}

#[inline(never)]
fn other(bytes: &[u8]) -> Result<&str, Failure> {
    std::str::from_utf8(bytes).map_err(|_| Failure::new("a string is not UTF-8"))
}

/// Whether no byte has its top bit. The last step of each length overlaps the one before it, so that
/// none is looked at alone but in what is shorter than half a word.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    let half = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
    let all = if let (Some(first), Some(last)) = (bytes.first_chunk::<16>(), bytes.last_chunk()) {
        pairs(bytes, [first, last])
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        word(first) | word(last)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        half(first) | half(last)
    } else {
        bytes.iter().fold(0, |all, byte| all | u64::from(*byte))
    };
    all & TOPS == 0
}

/// All words of at least two. Two at a time, which the compiler makes one step of.
#[inline(always)]
fn pairs(bytes: &[u8], [first, last]: [&[u8; 16]; 2]) -> u64 {
    let pair = |bytes: &[u8; 16]| u128::from_le_bytes(*bytes);
    let [_, between @ ..] = bytes.as_chunks::<16>().0 else { return 0 };
    let all = between.iter().fold(pair(first) | pair(last), |all, bytes| all | pair(bytes));
    all as u64 | (all >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::{checked, is_ascii};

    #[test]
    fn a_byte_that_is_not_ascii_is_seen_wherever_it_is() {
        for len in 0..100 {
            let mut bytes = vec![b'a'; len];
            assert!(is_ascii(&bytes) && checked(&bytes).is_ok());
            for at in 0..len {
                bytes[at] = 0x80;
                assert!(!is_ascii(&bytes) && checked(&bytes).is_err(), "{at} of {len}");
                bytes[at] = b'a';
            }
        }
    }

    #[test]
    fn text_in_other_letters_is_text() {
        for text in ["", "\u{e4}", "a\u{df}b", "\u{4e16}\u{754c}, all of it", "\u{1f600}"] {
            assert_eq!(checked(text.as_bytes()).unwrap(), text);
            for cut in 1..text.len() {
                let part = &text.as_bytes()[..cut];
                assert_eq!(checked(part).ok(), std::str::from_utf8(part).ok());
            }
        }
    }
}
