//! The write lock: the right to write alone, for as long as a transaction runs.

use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::append_lock::{Access, AppendLock};
use crate::error::Result;

/// While this lives, its thread is the only writer; others wait.
#[derive(Debug)]
pub(crate) struct WriteLock {
    pub(crate) engine: Arc<Engine>,
}

impl WriteLock {
    /// Waits for other transactions. On the thread of an open one: `TransactionActive`.
    pub(crate) fn acquire(engine: &Arc<Engine>) -> Result<WriteLock> {
        let mut append = engine.lock_for_writing(Access::Next)?;
        AppendLock::own(&mut append);
        drop(append);
        Ok(WriteLock { engine: engine.clone() })
    }
}

impl Drop for WriteLock {
    fn drop(&mut self) {
        if !self.engine.is_forked_child() {
            self.engine.append_lock.disown();
        }
    }
}
