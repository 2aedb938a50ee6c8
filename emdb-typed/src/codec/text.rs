//! Text of a row, which has to be UTF-8.

#![allow(unsafe_code)]

use bincode::error::DecodeError;

/// A word in which each byte has its top bit alone.
const TOPS: u64 = 0x8080_8080_8080_8080;

/// `bytes` as text. Most text of rows is short and ASCII, which is told in a few steps.
#[inline]
pub(super) fn checked(bytes: &[u8]) -> Result<&str, DecodeError> {
    if is_ascii(bytes) {
        // SAFETY: ASCII is UTF-8.
        return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
    }
    std::str::from_utf8(bytes).map_err(|inner| DecodeError::Utf8 { inner })
}

/// Word by word. The last word overlaps the one before it, so that no byte is looked at alone but in
/// what is shorter than a word.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    match bytes.last_chunk::<8>() {
        Some(last) => {
            let words = bytes.as_chunks::<8>().0;
            words.iter().fold(word(last), |all, bytes| all | word(bytes)) & TOPS == 0
        }
        None => bytes.iter().fold(0, |all, byte| all | byte) < 0x80,
    }
}

#[cfg(test)]
mod tests {
    use super::{checked, is_ascii};

    #[test]
    fn a_byte_that_is_not_ascii_is_seen_wherever_it_is() {
        for len in 0..70 {
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
