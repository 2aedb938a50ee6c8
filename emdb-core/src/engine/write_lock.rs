//! The right to write alone, for as long as a transaction runs.

use std::sync::Arc;

use crate::engine::Store;
use crate::engine::commit::Access;
use crate::error::Result;
use crate::os::sync::lock;

/// While this lives, its thread is the only writer; others wait.
#[derive(Debug)]
pub(crate) struct Exclusive {
    pub(crate) store: Arc<Store>,
}

impl Exclusive {
    /// Waits for other transactions. On the thread of an open one: `TransactionActive`.
    pub(crate) fn begin(store: &Arc<Store>) -> Result<Exclusive> {
        let mut tail = store.enter(Access::Next)?;
        tail.owner = Some(std::thread::current().id());
        drop(tail);
        Ok(Exclusive { store: store.clone() })
    }
}

impl Store {
    /// Whether the thread is the only writer.
    pub(crate) fn is_owner(&self) -> bool {
        lock(&self.tail).owner == Some(std::thread::current().id())
    }
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        if !self.store.is_elsewhere() {
            let mut tail = lock(&self.store.tail);
            tail.owner = None;
            tail.favoured = tail.waiting;
            drop(tail);
            self.store.idle.notify_all();
        }
    }
}
