//! The state that a replay begins with, if a checkpoint gave one.

use std::path::Path;
use std::sync::Arc;

use crate::format::header::Header;
use crate::format::options::Options;
use crate::index::hash::source::DamageAlarm;
use crate::mvcc::generation::Generation;
use crate::mvcc::incarnation::Incarnation;
use crate::storage::Disk;

/// All namespaces as of one position of the journal.
#[derive(Debug)]
pub(crate) struct Baseline {
    /// The position of the note that binds it to the journal.
    pub(crate) note_at: u64,
    /// The position of the journal up to which it goes.
    pub(crate) below: u64,
    /// The checkpoint's length in bytes.
    pub(crate) len: u64,
    pub(crate) next_id: u32,
    pub(crate) namespaces: Vec<(String, Options, Arc<Incarnation>)>,
    /// Rings when a page turns out to be damaged.
    pub(crate) alarm: Arc<DamageAlarm>,
}

/// A journal that is being opened, for whoever looks for a checkpoint of it.
#[derive(Clone, Copy)]
pub(crate) struct Opening<'a> {
    pub(crate) disk: &'a dyn Disk,
    pub(crate) path: &'a Path,
    pub(crate) header: &'a Header,
    pub(crate) generation: &'a Generation,
    /// Tells whether a namespace is to be ordered.
    pub(crate) wants_order: &'a dyn Fn(&str, Options) -> bool,
}

/// Looks for a checkpoint; none if there is no whole one of this journal.
pub(crate) type LoadCheckpoint<'a> = &'a dyn Fn(Opening<'_>) -> Option<Baseline>;
