//! A thread that works for an owner. It begins when there is first something for it to do: an open
//! that is followed by a few reads needs none.
//!
//! It holds its owner weakly: it keeps no database open.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, Weak};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::os::fork::Process;
use crate::os::sync::{lock, wait, wait_timeout};

/// The thread of an owner `E`, and the requests `R` that it is given.
#[derive(Debug)]
pub(crate) struct Worker<E, R> {
    requests: Mutex<R>,
    told: Condvar,
    /// The thread is to end. Set under the lock of the requests.
    stopping: AtomicBool,
    work: OnceLock<Work<E, R>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The work of the thread, and whom it is for.
#[derive(Debug)]
struct Work<E, R> {
    name: &'static str,
    run: fn(&Weak<E>, &Worker<E, R>),
    owner: Weak<E>,
    process: Process,
}

impl<E, R: Default> Default for Worker<E, R> {
    fn default() -> Worker<E, R> {
        Worker {
            requests: Mutex::default(),
            told: Condvar::new(),
            stopping: AtomicBool::new(false),
            work: OnceLock::new(),
            thread: Mutex::new(None),
        }
    }
}

impl<E: Send + Sync + 'static, R: Send + 'static> Worker<E, R> {
    /// Lets the thread begin when it is needed.
    pub(crate) fn allow(
        &self,
        owner: &Arc<E>,
        name: &'static str,
        run: fn(&Weak<E>, &Worker<E, R>),
    ) {
        let (owner, process) = (Arc::downgrade(owner), Process::current());
        let _ = self.work.set(Work { name, run, owner, process });
    }

    /// Gives requests; `change` tells whether there is something new among them.
    pub(crate) fn tell(self: &Arc<Self>, change: impl FnOnce(&mut R) -> bool) {
        if self.work.get().is_some_and(|work| work.process.is_forked_child()) {
            // A forked child has no threads of its parent, and is to have none of its own. One that
            // isn't there may hold the lock.
            return;
        }
        if change(&mut lock(&self.requests)) {
            self.told.notify_one();
            self.begin();
        }
    }

    /// Begins the thread if it isn't there. Without one (the system may have no more) nothing is
    /// lost but its help.
    fn begin(self: &Arc<Self>) {
        let Some(work) = self.work.get() else { return };
        // Held throughout, so that two callers don't begin two, nor one when it has been stopped.
        let mut thread = lock(&self.thread);
        if thread.is_some() || self.is_stopping() {
            return;
        }
        let (run, owner, worker) = (work.run, work.owner.clone(), self.clone());
        let builder = std::thread::Builder::new().name(work.name.into());
        *thread = builder.spawn(move || run(&owner, &worker)).ok();
    }

    /// The requests, for the thread.
    pub(crate) fn requests(&self) -> MutexGuard<'_, R> {
        lock(&self.requests)
    }

    /// Waits for other requests, or until then.
    pub(crate) fn wait<'a>(
        &self,
        requests: MutexGuard<'a, R>,
        until: Option<Instant>,
    ) -> MutexGuard<'a, R> {
        let left = until.map(|at| at.saturating_duration_since(Instant::now()));
        match left {
            Some(left) => wait_timeout(&self.told, requests, left),
            None => wait(&self.told, requests),
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Ends the thread, or sees to it that none begins, and waits for its end, unless this is the
    /// thread: it can hold the last reference to the owner for a moment.
    pub(crate) fn stop(&self) {
        {
            let _orders = lock(&self.requests);
            self.stopping.store(true, Ordering::Release);
        }
        self.told.notify_all();
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}
