//! Keys in messages.

use std::fmt::Write as _;

/// The bytes of a key that a message shows.
const SHOWN_MAX_BYTES: usize = 32;

/// Enough of a key to find it again; a long one is cut.
pub(crate) fn hex(key: &[u8]) -> String {
    let mut text = String::with_capacity(2 * SHOWN_MAX_BYTES + 3);
    for byte in key.iter().take(SHOWN_MAX_BYTES) {
        // Writing to a `String` can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    if key.len() > SHOWN_MAX_BYTES {
        text.push_str("...");
    }
    text
}
