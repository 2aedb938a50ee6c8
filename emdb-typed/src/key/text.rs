//! Strings: their UTF-8 bytes, which compare as the characters do.

use super::{EncodeKey, Key, KeyError};

impl EncodeKey for str {
    fn encode_into(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }
}

impl EncodeKey for String {
    fn encode_into(&self, out: &mut Vec<u8>) {
        self.as_str().encode_into(out);
    }
}

impl Key for String {
    fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| KeyError::Utf8)
    }
}
