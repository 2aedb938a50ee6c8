//! A place between the rows of a query, as text.

use std::fmt;
use std::str::FromStr;

use crate::codec::DecodeError;

/// A place in the order of a query's rows, from a [`Page`](super::Page).
///
/// It prints as text that can stand in a URL, and parses from it. Its content is no secret and no promise: the values
/// by which the row there is sorted, its key, and a fingerprint of the query, by which another one refuses it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cursor {
    pub(super) query: u64,
    pub(super) position: Position,
    /// Whether the row at the position belongs to the next page.
    pub(super) inclusive: bool,
}

/// The place of a row: the part forms of what it is sorted by, and its key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Position {
    pub(super) parts: Vec<Vec<u8>>,
    pub(super) key: Vec<u8>,
}

/// The form of the text.
const FORM: u8 = 1;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Cursor {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORM, u8::from(self.inclusive)];
        bytes.extend_from_slice(&self.query.to_be_bytes());
        bytes.push(self.position.parts.len() as u8);
        for part in &self.position.parts {
            bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes.extend_from_slice(&self.position.key);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let ([FORM, inclusive @ (0 | 1)], bytes) = bytes.split_first_chunk()? else { return None };
        let (query, bytes) = bytes.split_first_chunk::<8>()?;
        let (count, mut rest) = bytes.split_first()?;
        let mut parts = Vec::new();
        for _ in 0..*count {
            let (len, after) = rest.split_first_chunk::<4>()?;
            let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
            let (part, after) = after.split_at_checked(len)?;
            parts.push(part.to_vec());
            rest = after;
        }
        let position = Position { parts, key: rest.to_vec() };
        Some(Cursor { query: u64::from_be_bytes(*query), position, inclusive: *inclusive == 1 })
    }
}

/// base64 in the alphabet of URLs, without padding.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.to_bytes();
        let mut text = String::with_capacity(bytes.len() * 4 / 3 + 3);
        for chunk in bytes.chunks(3) {
            let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte));
            let group = group << (8 * (3 - chunk.len()));
            for at in 0..=chunk.len() {
                let six = (group >> (18 - 6 * at)) & 63;
                text.push(char::from(ALPHABET[six as usize]));
            }
        }
        f.write_str(&text)
    }
}

impl FromStr for Cursor {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        let (mut bytes, mut group, mut bits) = (Vec::new(), 0_u32, 0);
        for letter in text.bytes() {
            let six = ALPHABET.iter().position(|known| *known == letter).ok_or_else(no_cursor)?;
            group = (group << 6 | six as u32) & 0xFFFF;
            bits += 6;
            if bits >= 8 {
                bits -= 8;
                bytes.push((group >> bits) as u8);
            }
        }
        let cursor = Cursor::from_bytes(&bytes).ok_or_else(no_cursor)?;
        // One cursor has one text.
        if cursor.to_string() == text { Ok(cursor) } else { Err(no_cursor()) }
    }
}

fn no_cursor() -> DecodeError {
    DecodeError::new("this is not the text of a cursor: give the one that a page had, unchanged")
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Position};

    #[test]
    fn a_cursor_is_read_back_from_its_text_and_nothing_else_is_one() {
        for len in 0..9 {
            let position = Position { parts: vec![vec![7; len], vec![]], key: vec![255; len] };
            let cursor = Cursor { query: u64::MAX - 5, position, inclusive: len % 2 == 0 };
            let text = cursor.to_string();
            assert!(
                text.bytes()
                    .all(|letter| letter.is_ascii_alphanumeric() || b"-_".contains(&letter))
            );
            assert_eq!(text.parse::<Cursor>(), Ok(cursor));
            for end in 0..14 {
                assert!(text[..end].parse::<Cursor>().is_err());
            }
        }
        for text in ["", "?", "AAAA", "\u{e4}", "AgAAAAAAAAAAAA"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
