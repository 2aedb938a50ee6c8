//! Tests that must come to an end.

use std::sync::mpsc;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// Runs `test`; fails, without waiting any longer, when it doesn't end within a minute.
pub fn within_a_minute<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, ended) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let result = test();
        let _ = done.send(());
        result
    });
    if let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(LIMIT) {
        panic!("no end after {LIMIT:?}: a deadlock");
    }
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
