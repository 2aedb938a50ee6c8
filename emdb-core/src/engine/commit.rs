//! The one way in which anything is written.
//!
//! A commit is prepared outside the lock (lengths, hash, checksums). Under it: find what each
//! record replaces, reserve space, encode, put in place, publish the index slots, and last move the
//! watermark, by which readers see all of it at once. Steps that can fail come before those that
//! readers can see.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_epoch::Guard;

use crate::crypto::Framing;
use crate::engine::Engine;
use crate::engine::append_lock::{Access, Append};
use crate::engine::apply::{NewRecord, PriorRecord, Tally, apply_write};
use crate::engine::reader::Reader;
use crate::engine::write_op::{Finding, WriteOp};
use crate::error::{Error, Result};
use crate::format::image::{self, NOTE_LEN};
use crate::format::place::Place;
use crate::format::record::Verb;
use crate::index::hash::slot::Likely;
use crate::index::hash::table::{ALIKE_MAX_KEYS, MAX_RECORDS};
use crate::journal::durability::SyncGuard;
use crate::journal::record_writer::MarkOf;
use crate::journal::writer::{Extent, JournalWriter, Link, Room};
use crate::mvcc::generation::{Generation, GenerationHandle};
use crate::mvcc::incarnation::Incarnation;
use crate::mvcc::views::ViewRegistry;
use crate::os::ranked::RankedGuard;

/// The distance ahead at which buckets of the index are asked for; at half of it, the records that are
/// replaced.
const AHEAD_RECORDS: usize = 8;

/// A commit in the making: the door to the journal, which holds the append lock.
#[must_use = "what follows a commit is done by finish()"]
pub(crate) struct Commit<'e> {
    engine: &'e Engine,
    /// None once it was let go.
    append: Option<RankedGuard<'e, Append>>,
    /// A sync that was begun with the write, and the journal's end of then.
    linked: Option<(SyncGuard<'e>, u64)>,
}

impl Engine {
    /// Commits `ops`, as one. On the disk each operation that says so ends a commit: a crash may leave
    /// the ones up to there. All but a copy that is not in use yet say so on the last one alone.
    pub(crate) fn commit(&self, ops: &mut [WriteOp<'_>], access: Access) -> Result<()> {
        let mut commit = self.begin_commit(access)?;
        commit.write(ops)?;
        commit.finish()
    }

    /// Takes the append lock for a commit.
    #[inline]
    pub(crate) fn begin_commit(&self, access: Access) -> Result<Commit<'_>> {
        let append = Some(self.lock_for_writing(access)?);
        Ok(Commit { engine: self, append, linked: None })
    }

    /// The same for one of the many commits of a long call, whose writers come first who wait by
    /// now.
    #[cfg_attr(not(feature = "ttl"), allow(dead_code))]
    pub(crate) fn begin_batch(&self) -> Result<Commit<'_>> {
        let append = Some(self.lock_for_batch()?);
        Ok(Commit { engine: self, append, linked: None })
    }
}

impl<'e> Commit<'e> {
    /// Whether what is written now goes to this generation.
    #[cfg_attr(not(feature = "ttl"), allow(dead_code))]
    pub(crate) fn is_in(&self, handle: &GenerationHandle) -> bool {
        self.engine.generation(&crossbeam_epoch::pin()).is(&handle.generation)
    }

    /// Makes a commit of `ops`, visible when this returns.
    pub(crate) fn write(&mut self, ops: &mut [WriteOp<'_>]) -> Result<()> {
        debug_assert!(self.linked.is_none(), "a sync behind the first write covers no second one");
        if self.engine.durability.writes_through() {
            return self.write_linked(ops);
        }
        match &mut self.append {
            Some(append) => self.engine.append(append, ops),
            None => Err(Error::Poisoned),
        }
    }

    /// The same, with a sync begun behind the write on a medium that can.
    #[inline(never)]
    fn write_linked(&mut self, ops: &mut [WriteOp<'_>]) -> Result<()> {
        let Some(append) = &mut self.append else { return Err(Error::Poisoned) };
        let handle = self.engine.generation(&crossbeam_epoch::pin()).clone();
        let guard = self.engine.durability.guard_for_linked_sync(&handle.generation.journal);
        let Some(guard) = guard else { return self.engine.append(append, ops) };
        append.writer.link = Link::Wanted;
        let done = self.engine.append(append, ops);
        let begun = std::mem::replace(&mut append.writer.link, Link::Apart) == Link::Begun;
        if begun {
            // To be waited for in any case, without the lock.
            self.linked = Some((guard, append.writer.position));
        }
        done
    }

    /// Appends a checkpoint's note; gives its position. It counts as data: it has to be as durable as
    /// the checkpoint.
    pub(crate) fn append_note(&mut self, note: &[u8; NOTE_LEN]) -> Result<u64> {
        let Some(append) = &mut self.append else { return Err(Error::Poisoned) };
        let handle = self.engine.generation(&crossbeam_epoch::pin()).clone();
        let journal = &handle.generation.journal;
        match append.writer.append_mark(journal, MarkOf::Note(note)) {
            Ok(extent) => {
                self.engine.set_data_end(journal.sequence(extent.end));
                // A session may begin before it.
                Ok(extent.end - image::note_len(journal.vault.is_some()))
            }
            Err(failure) => {
                if failure.uncertain {
                    self.engine.durability.poison();
                }
                Err(failure.error)
            }
        }
    }

    /// Repeats the mark of the time behind a note.
    pub(crate) fn repeat_mark_of_time(&mut self) -> Result<()> {
        match &mut self.append {
            Some(append) => self.engine.repeat_mark(append),
            None => Err(Error::Poisoned),
        }
    }

    /// Notes that a view may still see a namespace that this commit dropped or gave another name.
    pub(crate) fn keep_dropped(&mut self) {
        if let Some(append) = &mut self.append {
            append.unneeded.note_dropped();
        }
    }

    /// Lets the lock go, and does what follows a commit.
    #[inline]
    pub(crate) fn finish(self) -> Result<()> {
        self.finish_after(|| ())
    }

    /// The same, with `unlock` called once the lock is let go.
    #[inline]
    pub(crate) fn finish_after(mut self, unlock: impl FnOnce()) -> Result<()> {
        self.append = None;
        unlock();
        match self.linked.take() {
            None => self.engine.sync_if_due()?,
            Some((guard, upto)) => {
                self.engine.durability.finish_linked_sync(self.engine, guard, upto)?;
            }
        }
        self.engine.tell_of_growth();
        Ok(())
    }
}

impl Drop for Commit<'_> {
    fn drop(&mut self) {
        if let Some((guard, upto)) = self.linked.take() {
            // Of a commit that failed, which says so.
            self.append = None;
            let _ = self.engine.durability.finish_linked_sync(self.engine, guard, upto);
        }
    }
}

impl Engine {
    /// Makes a commit, from the records to the watermark.
    fn append(&self, append: &mut Append, ops: &mut [WriteOp<'_>]) -> Result<()> {
        let guard = crossbeam_epoch::pin();
        let handle = self.generation(&guard);
        let max_bytes = self.resolve(ops, handle, &guard)?;
        if ops.iter().all(|op| op.void) {
            return Ok(());
        }
        end_commits(ops);
        let generation = &*handle.generation;
        let journal = &generation.journal;
        if self.clock.owes_mark() {
            self.mark_time(journal, append)?;
        }
        let room = self.room_for(journal, &mut append.writer, ops, max_bytes)?;
        let extent = encode(generation, &mut append.writer, ops, room);
        debug_assert!(extent.end <= room.start + room.bytes as u64, "no more than was reserved");
        if let Err(failure) = append.writer.complete(journal, extent) {
            if failure.uncertain {
                self.durability.poison();
            }
            return Err(failure.error);
        }
        let tallies = self.publish(generation, append, ops, extent, &guard)?;
        tallies.apply(extent.end, &generation.views);
        append.writer.advance(extent);
        self.set_data_end(journal.sequence(extent.end));
        journal.commit(extent.end);
        self.trim(generation, append, ops, &guard);
        Ok(())
    }

    /// Finds what each operation replaces; gives the bytes that all of them take at the most.
    fn resolve(
        &self,
        ops: &mut [WriteOp<'_>],
        handle: &GenerationHandle,
        guard: &Guard,
    ) -> Result<usize> {
        let reader = self.reader(handle);
        let (mut max_bytes, mut added) = (0, 0);
        for at in 0..ops.len() {
            if let Some(later) = ops.get(at + AHEAD_RECORDS).filter(|op| op.is_write()) {
                later.incarnation(guard).table.prefetch(later.hash, guard);
            }
            if let Some(soon) = ops.get_mut(at + AHEAD_RECORDS / 2) {
                look_ahead(soon, reader, guard);
            }
            let op = &mut ops[at];
            if op.fresh.is_none() || op.verb == Verb::Clear {
                op.target.check()?;
                let current = op.target.current(guard);
                if op.id != current.id {
                    // Cleared since the operation was prepared.
                    op.prepare(current.id);
                    op.prior = None;
                }
            }
            if op.is_write() && op.fresh.is_none() {
                let incarnation = op.target.current(guard);
                let (table, key) = (&incarnation.table, op.prepared.stored_key());
                reader.make_ready(table, op.hash, guard)?;
                let prior = match op.finding {
                    Finding::Search => reader.newest(table, key, op.hash, guard)?,
                    Finding::Absent => None,
                    Finding::Known => {
                        op.prior = op.prior.filter(|p| table.leads_to(op.hash, p.position, guard));
                        None
                    }
                };
                if op.finding != Finding::Known {
                    op.prior = prior.as_ref().map(PriorRecord::of);
                }
                if op.verb == Verb::Put && !op.prior.is_some_and(|p| p.put) {
                    check_records(incarnation, added)?;
                    added += 1;
                }
                if let Some(record) = prior.filter(|r| op.wants_value && r.is_put()) {
                    let live = reader.checked(record, |at| self.clock.has_passed(at))?.is_some();
                    op.prior = op.prior.map(|prior| PriorRecord { live, ..prior });
                }
            }
            op.void = op.verb == Verb::Remove && !op.prior.is_some_and(|p| p.put);
            if !op.void {
                max_bytes += op.prepared.max_len();
            }
        }
        Ok(max_bytes)
    }

    /// Points the index at the new records, which lie in `extent`; gives the changes of the counts.
    /// When it fails, the journal has no such commit.
    fn publish<'s>(
        &self,
        generation: &Generation,
        append: &mut Append,
        ops: &'s [WriteOp<'_>],
        extent: Extent,
        guard: &'s Guard,
    ) -> Result<Tallies<'s>> {
        // Of the same commit and key: its record was put in place just now.
        let record = |position| generation.journal.memory.record(position);
        // Tombstones of this very commit are needed by whoever reads before the watermark moves.
        let oldest = || generation.views.oldest().min(generation.watermark());
        let mut tallies = Tallies::default();
        for (at, op) in ops.iter().enumerate().filter(|(_, op)| !op.void) {
            if !op.is_write() {
                self.change_namespace(append, op, guard);
                continue;
            }
            if let Some(later) = ops.get(at + AHEAD_RECORDS).filter(|op| op.is_write()) {
                // In a large commit it has left the cache since it was resolved.
                later.incarnation(guard).table.prefetch(later.hash, guard);
            }
            debug_assert!(
                op.position >= extent.start && op.position < extent.end,
                "nothing is published outside of what was written"
            );
            let incarnation = op.incarnation(guard);
            let key = op.prepared.stored_key();
            let published = incarnation.table.publish(
                op.hash,
                op.prior.map(|p| p.position),
                (op.position, op.verb == Verb::Remove),
                oldest,
                |p| {
                    p >= extent.start
                        && p < op.position
                        && record(p).is_some_and(|r| r.key() == key)
                },
                guard,
            );
            let Some(published) = published else {
                return Err(self.take_back(generation, append, (ops, op), extent));
            };
            let prior = match (published.replaced(), op.prior) {
                (None, _) => None,
                (Some(p), Some(prior)) if p == prior.position => Some(prior),
                (Some(p), _) => record(p).as_ref().map(PriorRecord::of),
            };
            let link = op.prior.map_or(0, |p| op.position - p.position);
            let (put, len) = (op.verb == Verb::Put, op.prepared.len(link));
            let new = NewRecord { position: op.position, put, len, expiry: op.expiry };
            let effect = apply_write(generation, incarnation, new, prior.as_ref());
            if effect.wants_settling {
                self.background.settle_soon();
            }
            tallies.add(incarnation, effect.tally);
        }
        Ok(tallies)
    }

    /// Begins or ends an incarnation, for views from the end of this commit on.
    fn change_namespace(&self, append: &mut Append, op: &WriteOp<'_>, guard: &Guard) {
        match (op.verb, &op.fresh) {
            (Verb::Create, Some(fresh)) => op.target.begin(fresh, op.position, guard),
            (Verb::Clear, Some(fresh)) => {
                op.target.begin(fresh, op.position, guard);
                let untrimmed = &mut append.unneeded.untrimmed;
                let place = Arc::as_ptr(op.target) as usize;
                untrimmed.entry(place).or_insert_with(|| op.target.clone());
                self.growth.tell();
            }
            (Verb::Drop, _) => {
                op.target.mark_dropped(op.position);
                self.growth.tell();
            }
            (Verb::Create | Verb::Clear, None) | (Verb::Configure, _) => {}
            (Verb::Put | Verb::Remove | Verb::Mark, _) => {}
        }
    }

    /// Takes a commit back of which the record of `op` finds no place in the index: an open would
    /// find none either, and drops it should a kill come before. By chance that does not happen;
    /// whoever knows the seed of the hash can make keys for it.
    #[cold]
    fn take_back(
        &self,
        generation: &Generation,
        append: &mut Append,
        (ops, op): (&[WriteOp<'_>], &WriteOp<'_>),
        extent: Extent,
    ) -> Error {
        let mut written = ops.iter().filter(|op| !op.void);
        let is_first = written.next().is_some_and(|first| std::ptr::eq(first, op));
        // The index leads to the records before this one. The last one, which ends the commit, is
        // not among them.
        let last = written.next_back().map_or(extent.start, |last| last.position);
        let start = if is_first { extent.start } else { last };
        let unseen = Extent { start, ..extent };
        if append.writer.take_back(&generation.journal, unseen).is_err() || !is_first {
            // The next record would lie where the index leads already.
            self.durability.poison();
            return Error::Poisoned;
        }
        let what = "the number of keys in a namespace whose hashes are alike";
        let limit = ALIKE_MAX_KEYS as u64;
        Error::TooLarge { what, size: limit + 1, limit }
    }
}

/// Asks for the record that an operation is likely to replace, or notes that there is none.
#[inline]
fn look_ahead(op: &mut WriteOp<'_>, reader: Reader<'_>, guard: &Guard) {
    let is_searched = op.is_write() && op.finding == Finding::Search && op.fresh.is_none();
    let current = op.target.current(guard);
    // One that was prepared for an incarnation that has been cleared since is prepared once more.
    if !is_searched || op.id != current.id {
        return;
    }
    match current.table.likely(op.hash, guard) {
        Likely::At(prior) => reader.generation.journal.memory.prefetch_head(prior),
        Likely::Absent => op.finding = Finding::Absent,
        Likely::Elsewhere => {}
    }
}

/// Refuses a record more than a namespace takes, beside `added` others of the commit.
#[inline]
fn check_records(incarnation: &Incarnation, added: u64) -> Result<()> {
    let records = incarnation.records.load(Ordering::Relaxed);
    if records.saturating_add(added) >= MAX_RECORDS {
        return Err(Error::TooLarge {
            what: "the number of records in a namespace",
            size: MAX_RECORDS + 1,
            limit: MAX_RECORDS,
        });
    }
    Ok(())
}

/// Gives each commit an end, where what would have been its last record has turned out to be
/// nothing.
fn end_commits(ops: &mut [WriteOp<'_>]) {
    let mut last: Option<usize> = None;
    for at in 0..ops.len() {
        if !ops[at].void {
            last = Some(at);
        }
        if !ops[at].ends_commit {
            continue;
        }
        if let Some(last) = last.take().filter(|last| *last < at) {
            ops[last].end_commit();
        }
    }
}

/// Encodes the records into the room that was made for them, and tells where they lie.
fn encode(
    generation: &Generation,
    writer: &mut JournalWriter,
    ops: &mut [WriteOp<'_>],
    room: Room,
) -> Extent {
    let journal = &generation.journal;
    if journal.vault.is_none() {
        return encode_plain(journal.place, writer, ops, room);
    }
    writer.encode(journal, room, |records| {
        let mut continues = false;
        for op in ops.iter_mut().filter(|op| !op.void) {
            op.position = records.position();
            let link = op.prior.map_or(0, |p| op.position - p.position);
            let (namespace, expiry) = (op.id, op.expiry);
            records.write(&op.prepared, Framing { namespace, expiry, link, continues });
            continues = !op.ends_commit;
        }
    })
}

/// [`encode`] where nothing is sealed. Apart, since to ask for each record whether it is would make a
/// large commit a sixth longer, by instructions.
fn encode_plain(
    place: Place,
    writer: &mut JournalWriter,
    ops: &mut [WriteOp<'_>],
    room: Room,
) -> Extent {
    let (out, start) = (writer.target(room), room.start);
    let (mut used, mut continues) = (0, false);
    for op in ops.iter_mut().filter(|op| !op.void) {
        op.position = start + used as u64;
        let link = op.prior.map_or(0, |p| op.position - p.position);
        used += op.prepared.write(place, op.position, link, continues, &mut out[used..]);
        continues = !op.ends_commit;
    }
    Extent { start, end: start + used as u64 }
}

/// Changes of counts, until the commit is visible. A commit to one namespace allocates nothing.
#[derive(Default)]
struct Tallies<'s> {
    open: Option<(&'s Incarnation, Tally)>,
    closed: Vec<(&'s Incarnation, Tally)>,
}

impl<'s> Tallies<'s> {
    fn add(&mut self, incarnation: &'s Incarnation, tally: Tally) {
        match &mut self.open {
            Some((open, sum)) if std::ptr::eq(*open, incarnation) => {
                sum.records += tally.records;
                sum.bytes += tally.bytes;
            }
            open => self.closed.extend(open.replace((incarnation, tally))),
        }
    }

    /// Readers see the counts from the watermark `end` on.
    fn apply(self, end: u64, views: &ViewRegistry) {
        for (incarnation, tally) in self.closed.into_iter().chain(self.open) {
            incarnation.tally(tally.records, tally.bytes);
            incarnation.show_records(end, views);
        }
    }
}
