//! How a store behaves, apart from where it lives.

use std::time::Duration;

use crate::clock::ManualClock;

/// What makes writes durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FlushPolicy {
    /// Each `flush` that finds something unsynced syncs, one after the other.
    #[default]
    OnEachFlush,
    /// Each `flush` syncs at once, and those that arrive while a sync is running share the next
    /// one. The choice where several threads flush.
    Group,
    /// Every write is durable when it returns, and `flush` finds nothing to do. Writes that wait
    /// for a sync share the next one.
    WriteThrough,
}

/// What the options of an open come to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) flush_policy: FlushPolicy,
    pub(crate) default_ttl: Option<Duration>,
    pub(crate) unverified_reads: bool,
    pub(crate) flush_every: Option<Duration>,
    pub(crate) manual_clock: Option<ManualClock>,
}
