//! Passing over values whose types are not at hand: no value is made, and nothing allocated.

use super::failure::Failure;
use super::input::Input;

type Result<T> = std::result::Result<T, Failure>;

/// The rest of a row, of which parts are passed over by their forms.
pub(crate) struct Skipper<'a>(Input<'a>);

impl<'a> Skipper<'a> {
    #[inline]
    pub(crate) fn new(value: &'a [u8]) -> Self {
        Skipper(Input::new(value))
    }

    /// The bytes that are left.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0.rest()
    }

    /// Passes over so many bytes.
    #[inline]
    pub(crate) fn bytes(&mut self, len: usize) -> Option<()> {
        known(self.0.take(len)).map(drop)
    }

    /// The next byte.
    #[inline]
    pub(crate) fn byte(&mut self) -> Option<u8> {
        known(self.0.byte())
    }

    /// Passes over an integer of variable length, signed or not.
    #[inline]
    pub(crate) fn integer(&mut self) -> Option<()> {
        known(self.0.unsigned::<u128>()).map(drop)
    }

    /// Passes over a character.
    pub(crate) fn char(&mut self) -> Option<()> {
        known(self.0.any::<char>()).map(drop)
    }

    /// A number of elements.
    #[inline]
    pub(crate) fn length(&mut self) -> Option<usize> {
        known(self.0.length())
    }

    /// The position of a variant.
    #[inline]
    pub(crate) fn variant(&mut self) -> Option<u32> {
        known(self.0.unsigned())
    }

    /// Passes over text or bytes, behind their length.
    #[inline]
    pub(crate) fn counted(&mut self) -> Option<()> {
        known(self.0.counted()).map(drop)
    }
}

/// Bytes that can't be passed over are no row: whoever reads them as one says why.
fn known<V>(read: Result<V>) -> Option<V> {
    read.ok()
}
