//! Checkpoints of encrypted databases: an image, encrypted in chunks under a key of its own.
//!
//! ```text
//! magic 8 | version u32 | zeros 4 | salt 32 | zeros 16 | chunks, each followed by its tag
//! ```
//!
//! The seal of each chunk vouches for these 64 bytes and the chunk's number; the image's own
//! header says how long it is.

use std::collections::{BTreeMap, HashSet};
use std::io;

use crate::crypto::Keys;
use crate::crypto::primitive::Aead;
use crate::error::Result;

const MAGIC: [u8; 8] = *b"\x89emdS\r\n\x1A";
const VERSION: u32 = 1;
pub(crate) const FRONT_LEN: usize = 64;
const SALT_LEN: usize = 32;
pub(crate) const CHUNK_BYTES: usize = 256 << 10;
const TAG_LEN: usize = 16;

fn front(salt: [u8; SALT_LEN]) -> [u8; FRONT_LEN] {
    let mut front = [0; FRONT_LEN];
    front[..8].copy_from_slice(&MAGIC);
    front[8..12].copy_from_slice(&VERSION.to_le_bytes());
    front[16..16 + SALT_LEN].copy_from_slice(&salt);
    front
}

fn nonce(chunk: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&chunk.to_le_bytes());
    nonce
}

fn bound(front: &[u8; FRONT_LEN], chunk: u64) -> [u8; FRONT_LEN + 8] {
    let mut bound = [0; FRONT_LEN + 8];
    bound[..FRONT_LEN].copy_from_slice(front);
    bound[FRONT_LEN..].copy_from_slice(&chunk.to_le_bytes());
    bound
}

/// Takes the pieces of an image in any order, each byte once at the most, and writes it sealed.
pub(crate) struct Sealer<'m> {
    aead: Aead,
    front: [u8; FRONT_LEN],
    /// Chunks that lack something, and how much of each there is.
    open: BTreeMap<u64, (Vec<u8>, usize)>,
    /// Chunks that are sealed, each of them once: its number is the nonce.
    done: HashSet<u64>,
    write: &'m dyn Fn(u64, &[u8]) -> io::Result<()>,
}

impl<'m> Sealer<'m> {
    pub(crate) fn new(
        keys: &Keys,
        generation: u64,
        write: &'m dyn Fn(u64, &[u8]) -> io::Result<()>,
    ) -> Result<Sealer<'m>> {
        let mut salt = [0; SALT_LEN];
        getrandom::fill(&mut salt).map_err(io::Error::from)?;
        let front = front(salt);
        write(0, &front)?;
        let aead = keys.image(generation, &salt)?;
        Ok(Sealer { aead, front, open: BTreeMap::new(), done: HashSet::new(), write })
    }

    pub(crate) fn put(&mut self, mut at: u64, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (chunk, within) = (at / CHUNK_BYTES as u64, (at % CHUNK_BYTES as u64) as usize);
            let (part, rest) = bytes.split_at(bytes.len().min(CHUNK_BYTES - within));
            let (text, filled) =
                self.open.entry(chunk).or_insert_with(|| (vec![0; CHUNK_BYTES], 0));
            text[within..within + part.len()].copy_from_slice(part);
            *filled += part.len();
            if *filled == CHUNK_BYTES
                && let Some((text, _)) = self.open.remove(&chunk)
            {
                self.seal(chunk, text)?;
            }
            at += part.len() as u64;
            bytes = rest;
        }
        Ok(())
    }

    /// Writes what is left of an image of `len` bytes; gives the length of the file.
    pub(crate) fn finish(mut self, len: u64) -> io::Result<u64> {
        for chunk in (0..len.div_ceil(CHUNK_BYTES as u64))
            .filter(|c| !self.done.contains(c))
            .collect::<Vec<_>>()
        {
            // Of a gap nothing was put.
            let open = self.open.remove(&chunk);
            let mut text = open.map_or_else(|| vec![0; CHUNK_BYTES], |(text, _)| text);
            text.truncate((len - chunk * CHUNK_BYTES as u64).min(CHUNK_BYTES as u64) as usize);
            self.seal(chunk, text)?;
        }
        Ok(FRONT_LEN as u64 + len + len.div_ceil(CHUNK_BYTES as u64) * TAG_LEN as u64)
    }

    fn seal(&mut self, chunk: u64, mut text: Vec<u8>) -> io::Result<()> {
        if !self.done.insert(chunk) {
            return Err(io::Error::other("a part of a checkpoint is written twice"));
        }
        let sealed = self.aead.seal(nonce(chunk), &bound(&self.front, chunk), &mut text);
        let tag = sealed.ok_or_else(|| io::Error::other("a chunk is too long to be sealed"))?;
        text.extend_from_slice(&tag);
        (self.write)(FRONT_LEN as u64 + chunk * (CHUNK_BYTES + TAG_LEN) as u64, &text)
    }
}

/// The length of the image in a file of `len` bytes.
pub(crate) fn image_len(len: u64) -> Option<u64> {
    let chunks = len.checked_sub(FRONT_LEN as u64)?;
    let (whole, rest) =
        (chunks / (CHUNK_BYTES + TAG_LEN) as u64, chunks % (CHUNK_BYTES + TAG_LEN) as u64);
    let last = match rest {
        0 => 0,
        rest => rest.checked_sub(TAG_LEN as u64).filter(|n| *n > 0)?,
    };
    Some(whole * CHUNK_BYTES as u64 + last)
}

/// Decrypts an image into `out`, which has its length. None if anything is not authentic.
pub(crate) fn open(keys: &Keys, generation: u64, sealed: &[u8], out: &mut [u8]) -> Option<()> {
    let (head, chunks) = sealed.split_first_chunk::<FRONT_LEN>()?;
    let salt = head[16..].first_chunk::<SALT_LEN>()?;
    if *head != front(*salt) {
        return None;
    }
    let aead = keys.image(generation, salt).ok()?;
    for ((number, sealed), out) in
        (0..).zip(chunks.chunks(CHUNK_BYTES + TAG_LEN)).zip(out.chunks_mut(CHUNK_BYTES))
    {
        let (text, tag) = sealed.split_last_chunk::<TAG_LEN>()?;
        if text.len() != out.len() {
            return None;
        }
        out.copy_from_slice(text);
        if !aead.open(nonce(number), &bound(head, number), out, tag) {
            return None;
        }
    }
    Some(())
}
