use emdb::{EncodeKey, Key, KeyError};

#[derive(Clone)]
struct Color([u8; 3]);

impl EncodeKey for Color {
    fn encode_into(&self, out: &mut Vec<u8>) {
        self.0.encode_into(out);
    }
}

impl Key for Color {
    fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        Key::decode(bytes).map(Color)
    }
}

fn main() {}
