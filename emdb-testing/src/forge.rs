//! Writes files by the format alone, with valid checksums and any content. See docs/format.md.

/// Where the first record lies.
pub const JOURNAL_START: usize = 8192;
/// Bytes of a header slot.
pub const SLOT_LEN: usize = 512;

pub use crate::random::finish;

const FILE_ID: [u8; 16] = *b"a forged file id";

/// CRC-32C, bit by bit (Castagnoli, 1993).
pub fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0x82F6_3B78 }
        })
    })
}

fn mix(position: u64) -> u64 {
    let word = |at: usize| u64::from_le_bytes(FILE_ID[at..at + 8].try_into().unwrap());
    let key = finish(word(0) ^ finish(word(8) ^ finish(1)));
    finish(key ^ position.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

/// Appends a number in the encoding of the format: seven bits a byte, the lowest ones first.
pub fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A header slot.
#[derive(Debug, Clone)]
pub struct Header {
    /// The format version.
    pub version: u32,
    /// Which of the two slots is the newer one.
    pub sequence: u64,
    /// Up to where the journal is durable.
    pub synced: u64,
    /// The length of a file that was closed.
    pub clean_len: Option<u64>,
}

impl Header {
    /// That of a file which was not closed, and of whose journal nothing is known to be durable.
    pub fn plain() -> Header {
        Header { version: 1, sequence: 4, synced: JOURNAL_START as u64, clean_len: None }
    }

    /// Its bytes.
    pub fn slot(&self) -> [u8; SLOT_LEN] {
        let mut bytes = b"\x89emdb\r\n\x1A".to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(u32::from(self.clean_len.is_some()).to_le_bytes());
        bytes.extend(FILE_ID);
        bytes.extend([9; 8]);
        for number in [1, self.sequence, self.synced, self.clean_len.unwrap_or(0), 0] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.resize(SLOT_LEN - 4, 0);
        bytes.extend(crc32c(&bytes).to_le_bytes());
        bytes.try_into().unwrap()
    }
}

/// The verb of a record with a value.
pub const PUT: u8 = 1;
/// The verb that removes a key.
pub const REMOVE: u8 = 2;
/// The verb that begins a namespace.
pub const CREATE: u8 = 3;
/// The verb that empties a namespace.
pub const CLEAR: u8 = 4;
/// The verb that ends a namespace.
pub const DROP: u8 = 5;
/// The verb of a mark, which changes nothing.
pub const MARK: u8 = 6;

/// A record of one verb, committed at once unless told otherwise.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// What it does.
    pub verb: u8,
    /// Whether it ends its commit.
    pub commit: bool,
    /// The id of its namespace; 0 is the default one.
    pub namespace: u64,
    /// When it expires, in unix milliseconds.
    pub expiry: Option<u64>,
    /// Where the former record of the key lies, or 0.
    pub link: u64,
    /// The key, or what the verb has in its place.
    pub key: &'a [u8],
    /// The value, or what the verb has in its place.
    pub value: &'a [u8],
}

impl<'a> Record<'a> {
    /// A record that is a commit of its own.
    pub fn new(verb: u8, namespace: u64, key: &'a [u8], value: &'a [u8]) -> Record<'a> {
        Record { verb, commit: true, namespace, expiry: None, link: 0, key, value }
    }

    /// The record as it lies at `position`; `continues` if it does not begin its commit.
    fn write(&self, position: u64, continues: bool, out: &mut Vec<u8>) {
        let mut kind = self.verb | u8::from(self.commit) << 3;
        kind |= u8::from(self.namespace != 0) << 6 | u8::from(self.expiry.is_some()) << 5;
        let mut prefix = vec![kind];
        varint(self.key.len() as u64, &mut prefix);
        varint(self.value.len() as u64, &mut prefix);
        if self.namespace != 0 {
            varint(self.namespace, &mut prefix);
        }
        if let Some(at) = self.expiry {
            varint(at, &mut prefix);
        }
        let mut covered = [&prefix[..], self.key].concat();
        if self.link != 0 {
            covered.extend(self.link.to_le_bytes());
            prefix[0] |= 1 << 4;
            varint(self.link, &mut prefix);
        }
        let mut head = crc32c(&covered);
        if continues {
            prefix[0] |= 1 << 7;
            head ^= 0x9E37_79B9;
        }
        let mix = mix(position);
        out.extend((head ^ mix as u32).to_le_bytes());
        out.extend((crc32c(self.value) ^ (mix >> 32) as u32).to_le_bytes());
        out.extend(prefix);
        out.extend(self.key);
        out.extend(self.value);
    }
}

/// A whole file: both slots from `header`, then the records.
pub fn file(header: &Header, records: &[Record<'_>]) -> Vec<u8> {
    let mut bytes = vec![0; JOURNAL_START];
    bytes[..SLOT_LEN].copy_from_slice(&header.slot());
    let older = Header { sequence: header.sequence.wrapping_sub(1), ..header.clone() }.slot();
    bytes[JOURNAL_START / 2..JOURNAL_START / 2 + SLOT_LEN].copy_from_slice(&older);
    let mut continues = false;
    for record in records {
        record.write(bytes.len() as u64, continues, &mut bytes);
        continues = !record.commit;
    }
    bytes
}
