//! The write lock: the right to write alone, for as long as a transaction runs.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::Engine;
use crate::engine::append_lock::{Access, Append, AppendLock};
use crate::error::Result;
use crate::os::ranked::RankedGuard;

/// While this lives, its thread is the only writer; others wait.
#[derive(Debug)]
pub(crate) struct WriteLock {
    pub(crate) engine: Arc<Engine>,
}

impl WriteLock {
    /// Waits for other transactions. On the thread of an open one: `TransactionActive`.
    pub(crate) fn acquire(engine: &Arc<Engine>) -> Result<WriteLock> {
        Ok(WriteLock::own(engine, engine.lock_for_writing(Access::Next)?))
    }

    /// The same for `limit` at most, whatever the limit of the database is.
    pub(crate) fn acquire_within(engine: &Arc<Engine>, limit: Duration) -> Result<WriteLock> {
        Ok(WriteLock::own(engine, engine.lock_within(limit)?))
    }

    #[inline]
    fn own(engine: &Arc<Engine>, mut append: RankedGuard<'_, Append>) -> WriteLock {
        AppendLock::own(&mut append);
        drop(append);
        WriteLock { engine: engine.clone() }
    }
}

impl Drop for WriteLock {
    fn drop(&mut self) {
        if !self.engine.is_forked_child() {
            self.engine.append_lock.disown();
        }
    }
}
