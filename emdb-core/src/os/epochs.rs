//! Freeing what readers may still have been in.
//!
//! Replaced memory is handed to `crossbeam_epoch`, which frees it when all threads have moved on, and
//! somebody asks. Where nobody may ask any more, it is done here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often threads are asked again at once, before the processor is left to them.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_micros(200);

/// Frees what was handed over before, or as much of it as threads let go of within `limit`: one that
/// reads holds up the rest.
pub(crate) fn free_replaced(limit: Duration) {
    let until = Instant::now() + limit;
    let freed = Arc::new(AtomicBool::new(false));
    let told = freed.clone();
    // What was handed over is freed in turn, and this last.
    crossbeam_epoch::pin().defer(move || told.store(true, Ordering::Release));
    for tries in 0_u32.. {
        crossbeam_epoch::pin().flush();
        if freed.load(Ordering::Acquire) || Instant::now() >= until {
            return;
        }
        if tries >= TRIES {
            std::thread::sleep(PAUSE);
        }
    }
}
