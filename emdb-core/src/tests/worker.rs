//! Worker threads: they begin when they are asked for something, and end with the engine. Forked children, which have
//! none of them.

#![allow(unsafe_code)]

use std::sync::Weak;
use std::time::Duration;

use crate::Emdb;
use crate::os::worker::Worker;
use crate::tests::*;

/// The requests that were made, those of them that were seen, and how many threads have begun.
#[derive(Debug, Default)]
struct Requests {
    told: usize,
    seen: usize,
    begun: usize,
}

fn run(_: &Weak<Engine>, worker: &Worker<Engine, Requests>) {
    let mut requests = worker.requests();
    requests.begun += 1;
    while !worker.is_stopping() {
        requests.seen = requests.told;
        requests = worker.wait(requests, None);
    }
}

fn engine() -> Arc<Engine> {
    open::in_memory(&Settings::default()).unwrap()
}

fn eventually(worker: &Worker<Engine, Requests>, is: impl Fn(&Requests) -> bool) {
    let began = std::time::Instant::now();
    while !is(&worker.requests()) {
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", worker.requests());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_worker_begins_once_when_it_is_first_asked_for_something() {
    let (engine, worker) = (engine(), Arc::new(Worker::default()));
    worker.allow(&engine, "worker", run);
    worker.tell(|_| false);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(worker.requests().begun, 0);
    for told in 1..=3 {
        worker.tell(|requests| {
            requests.told = told;
            true
        });
        eventually(&worker, |requests| requests.seen == told);
    }
    assert_eq!(worker.requests().begun, 1);
    worker.stop();
    worker.tell(|_| true);
    worker.stop();
    assert_eq!(worker.requests().begun, 1);
}

#[test]
fn many_that_ask_while_a_worker_is_stopped_begin_one_at_most_and_wait_for_none() {
    let engine = engine();
    for round in 0..200 {
        let worker = Arc::new(Worker::default());
        worker.allow(&engine, "worker", run);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        worker.tell(|requests| {
                            requests.told += 1;
                            true
                        });
                    }
                });
            }
            scope.spawn(|| {
                std::thread::sleep(Duration::from_micros(round));
                worker.stop();
            });
        });
        let requests = worker.requests();
        assert!(requests.begun <= 1, "{requests:?}");
        drop(requests);
        // The thread has ended: nobody else holds it.
        assert_eq!(Arc::strong_count(&worker), 1);
    }
}

/// Whether a forked child that does this comes to its end, and finds it true.
#[cfg(unix)]
fn a_child_can(act: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child takes no lock that it does not let go of and leaves by `_exit`; should it
    // wait for ever, the alarm ends it.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: sets a timer.
        unsafe { libc::alarm(10) };
        let done = act();
        // SAFETY: ends the process.
        unsafe { libc::_exit(i32::from(!done)) };
    }
    assert!(pid > 0);
    let mut status = 0;
    // SAFETY: waits for the child above; `status` is valid for writes.
    unsafe { libc::waitpid(pid, &raw mut status, 0) };
    status == 0
}

#[cfg(unix)]
#[test]
fn a_forked_child_that_asks_a_worker_does_not_wait_for_whoever_held_its_requests() {
    let (engine, worker) = (engine(), Arc::new(Worker::default()));
    worker.allow(&engine, "worker", run);
    let requests = worker.requests();
    assert!(a_child_can(|| {
        worker.tell(|_| true);
        true
    }));
    drop(requests);
}

#[cfg(unix)]
#[test]
fn a_forked_child_that_lets_go_of_an_index_does_not_wait_for_whoever_looked_at_its_expiries() {
    let mut db = Some(Emdb::open_in_memory());
    let (_, incarnation) = db.as_ref().unwrap().engine().default_namespace.now();
    // As another thread of the parent does, which the child has not.
    std::mem::forget(incarnation.expiries.lock());
    drop(incarnation);
    assert!(a_child_can(|| {
        drop(db.take());
        true
    }));
    std::mem::forget(db);
}

#[cfg(unix)]
#[test]
fn a_forked_child_that_looks_where_an_open_left_changes_does_not_wait_for_whoever_made_some() {
    let (disk, model) = checkpoint::deferred::behind(3, 200, 25_000);
    // Without an order, which a thread of the parent would make meanwhile.
    let engine = open(&disk, FlushPolicy::OnEachFlush).unwrap();
    let incarnation = engine.default_namespace.current(&crossbeam_epoch::pin()).clone();
    let changing = incarnation.table.changing.lock();
    // In the journal, which takes long for each.
    assert!(a_child_can(|| {
        let mut keys = (0..25_000u32).step_by(5000).map(u32::to_be_bytes);
        keys.all(|key| get(&engine, &key).unwrap() == model.get(&key[..]).cloned())
            && content(&engine) == model
    }));
    drop(changing);
    // Where nobody has the right to, as anybody does.
    assert!(a_child_can(|| content(&engine) == model));
    assert_eq!(content(&engine), model);
    engine.background.stop();
}
