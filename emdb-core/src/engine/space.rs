//! Space where there is little: what only removes gets in, whatever else does not.

use crate::engine::Engine;
use crate::engine::write_op::WriteOp;
use crate::error::Result;
use crate::format::record::Verb;
use crate::journal::file::Journal;
use crate::journal::writer::{Claim, JournalWriter, Room};

impl Engine {
    /// Makes room for a commit of `bytes` at the most. One that only removes may take the spared room;
    /// if that is not enough, files that can be done without make way for it.
    #[inline]
    pub(super) fn room_for(
        &self,
        journal: &Journal,
        writer: &mut JournalWriter,
        ops: &[WriteOp<'_>],
        bytes: usize,
    ) -> Result<Room> {
        let claim = if ops.iter().all(removes) { Claim::WayOut } else { Claim::Ordinary };
        match writer.reserve_for(journal, (ops.len(), bytes), claim) {
            Err(e) if claim == Claim::WayOut && e.is_for_want_of_space() => {
                if let Some(file) = &self.file {
                    file.give_up_disposable();
                }
                writer.reserve_for(journal, (ops.len(), bytes), claim)
            }
            done => done,
        }
    }

    /// Gives up the spared room, for a copy that has none otherwise.
    pub(crate) fn release_spare(&self) {
        let mut append = self.append_lock.lock();
        let handle = self.generation(&crossbeam_epoch::pin()).clone();
        // What can't be cut stays spared.
        let _ = append.writer.release_spare(&handle.generation.journal);
    }

    /// Spares room again, if there is any.
    pub(crate) fn keep_spare(&self) {
        let append = self.append_lock.lock();
        let handle = self.generation(&crossbeam_epoch::pin()).clone();
        append.writer.keep_spare(&*handle.generation.journal.medium);
    }
}

fn removes(op: &WriteOp<'_>) -> bool {
    matches!(op.verb, Verb::Remove | Verb::Clear | Verb::Drop)
}
