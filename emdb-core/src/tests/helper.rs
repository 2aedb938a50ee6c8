//! Threads that begin when they are told something, and end with the store.

#![allow(unsafe_code)]

use std::sync::Weak;
use std::time::Duration;

use crate::os::worker::Helper;
use crate::tests::*;

/// What was told, what was seen of it, and how many threads have begun.
#[derive(Debug, Default)]
struct Orders {
    told: usize,
    seen: usize,
    begun: usize,
}

fn run(_: &Weak<Store>, helper: &Helper<Orders>) {
    let mut orders = helper.orders();
    orders.begun += 1;
    while !helper.is_stopping() {
        orders.seen = orders.told;
        orders = helper.wait(orders, None);
    }
}

fn store() -> Arc<Store> {
    open::in_memory(&Settings::default()).unwrap()
}

fn eventually(helper: &Helper<Orders>, is: impl Fn(&Orders) -> bool) {
    let began = std::time::Instant::now();
    while !is(&helper.orders()) {
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", helper.orders());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_helper_begins_once_when_it_is_first_told_something() {
    let (store, helper) = (store(), Arc::new(Helper::default()));
    helper.allow(&store, "helper", run);
    helper.tell(|_| false);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(helper.orders().begun, 0);
    for told in 1..=3 {
        helper.tell(|orders| {
            orders.told = told;
            true
        });
        eventually(&helper, |orders| orders.seen == told);
    }
    assert_eq!(helper.orders().begun, 1);
    helper.stop();
    helper.tell(|_| true);
    helper.stop();
    assert_eq!(helper.orders().begun, 1);
}

#[test]
fn many_that_tell_while_a_helper_is_stopped_begin_one_at_most_and_wait_for_none() {
    let store = store();
    for round in 0..200 {
        let helper = Arc::new(Helper::default());
        helper.allow(&store, "helper", run);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        helper.tell(|orders| {
                            orders.told += 1;
                            true
                        });
                    }
                });
            }
            scope.spawn(|| {
                std::thread::sleep(Duration::from_micros(round));
                helper.stop();
            });
        });
        let orders = helper.orders();
        assert!(orders.begun <= 1, "{orders:?}");
        drop(orders);
        // The thread has ended: nobody else holds it.
        assert_eq!(Arc::strong_count(&helper), 1);
    }
}

#[cfg(unix)]
#[test]
fn a_forked_child_that_tells_a_helper_does_not_wait_for_who_held_its_orders() {
    let (store, helper) = (store(), Arc::new(Helper::default()));
    helper.allow(&store, "helper", run);
    let orders = helper.orders();
    // SAFETY: the child takes no lock that it does not let go of and leaves by `_exit`; should it
    // wait for ever, the alarm ends it.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: sets a timer.
        unsafe { libc::alarm(10) };
        helper.tell(|_| true);
        // SAFETY: ends the process.
        unsafe { libc::_exit(0) };
    }
    assert!(pid > 0);
    drop(orders);
    let mut status = 0;
    // SAFETY: waits for the child above; `status` is valid for writes.
    unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!(status, 0);
}
