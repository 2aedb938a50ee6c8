//! Giving free memory of the heap back to the system.
//!
//! An allocator keeps what is freed for whoever allocates next, which is right while memory comes and
//! goes, and wrong when much has gone for good.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that have gone for good since the heap was last looked at. The heap is that of the whole
/// process.
static GONE: AtomicUsize = AtomicUsize::new(0);

/// Counts memory that has been freed and will not be needed again soon.
pub(crate) fn note_gone(bytes: usize) {
    GONE.fetch_add(bytes, Ordering::Relaxed);
}

/// Gives back what is free if so much has gone. That takes a millisecond for some ten MiB, and whoever
/// allocates meanwhile may have to wait: for a thread that nobody waits for, and not often.
pub(crate) fn give_back(least_bytes: usize) {
    if GONE.load(Ordering::Relaxed) >= least_bytes {
        GONE.store(0, Ordering::Relaxed);
        imp::trim();
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod imp {
    #![allow(unsafe_code)]

    pub(super) fn trim() {
        // SAFETY: it takes the locks of the allocator, as every allocation does, and gives back pages
        // that nothing is allocated on.
        unsafe { libc::malloc_trim(0) };
    }
}

/// Other allocators give memory back by themselves, or have no call for it.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod imp {
    pub(super) fn trim() {}
}
