//! The part of a header about the key of an encrypted file: 112 bytes of a slot.

use crate::format::image::Cursor;

/// Bytes of an envelope.
pub(crate) const LEN: usize = 112;

/// Bytes that the commitment and the wrapped key stand behind: they vouch for these.
const OPEN_LEN: usize = 32;

/// The derivation of the wrapping key from the user's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stretch {
    /// It is 256 random bits.
    None,
    /// It is a passphrase.
    Argon2id { memory_kib: u32, passes: u32, lanes: u32 },
}

/// The data key, wrapped, and what it takes to unwrap it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// See [`crate::Cipher`].
    pub(crate) cipher: u8,
    pub(crate) stretch: Stretch,
    pub(crate) salt: [u8; 16],
    /// Tells the right key from a wrong one.
    pub(crate) commitment: [u8; 32],
    /// The data key, encrypted, and the tag.
    pub(crate) wrapped: [u8; 48],
}

impl Envelope {
    pub(crate) fn encode(&self) -> [u8; LEN] {
        let mut out = [0; LEN];
        out[0] = self.cipher;
        if let Stretch::Argon2id { memory_kib, passes, lanes } = self.stretch {
            out[1] = 1;
            out[4..8].copy_from_slice(&memory_kib.to_le_bytes());
            out[8..12].copy_from_slice(&passes.to_le_bytes());
            out[12..16].copy_from_slice(&lanes.to_le_bytes());
        }
        out[16..32].copy_from_slice(&self.salt);
        out[32..64].copy_from_slice(&self.commitment);
        out[64..].copy_from_slice(&self.wrapped);
        out
    }

    /// The bytes that the wrapped key vouches for.
    pub(crate) fn open_part(&self) -> [u8; OPEN_LEN] {
        let mut out = [0; OPEN_LEN];
        out.copy_from_slice(&self.encode()[..OPEN_LEN]);
        out
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Envelope> {
        let mut from = Cursor(bytes);
        let [cipher, kind, zero, also_zero] = from.array()?;
        let (memory_kib, passes, lanes) = (from.u32()?, from.u32()?, from.u32()?);
        let stretch = match kind {
            0 if (memory_kib, passes, lanes) == (0, 0, 0) => Stretch::None,
            1 => Stretch::Argon2id { memory_kib, passes, lanes },
            _ => return None,
        };
        if zero != 0 || also_zero != 0 {
            return None;
        }
        Some(Envelope {
            cipher,
            stretch,
            salt: from.array()?,
            commitment: from.array()?,
            wrapped: from.array()?,
        })
    }
}
