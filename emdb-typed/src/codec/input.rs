//! The primitives of bincode's `standard()` encoding, read from a slice.
//!
//! A number below 251 is one byte, and so are most lengths; those are read here. All others are read by bincode.

use bincode::config::Configuration;
use bincode::de::read::Reader;
use bincode::de::{Decode, DecoderImpl};
use bincode::error::DecodeError;

use super::config::{CONFIG, LONG, WORD};
use super::failure::Failure;

type Result<T> = std::result::Result<T, Failure>;

/// The part of the bytes that is not read yet.
pub(super) struct Input<'de> {
    rest: &'de [u8],
}

impl<'de> Input<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Input { rest: bytes }
    }

    #[inline(always)]
    pub(super) fn rest(&self) -> &'de [u8] {
        self.rest
    }

    /// Whatever bincode can read, its way.
    #[inline(never)]
    pub(super) fn any<V: Decode<()>>(&mut self) -> Result<V> {
        let mut decoder: DecoderImpl<_, Configuration, ()> =
            DecoderImpl::new(Rest(&mut self.rest), CONFIG, ());
        Ok(V::decode(&mut decoder)?)
    }

    #[inline(always)]
    pub(super) fn byte(&mut self) -> Result<u8> {
        let (byte, rest) = self.rest.split_first().ok_or_else(Failure::end)?;
        self.rest = rest;
        Ok(*byte)
    }

    #[inline(always)]
    pub(super) fn bool(&mut self) -> Result<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Failure::new(format!("{other} is no `bool`"))),
        }
    }

    #[inline(always)]
    pub(super) fn take(&mut self, len: usize) -> Result<&'de [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(Failure::end)?;
        self.rest = rest;
        Ok(taken)
    }

    /// As many bytes as the array has.
    #[inline(always)]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or_else(Failure::end)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A number that takes one byte, if that is what comes next.
    #[inline(always)]
    fn short(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        if *first >= LONG {
            return None;
        }
        self.rest = rest;
        Some(*first)
    }

    /// An unsigned number of variable length.
    #[inline(always)]
    pub(super) fn unsigned<V: Decode<()> + From<u8>>(&mut self) -> Result<V> {
        match self.short() {
            Some(number) => Ok(number.into()),
            None => self.any(),
        }
    }

    /// A signed number of variable length: the magnitude above the sign, in the lowest bit.
    #[inline(always)]
    pub(super) fn signed<V: Decode<()> + From<i8>>(&mut self) -> Result<V> {
        match self.short() {
            Some(number) => Ok(((number >> 1) as i8 ^ -((number & 1) as i8)).into()),
            None => self.any(),
        }
    }

    /// An unsigned number of up to eight bytes. Large ones take all of them.
    #[inline(always)]
    pub(super) fn word(&mut self) -> Result<u64> {
        match (self.short(), self.rest.split_first_chunk::<9>()) {
            (Some(number), _) => Ok(number.into()),
            (None, Some(([WORD, number @ ..], rest))) => {
                self.rest = rest;
                Ok(u64::from_le_bytes(*number))
            }
            _ => self.any(),
        }
    }

    /// A length, of bytes or of elements.
    #[inline(always)]
    pub(super) fn length(&mut self) -> Result<usize> {
        match self.short() {
            Some(length) => Ok(length.into()),
            None => self.any(),
        }
    }

    /// Bytes behind their length.
    #[inline(always)]
    pub(super) fn counted(&mut self) -> Result<&'de [u8]> {
        let length = self.length()?;
        self.take(length)
    }
}

/// The rest of the input, for bincode.
struct Rest<'a, 'de>(&'a mut &'de [u8]);

impl Reader for Rest<'_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> std::result::Result<(), DecodeError> {
        let additional = bytes.len().saturating_sub(self.0.len());
        let (taken, rest) = self
            .0
            .split_at_checked(bytes.len())
            .ok_or(DecodeError::UnexpectedEnd { additional })?;
        bytes.copy_from_slice(taken);
        *self.0 = rest;
        Ok(())
    }
}
