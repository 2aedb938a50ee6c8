//! The one way in which anything is written.
//!
//! A commit is prepared outside the lock (lengths, hash, checksums). Under it: find what each
//! record replaces, reserve space, encode, put in place, publish the index slots, and last move
//! the watermark, by which readers see all of it at once. What can fail comes before what readers
//! can see.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use crossbeam_epoch::Guard;

use crate::crypto::Framing;
use crate::engine::Engine;
use crate::engine::write_op::{PriorRecord, WriteOp};
use crate::error::{Error, Result};
use crate::format::place::Place;
use crate::format::record::Verb;
use crate::index::hash::{MAX_ALIKE, MAX_RECORDS, Published};
use crate::index::ordered::Order;
use crate::journal::writer::Tail;
use crate::mvcc::generation::{Generation, GenerationHandle};
use crate::mvcc::names::Incarnation;
use crate::mvcc::views::ViewRegistry;
use crate::os::sync::{lock, wait};

/// How far ahead index lines are asked for.
const AHEAD: usize = 8;

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// A plain call, which waits for another thread's transaction.
    Plain,
    /// One that is to be the next transaction.
    Next,
    /// The transaction that is open.
    Owner,
}

impl Engine {
    /// Takes the tail for writing.
    pub(crate) fn enter(&self, access: Access) -> Result<MutexGuard<'_, Tail>> {
        if self.read_only {
            return Err(Error::ReadOnly);
        }
        if self.process.is_forked_child() {
            return Err(Error::config(
                "this process was forked from the one that opened the database; open it anew",
            ));
        }
        let mut tail = lock(&self.tail);
        if access != Access::Owner && (tail.owner.is_some() || tail.favoured > 0) {
            tail = self.wait_for_turn_to_write(tail, access)?;
        }
        self.check_health()?;
        Ok(tail)
    }

    /// Waits until no transaction is open. Whoever waited while one ran comes before the next one,
    /// or a thread that runs one after the other would let nobody in.
    #[cold]
    fn wait_for_turn_to_write<'s>(
        &'s self,
        mut tail: MutexGuard<'s, Tail>,
        access: Access,
    ) -> Result<MutexGuard<'s, Tail>> {
        if tail.owner == Some(std::thread::current().id()) {
            return Err(Error::TransactionActive);
        }
        let mut counted = false;
        loop {
            if tail.owner.is_some() {
                tail.waiting += usize::from(!counted);
                counted = true;
            } else if counted || tail.favoured == 0 || access == Access::Plain {
                break;
            }
            tail = wait(&self.idle, tail);
        }
        if counted {
            tail.waiting -= 1;
            tail.favoured = tail.favoured.saturating_sub(1);
            if tail.favoured == 0 {
                self.idle.notify_all();
            }
        }
        Ok(tail)
    }

    /// Commits `ops`, as one. On the disk each operation that says so ends a commit: a crash may leave
    /// the ones up to there. All but a copy that is not in use yet say so on the last one alone.
    pub(crate) fn commit(&self, ops: &mut [WriteOp<'_>], access: Access) -> Result<()> {
        let mut tail = self.enter(access)?;
        let linked = self.commit_linked(&mut tail, ops);
        drop(tail);
        linked.finish(self)
    }

    /// What follows each commit, outside the lock.
    pub(crate) fn committed(&self) -> Result<()> {
        self.maintain_if_due();
        self.durability.after_commit(self)
    }

    /// As [`Engine::commit`], for a caller that holds the tail and goes on with
    /// [`Engine::committed`].
    pub(crate) fn commit_locked(&self, tail: &mut Tail, ops: &mut [WriteOp<'_>]) -> Result<()> {
        let guard = crossbeam_epoch::pin();
        let handle = self.generation(&guard);
        let bound = self.resolve(ops, handle, &guard)?;
        if ops.iter().all(|op| op.void) {
            return Ok(());
        }
        end_commits(ops);
        let generation = &*handle.generation;
        let medium = &*generation.medium;
        let (start, room) = tail.reserve_for(generation, ops.len(), bound)?;
        let end = encode(generation, tail, ops, (start, room));
        if let Err((error, uncertain)) = tail.complete(medium, &generation.memory, (start, end)) {
            if uncertain {
                self.poison();
            }
            return Err(error);
        }
        let tallies = self.publish(generation, tail, ops, (start, end), &guard)?;
        tallies.apply(end, &generation.views);
        tail.skipped += start - tail.position;
        tail.position = end;
        self.data_end.0.store(generation.sequence(end), Ordering::Release);
        generation.committed.0.store(end, Ordering::Release);
        self.trim(generation, tail, ops, &guard);
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
        let (mut bound, mut added) = (0, 0);
        for at in 0..ops.len() {
            if let Some(later) = ops.get(at + AHEAD).filter(|s| s.is_write()) {
                later.incarnation(guard).table.prefetch(later.hash, guard);
            }
            let op = &mut ops[at];
            if op.fresh.is_none() || op.verb == Verb::Clear {
                op.target.check()?;
                let current = op.target.current(guard);
                if op.id != current.id {
                    // Cleared since the operation was prepared.
                    op.prepare(current.id);
                }
            }
            if op.is_write() && op.fresh.is_none() {
                let incarnation = op.target.current(guard);
                reader.make_ready(&incarnation.table, op.hash, guard)?;
                let prior = match op.absent {
                    true => None,
                    false => reader.newest(
                        &incarnation.table,
                        op.prepared.stored_key(),
                        op.hash,
                        guard,
                    )?,
                };
                op.prior = prior.as_ref().map(PriorRecord::of);
                if op.verb == Verb::Put && !op.prior.is_some_and(|p| p.put) {
                    let records = incarnation.records.load(Ordering::Relaxed);
                    if records.saturating_add(added) >= MAX_RECORDS {
                        return Err(Error::TooLarge {
                            what: "the number of records in a namespace",
                            size: MAX_RECORDS + 1,
                            limit: MAX_RECORDS,
                        });
                    }
                    added += 1;
                }
                if let Some(record) = prior.filter(|r| op.wants_value && r.is_put()) {
                    let live = reader.checked(record, || self.clock.now())?.is_some();
                    op.prior = Some(PriorRecord { live, ..PriorRecord::of(&record) });
                }
            }
            op.void = op.verb == Verb::Remove && !op.prior.is_some_and(|p| p.put);
            if !op.void {
                bound += op.prepared.max_len();
            }
        }
        Ok(bound)
    }

    /// Points the index at the new records, which lie from `start` to `end`; gives the changes of
    /// the counts. When it fails, the journal has no such commit.
    fn publish<'s>(
        &self,
        generation: &Generation,
        tail: &mut Tail,
        ops: &'s [WriteOp<'_>],
        (start, end): (u64, u64),
        guard: &'s Guard,
    ) -> Result<Tallies<'s>> {
        // Of the same commit and key: its record was put in place just now.
        let record = |position| generation.memory.record(position);
        // Tombstones of this very commit are needed by whoever reads before the watermark moves.
        let oldest = || generation.views.oldest().min(generation.watermark());
        let mut tallies = Tallies::default();
        for op in ops.iter().filter(|op| !op.void) {
            match op.verb {
                Verb::Put | Verb::Remove => {}
                Verb::Clear => {
                    if let Some(fresh) = &op.fresh {
                        op.target.begin(fresh, op.position, guard);
                        if !tail.untrimmed.iter().any(|n| Arc::ptr_eq(n, op.target)) {
                            tail.untrimmed.push(op.target.clone());
                        }
                    }
                    continue;
                }
                Verb::Create => {
                    if let Some(fresh) = &op.fresh {
                        op.target.begin(fresh, op.position, guard);
                    }
                    continue;
                }
                Verb::Drop => {
                    op.target.mark_dropped(op.position);
                    continue;
                }
                Verb::Configure | Verb::Mark => continue,
            }
            let incarnation = op.incarnation(guard);
            let key = op.prepared.stored_key();
            let published = incarnation.table.publish(
                op.hash,
                op.prior.map(|p| p.position),
                (op.position, op.verb == Verb::Remove),
                oldest,
                |p| p >= start && p < op.position && record(p).is_some_and(|r| r.key() == key),
                guard,
            );
            let before = match (published, op.prior) {
                (Some(Published::New), _) => None,
                (Some(Published::Replaced(p)), Some(prior)) if p == prior.position => Some(prior),
                (Some(Published::Replaced(p)), _) => record(p).as_ref().map(PriorRecord::of),
                (None, _) => {
                    let (at, range) = ((ops, op), (start, end));
                    return Err(self.take_back(generation, tail, at, range));
                }
            };
            if let Some(order) = incarnation.order.get() {
                self.keep_order(generation, order, op, published, before);
            }
            let (records, bytes) = account(op, before, incarnation);
            tallies.add(incarnation, records, bytes);
        }
        Ok(tallies)
    }

    /// Takes a commit back of which the record of `op` finds no place in the index: an open would
    /// find none either, and drops it should a kill come before. By chance that does not happen;
    /// whoever knows the seed of the hash can make keys for it.
    #[cold]
    fn take_back(
        &self,
        generation: &Generation,
        tail: &mut Tail,
        (ops, op): (&[WriteOp<'_>], &WriteOp<'_>),
        (start, end): (u64, u64),
    ) -> Error {
        let mut written = ops.iter().filter(|op| !op.void);
        let is_first = written.next().is_some_and(|first| std::ptr::eq(first, op));
        // The index leads to the records before this one. The last one, which ends the commit, is
        // not among them.
        let last = written.next_back().map_or(start, |last| last.position);
        let from = if is_first { start } else { last };
        if tail.take_back(&*generation.medium, from, end).is_err() || !is_first {
            // What came next would lie where the index leads already.
            self.poison();
            return Error::Poisoned;
        }
        let what = "the number of keys in a namespace whose hashes are alike";
        let limit = MAX_ALIKE as u64;
        Error::TooLarge { what, size: limit + 1, limit }
    }

    /// Tells the order of a namespace what an operation did.
    fn keep_order(
        &self,
        generation: &Generation,
        order: &Order,
        op: &WriteOp<'_>,
        published: Option<Published>,
        before: Option<PriorRecord>,
    ) {
        if let Some(Published::Replaced(position)) = published {
            generation.superseded.set(position);
            order.note_stale();
        }
        // A key that is present has an anchor. One that was removed may have lost it.
        if op.verb == Verb::Put && !before.is_some_and(|p| p.put) && order.note(op.position) {
            self.background.settle_soon();
        }
    }

    /// Frees former incarnations and dropped namespaces that no view needs any more. After the
    /// watermark has moved, no new view can need one.
    fn trim(&self, generation: &Generation, tail: &mut Tail, ops: &[WriteOp<'_>], guard: &Guard) {
        if tail.untrimmed.is_empty() && !tail.dropped {
            return;
        }
        let gone = generation.views.gone();
        if gone == tail.trimmed_at && ops.iter().all(|s| s.verb != Verb::Clear) {
            return;
        }
        tail.trimmed_at = gone;
        let seen = |start, end| generation.views.any_between(start, end);
        tail.untrimmed.retain(|namespace| namespace.trim(seen, guard));
        if tail.dropped {
            let mut names = lock(&self.names);
            names.dropped.retain(|namespace| namespace.is_seen(&generation.views));
            tail.dropped = !names.dropped.is_empty();
        }
    }
}

/// Gives each commit an end, where what would have been its last record has turned out to be
/// nothing.
fn end_commits(ops: &mut [WriteOp<'_>]) {
    let mut last: Option<usize> = None;
    for at in 0..ops.len() {
        if !ops[at].void {
            last = Some(at);
        }
        if !ops[at].commit {
            continue;
        }
        if let Some(last) = last.take().filter(|last| *last < at) {
            let last = &mut ops[last];
            last.commit = true;
            last.prepare(last.id);
        }
    }
}

/// Encodes the records into the room that was made for them, and gives their end.
fn encode(
    generation: &Generation,
    tail: &mut Tail,
    ops: &mut [WriteOp<'_>],
    room: (u64, usize),
) -> u64 {
    if generation.vault.is_none() {
        return encode_plain(generation.place, tail, ops, room);
    }
    tail.encode(generation, room, |pen| {
        let mut continues = false;
        for op in ops.iter_mut().filter(|op| !op.void) {
            op.position = pen.position();
            let link = op.prior.map_or(0, |p| op.position - p.position);
            let (namespace, expiry) = (op.id, op.expiry);
            pen.write(&op.prepared, Framing { namespace, expiry, link, continues });
            continues = !op.commit;
        }
    })
}

/// [`encode`] where nothing is sealed. Apart, since to ask for each record whether it is would make a
/// large commit a sixth longer, by instructions.
fn encode_plain(
    place: Place,
    tail: &mut Tail,
    ops: &mut [WriteOp<'_>],
    (start, room): (u64, usize),
) -> u64 {
    let out = tail.target(start, room);
    let (mut used, mut continues) = (0, false);
    for op in ops.iter_mut().filter(|op| !op.void) {
        op.position = start + used as u64;
        let link = op.prior.map_or(0, |p| op.position - p.position);
        used += op.prepared.write(place, op.position, link, continues, &mut out[used..]);
        continues = !op.commit;
    }
    start + used as u64
}

/// What an operation changes: live records and their bytes. Expiries are kept here too.
fn account(op: &WriteOp<'_>, before: Option<PriorRecord>, incarnation: &Incarnation) -> (i64, i64) {
    let (mut records, mut bytes) = (0, 0);
    if let Some(prior) = before.filter(|p| p.put) {
        records -= 1;
        bytes -= prior.len as i64;
        if let Some(at) = prior.expiry {
            lock(&incarnation.expiries).remove(at, prior.position);
        }
    }
    if op.verb == Verb::Put {
        let link = op.prior.map_or(0, |p| op.position - p.position);
        records += 1;
        bytes += op.prepared.len(link) as i64;
        if let Some(at) = op.expiry {
            lock(&incarnation.expiries).insert(at, op.position);
        }
    }
    (records, bytes)
}

/// Changes of counts, until the commit is visible. A commit to one namespace allocates nothing.
#[derive(Default)]
struct Tallies<'s> {
    open: Option<(&'s Incarnation, i64, i64)>,
    closed: Vec<(&'s Incarnation, i64, i64)>,
}

impl<'s> Tallies<'s> {
    fn add(&mut self, incarnation: &'s Incarnation, records: i64, bytes: i64) {
        match &mut self.open {
            Some((open, r, b)) if std::ptr::eq(*open, incarnation) => {
                *r += records;
                *b += bytes;
            }
            open => self.closed.extend(open.replace((incarnation, records, bytes))),
        }
    }

    /// Readers see the counts from the watermark `end` on.
    fn apply(self, end: u64, views: &ViewRegistry) {
        for (incarnation, records, bytes) in self.closed.into_iter().chain(self.open) {
            incarnation.tally(records, bytes);
            incarnation.show_records(end, views);
        }
    }
}
