//! Removing what has expired, at the cost of what has expired.

use std::sync::Arc;

use crossbeam_epoch::Guard;

use crate::engine::Engine;
use crate::engine::commit::Access;
use crate::engine::decoded::DecodedRecord;
use crate::engine::write_op::WriteOp;
use crate::error::Result;
use crate::format::record::Verb;
use crate::mvcc::names::{NamespaceState, NamespaceVersions};
use crate::os::sync::lock;

/// Records removed in one commit.
const BATCH: usize = 1024;

/// Whether the entry is the put at `position` with this expiry.
fn is_it(entry: &DecodedRecord<'_>, at: u64, position: u64) -> bool {
    let record = entry.record();
    record.position() == position && record.expiry() == Some(at) && record.is_put()
}

impl Engine {
    /// Every namespace, internal ones too.
    pub(crate) fn all_namespaces(&self) -> Vec<Arc<NamespaceState>> {
        lock(&self.names).live.values().cloned().collect()
    }

    /// Removes the expired records of the namespace and counts them into `swept`.
    pub(crate) fn sweep(&self, namespace: &Arc<NamespaceState>, swept: &mut usize) -> Result<()> {
        let now = self.clock.now();
        loop {
            let removed = self.sweep_some(namespace, now)?;
            if removed == 0 {
                return Ok(());
            }
            *swept += removed;
            self.committed()?;
        }
    }

    fn sweep_some(&self, namespace: &Arc<NamespaceState>, now: u64) -> Result<usize> {
        let mut tail = self.enter(Access::Plain)?;
        namespace.check()?;
        let guard = crossbeam_epoch::pin();
        let expired = self.expired(namespace, now, &guard);
        let mut ops = Vec::with_capacity(expired.len());
        for (i, entry) in expired.iter().enumerate() {
            let key = (entry.key(), &[][..]);
            let last = i + 1 == expired.len();
            ops.push(WriteOp::write(namespace, Verb::Remove, key, None, last)?);
        }
        self.commit_locked(&mut tail, &mut ops)?;
        Ok(expired.len())
    }

    /// Some expired records. One that is damaged is left out from now on: whoever reads it gets
    /// the error.
    fn expired<'g>(
        &self,
        namespace: &NamespaceState,
        now: u64,
        guard: &'g Guard,
    ) -> Vec<DecodedRecord<'g>> {
        loop {
            let (due, expired) = self.look_at_due(namespace, now, guard);
            if due == 0 || !expired.is_empty() {
                return expired;
            }
        }
    }

    /// Looks at some that are due: gives how many, and those whose record is live.
    fn look_at_due<'g>(
        &self,
        namespace: &NamespaceState,
        now: u64,
        guard: &'g Guard,
    ) -> (usize, Vec<DecodedRecord<'g>>) {
        let NamespaceVersions { handle, current: incarnation, .. } = namespace.versions(guard);
        let mut expiries = lock(&incarnation.expiries);
        let reader = self.reader(handle);
        let due = expiries.due(now, BATCH, || reader.expiries_of(&incarnation.table));
        let read = |&(at, position): &(u64, u64)| {
            let record = reader.record(position).and_then(|r| {
                let hash = handle.generation.hash(r.key());
                // The way that the commit will find it.
                let newest = reader.newest(&incarnation.table, r.key(), hash, guard)?;
                newest.map(|record| reader.key_entry(record)).transpose()
            });
            match record {
                Ok(Some(entry)) if is_it(&entry, at, position) => Some(entry),
                // Replaced, or removed, or the image was forged.
                Ok(_) | Err(_) => {
                    expiries.forget((at, position));
                    None
                }
            }
        };
        (due.len(), due.iter().filter_map(read).collect())
    }
}
