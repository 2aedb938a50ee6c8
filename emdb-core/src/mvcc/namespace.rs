//! Namespaces and their versions.
//!
//! A namespace is a name; what it holds is an incarnation, with an id that stands in each of its
//! records. Clearing ends the incarnation and begins an empty one, whatever it held. A reader
//! takes the incarnation that its watermark lies in: the former ones are kept until no view can
//! ask for them.

#![allow(unsafe_code)]

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crossbeam_epoch::{Atomic, Guard, Owned};

use crate::error::{Error, Result};
use crate::format::options::Options;
use crate::mvcc::generation::{Generation, GenerationHandle};
use crate::mvcc::incarnation::{DEFAULT_ID, Incarnation};
use crate::mvcc::retired::Member;
use crate::mvcc::views::ViewRegistry;

/// Names that begin so belong to the library.
pub(crate) const INTERNAL: &str = "__emdb";

/// The incarnations of a namespace in one generation.
#[derive(Debug)]
pub(crate) struct NamespaceVersions {
    pub(crate) handle: GenerationHandle,
    pub(crate) current: Arc<Incarnation>,
    /// Newest first.
    former: Vec<Arc<Incarnation>>,
}

impl NamespaceVersions {
    /// The incarnation that a view at `watermark` sees. `None` when the namespace began after it,
    /// or when the caller's view is not registered and the incarnation has gone meanwhile.
    #[inline]
    pub(crate) fn at(&self, watermark: u64) -> Option<&Arc<Incarnation>> {
        let seen = |i: &&Arc<Incarnation>| i.start() < watermark;
        Some(&self.current).filter(seen).or_else(|| self.former.iter().find(seen))
    }
}

/// A namespace.
#[derive(Debug)]
pub(crate) struct NamespaceState {
    /// No other namespace of the process has it.
    id: u64,
    pub(crate) name: String,
    versions: Atomic<NamespaceVersions>,
    /// The positions of the records that created and dropped it.
    created: AtomicU64,
    dropped: AtomicU64,
    /// Stored: the namespace keeps its keys in order.
    ordered: AtomicBool,
    /// The value that the layer above keeps for all handles; it goes with the namespace.
    pub(crate) attached: Attached,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// A value of a type that is not known here.
#[derive(Default)]
pub(crate) struct Attached(pub(crate) OnceLock<Arc<dyn Any + Send + Sync>>);

impl fmt::Debug for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attached").finish_non_exhaustive()
    }
}

impl NamespaceState {
    pub(crate) fn new(
        name: String,
        handle: &GenerationHandle,
        incarnation: Arc<Incarnation>,
    ) -> NamespaceState {
        let versions =
            NamespaceVersions { handle: handle.clone(), current: incarnation, former: Vec::new() };
        let versions = Atomic::new(versions);
        let (dropped, ordered) = (AtomicU64::new(u64::MAX), AtomicBool::new(false));
        let attached = Attached::default();
        let (id, created) = (NEXT_ID.fetch_add(1, Ordering::Relaxed), AtomicU64::new(0));
        NamespaceState { id, name, versions, created, dropped, ordered, attached }
    }

    /// The same namespace under another name. To no view it is there yet.
    pub(crate) fn renamed(&self, name: String, guard: &Guard) -> NamespaceState {
        let versions = self.versions(guard);
        let state = NamespaceState::new(name, &versions.handle, versions.current.clone());
        state.set_options(Options { ordered: self.is_ordered() });
        state
    }

    /// From `at` on it is there under its name, and `former` no more under that one. Called by the one
    /// writer alone.
    pub(crate) fn succeed(&self, former: &NamespaceState, at: u64) {
        self.created.store(at, Ordering::Release);
        former.mark_dropped(at);
    }

    /// The reverse, when nothing has come of it.
    pub(crate) fn give_back(&self, former: &NamespaceState) {
        self.mark_dropped(0);
        former.mark_dropped(u64::MAX);
    }

    /// Its incarnations in the latest generation, the present one and former ones.
    #[inline]
    pub(crate) fn versions<'g>(&self, guard: &'g Guard) -> &'g NamespaceVersions {
        // SAFETY: never null; one that is replaced is destroyed when no guard that could have
        // loaded it is left.
        unsafe { self.versions.load(Ordering::Acquire, guard).deref() }
    }

    /// The incarnation that a writer writes to.
    #[inline]
    pub(crate) fn current<'g>(&self, guard: &'g Guard) -> &'g Arc<Incarnation> {
        &self.versions(guard).current
    }

    /// The latest generation, and the incarnation in it that is written to.
    pub(crate) fn now(&self) -> (GenerationHandle, Arc<Incarnation>) {
        let guard = crossbeam_epoch::pin();
        let versions = self.versions(&guard);
        (versions.handle.clone(), versions.current.clone())
    }

    /// Begins `fresh` at `start`. Called by the one writer alone, as are the following.
    pub(crate) fn begin(&self, fresh: &Arc<Incarnation>, start: u64, guard: &Guard) {
        fresh.begin_at(start);
        let versions = self.versions(guard);
        if Arc::ptr_eq(&versions.current, fresh) {
            self.created.store(start, Ordering::Relaxed);
            return;
        }
        let former = std::iter::once(&versions.current).chain(&versions.former).cloned().collect();
        self.replace(
            NamespaceVersions { handle: versions.handle.clone(), current: fresh.clone(), former },
            guard,
        );
    }

    /// Lets go of former incarnations but those for which `seen` says that a view lies behind
    /// their start and not behind their end; tells whether any is left.
    pub(crate) fn trim(&self, seen: impl Fn(u64, u64) -> bool, guard: &Guard) -> bool {
        let versions = self.versions(guard);
        let mut former = Vec::new();
        let mut end = versions.current.start();
        for incarnation in &versions.former {
            let start = incarnation.start();
            if seen(start, end) {
                former.push(incarnation.clone());
            }
            end = start;
        }
        let left = !former.is_empty();
        if former.len() < versions.former.len() {
            let (handle, current) = (versions.handle.clone(), versions.current.clone());
            self.replace(NamespaceVersions { handle, current, former }, guard);
        }
        left
    }

    fn replace(&self, versions: NamespaceVersions, guard: &Guard) {
        let former = self.versions.swap(Owned::new(versions), Ordering::AcqRel, guard);
        // SAFETY: out of reach for new readers; present ones hold guards.
        unsafe { guard.defer_destroy(former) };
        // It can be the last that holds an index, or a generation. This thread would keep it until it has
        // replaced many more.
        guard.flush();
    }

    /// Lets go of all that it held: it has been dropped, and no view sees it. Somebody may have a handle
    /// of it for long.
    pub(crate) fn let_go(&self, guard: &Guard) {
        let handle = self.versions(guard).handle.clone();
        self.carry(&handle, &Arc::new(Incarnation::new(DEFAULT_ID)), guard);
    }

    pub(crate) fn mark_dropped(&self, position: u64) {
        self.dropped.store(position, Ordering::Release);
    }

    /// Goes on in another generation, as `current`, which holds the same. Called by the one writer
    /// alone, when it is known what views of the former one see.
    pub(crate) fn carry(
        &self,
        handle: &GenerationHandle,
        current: &Arc<Incarnation>,
        guard: &Guard,
    ) {
        self.created.store(0, Ordering::Relaxed);
        let (handle, current) = (handle.clone(), current.clone());
        self.replace(NamespaceVersions { handle, current, former: Vec::new() }, guard);
    }

    /// Whether a view may still see the namespace, which has been dropped.
    pub(crate) fn is_seen(&self, views: &ViewRegistry) -> bool {
        let created = self.created.load(Ordering::Relaxed);
        views.any_between(created, self.dropped.load(Ordering::Relaxed))
    }

    /// The namespace as the views of its generation see it. The database orders what it is told to,
    /// and with `orders_all` every namespace but internal ones.
    pub(super) fn member(&self, guard: &Guard, orders_all: bool) -> Member {
        let versions = self.versions(guard);
        let all = std::iter::once(&versions.current).chain(&versions.former);
        Member {
            namespace: self.id,
            name: self.name.clone(),
            stored_options: Options { ordered: self.is_ordered() },
            ordered: self.is_ordered() || orders_all && !self.is_internal(),
            created: self.created.load(Ordering::Acquire),
            dropped: self.dropped.load(Ordering::Acquire),
            incarnations: all.cloned().collect(),
        }
    }

    /// The incarnation that a view at `watermark` of `generation` sees.
    pub(crate) fn incarnation_at(
        &self,
        generation: &Arc<Generation>,
        watermark: u64,
    ) -> Option<Arc<Incarnation>> {
        let guard = crossbeam_epoch::pin();
        let versions = self.versions(&guard);
        if versions.handle.is(generation) {
            return versions.at(watermark).cloned();
        }
        // The journal has been compacted since.
        generation.retired.get()?.incarnation(self.id, watermark).cloned()
    }

    /// The same, if the namespace has had its name from then to now, and the journal has not been compacted
    /// meanwhile.
    pub(crate) fn seen_at(
        &self,
        generation: &Arc<Generation>,
        watermark: u64,
    ) -> Option<Arc<Incarnation>> {
        let guard = crossbeam_epoch::pin();
        let versions = self.versions(&guard);
        // Where it was dropped is not asked: that may be a position in another journal by now.
        let is_there = self.created.load(Ordering::Acquire) < watermark && self.check().is_ok();
        let is_seen = is_there && versions.handle.is(generation);
        is_seen.then(|| versions.at(watermark).cloned()).flatten()
    }

    pub(crate) fn set_options(&self, options: Options) {
        self.ordered.store(options.ordered, Ordering::Release);
    }

    pub(crate) fn is_ordered(&self) -> bool {
        self.ordered.load(Ordering::Acquire)
    }

    #[inline]
    pub(crate) fn check(&self) -> Result<()> {
        if self.dropped.load(Ordering::Acquire) != u64::MAX {
            return Err(Error::NamespaceDropped);
        }
        Ok(())
    }

    pub(crate) fn is_internal(&self) -> bool {
        self.name.starts_with(INTERNAL)
    }
}

impl Drop for NamespaceState {
    fn drop(&mut self) {
        // SAFETY: nobody else holds the namespace.
        unsafe {
            let versions = self.versions.load(Ordering::Relaxed, crossbeam_epoch::unprotected());
            drop(versions.into_owned());
        }
    }
}
