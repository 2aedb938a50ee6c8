//! A thread that helps a store. It begins when there is first something for it to do: an open that
//! is followed by a few reads needs none.
//!
//! It holds the store weakly: it keeps no database open.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, Weak};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::engine::Store;
use crate::os::fork::Origin;
use crate::os::sync::{lock, wait, wait_timeout};

/// The thread, and the orders `O` that it is given.
#[derive(Debug, Default)]
pub(crate) struct Helper<O> {
    orders: Mutex<O>,
    told: Condvar,
    /// The thread is to end. Set under the lock of the orders.
    stopping: AtomicBool,
    work: OnceLock<Work<O>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread does, and for whom.
#[derive(Debug)]
struct Work<O> {
    name: &'static str,
    run: fn(&Weak<Store>, &Helper<O>),
    store: Weak<Store>,
    origin: Origin,
}

impl<O: Send + 'static> Helper<O> {
    /// Lets the thread begin when it is needed.
    pub(crate) fn allow(
        &self,
        store: &Arc<Store>,
        name: &'static str,
        run: fn(&Weak<Store>, &Helper<O>),
    ) {
        let (store, origin) = (Arc::downgrade(store), Origin::here());
        let _ = self.work.set(Work { name, run, store, origin });
    }

    /// Gives orders; `change` tells whether there is something new among them.
    pub(crate) fn tell(self: &Arc<Self>, change: impl FnOnce(&mut O) -> bool) {
        if self.work.get().is_some_and(|work| work.origin.is_elsewhere()) {
            // A forked child has no threads of its parent, and is to have none of its own. One that
            // isn't there may hold the lock.
            return;
        }
        if change(&mut lock(&self.orders)) {
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
        let (run, store, helper) = (work.run, work.store.clone(), self.clone());
        let builder = std::thread::Builder::new().name(work.name.into());
        *thread = builder.spawn(move || run(&store, &helper)).ok();
    }

    /// The orders, for the thread.
    pub(crate) fn orders(&self) -> MutexGuard<'_, O> {
        lock(&self.orders)
    }

    /// Waits for other orders, or until then.
    pub(crate) fn wait<'a>(
        &self,
        orders: MutexGuard<'a, O>,
        until: Option<Instant>,
    ) -> MutexGuard<'a, O> {
        let left = until.map(|at| at.saturating_duration_since(Instant::now()));
        match left {
            Some(left) => wait_timeout(&self.told, orders, left),
            None => wait(&self.told, orders),
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Ends the thread, or sees to it that none begins, and waits for its end, unless this is the
    /// thread: it can hold the last reference to the store for a moment.
    pub(crate) fn stop(&self) {
        {
            let _orders = lock(&self.orders);
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
