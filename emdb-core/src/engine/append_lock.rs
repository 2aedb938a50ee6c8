//! The append lock, and the order in which threads get it.
//!
//! A transaction has the right to write alone for as long as it runs, but takes the append lock only
//! for its commit. Others wait meanwhile, for a limited time: a transaction that itself waits for one
//! of them would never end. Whoever waited while one ran comes before the next one, or a thread that
//! runs one after the other would let nobody in.
//!
//! A plain commit takes the lock as it finds it: a mutex that was handed on in turn would make every
//! writer wait for threads to wake. One of the many commits of a long call comes behind all who wait
//! for it by then, so that nobody waits longer than for one of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::journal::writer::JournalWriter;
use crate::mvcc::namespace::NamespaceState;
use crate::os::ranked::{Family, Rank, RankedGuard, RankedMutex};

/// The kind of writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// A plain call, which waits for another thread's transaction.
    Plain,
    /// One that is to be the next transaction.
    Next,
    /// The transaction that is open.
    Owner,
}

/// The state that the append lock guards.
#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) writer: JournalWriter,
    /// The thread whose transaction is open.
    owner: Option<ThreadId>,
    /// How many transactions there were.
    opened: u64,
    /// How many wait for it to end, and how many of those who waited are let in before the next.
    waiting: usize,
    favoured: usize,
    /// How many of those who found the lock taken have had it since.
    served: u64,
    /// How many let others in before they go on.
    giving_way: usize,
    pub(crate) unneeded: Unneeded,
}

/// Versions that are kept until no view needs them.
#[derive(Debug, Default)]
pub(crate) struct Unneeded {
    /// Namespaces that still keep former incarnations, by the address of their state.
    pub(crate) untrimmed: HashMap<usize, Arc<NamespaceState>>,
    /// Whether a view may still see a namespace that was dropped.
    pub(super) dropped: bool,
    /// How many views had gone when those were last looked at.
    pub(super) trimmed_at: u64,
}

impl Unneeded {
    /// Notes one that a view may still see. Perhaps there is none: it is looked for whether or not one goes.
    pub(super) fn note_dropped(&mut self) {
        (self.dropped, self.trimmed_at) = (true, u64::MAX);
    }
}

impl Append {
    /// Whether a transaction is open.
    pub(crate) fn is_owned(&self) -> bool {
        self.owner.is_some()
    }

    /// Becomes the end of another journal, which the former one becomes that of; whoever writes
    /// goes on writing.
    pub(crate) fn succeed(&mut self, other: &mut Append) {
        std::mem::swap(&mut self.writer, &mut other.writer);
        self.writer.is_copy = false;
        // The former generation keeps now what was kept for views.
        self.unneeded = Unneeded::default();
    }
}

/// How long a call waits for other threads' transactions unless the builder says so.
pub(crate) const USUAL_LIMIT: Duration = Duration::from_secs(60);

/// The append lock.
#[derive(Debug)]
pub(crate) struct AppendLock {
    append: RankedMutex<Append>,
    /// How long a call waits for other threads' transactions.
    limit: Duration,
    /// Told when a transaction ends.
    idle: Condvar,
    /// How often the lock was found taken.
    queued: AtomicU64,
    /// Told when one who waited has the lock, if somebody gives way.
    served: Condvar,
}

impl AppendLock {
    pub(crate) fn new(family: Family, writer: JournalWriter, limit: Duration) -> AppendLock {
        let unneeded = Unneeded::default();
        let append = Append {
            writer,
            owner: None,
            opened: 0,
            waiting: 0,
            favoured: 0,
            served: 0,
            giving_way: 0,
            unneeded,
        };
        AppendLock {
            append: RankedMutex::new(family, Rank::Append, append),
            limit,
            idle: Condvar::new(),
            queued: AtomicU64::new(0),
            served: Condvar::new(),
        }
    }

    /// Takes the lock, whoever has the right to write.
    #[inline]
    pub(crate) fn lock(&self) -> RankedGuard<'_, Append> {
        self.append.lock()
    }

    /// Takes the lock when it is the caller's turn to write. On the thread of an open transaction, for
    /// anybody else than that: `TransactionActive`.
    #[inline]
    pub(crate) fn enter(&self, access: Access) -> Result<RankedGuard<'_, Append>> {
        let append = self.append.try_lock().unwrap_or_else(|| self.queue());
        if access != Access::Owner && (append.owner.is_some() || append.favoured > 0) {
            return self.wait_for_turn(append, access, self.limit);
        }
        Ok(append)
    }

    /// As a plain call, for one of many commits: lets all in first who wait for the lock by now.
    pub(crate) fn enter_behind(&self) -> Result<RankedGuard<'_, Append>> {
        let mut append = self.enter(Access::Plain)?;
        let queued = self.queued.load(Ordering::Relaxed);
        append.giving_way += 1;
        while append.served < queued {
            append = append.wait(&self.served);
        }
        append.giving_way -= 1;
        // One of them may have begun a transaction.
        if append.owner.is_some() {
            self.wait_for_turn(append, Access::Plain, self.limit)
        } else {
            Ok(append)
        }
    }

    #[cfg(test)]
    pub(crate) fn times_found_taken(&self) -> u64 {
        self.queued.load(Ordering::Relaxed)
    }

    /// Waits for the lock, counted.
    #[cold]
    fn queue(&self) -> RankedGuard<'_, Append> {
        self.queued.fetch_add(1, Ordering::Relaxed);
        let mut append = self.append.lock();
        append.served += 1;
        if append.giving_way > 0 {
            self.served.notify_all();
        }
        append
    }

    /// As [`enter`](AppendLock::enter) for the next transaction, with a limit of its own.
    pub(crate) fn enter_within(&self, limit: Duration) -> Result<RankedGuard<'_, Append>> {
        let append = self.append.try_lock().unwrap_or_else(|| self.queue());
        if append.owner.is_some() || append.favoured > 0 {
            return self.wait_for_turn(append, Access::Next, limit);
        }
        Ok(append)
    }

    /// Waits until no transaction is open, or for `limit`: `LockTimeout`.
    #[cold]
    fn wait_for_turn<'s>(
        &'s self,
        mut append: RankedGuard<'s, Append>,
        access: Access,
        limit: Duration,
    ) -> Result<RankedGuard<'s, Append>> {
        if append.owner == Some(std::thread::current().id()) {
            return Err(Error::TransactionActive);
        }
        let begun = Instant::now();
        // The transaction that is open, and since when that is known.
        let (mut opened, mut since) = (append.opened, begun);
        let mut counted = false;
        loop {
            if append.opened != opened {
                (opened, since) = (append.opened, Instant::now());
            }
            if append.owner.is_some() {
                append.waiting += usize::from(!counted);
                counted = true;
            } else if counted || append.favoured == 0 || access == Access::Plain {
                break;
            }
            let waited = begun.elapsed();
            let Some(left) = limit.checked_sub(waited).filter(|left| !left.is_zero()) else {
                // It ends while the lock is held, so nobody counts on this thread.
                append.waiting -= usize::from(counted);
                return Err(Error::LockTimeout { waited, open_for: since.elapsed() });
            };
            append = append.wait_timeout(&self.idle, left);
        }
        if counted {
            append.waiting -= 1;
            append.favoured = append.favoured.saturating_sub(1);
            if append.favoured == 0 {
                self.idle.notify_all();
            }
        }
        Ok(append)
    }

    /// Makes the thread the owner: it alone may write from now on.
    pub(super) fn own(append: &mut Append) {
        debug_assert!(append.owner.is_none(), "one transaction at a time");
        append.owner = Some(std::thread::current().id());
        append.opened += 1;
    }

    /// Ends the ownership, and lets in those who waited.
    pub(super) fn disown(&self) {
        let mut append = self.append.lock();
        append.owner = None;
        append.favoured = append.waiting;
        drop(append);
        self.idle.notify_all();
    }

    /// Whether the thread has the right to write alone.
    pub(crate) fn is_owner(&self) -> bool {
        self.append.lock().owner == Some(std::thread::current().id())
    }
}
