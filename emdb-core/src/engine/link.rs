//! A commit whose write and sync are begun as one: under `WriteThrough`, on a medium that can.
//!
//! It needs the turn to sync, which is taken only if it is free, since the tail is held. The tail
//! is let go when the write is done: commits that come while the sync runs go the ordinary way
//! and share the next one.

use crate::engine::Engine;
use crate::engine::write_op::WriteOp;
use crate::error::Result;
use crate::journal::sync::SyncGuard;
use crate::journal::writer::Tail;
use crate::storage::Medium;

/// How the tail's next positional write goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// By itself.
    Apart,
    /// With a sync behind it.
    Wanted,
    /// It went so, and the sync is running.
    Begun,
}

impl Link {
    pub(crate) fn write(
        &mut self,
        medium: &dyn Medium,
        position: u64,
        bytes: &[u8],
    ) -> std::io::Result<()> {
        if *self == Link::Apart {
            return medium.write_at(position, bytes);
        }
        if medium.write_and_begin_sync(position, bytes)? {
            *self = Link::Begun;
        }
        Ok(())
    }
}

/// A commit that was made, or has failed, and perhaps a sync that is running for it.
#[must_use = "a sync that was begun is to be finished"]
pub(crate) struct Linked<'s> {
    done: Result<()>,
    /// With the journal's end of then.
    sync: Option<(SyncGuard<'s>, u64)>,
}

impl Engine {
    /// As [`Engine::commit_locked`], for a caller that lets the tail go and then calls
    /// [`Linked::finish`].
    pub(crate) fn commit_linked(&self, tail: &mut Tail, ops: &mut [WriteOp<'_>]) -> Linked<'_> {
        let Some(turn) = self.turn_to_link() else {
            return Linked { done: self.commit_locked(tail, ops), sync: None };
        };
        tail.link = Link::Wanted;
        let done = self.commit_locked(tail, ops);
        let begun = std::mem::replace(&mut tail.link, Link::Apart) == Link::Begun;
        Linked { done, sync: begun.then_some((turn, tail.position)) }
    }
}

impl Linked<'_> {
    /// What follows the commit, outside the lock. A sync that was begun is waited for in any case.
    pub(crate) fn finish(self, engine: &Engine) -> Result<()> {
        let Some((turn, upto)) = self.sync else {
            self.done?;
            return engine.committed();
        };
        let synced = engine.finish_linked_sync(turn, upto);
        self.done.and(synced)
    }
}
