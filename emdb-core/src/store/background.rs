//! Threads that help: one syncs what has waited too long and brings a lagging header up to date,
//! the other keeps ordered namespaces in order ahead of their readers, which can take longer.
//!
//! They hold the store weakly: they keep no database open.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Store;
use super::maintain::Maintain;
use crate::sync::{lock, wait, wait_timeout};

/// How long order can wait when little is written.
const TIDY_AFTER: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
pub(crate) struct Background {
    sync: Helper,
    /// Started when the first namespace is ordered.
    order: Helper,
    pub(super) maintain: Maintain,
}

#[derive(Debug, Default)]
struct Helper {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Background {
    /// Starts the thread that syncs.
    pub(crate) fn start_sync(store: &Arc<Store>, flush_every: Option<Duration>) {
        store.background.sync.start(store, "emdb-sync", flush_every);
    }

    /// Starts the thread that orders, if there is none.
    pub(crate) fn start_order(store: &Arc<Store>) {
        if !store.is_elsewhere() {
            store.background.order.start(store, "emdb-order", None);
        }
    }

    /// Asks for order soon: much has been written.
    pub(crate) fn settle_soon(&self) {
        lock(&self.order.shared.orders).settle = true;
        self.order.shared.told.notify_one();
    }

    /// Asks for order in a while: a reader found something to do.
    pub(crate) fn tidy_later(&self) {
        let mut orders = lock(&self.order.shared.orders);
        if orders.tidy_at.is_none() {
            orders.tidy_at = Some(Instant::now() + TIDY_AFTER);
            self.order.shared.told.notify_one();
        }
    }

    /// Asks for a sync soon.
    pub(crate) fn sync_soon(&self) {
        if !self.sync.shared.asked.swap(true, Ordering::AcqRel) {
            lock(&self.sync.shared.orders).sync = true;
            self.sync.shared.told.notify_one();
        }
    }

    /// What asks for damaged parts of the index to be put right.
    pub(crate) fn healer(&self) -> impl Fn() + Send + Sync + 'static {
        let shared = self.sync.shared.clone();
        move || {
            lock(&shared.orders).heal = true;
            shared.told.notify_one();
        }
    }

    /// Asks for a header refresh after `delay`.
    pub(crate) fn refresh_after(&self, delay: Duration) {
        let mut orders = lock(&self.sync.shared.orders);
        if orders.refresh_at.is_none() {
            orders.refresh_at = Some(Instant::now() + delay);
            self.sync.shared.told.notify_one();
        }
    }

    /// Ends the threads and waits for them.
    pub(crate) fn stop(&self) {
        self.maintain.stop();
        self.order.stop();
        self.sync.stop();
    }
}

impl Helper {
    /// Starts the thread if it isn't there. Without one (the system may have no more) nothing is
    /// lost but its help.
    fn start(&self, store: &Arc<Store>, name: &str, flush_every: Option<Duration>) {
        // Held throughout, so that two callers don't start two.
        let mut thread = lock(&self.thread);
        if thread.is_none() {
            let (weak, shared) = (Arc::downgrade(store), self.shared.clone());
            let run = move || run(&weak, &shared, flush_every);
            *thread = std::thread::Builder::new().name(name.into()).spawn(run).ok();
        }
    }

    /// Ends the thread and waits for it, unless this is the thread: it can hold the last
    /// reference to the store for a moment.
    fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        lock(&self.shared.orders).stop = true;
        self.shared.told.notify_all();
        if let Some(thread) = lock(&self.thread).take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    orders: Mutex<Orders>,
    told: Condvar,
    /// A sync is ordered already.
    asked: AtomicBool,
    /// The thread is to end.
    stopping: AtomicBool,
}

#[derive(Debug, Default)]
struct Orders {
    sync: bool,
    stop: bool,
    refresh_at: Option<Instant>,
    heal: bool,
    settle: bool,
    /// When to put in order what was written since, if nothing else asks for it before.
    tidy_at: Option<Instant>,
}

enum Order {
    Sync,
    Refresh,
    Heal,
    Settle,
    Tidy,
    Stop,
}

fn run(store: &Weak<Store>, shared: &Shared, flush_every: Option<Duration>) {
    let mut flush_at = flush_every.map(|every| Instant::now() + every);
    loop {
        let order = next(shared, flush_at);
        let Some(store) = store.upgrade() else { return };
        let done = match order {
            Order::Stop => return,
            Order::Sync => store.flush(),
            Order::Refresh => store.refresh_header(),
            Order::Heal => {
                // What can't be put right, readers meet again and tell.
                let _ = store.heal();
                Ok(())
            }
            Order::Settle | Order::Tidy => {
                let all = matches!(order, Order::Tidy);
                let stopped = || shared.stopping.load(Ordering::Acquire);
                if store.settle_orders(all, stopped) {
                    store.background.tidy_later();
                }
                Ok(())
            }
        };
        if done.is_err() {
            // Poisoned: there is nothing left to do for this thread.
            store.durability.background_failures.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if flush_at.is_some_and(|at| at <= Instant::now()) {
            flush_at = flush_every.map(|every| Instant::now() + every);
        }
    }
}

fn next(shared: &Shared, flush_at: Option<Instant>) -> Order {
    let mut orders = lock(&shared.orders);
    loop {
        let now = Instant::now();
        if orders.stop {
            return Order::Stop;
        }
        if std::mem::take(&mut orders.sync) {
            shared.asked.store(false, Ordering::Release);
            return Order::Sync;
        }
        if orders.refresh_at.is_some_and(|at| at <= now) {
            orders.refresh_at = None;
            return Order::Refresh;
        }
        if flush_at.is_some_and(|at| at <= now) {
            return Order::Sync;
        }
        if std::mem::take(&mut orders.heal) {
            return Order::Heal;
        }
        if std::mem::take(&mut orders.settle) {
            return Order::Settle;
        }
        if orders.tidy_at.is_some_and(|at| at <= now) {
            orders.tidy_at = None;
            return Order::Tidy;
        }
        let times = flush_at.into_iter().chain(orders.refresh_at).chain(orders.tidy_at);
        orders = match times.min() {
            Some(at) => wait_timeout(&shared.told, orders, at - now),
            None => wait(&shared.told, orders),
        };
    }
}
