//! The part form of keys whose length varies: their bytes, escaped and closed.
//!
//! - A byte 0x00 becomes 0x00 0xFF.
//! - 0x00 0x01 closes the part.
//!
//! Order: where two strings differ first, either both have a plain byte, or one has ended. Its
//! 0x00 0x01 is less than whatever the other one goes on with: a plain byte, which is at least
//! 0x01, or the 0x00 0xFF of an escaped zero.
//!
//! No part is the beginning of another: 0x00 0x01 stands at its end and nowhere else. 0x00 0x00 is
//! unused, so that later forms can sort in front of the end of a string.
//!
//! Strict: 0x00 is followed by one of the two, so that a part is the only one of its string.

use super::error::KeyError;

const ESCAPE: u8 = 0x00;
const ZERO: u8 = 0xFF;
const END: u8 = 0x01;

/// Appends the part form of `bytes`.
pub(super) fn write(bytes: &[u8], out: &mut Vec<u8>) {
    write_open(bytes, out);
    out.extend_from_slice(&[ESCAPE, END]);
}

/// The same without the end: what the parts of all strings that begin with `bytes` begin with.
pub(super) fn write_open(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + 2);
    // Hardly any has a zero, and that is soon found out.
    if !bytes.contains(&ESCAPE) {
        return out.extend_from_slice(bytes);
    }
    for (at, run) in bytes.split(|byte| *byte == ESCAPE).enumerate() {
        if at > 0 {
            out.extend_from_slice(&[ESCAPE, ZERO]);
        }
        out.extend_from_slice(run);
    }
}

/// Reads a part from the beginning of `bytes`, and leaves what follows it.
pub(super) fn read(bytes: &mut &[u8]) -> Result<Vec<u8>, KeyError> {
    let mut plain = Vec::new();
    loop {
        let run = bytes.iter().position(|byte| *byte == ESCAPE).ok_or(KeyError::Escape)?;
        let (before, after) = bytes.split_at(run);
        plain.extend_from_slice(before);
        *bytes = after.get(2..).ok_or(KeyError::Escape)?;
        match after[1] {
            ZERO => plain.push(ESCAPE),
            END => return Ok(plain),
            _ => return Err(KeyError::Escape),
        }
    }
}
