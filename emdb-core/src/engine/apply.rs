//! The effect of a record in the journal on index, order, counts and expiries: the one applier, for
//! commits and replays, and through those for compaction, verification and salvage.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use crossbeam_epoch::Guard;

use crate::format::options::Options;
use crate::format::record::{Record, Verb};
use crate::format::varint;
use crate::mvcc::generation::Generation;
use crate::mvcc::incarnation::Incarnation;
use crate::os::sync::lock;

/// A put or removal that lies in the journal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewRecord {
    pub(crate) position: u64,
    /// A put, not a removal.
    pub(crate) put: bool,
    /// Bytes of the journal that it takes.
    pub(crate) len: usize,
    pub(crate) expiry: Option<u64>,
}

/// The record that a put or removal replaces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PriorRecord {
    pub(crate) position: u64,
    /// A put, expired or not.
    pub(crate) put: bool,
    /// A put whose value was asked for, is whole, and is not expired.
    pub(crate) live: bool,
    pub(crate) expiry: Option<u64>,
    pub(crate) len: usize,
}

impl PriorRecord {
    pub(crate) fn of(record: &Record<'_>) -> PriorRecord {
        PriorRecord {
            position: record.position(),
            put: record.is_put(),
            live: false,
            expiry: record.expiry(),
            len: record.len(),
        }
    }
}

/// Changes of an incarnation's counts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) records: i64,
    pub(crate) bytes: i64,
}

/// The effect of a record beside that on the hash index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effect {
    pub(crate) tally: Tally,
    /// So many keys wait to be put in order that the background should begin.
    pub(crate) wants_settling: bool,
}

/// Tells order and expiries of a record that the hash index leads to by now, and counts it.
#[inline]
pub(crate) fn apply_write(
    generation: &Generation,
    incarnation: &Incarnation,
    new: NewRecord,
    prior: Option<&PriorRecord>,
) -> Effect {
    debug_assert!(prior.is_none_or(|prior| prior.position < new.position), "links lead backwards");
    let mut effect = Effect { tally: Tally::default(), wants_settling: false };
    let former_put = prior.filter(|prior| prior.put);
    if let Some(order) = incarnation.order.get() {
        if let Some(prior) = prior {
            generation.superseded.set(prior.position);
            order.note_stale();
        }
        // A key that is present has an anchor. One that was removed may have lost it.
        effect.wants_settling = new.put && former_put.is_none() && order.note(new.position);
    }
    if let Some(prior) = former_put {
        effect.tally.records -= 1;
        effect.tally.bytes -= prior.len as i64;
        if let Some(at) = prior.expiry {
            lock(&incarnation.expiries).remove(at, prior.position);
        }
    }
    if new.put {
        effect.tally.records += 1;
        effect.tally.bytes += new.len as i64;
        if let Some(at) = new.expiry {
            lock(&incarnation.expiries).insert(at, new.position);
        }
    }
    effect
}

/// Why a record can't be applied that a journal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A record that the index leads to is damaged.
    Damaged,
    /// The index has no room: too many keys are alike.
    Crowded,
}

impl Refusal {
    /// The reason, for an error.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Refusal::Damaged => "a record that this one may replace fails its checksum",
            Refusal::Crowded => {
                "a namespace holds more records, or more whose hashes are alike, than an index takes"
            }
        }
    }
}

/// Applies a record of the journal that nobody else applies meanwhile: what it replaces is looked for.
pub(crate) fn apply_replayed(
    generation: &Generation,
    incarnation: &Incarnation,
    record: &Record<'_>,
    hash: u64,
    guard: &Guard,
) -> Result<(), Refusal> {
    let table = &incarnation.table;
    let journal = &generation.journal;
    let read = |position| journal.memory.record(position);
    // Records that an image leads to were not read by this open: with a damaged key one would pass
    // for another, and the counts would be wrong.
    let unread = table.image.as_ref().map_or(0, |image| image.below.load(Ordering::Relaxed));
    let damaged = Cell::new(false);
    let same = |position| {
        let found = read(position);
        let is_same = found.is_some_and(|r| r.key() == record.key());
        let is_whole = |r: Record<'_>| {
            let vault = journal.vault.as_ref();
            r.verify_head(journal.place) && vault.is_none_or(|vault| vault.decrypt(&r).is_ok())
        };
        // Whatever is in the table was read before this record, unless an image is forged.
        let is_later = position >= record.position();
        if is_later || position < unread && !found.is_some_and(is_whole) {
            damaged.set(true);
        }
        is_same
    };
    let mut old = None;
    if !record.is_put() {
        // A removal of what isn't there changes nothing.
        let found = table.probe(hash, guard, |slot| match slot.position() {
            position if same(position) => ControlFlow::Break(position),
            _ => ControlFlow::Continue(()),
        });
        if damaged.get() {
            return Err(Refusal::Damaged);
        }
        let Ok(Some(position)) = found else { return Ok(()) };
        old = Some(position);
    }
    let slot = (record.position(), !record.is_put());
    let published = table.publish(hash, old, slot, || u64::MAX, same, guard);
    if damaged.get() {
        return Err(Refusal::Damaged);
    }
    let prior = match published.ok_or(Refusal::Crowded)?.replaced() {
        None => None,
        Some(position) => read(position).as_ref().map(PriorRecord::of),
    };
    let (put, len, expiry) = (record.is_put(), record.len(), record.expiry());
    let new = NewRecord { position: record.position(), put, len, expiry };
    let effect = apply_write(generation, incarnation, new, prior.as_ref());
    incarnation.tally(effect.tally.records, effect.tally.bytes);
    Ok(())
}

/// A record that begins, changes or ends a namespace.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NamespaceChange<'a> {
    Create { name: Result<&'a str, &'static str>, options: Result<Options, &'static str> },
    Configure { options: Result<Options, &'static str> },
    Rename { name: Result<&'a str, &'static str>, options: Result<Options, &'static str> },
    Clear { fresh: Result<u32, &'static str> },
    Drop,
}

impl<'a> NamespaceChange<'a> {
    /// Reads a record; none if it is a put, a removal or a mark. A part that can't be read is an
    /// error of its own, since a salvage can do without it.
    pub(crate) fn read(verb: Verb, key: &'a [u8], value: &[u8]) -> Option<NamespaceChange<'a>> {
        let options = || Options::read(value);
        let name = || std::str::from_utf8(key).map_err(|_| "a name is not UTF-8");
        match verb {
            Verb::Put | Verb::Remove | Verb::Mark => None,
            Verb::Create => Some(NamespaceChange::Create { name: name(), options: options() }),
            Verb::Configure if !key.is_empty() => {
                let options = Options::read_renaming(value);
                Some(NamespaceChange::Rename { name: name(), options })
            }
            Verb::Configure => Some(NamespaceChange::Configure { options: options() }),
            Verb::Clear => {
                let fresh = varint::get_all(value).and_then(|id| u32::try_from(id).ok());
                let fresh = fresh.ok_or("a clear names no incarnation");
                Some(NamespaceChange::Clear { fresh })
            }
            Verb::Drop => Some(NamespaceChange::Drop),
        }
    }
}
