//! Marks of the time in the journal, by which later opens don't take back what was judged expired.
//!
//! Invariant: a commit that follows a judgement has a mark before it, of a time that is no earlier than
//! the judgement. So whatever prefix of the journal a crash leaves, a reopen judges as its commits
//! did. No mark is written by databases in which nothing was ever found expired.

use crate::engine::Engine;
use crate::engine::append_lock::Append;
use crate::error::{Error, Result};
use crate::journal::file::Journal;
use crate::journal::record_writer::MarkOf;
use crate::journal::writer::{JournalWriter, Link, WriteFailure};
use crate::storage::memory::Memory;

impl Engine {
    /// Puts the mark that is owed before what is about to be committed.
    #[cold]
    pub(super) fn mark_time(&self, journal: &Journal, append: &mut Append) -> Result<()> {
        self.write_mark(journal, &mut append.writer)
    }

    /// The same at the end of an open.
    pub(super) fn mark_time_at_close(&self) {
        if self.read_only || !self.clock.owes_mark() || self.durability.check().is_err() {
            return;
        }
        let mut append = self.append_lock.lock();
        let handle = self.generation(&crossbeam_epoch::pin()).clone();
        // What it can't write, the close that follows tells.
        let _ = self.write_mark(&handle.generation.journal, &mut append.writer);
    }

    /// Repeats the mark behind a checkpoint's note, where an open begins to read that finds the
    /// checkpoint. For whoever has the append lock.
    pub(super) fn repeat_mark(&self, append: &mut Append) -> Result<()> {
        let handle = self.generation(&crossbeam_epoch::pin()).clone();
        self.write_mark(&handle.generation.journal, &mut append.writer)
    }

    /// Puts the mark into a copy that is to be opened in the place of this database, or after it.
    pub(crate) fn mark_time_in(&self, copy: &Engine) -> Result<()> {
        let Some(time) = self.clock.to_mark() else { return Ok(()) };
        let mut append = copy.append_lock.lock();
        let handle = copy.generation(&crossbeam_epoch::pin()).clone();
        let appended = append_time(&handle.generation.journal, &mut append.writer, time);
        appended.map_err(|failure| failure.error)
    }

    /// Appends the mark that there is to be, if any. A database that has no room for it does without: it
    /// is owed until there is.
    fn write_mark(&self, journal: &Journal, writer: &mut JournalWriter) -> Result<()> {
        let Some(time) = self.clock.to_mark() else { return Ok(()) };
        match append_time(journal, writer, time) {
            Ok(()) => self.clock.note_marked(time),
            Err(failure) if failure.uncertain => {
                self.durability.poison();
                return Err(Error::Poisoned);
            }
            Err(_) => self.clock.owe_mark(),
        }
        Ok(())
    }
}

fn append_time(
    journal: &Journal,
    writer: &mut JournalWriter,
    time: u64,
) -> Result<(), WriteFailure> {
    if matches!(journal.memory, Memory::Regions(_)) {
        // No open comes after this one.
        return Ok(());
    }
    // A sync that is begun behind a write is for the commit that follows.
    let link = std::mem::replace(&mut writer.link, Link::Apart);
    let appended = writer.append_mark(journal, MarkOf::Time(time));
    writer.link = link;
    appended.map(drop)
}
