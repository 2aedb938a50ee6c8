//! Forked children, as bodies of tests.

#![allow(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

/// How long a child may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Runs `body` in a forked child and gives whether it said true.
///
/// Only for tests in processes of their own: a child has what all other tests have open.
pub(crate) fn fork(body: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child calls the database and allocates, which glibc and macOS allow after a fork,
    // and leaves by `_exit` alone.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let went = catch_unwind(AssertUnwindSafe(body));
        exit(went.unwrap_or(false));
    }
    waited_for(pid)
}

/// Ends the child, at once.
pub(crate) fn exit(went: bool) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(i32::from(!went)) }
}

/// Waits for the child and gives whether it said true.
pub(crate) fn waited_for(pid: libc::pid_t) -> bool {
    assert!(pid > 0);
    let began = Instant::now();
    let mut status = 0;
    // SAFETY: waits for a child; `status` is valid for writes.
    while unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) } == 0 {
        if began.elapsed() > LIMIT {
            // SAFETY: the child is not yet waited for, so the id is still its own.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        thread::sleep(Duration::from_millis(1));
    }
    status == 0
}
