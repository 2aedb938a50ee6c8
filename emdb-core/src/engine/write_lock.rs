//! The right to write alone, for as long as a transaction runs.

use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::commit::Access;
use crate::error::Result;
use crate::os::sync::lock;

/// While this lives, its thread is the only writer; others wait.
#[derive(Debug)]
pub(crate) struct Exclusive {
    pub(crate) engine: Arc<Engine>,
}

impl Exclusive {
    /// Waits for other transactions. On the thread of an open one: `TransactionActive`.
    pub(crate) fn begin(engine: &Arc<Engine>) -> Result<Exclusive> {
        let mut tail = engine.enter(Access::Next)?;
        tail.owner = Some(std::thread::current().id());
        drop(tail);
        Ok(Exclusive { engine: engine.clone() })
    }
}

impl Engine {
    /// Whether the thread is the only writer.
    pub(crate) fn is_owner(&self) -> bool {
        lock(&self.tail).owner == Some(std::thread::current().id())
    }
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        if !self.engine.is_forked_child() {
            let mut tail = lock(&self.engine.tail);
            tail.owner = None;
            tail.favoured = tail.waiting;
            drop(tail);
            self.engine.idle.notify_all();
        }
    }
}
