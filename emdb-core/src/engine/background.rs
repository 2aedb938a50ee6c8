//! What is done in the background: one thread syncs what has waited too long and brings a lagging
//! header up to date, another keeps ordered namespaces in order ahead of their readers, which can
//! take longer, and a third takes checkpoints and compacts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::engine::Store;
use crate::maintenance::schedule::Maintain;
use crate::os::worker::Helper;

/// How long order can wait when little is written.
const TIDY_AFTER: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
pub(crate) struct Background {
    sync: Arc<Helper<Orders>>,
    /// A sync is ordered already.
    sync_asked: AtomicBool,
    /// Allowed when the first namespace is ordered.
    order: Arc<Helper<Orders>>,
    pub(crate) maintain: Maintain,
}

impl Background {
    /// Lets the thread that syncs help, now and then by itself if that is wanted.
    pub(crate) fn start_sync(store: &Arc<Store>, flush_every: Option<Duration>) {
        let sync = &store.background.sync;
        // The thread reads it once, as it begins.
        sync.orders().flush_every = flush_every;
        sync.allow(store, "emdb-sync", run);
        sync.tell(|_| flush_every.is_some());
    }

    /// Lets the thread that orders help.
    pub(crate) fn start_order(store: &Arc<Store>) {
        if !store.is_elsewhere() {
            store.background.order.allow(store, "emdb-order", run);
        }
    }

    /// Asks for order soon: much has been written.
    pub(crate) fn settle_soon(&self) {
        self.order.tell(|orders| {
            orders.settle = true;
            true
        });
    }

    /// Asks for order in a while: a reader found something to do.
    pub(crate) fn tidy_later(&self) {
        self.order.tell(|orders| {
            let first = orders.tidy_at.is_none();
            orders.tidy_at.get_or_insert_with(|| Instant::now() + TIDY_AFTER);
            first
        });
    }

    /// Asks for a sync soon.
    pub(crate) fn sync_soon(&self) {
        if !self.sync_asked.swap(true, Ordering::AcqRel) {
            self.sync.tell(|orders| {
                orders.sync = true;
                true
            });
        }
    }

    /// What asks for damaged parts of the index to be put right.
    pub(crate) fn healer(&self) -> impl Fn() + Send + Sync + 'static {
        let sync = self.sync.clone();
        move || {
            sync.tell(|orders| {
                orders.heal = true;
                true
            });
        }
    }

    /// Asks for a header refresh after `delay`.
    pub(crate) fn refresh_after(&self, delay: Duration) {
        self.sync.tell(|orders| {
            let first = orders.refresh_at.is_none();
            orders.refresh_at.get_or_insert_with(|| Instant::now() + delay);
            first
        });
    }

    /// Ends the threads and waits for them. None begins any more.
    pub(crate) fn stop(&self) {
        self.maintain.stop();
        self.order.stop();
        self.sync.stop();
    }
}

#[derive(Debug, Default)]
struct Orders {
    flush_every: Option<Duration>,
    sync: bool,
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

fn run(store: &Weak<Store>, helper: &Helper<Orders>) {
    let flush_every = helper.orders().flush_every;
    let mut flush_at = flush_every.map(|every| Instant::now() + every);
    loop {
        let order = next(helper, flush_at);
        let Some(store) = store.upgrade() else { return };
        let done = match order {
            Order::Stop => return,
            Order::Sync => {
                // What is written from here on may ask again. A swap, because a store alone could be
                // seen later than what the sync reads first: a writer in between would not ask.
                store.background.sync_asked.swap(false, Ordering::AcqRel);
                store.flush()
            }
            Order::Refresh => store.refresh_header(),
            Order::Heal => {
                // What can't be put right, readers meet again and tell.
                let _ = store.heal();
                Ok(())
            }
            Order::Settle | Order::Tidy => {
                let all = matches!(order, Order::Tidy);
                if store.settle_orders(all, || helper.is_stopping()) {
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

fn next(helper: &Helper<Orders>, flush_at: Option<Instant>) -> Order {
    let mut orders = helper.orders();
    loop {
        let now = Instant::now();
        if helper.is_stopping() {
            return Order::Stop;
        }
        if std::mem::take(&mut orders.sync) {
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
        orders = helper.wait(orders, times.min());
    }
}
