//! The keys that were written behind a view, from the journal.
//!
//! A large commit is prepared on a view, without a lock. Under the lock only this has to be looked at
//! again.

use std::sync::Arc;

use crate::engine::read_view::ReadView;
use crate::engine::reader::Reader;
use crate::error::{Error, Result};
use crate::format::record::Verb;
use crate::journal::commits::{Commits, JournalItem};
use crate::mvcc::incarnation::Incarnation;
use crate::mvcc::namespace::NamespaceState;

/// A way from a view to what is committed now.
#[derive(Debug)]
pub(crate) struct WrittenSince<'v> {
    view: &'v ReadView,
    incarnation: &'v Arc<Incarnation>,
    /// Everything below has been read.
    at: u64,
}

impl<'v> WrittenSince<'v> {
    /// At the state of `view`, in which the namespace has this incarnation, or further on, where a
    /// former way has come to.
    pub(crate) fn new(view: &'v ReadView, incarnation: &'v Arc<Incarnation>, reached: u64) -> Self {
        WrittenSince { view, incarnation, at: view.watermark().max(reached) }
    }

    /// The position that it has come to.
    pub(crate) fn reached(&self) -> u64 {
        self.at
    }

    /// Whether what is written to `namespace` now is written to the contents of this view: not if it
    /// was cleared since, or the journal compacted.
    pub(crate) fn is_of(&self, namespace: &NamespaceState) -> bool {
        let (handle, incarnation) = namespace.now();
        handle.is(self.view.generation()) && Arc::ptr_eq(&incarnation, self.incarnation)
    }

    /// Calls `each` with the key of each record that has come since the last call.
    pub(crate) fn read(&mut self, mut each: impl FnMut(&[u8])) -> Result<()> {
        let generation = &**self.view.generation();
        let (journal, end) = (&generation.journal, generation.watermark());
        let reader = Reader { generation, verify: false };
        let mut commits = Commits::of_whole(journal.place, &journal.memory, self.at, end);
        while let Some(item) = commits.next() {
            let records = match item {
                JournalItem::Commit(records) => records,
                JournalItem::Mark(_) => continue,
                _ => {
                    let what = "a record that was committed just now fails its checksum";
                    return Err(Error::corrupted(self.at, what));
                }
            };
            for record in records.iter().filter(|r| matches!(r.verb(), Verb::Put | Verb::Remove)) {
                let decoded = reader.decode_key(*record)?;
                if decoded.namespace() == self.incarnation.id {
                    each(decoded.key());
                }
            }
        }
        self.at = end;
        Ok(())
    }
}
