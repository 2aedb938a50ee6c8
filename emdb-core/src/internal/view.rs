//! One state of a namespace, to read for as long as wanted: of a database, of a snapshot, or of a
//! transaction with what it has written until then.

use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use crate::error::Result;
use crate::namespace::Namespace;
use crate::range::Bounds;
use crate::snapshot::Snapshot;
use crate::staged::SortedWrites;
use crate::store::names::Incarnation;
use crate::store::read::Held;
use crate::transaction::TransactionNamespace;
use crate::walk::{End, Overlay, Walk};

use super::{CATALOGUE, child_name};

/// A namespace in one state.
#[derive(Clone)]
pub struct View {
    held: Held,
    base: Option<Arc<Incarnation>>,
    staged: Option<SortedWrites>,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("held", &self.held).finish_non_exhaustive()
    }
}

impl View {
    /// What is committed now.
    pub fn now(ns: &Namespace) -> Result<View> {
        let held = ns.store().hold();
        ns.store().order_later(held.incarnation(&ns.state).as_deref());
        let view = View::at(held, ns);
        // Not before the view is there: a drop in between would show what it ended.
        ns.state.check()?;
        Ok(view)
    }

    fn at(held: Held, ns: &Namespace) -> View {
        let base = held.incarnation(&ns.state);
        View { held, base, staged: None }
    }

    /// Another namespace in the same state, which is not that of a transaction.
    pub fn beside(&self, ns: &Namespace) -> View {
        ns.store().order_later(self.held.incarnation(&ns.state).as_deref());
        View::at(self.held.clone(), ns)
    }

    /// A namespace with what a transaction has written to it.
    pub fn staged(namespace: &TransactionNamespace) -> Result<View> {
        namespace.view()
    }

    /// The child `name` of the namespace `parent` in a snapshot.
    pub fn child_of(snapshot: &Snapshot, parent: &str, name: &str) -> View {
        View::named(snapshot, &child_name(parent, name))
    }

    /// The namespace of this name in a snapshot; an empty one if there was none.
    pub fn of(snapshot: &Snapshot, name: &str) -> View {
        View::named(snapshot, name)
    }

    /// The catalogue in a snapshot.
    pub fn catalogue(snapshot: &Snapshot) -> View {
        View::named(snapshot, CATALOGUE)
    }

    /// The names of all namespaces in a snapshot, sorted, the default one (with an empty name)
    /// first, but for internal ones; and whether they are ordered.
    pub fn names(snapshot: &Snapshot) -> Vec<(String, bool)> {
        let (store, held) = snapshot.held();
        let seen = held.namespaces(store).into_iter().filter(|state| !state.is_internal());
        let mut seen: Vec<_> =
            seen.map(|state| (state.name.clone(), store.wants_order(&state))).collect();
        seen.sort();
        seen
    }

    fn named(snapshot: &Snapshot, name: &str) -> View {
        let (store, held) = snapshot.held();
        let state = held.namespace(store, name);
        let base = state.and_then(|state| held.incarnation(&state));
        View { held: held.clone(), base, staged: None }
    }

    pub(crate) fn with_staged(
        held: &Held,
        base: &Option<Arc<Incarnation>>,
        staged: SortedWrites,
    ) -> View {
        View { held: held.clone(), base: base.clone(), staged: Some(staged) }
    }

    /// The value of `key`, lent.
    pub fn read<R>(&self, key: &[u8], take: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        self.entry(key, |value, _| take(value))
    }

    /// The value of `key`, lent, and when it expires.
    #[inline]
    pub fn entry<R>(
        &self,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>> {
        if let Some(staged) = self.staged.as_ref().and_then(|s| s.get(key)) {
            let live = staged.live(self.held.now());
            return Ok(live.map(|value| take(value, staged.expiry)));
        }
        let Some(base) = &self.base else { return Ok(None) };
        let Some(record) = self.held.find(base, key)? else { return Ok(None) };
        let entry = self.held.reader().checked(record, || self.held.now())?;
        Ok(entry.map(|entry| take(entry.value(), entry.expiry())))
    }

    /// Whether `key` is there. Its value isn't read.
    pub fn contains(&self, key: &[u8]) -> Result<bool> {
        if let Some(staged) = self.staged.as_ref().and_then(|s| s.get(key)) {
            return Ok(staged.live(self.held.now()).is_some());
        }
        let found = self.base.as_ref().map(|base| self.held.find(base, key)).transpose()?;
        Ok(found.flatten().is_some())
    }

    /// When `key`, if it is there, expires.
    pub fn expiry(&self, key: &[u8]) -> Result<Option<u64>> {
        if let Some(staged) = self.staged.as_ref().and_then(|s| s.get(key)) {
            return Ok(staged.value.as_ref().and(staged.expiry));
        }
        let Some(base) = &self.base else { return Ok(None) };
        self.held.expiry(base, key)
    }

    /// The number of records; expired ones count until they are swept.
    pub fn count(&self) -> Result<usize> {
        let base = self.base.as_ref().and_then(|base| base.records_at(self.held.watermark()));
        let mut count = base.unwrap_or(0);
        for (key, staged) in self.staged.iter().flat_map(|staged| staged.iter()) {
            let stored = match &self.base {
                Some(base) => self.held.stored(base, key)?.is_some(),
                None => false,
            };
            count = count + u64::from(staged.value.is_some()) - u64::from(stored);
        }
        Ok(count as usize)
    }

    /// All records, in order if the namespace has one.
    pub fn scan(&self) -> Result<Scan> {
        let walk = Walk::over(self.held.clone(), self.base.clone())?;
        Ok(self.overlaid(walk, Bounds::all()))
    }

    /// The records of a range, in order, of an ordered namespace.
    pub fn range(&self, (low, high): (Bound<Vec<u8>>, Bound<Vec<u8>>)) -> Result<Scan> {
        let bounds = Bounds { low, high };
        let walk = Walk::range(self.held.clone(), self.base.clone(), bounds.clone())?;
        Ok(self.overlaid(walk, bounds))
    }

    /// The records whose keys begin with `prefix`, in order, of an ordered namespace.
    pub fn prefix(&self, prefix: &[u8]) -> Result<Scan> {
        let Bounds { low, high } = Bounds::prefix(prefix);
        self.range((low, high))
    }

    fn overlaid(&self, walk: Walk, bounds: Bounds) -> Scan {
        Scan(match &self.staged {
            Some(staged) => {
                walk.with_overlay(Overlay::new(staged.clone(), self.held.now(), bounds))
            }
            None => walk,
        })
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

    /// The next key and value from the front, lent.
    #[inline]
    pub fn forward(&mut self) -> Option<Result<(&[u8], &[u8])>> {
        self.step(End::Front)
    }

    /// The next key and value from the back, lent. What has no order has one end.
    #[inline]
    pub fn backward(&mut self) -> Option<Result<(&[u8], &[u8])>> {
        self.step(End::Back)
    }

    #[inline]
    fn step(&mut self, end: End) -> Option<Result<(&[u8], &[u8])>> {
        if !self.0.go(end) {
            return self.0.status().err().map(Err);
        }
        self.0.here().map(Ok)
    }
}
