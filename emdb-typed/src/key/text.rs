//! Strings and byte strings: their bytes, which for UTF-8 compare as the characters do. In front of
//! something else they are escaped and closed.

use super::decode::Key;
use super::encode::EncodeKey;
use super::error::KeyError;
use super::escape;

impl EncodeKey for [u8] {
    fn encode_into(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn encode_part(&self, out: &mut Vec<u8>) {
        escape::write(self, out);
    }
}

impl EncodeKey for Vec<u8> {
    fn encode_into(&self, out: &mut Vec<u8>) {
        self.as_slice().encode_into(out);
    }

    fn encode_part(&self, out: &mut Vec<u8>) {
        self.as_slice().encode_part(out);
    }
}

as_key!(Vec<u8>);
as_key!([u8] as Vec<u8>);

impl Key for Vec<u8> {
    fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        Ok(bytes.to_owned())
    }

    fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
        escape::read(bytes)
    }
}

impl EncodeKey for str {
    fn encode_into(&self, out: &mut Vec<u8>) {
        self.as_bytes().encode_into(out);
    }

    fn encode_part(&self, out: &mut Vec<u8>) {
        self.as_bytes().encode_part(out);
    }
}

impl EncodeKey for String {
    fn encode_into(&self, out: &mut Vec<u8>) {
        self.as_str().encode_into(out);
    }

    fn encode_part(&self, out: &mut Vec<u8>) {
        self.as_str().encode_part(out);
    }
}

as_key!(String);
as_key!(str as String);

impl Key for String {
    fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| KeyError::Utf8)
    }

    fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
        String::from_utf8(escape::read(bytes)?).map_err(|_| KeyError::Utf8)
    }
}

impl EncodeKey for Box<str> {
    fn encode_into(&self, out: &mut Vec<u8>) {
        self.as_ref().encode_into(out);
    }

    fn encode_part(&self, out: &mut Vec<u8>) {
        self.as_ref().encode_part(out);
    }
}

as_key!(Box<str>);
as_key!(str as Box<str>);

impl Key for Box<str> {
    fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        String::decode(bytes).map(String::into_boxed_str)
    }

    fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
        String::decode_part(bytes).map(String::into_boxed_str)
    }
}
