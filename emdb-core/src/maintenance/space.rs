//! The space that a compaction needs beside the file.

use crate::engine::Engine;
use crate::error::Error;
use crate::format::JOURNAL_START;
use crate::storage::data_file::DataFile;

/// The bytes that a copy takes beside the records: for the beginnings of namespaces, marks, and the rest of a page.
const BESIDE_BYTES: u64 = 16 << 10;

/// The space for a new file, before it is begun.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space {
    needed: u64,
    /// None where that can't be told.
    free: Option<u64>,
}

impl Space {
    /// The space for a copy of what is live. If it is short, files that can be done without make way.
    pub(super) fn for_copy(engine: &Engine, file: &DataFile) -> Space {
        let needed = JOURNAL_START + engine.live_bytes() + BESIDE_BYTES;
        let free = || file.disk.free_bytes(&file.path);
        let mut space = Space { needed, free: free() };
        if space.free.is_some_and(|free| free < needed) {
            file.give_up_disposable();
            engine.release_spare();
            space.free = free();
        }
        space
    }

    /// The error of a copy, which says how much is missing if it was for want of space.
    pub(super) fn explain(self, engine: &Engine, error: Error) -> Error {
        engine.keep_spare();
        let Some(free) = self.free.filter(|_| error.is_for_want_of_space()) else { return error };
        let Error::Io(error) = error else { return error };
        let missing = match self.needed.saturating_sub(free) {
            // Somebody else has taken it.
            0 => "which were taken meanwhile".to_owned(),
            missing => format!("so about {missing} bytes are missing"),
        };
        let what = format!(
            "no space for the new file of a compaction ({error}): it needs about {} bytes, {free} were free \
             beside the old one, {missing}; free them, or remove or clear more and compact again",
            self.needed
        );
        std::io::Error::new(error.kind(), what).into()
    }
}
