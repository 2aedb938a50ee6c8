//! A run in an image, which is not read before the order is asked for.

use std::fmt;
use std::sync::Arc;

use crate::format::image::Array;
use crate::format::place::Place;
use crate::format::{JOURNAL_START, image};
use crate::index::ordered::run::Run;
use crate::index::ordered::words::Words;
use crate::storage::Map;

/// The place of a run in an image.
pub(crate) struct Stored {
    pub(crate) map: Arc<Map>,
    pub(crate) place: Place,
    /// The position of the journal up to which the image goes.
    pub(crate) below: u64,
    pub(crate) common: Box<[u8]>,
    pub(crate) windows: Array,
    pub(crate) positions: Array,
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Parts of keys are in it, which may be of an encrypted file.
        f.debug_struct("Stored").field("below", &self.below).finish_non_exhaustive()
    }
}

impl Stored {
    /// The run, whose numbers stay in the mapping; none if it is not as it was stored.
    pub(crate) fn load(self) -> Option<Run> {
        let words = |array: Array| {
            let words = Words::mapped(&self.map, array.at as usize, array.count as usize)?;
            (image::words_sum(&words, self.place, array.at) == array.sum).then_some(words)
        };
        let (windows, positions) = (words(self.windows)?, words(self.positions)?);
        let mut there = positions.iter().all(|p| (JOURNAL_START..self.below).contains(p));
        there &= windows.is_sorted() && windows.len() == positions.len();
        there.then(|| Run::of_words(self.common, windows, positions))
    }
}
