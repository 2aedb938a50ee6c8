//! The keys behind the anchors of an order.

use std::borrow::Cow;

use crate::error::Result;

/// Where an order finds keys, and the newest records of them.
pub(crate) trait Keys<'k>: Copy {
    /// The key of the record at `position`, verified.
    fn key(self, position: u64) -> Result<Cow<'k, [u8]>>;

    /// Asks the processor for the record at `position`, which is taken to have `len` bytes.
    fn prefetch(self, position: u64, len: usize);

    /// The newest record of the key whose record `position` is; none if no view, present or to
    /// come, can see the key.
    fn newest(self, position: u64) -> Result<Option<u64>>;

    /// A record of each key that any view can see, in no particular order.
    fn all(self) -> Result<Vec<u64>>;
}
