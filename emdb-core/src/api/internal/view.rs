//! One state of a namespace, to read for as long as wanted: of a database, of a snapshot, or of a
//! transaction with what it has written until then.

use std::fmt;
use std::ops::Bound;

use crate::api::namespace::Namespace;
use crate::api::snapshot::Snapshot;
use crate::api::transaction::TransactionNamespace;
use crate::cursor::end::End;
use crate::cursor::namespace_view::{NamespaceView, PinnedNamespace, StagedWrites};
use crate::cursor::range::Bounds;
use crate::cursor::walk::Walk;
use crate::engine::lookahead;
use crate::engine::written_since::WrittenSince;
use crate::error::{Error, Result};
use crate::mvcc::names::{CATALOGUE, child_name};
use crate::mvcc::namespace::INTERNAL;
use crate::mvcc::sorted_writes::SortedWrites;

/// A namespace in one state.
#[derive(Clone)]
pub struct View {
    pinned: PinnedNamespace,
    staged: Option<SortedWrites>,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("pinned", &self.pinned).finish_non_exhaustive()
    }
}

impl View {
    /// The state that is committed now.
    pub fn now(ns: &Namespace) -> Result<View> {
        let pinned = ns.pinned()?;
        ns.engine().order_later(pinned.incarnation.as_deref());
        Ok(View { pinned, staged: None })
    }

    /// Another namespace in the same state, which is not that of a transaction.
    pub fn beside(&self, ns: &Namespace) -> View {
        let view = self.pinned.view.clone();
        let incarnation = view.incarnation(&ns.state);
        ns.engine().order_later(incarnation.as_deref());
        let pinned = PinnedNamespace { view, incarnation, ordered: ns.is_ordered() };
        View { pinned, staged: None }
    }

    /// Another namespace in the same state, which is that of a snapshot, if it has had its name from then to
    /// now. `None` for a state from before `since`, or before a compaction, or of another database, and for a
    /// namespace that was dropped or renamed: then [`View::of`] looks for the name.
    pub fn named_beside(&self, ns: &Namespace, since: u64) -> Option<View> {
        let view = &self.pinned.view;
        if view.sequence() < since {
            return None;
        }
        let incarnation = Some(view.incarnation_named(&ns.state)?);
        let pinned = PinnedNamespace { view: view.clone(), incarnation, ordered: ns.is_ordered() };
        Some(View { pinned, staged: None })
    }

    /// The default namespace in a snapshot.
    pub fn default_of(snapshot: &Snapshot) -> View {
        View { pinned: snapshot.pinned.clone(), staged: None }
    }

    /// A namespace with the writes of a transaction until now.
    pub fn staged(namespace: &TransactionNamespace) -> Result<View> {
        namespace.view()?;
        let (pinned, writes) = (namespace.pinned.clone(), &namespace.writes);
        let staged = Some(writes.sorted(pinned.view.now()));
        Ok(View { pinned, staged })
    }

    /// The child `name` of the namespace `parent` in a snapshot.
    pub fn child_of(snapshot: &Snapshot, parent: &str, name: &str) -> View {
        View::of(snapshot, &child_name(parent, name))
    }

    /// The namespace of this name in a snapshot; an empty one if there was none.
    pub fn of(snapshot: &Snapshot, name: &str) -> View {
        View { pinned: snapshot.internal(name).pinned, staged: None }
    }

    /// The catalogue in a snapshot.
    pub fn catalogue(snapshot: &Snapshot) -> View {
        View::of(snapshot, CATALOGUE)
    }

    /// The names of all namespaces in a snapshot, sorted, the default one (with an empty name)
    /// first, but for internal ones; and whether they are ordered.
    pub fn names(snapshot: &Snapshot) -> Vec<(String, bool)> {
        let all = snapshot.namespaces().into_iter();
        let own = all.filter(|seen| !seen.name.starts_with(INTERNAL));
        let mut names: Vec<_> = own.map(|seen| (seen.name, seen.ordered)).collect();
        names.sort();
        names
    }

    /// Appends the keys of the namespace that were written since this state, and since the last call
    /// with this `reached`, which begins as 0. Tells whether these are all: not if the namespace
    /// was cleared meanwhile, or the file compacted, or if this is a state of a transaction.
    pub fn written_since(
        &self,
        ns: &Namespace,
        reached: &mut u64,
        keys: &mut Vec<Vec<u8>>,
    ) -> Result<bool> {
        let PinnedNamespace { view, incarnation: Some(incarnation), .. } = &self.pinned else {
            return Ok(false);
        };
        let mut since = WrittenSince::new(view, incarnation, *reached);
        since.read(|key| keys.push(key.to_vec()))?;
        *reached = since.reached();
        // Last, since a compaction can come in between; not so while the caller is the only writer.
        Ok(self.staged.is_none() && since.is_of(&ns.state))
    }

    #[inline]
    fn reads(&self) -> NamespaceView<'_> {
        match &self.staged {
            None => self.pinned.committed(),
            Some(staged) => self.pinned.with(StagedWrites::Sorted(staged)),
        }
    }

    /// The value of `key`, borrowed.
    pub fn read<R>(&self, key: &[u8], take: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        self.entry(key, |value, _| take(value))
    }

    /// The value of `key`, borrowed, and when it expires.
    #[inline]
    pub fn entry<R>(
        &self,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>> {
        self.reads().read(key, take)
    }

    /// Calls `each` with the keys, in their order, and the value of each, borrowed, if it is there.
    /// They are looked up beside each other. The first error ends it.
    pub fn read_each<'k, E: From<Error>>(
        &self,
        keys: impl IntoIterator<Item = &'k [u8]>,
        mut each: impl FnMut(&'k [u8], Option<&[u8]>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        self.reads().read_each(keys, |key, value| each(key, value))
    }

    /// Asks for the memory in which the values of keys lie that are read next.
    pub fn will_read<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) {
        if let Some(incarnation) = &self.pinned.incarnation {
            lookahead::prefetch(&self.pinned.view, incarnation, keys);
        }
    }

    /// Whether `key` is there. Its value isn't read.
    pub fn contains(&self, key: &[u8]) -> Result<bool> {
        self.reads().contains(key)
    }

    /// When `key`, if it is there, expires.
    pub fn expiry(&self, key: &[u8]) -> Result<Option<u64>> {
        self.reads().expiry(key)
    }

    /// The number of records; expired ones count until they are swept.
    pub fn count(&self) -> Result<usize> {
        self.reads().len()
    }

    /// All records, in order if the namespace has one.
    pub fn scan(&self) -> Result<Scan> {
        self.reads().walk().map(Scan)
    }

    /// At most so many of the committed records, from all over the namespace, in no order. Its cost
    /// is bounded, whatever there is, and no order is built for it.
    pub fn sample(&self, records: usize) -> Result<Scan> {
        self.pinned.sample(records).map(Scan)
    }

    /// The records of a range, in order, of an ordered namespace.
    pub fn range(&self, (low, high): (Bound<Vec<u8>>, Bound<Vec<u8>>)) -> Result<Scan> {
        self.reads().walk_range(Bounds { low, high }).map(Scan)
    }

    /// The records whose keys begin with `prefix`, in order, of an ordered namespace.
    pub fn prefix(&self, prefix: &[u8]) -> Result<Scan> {
        self.reads().walk_range(Bounds::prefix(prefix)).map(Scan)
    }
}

/// A walk over a [`View`], from one end or both.
#[derive(Debug)]
pub struct Scan(Walk);

impl Scan {
    /// Values are not wanted, and not verified.
    #[must_use]
    pub fn without_values(self) -> Scan {
        Scan(self.0.without_values())
    }

    /// The next key and value from the front, borrowed.
    #[inline]
    pub fn forward(&mut self) -> Option<Result<(&[u8], &[u8])>> {
        self.step(End::Front)
    }

    /// The next key and value from the back, borrowed. A view without order has one end.
    #[inline]
    pub fn backward(&mut self) -> Option<Result<(&[u8], &[u8])>> {
        self.step(End::Back)
    }

    #[inline(always)]
    fn step(&mut self, end: End) -> Option<Result<(&[u8], &[u8])>> {
        if self.0.is_ready(end) {
            return self.0.give(end).map(Ok);
        }
        self.step_further(end)
    }

    #[inline(never)]
    fn step_further(&mut self, end: End) -> Option<Result<(&[u8], &[u8])>> {
        if !self.0.go(end) {
            return self.0.status().err().map(Err);
        }
        self.0.here().map(Ok)
    }
}
