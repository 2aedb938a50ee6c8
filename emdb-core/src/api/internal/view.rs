//! One state of a namespace, to read for as long as wanted: of a database, of a snapshot, or of a
//! transaction with what it has written until then.

use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use crate::api::namespace::Namespace;
use crate::api::snapshot::Snapshot;
use crate::api::transaction::TransactionNamespace;
use crate::cursor::range::Bounds;
use crate::cursor::{End, Overlay, Walk};
use crate::engine::read::ReadView;
use crate::error::Result;
use crate::mvcc::names::Incarnation;
use crate::mvcc::write_set::Sorted;

use crate::api::internal::{CATALOGUE, child_name};

/// A namespace in one state.
#[derive(Clone)]
pub struct View {
    view: ReadView,
    base: Option<Arc<Incarnation>>,
    staged: Option<Sorted>,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("view", &self.view).finish_non_exhaustive()
    }
}

impl View {
    /// What is committed now.
    pub fn now(ns: &Namespace) -> Result<View> {
        let view = ns.engine().read_view();
        ns.engine().order_later(view.incarnation(&ns.state).as_deref());
        let view = View::at(view, ns);
        // Not before the view is there: a drop in between would show what it ended.
        ns.state.check()?;
        Ok(view)
    }

    fn at(view: ReadView, ns: &Namespace) -> View {
        let base = view.incarnation(&ns.state);
        View { view, base, staged: None }
    }

    /// Another namespace in the same state, which is not that of a transaction.
    pub fn beside(&self, ns: &Namespace) -> View {
        ns.engine().order_later(self.view.incarnation(&ns.state).as_deref());
        View::at(self.view.clone(), ns)
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
        let (engine, view) = snapshot.view();
        let seen = view.namespaces(engine).into_iter().filter(|state| !state.is_internal());
        let mut seen: Vec<_> =
            seen.map(|state| (state.name.clone(), engine.wants_order(&state))).collect();
        seen.sort();
        seen
    }

    fn named(snapshot: &Snapshot, name: &str) -> View {
        let (engine, view) = snapshot.view();
        let state = view.namespace(engine, name);
        let base = state.and_then(|state| view.incarnation(&state));
        View { view: view.clone(), base, staged: None }
    }

    pub(crate) fn with_staged(
        view: &ReadView,
        base: &Option<Arc<Incarnation>>,
        staged: Sorted,
    ) -> View {
        View { view: view.clone(), base: base.clone(), staged: Some(staged) }
    }

    /// The value of `key`, lent.
    pub fn read<R>(&self, key: &[u8], take: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        self.entry(key, |value, _| take(value))
    }

    /// The value of `key`, lent, and when it expires.
    pub fn entry<R>(
        &self,
        key: &[u8],
        take: impl FnOnce(&[u8], Option<u64>) -> R,
    ) -> Result<Option<R>> {
        if let Some(staged) = self.staged.as_ref().and_then(|s| s.get(key)) {
            let live = staged.live(self.view.now());
            return Ok(live.map(|value| take(value, staged.expiry)));
        }
        let Some(base) = &self.base else { return Ok(None) };
        let Some(record) = self.view.find(base, key)? else { return Ok(None) };
        let entry = self.view.reader().checked(record, || self.view.now())?;
        Ok(entry.map(|entry| take(entry.value(), entry.expiry())))
    }

    /// Whether `key` is there. Its value isn't read.
    pub fn contains(&self, key: &[u8]) -> Result<bool> {
        if let Some(staged) = self.staged.as_ref().and_then(|s| s.get(key)) {
            return Ok(staged.live(self.view.now()).is_some());
        }
        let found = self.base.as_ref().map(|base| self.view.find(base, key)).transpose()?;
        Ok(found.flatten().is_some())
    }

    /// When `key`, if it is there, expires.
    pub fn expiry(&self, key: &[u8]) -> Result<Option<u64>> {
        if let Some(staged) = self.staged.as_ref().and_then(|s| s.get(key)) {
            return Ok(staged.value.as_ref().and(staged.expiry));
        }
        let Some(base) = &self.base else { return Ok(None) };
        self.view.expiry(base, key)
    }

    /// The number of records; expired ones count until they are swept.
    pub fn count(&self) -> Result<usize> {
        let base = self.base.as_ref().and_then(|base| base.records_at(self.view.watermark()));
        let mut count = base.unwrap_or(0);
        for (key, staged) in self.staged.iter().flat_map(|staged| staged.iter()) {
            let stored = match &self.base {
                Some(base) => self.view.stored(base, key)?.is_some(),
                None => false,
            };
            count = count + u64::from(staged.value.is_some()) - u64::from(stored);
        }
        Ok(count as usize)
    }

    /// All records, in order if the namespace has one.
    pub fn scan(&self) -> Result<Scan> {
        let walk = Walk::over(self.view.clone(), self.base.clone())?;
        Ok(self.overlaid(walk, Bounds::all()))
    }

    /// The records of a range, in order, of an ordered namespace.
    pub fn range(&self, (low, high): (Bound<Vec<u8>>, Bound<Vec<u8>>)) -> Result<Scan> {
        let bounds = Bounds { low, high };
        let walk = Walk::range(self.view.clone(), self.base.clone(), bounds.clone())?;
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
                walk.with_overlay(Overlay::new(staged.clone(), self.view.now(), bounds))
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
