//! Telling a forked child from the process that opened a database.
//!
//! A child shares the parent's file, lock and mappings, so a write of its own would break what
//! the parent knows of its journal. It is refused by comparing a counter that the child's side of
//! every fork moves; asking the kernel for the process id would cost a system call a write.

#[cfg(unix)]
mod imp {
    #![allow(unsafe_code)]

    use std::sync::Once;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    static FORKS: AtomicU64 = AtomicU64::new(0);
    static WATCH: Once = Once::new();

    extern "C" fn in_child() {
        FORKS.fetch_add(1, Relaxed);
    }

    pub(crate) fn watch() {
        WATCH.call_once(|| {
            // SAFETY: the handler only adds to an atomic, which is safe in a child of a fork. If
            // there is no memory to register it, children go undetected.
            unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        });
    }

    #[inline]
    pub(crate) fn count() -> u64 {
        FORKS.load(Relaxed)
    }
}

#[cfg(not(unix))]
mod imp {
    pub(crate) fn watch() {}

    pub(crate) fn count() -> u64 {
        0
    }
}

/// The process that made this.
#[derive(Debug)]
pub(crate) struct Process(u64);

impl Process {
    pub(crate) fn current() -> Process {
        imp::watch();
        Process(imp::count())
    }

    /// Whether this is a child forked since.
    #[inline]
    pub(crate) fn is_forked_child(&self) -> bool {
        imp::count() != self.0
    }
}
