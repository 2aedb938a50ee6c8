//! Namespaces and their incarnations.
//!
//! A namespace is a name; what it holds is an incarnation, with an id that stands in each of its
//! records. Clearing ends the incarnation and begins an empty one, whatever it held. A reader
//! takes the incarnation that its watermark lies in: the former ones are kept until no view can
//! ask for them.

#![allow(unsafe_code)]

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use crossbeam_epoch::{Atomic, Guard, Owned};

use crate::error::{Error, Result};
use crate::format::options::Options;
use crate::index::expiry::Expiries;
use crate::index::hash::Table;
use crate::index::ordered::Order;
use crate::mvcc::generation::{Generation, GenerationHandle};
use crate::mvcc::views::ViewRegistry;
use crate::os::sync::lock;

/// Names that begin so belong to the library.
pub(crate) const INTERNAL: &str = "__emdb";

/// The longest name of a namespace, in bytes.
pub(crate) const MAX_NAME: usize = 255;

/// The id of the default namespace's first incarnation, which no record has to create.
pub(crate) const DEFAULT_ID: u32 = 0;

/// What a namespace holds between two clears.
#[derive(Debug)]
pub(crate) struct Incarnation {
    pub(crate) id: u32,
    /// The position of the record that began it; views above see it.
    start: AtomicU64,
    pub(crate) table: Table,
    /// The order of the keys, in ordered namespaces.
    pub(crate) order: OnceLock<Order>,
    /// Records that are not removed; expired ones count until they are swept. For the writer.
    pub(crate) records: AtomicU64,
    /// The same for readers.
    count: Count,
    /// Bytes of those records in the journal.
    pub(crate) live_bytes: AtomicU64,
    /// Expiry and position of each of those records that has an expiry.
    pub(crate) expiries: Mutex<Expiries>,
}

impl Incarnation {
    pub(crate) fn new(id: u32) -> Incarnation {
        Incarnation {
            id,
            start: AtomicU64::new(0),
            table: Table::new(),
            order: OnceLock::new(),
            records: AtomicU64::new(0),
            count: Count::default(),
            live_bytes: AtomicU64::new(0),
            expiries: Mutex::default(),
        }
    }

    /// Changes the counts; called by the one writer alone.
    pub(crate) fn tally(&self, records: i64, bytes: i64) {
        let add = |to: &AtomicU64, change: i64| {
            to.store(to.load(Ordering::Relaxed).wrapping_add_signed(change), Ordering::Release);
        };
        add(&self.records, records);
        add(&self.live_bytes, bytes);
    }

    /// Lets readers from the watermark `from` on see the present number of records. Called by
    /// the one writer alone, before the watermark moves there.
    pub(crate) fn show_records(&self, from: u64, views: &ViewRegistry) {
        self.count.show(from, self.records.load(Ordering::Relaxed), views);
    }

    /// The number of records at `watermark`; none if that is not registered as a view and two
    /// commits have changed it since.
    #[inline]
    pub(crate) fn records_at(&self, watermark: u64) -> Option<u64> {
        self.count.at(watermark)
    }
}

/// A number at the two latest watermarks that changed it and at those that are looked at, so that
/// a reader finds the one that goes with its own.
#[derive(Debug, Default)]
struct Count {
    /// How often it changed. The latest number is in the slot of its parity.
    changes: AtomicU64,
    /// From which watermark on, and the number.
    slots: [(AtomicU64, AtomicU64); 2],
    /// Earlier ones that a view can see: from which watermark on, up to which, and the number.
    seen: Mutex<Vec<(u64, u64, u64)>>,
}

impl Count {
    fn show(&self, from: u64, number: u64, views: &ViewRegistry) {
        let latest = self.changes.load(Ordering::Relaxed);
        let slot = &self.slots[latest as usize % 2];
        if slot.0.load(Ordering::Relaxed) == from {
            // The same commit once more. The other slot has what there is until then, which a view
            // can still begin to look at.
            slot.1.store(number, Ordering::Release);
            return;
        }
        let changes = latest + 1;
        let slot = &self.slots[changes as usize % 2];
        // What the slot held until now. No view of it can come any more.
        let former = slot.0.load(Ordering::Relaxed);
        let until = self.slots[(changes as usize + 1) % 2].0.load(Ordering::Relaxed);
        if views.any_in(former, until) {
            let mut seen = lock(&self.seen);
            seen.retain(|&(from, until, _)| views.any_in(from, until));
            seen.push((former, until, slot.1.load(Ordering::Relaxed)));
        }
        // Whoever reads the new number finds its watermark, too, and that it is too late.
        slot.0.store(from, Ordering::Relaxed);
        slot.1.store(number, Ordering::Release);
        self.changes.store(changes, Ordering::Release);
    }

    #[inline]
    fn at(&self, watermark: u64) -> Option<u64> {
        let latest = self.changes.load(Ordering::Acquire);
        let recent = [latest, latest + 1].into_iter().find_map(|change| {
            let slot = &self.slots[change as usize % 2];
            let number = slot.1.load(Ordering::Acquire);
            (slot.0.load(Ordering::Relaxed) <= watermark).then_some(number)
        });
        recent.or_else(|| {
            let seen = lock(&self.seen);
            let mut fitting = seen.iter().filter(|s| s.0 <= watermark && watermark < s.1);
            fitting.next().map(|s| s.2)
        })
    }
}

/// The incarnations of a namespace in one generation.
#[derive(Debug)]
pub(crate) struct NamespaceVersions {
    pub(crate) handle: GenerationHandle,
    pub(crate) current: Arc<Incarnation>,
    /// Newest first.
    former: Vec<Arc<Incarnation>>,
}

impl NamespaceVersions {
    /// What a view at `watermark` sees. `None` when the namespace began after it, or when the
    /// caller's view is not registered and the incarnation has gone meanwhile.
    #[inline]
    pub(crate) fn at(&self, watermark: u64) -> Option<&Arc<Incarnation>> {
        let seen = |i: &&Arc<Incarnation>| i.start.load(Ordering::Relaxed) < watermark;
        Some(&self.current).filter(seen).or_else(|| self.former.iter().find(seen))
    }
}

/// A namespace.
#[derive(Debug)]
pub(crate) struct NamespaceState {
    pub(crate) name: String,
    versions: Atomic<NamespaceVersions>,
    /// The positions of the records that created and dropped it.
    created: AtomicU64,
    dropped: AtomicU64,
    /// Stored: the namespace keeps its keys in order.
    ordered: AtomicBool,
    /// What the layer above keeps for all handles; it goes with the namespace.
    pub(crate) attached: Attached,
}

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
        NamespaceState { name, versions, created: AtomicU64::new(0), dropped, ordered, attached }
    }

    /// What it holds and held, of the latest generation.
    #[inline]
    pub(crate) fn versions<'g>(&self, guard: &'g Guard) -> &'g NamespaceVersions {
        // SAFETY: never null; one that is replaced is destroyed when no guard that could have
        // loaded it is left.
        unsafe { self.versions.load(Ordering::Acquire, guard).deref() }
    }

    /// What a writer writes to.
    #[inline]
    pub(crate) fn current<'g>(&self, guard: &'g Guard) -> &'g Arc<Incarnation> {
        &self.versions(guard).current
    }

    /// Begins `fresh` at `start`. Called by the one writer alone, as are the following.
    pub(crate) fn begin(&self, fresh: &Arc<Incarnation>, start: u64, guard: &Guard) {
        fresh.start.store(start, Ordering::Relaxed);
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
        let mut end = versions.current.start.load(Ordering::Relaxed);
        for incarnation in &versions.former {
            let start = incarnation.start.load(Ordering::Relaxed);
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

    fn member(self: &Arc<NamespaceState>, guard: &Guard) -> Member {
        let versions = self.versions(guard);
        Member {
            state: self.clone(),
            dropped: self.dropped.load(Ordering::Acquire),
            incarnations: std::iter::once(&versions.current)
                .chain(&versions.former)
                .cloned()
                .collect(),
        }
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

/// All namespaces that exist, the default one (with an empty name) and internal ones among them.
pub(crate) type Live = BTreeMap<String, Arc<NamespaceState>>;

/// All namespaces.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) live: Live,
    /// Those that were dropped and that a view may still see.
    pub(crate) dropped: Vec<Arc<NamespaceState>>,
    /// Those that were dropped and that somebody may still have a handle of.
    pub(crate) gone: Vec<Weak<NamespaceState>>,
}

/// What one namespace was to the views of a generation.
#[derive(Debug)]
struct Member {
    state: Arc<NamespaceState>,
    /// The position of the record that dropped it, or the largest number.
    dropped: u64,
    /// Newest first.
    incarnations: Vec<Arc<Incarnation>>,
}

impl Member {
    fn at(&self, watermark: u64) -> Option<&Arc<Incarnation>> {
        let mut all = self.incarnations.iter();
        all.find(|i| i.start.load(Ordering::Relaxed) < watermark)
    }
}

/// All namespaces as the views of a generation see them that has been replaced.
#[derive(Debug)]
pub(crate) struct Retired(Vec<Member>);

impl Retired {
    pub(crate) fn of(names: &Names, guard: &Guard) -> Retired {
        let all = names.live.values().chain(&names.dropped);
        Retired(all.map(|state| state.member(guard)).collect())
    }

    /// What `namespace` held at `watermark`.
    pub(crate) fn incarnation(
        &self,
        namespace: &NamespaceState,
        watermark: u64,
    ) -> Option<&Arc<Incarnation>> {
        let mut of_it = self.0.iter().filter(|m| std::ptr::eq(&*m.state, namespace));
        of_it.find_map(|member| member.at(watermark))
    }

    fn seen(&self, watermark: u64) -> Vec<Arc<NamespaceState>> {
        let seen = |m: &&Member| m.dropped >= watermark && m.at(watermark).is_some();
        self.0.iter().filter(seen).map(|m| m.state.clone()).collect()
    }
}

impl Names {
    /// Notes that the namespace has been dropped.
    pub(crate) fn remove(&mut self, state: &Arc<NamespaceState>) {
        self.live.remove(&state.name);
        if self.gone.len() == self.gone.capacity() {
            // Before it grows.
            self.gone.retain(|gone| gone.strong_count() > 0);
        }
        self.gone.push(Arc::downgrade(state));
    }

    /// The namespaces that there were at `watermark` of `generation`.
    pub(crate) fn seen(
        &self,
        generation: &Arc<Generation>,
        watermark: u64,
    ) -> Vec<Arc<NamespaceState>> {
        if let Some(retired) = generation.retired.get() {
            return retired.seen(watermark);
        }
        let guard = crossbeam_epoch::pin();
        let outlives = |s: &NamespaceState| s.dropped.load(Ordering::Acquire) >= watermark;
        let all = self.live.values().chain(&self.dropped);
        all.filter(|s| outlives(s) && s.versions(&guard).at(watermark).is_some()).cloned().collect()
    }

    /// The namespace that had this name then.
    pub(crate) fn at(
        &self,
        name: &str,
        generation: &Arc<Generation>,
        watermark: u64,
    ) -> Option<Arc<NamespaceState>> {
        if let Some(retired) = generation.retired.get() {
            return retired.seen(watermark).into_iter().find(|s| s.name == name);
        }
        let guard = crossbeam_epoch::pin();
        let outlives = |s: &NamespaceState| s.dropped.load(Ordering::Acquire) >= watermark;
        let known = self.dropped.iter().filter(|s| s.name == name).chain(self.live.get(name));
        let mut seen = known.filter(|s| outlives(s) && s.versions(&guard).at(watermark).is_some());
        seen.next().cloned()
    }
}

/// Whether a user may give a namespace this name.
pub(crate) fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(Error::config(format!(
            "a namespace's name has 1 to {MAX_NAME} bytes, this one has {}",
            name.len()
        )));
    }
    if name.starts_with(INTERNAL) {
        return Err(Error::config(format!(
            "names that begin with {INTERNAL:?} are the library's own; choose another than {name:?}"
        )));
    }
    Ok(())
}

/// The name of the internal namespace that keeps an entry for each namespace that is a typed
/// table; the entry goes with its namespace.
pub(crate) const CATALOGUE: &str = "__emdb:catalogue";

/// What the names of all internal children of the namespace `parent` begin with. The length makes
/// it unambiguous.
pub(crate) fn child_prefix(parent: &str) -> String {
    format!("{INTERNAL}:child:{}:{parent}:", parent.len())
}
