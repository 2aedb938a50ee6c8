//! Removing what has expired, at the cost of what has expired.

use std::sync::Arc;

use crossbeam_epoch::Guard;

use crate::engine::Engine;
use crate::engine::append_lock::Access;
use crate::engine::decoded::DecodedRecord;
use crate::engine::write_op::{Change, WriteOp};
use crate::error::Result;
use crate::mvcc::namespace::{NamespaceState, NamespaceVersions};
use crate::os::sync::lock;

/// Records removed in one commit.
const BATCH_RECORDS: usize = 1024;

/// Removes the expired records of the namespace and counts them into `swept`.
pub(crate) fn sweep(
    engine: &Engine,
    namespace: &Arc<NamespaceState>,
    swept: &mut usize,
) -> Result<()> {
    let now = engine.clock.now();
    while sweep_some(engine, namespace, now, swept)? {}
    Ok(())
}

/// Removes some; tells whether there may be more.
fn sweep_some(
    engine: &Engine,
    namespace: &Arc<NamespaceState>,
    now: u64,
    swept: &mut usize,
) -> Result<bool> {
    let mut commit = engine.begin_commit(Access::Plain)?;
    namespace.check()?;
    let guard = crossbeam_epoch::pin();
    let expired = expired(engine, namespace, now, &guard);
    if expired.is_empty() {
        return Ok(false);
    }
    // What belongs to these rows is removed by other commits.
    engine.clock.note_passed(now);
    let mut ops = Vec::with_capacity(expired.len());
    for (i, record) in expired.iter().enumerate() {
        let remove = Change::remove(record.key()).ending_commit(i + 1 == expired.len());
        ops.push(WriteOp::write(namespace, remove)?);
    }
    commit.write(&mut ops)?;
    *swept += ops.len();
    drop(ops);
    drop(expired);
    drop(guard);
    commit.finish()?;
    Ok(true)
}

/// Some expired records. One that is damaged is left out from now on: whoever reads it gets the
/// error.
fn expired<'g>(
    engine: &Engine,
    namespace: &NamespaceState,
    now: u64,
    guard: &'g Guard,
) -> Vec<DecodedRecord<'g>> {
    loop {
        let (due, expired) = look_at_due(engine, namespace, now, guard);
        if due == 0 || !expired.is_empty() {
            return expired;
        }
    }
}

/// Looks at some that are due: gives how many, and those whose record is live.
fn look_at_due<'g>(
    engine: &Engine,
    namespace: &NamespaceState,
    now: u64,
    guard: &'g Guard,
) -> (usize, Vec<DecodedRecord<'g>>) {
    let NamespaceVersions { handle, current: incarnation, .. } = namespace.versions(guard);
    let mut expiries = lock(&incarnation.expiries);
    let reader = engine.reader(handle);
    let due = expiries.due(now, BATCH_RECORDS, || reader.expiries_of(&incarnation.table));
    let read = |&(at, position): &(u64, u64)| {
        let record = reader.record(position).and_then(|r| {
            let hash = handle.generation.hash(r.key());
            // The way that the commit will find it.
            let newest = reader.newest(&incarnation.table, r.key(), hash, guard)?;
            newest.map(|record| reader.decode_key(record)).transpose()
        });
        match record {
            Ok(Some(record)) if is_it(&record, at, position) => Some(record),
            // Replaced, or removed, or the image was forged.
            Ok(_) | Err(_) => {
                expiries.forget((at, position));
                None
            }
        }
    };
    (due.len(), due.iter().filter_map(read).collect())
}

/// Whether the record is the put at `position` with this expiry.
fn is_it(decoded: &DecodedRecord<'_>, at: u64, position: u64) -> bool {
    let record = decoded.record();
    record.position() == position && record.expiry() == Some(at) && record.is_put()
}
