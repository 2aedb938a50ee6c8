//! Opening, clearing and dropping namespaces, and what all of them hold together.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::api::stats::EmdbStats;
use crate::engine::Engine;
use crate::engine::background::Background;
use crate::engine::commit::Access;
use crate::engine::read::Present;
use crate::engine::write_op::WriteOp;
use crate::error::{Error, Result};
use crate::format::options::Options;
use crate::format::record::Verb;
use crate::format::{JOURNAL_START, varint};
use crate::index::ordered::Order;
use crate::mvcc::names;
use crate::mvcc::names::{CATALOGUE, INTERNAL, Incarnation, NamespaceState};
use crate::os::sync::lock;

impl Engine {
    /// A new incarnation, with an id that no other has had. Called by the one writer alone: ids
    /// grow along the journal, where they may be skipped.
    pub(crate) fn fresh_incarnation(&self, ordered: bool) -> Result<Arc<Incarnation>> {
        let taken = self.next_id.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |id| {
            (id < u32::MAX - 1).then_some(id + 1)
        });
        let id = taken.map_err(|_| Error::TooLarge {
            what: "the number of namespaces and clears in a file's life",
            size: u64::from(u32::MAX),
            limit: u64::from(u32::MAX) - 1,
        })?;
        let incarnation = Incarnation::new(id);
        if ordered {
            incarnation.order.get_or_init(Order::empty);
        }
        Ok(Arc::new(incarnation))
    }

    pub(crate) fn existing(&self, name: &str) -> Option<Arc<NamespaceState>> {
        lock(&self.names).live.get(name).cloned()
    }

    /// Opens the namespace or begins it.
    pub(crate) fn open_namespace(
        self: &Arc<Engine>,
        name: &str,
        options: Options,
    ) -> Result<Arc<NamespaceState>> {
        if options.ordered {
            Background::start_order(self);
        }
        let state = self.open_or_begin(name, options)?;
        self.configure(&state, options)?;
        Ok(state)
    }

    /// As [`Engine::open_namespace`], but no order is built meanwhile and an existing namespace
    /// stays as it is: for a copy.
    pub(crate) fn open_or_begin(
        &self,
        name: &str,
        options: Options,
    ) -> Result<Arc<NamespaceState>> {
        if let Some(state) = self.existing(name) {
            return Ok(state);
        }
        let mut tail = self.enter(Access::Plain)?;
        if let Some(state) = self.existing(name) {
            return Ok(state);
        }
        let internal = name.starts_with(INTERNAL);
        let ordered = options.ordered || self.orders_all && !internal;
        let fresh = self.fresh_incarnation(ordered)?;
        let state = Arc::new(NamespaceState::new(
            name.to_owned(),
            self.generation(&crossbeam_epoch::pin()),
            fresh.clone(),
        ));
        state.set_options(options);
        let record = (name.as_bytes(), options.bytes());
        let op = WriteOp::control(&state, Verb::Create, fresh.id, record, Some(fresh), true);
        self.commit_locked(&mut tail, &mut [op])?;
        lock(&self.names).live.insert(name.to_owned(), state.clone());
        drop(tail);
        self.committed()?;
        Ok(state)
    }

    /// Gives the namespace what `options` ask for beyond what it has.
    pub(crate) fn configure(&self, state: &Arc<NamespaceState>, options: Options) -> Result<()> {
        if !options.ordered || state.is_ordered() {
            return Ok(());
        }
        let mut tail = self.enter(Access::Plain)?;
        state.check()?;
        if state.is_ordered() {
            return Ok(());
        }
        let current = state.current(&crossbeam_epoch::pin()).clone();
        let record = (&[][..], options.bytes());
        let op = WriteOp::control(state, Verb::Configure, current.id, record, None, true);
        self.commit_locked(&mut tail, &mut [op])?;
        // Under the lock, so that no commit is half noted.
        current.order.get_or_init(Order::unbuilt);
        state.set_options(options);
        drop(tail);
        self.committed()
    }

    /// Ends the namespace with its internal children and its entry in the catalogue; tells
    /// whether it existed.
    pub(crate) fn drop_namespace(&self, name: &str) -> Result<bool> {
        let mut tail = self.enter(Access::Plain)?;
        let Some(parent) = self.existing(name) else { return Ok(false) };
        let family = self.family(&parent);
        let guard = crossbeam_epoch::pin();
        let entry = match self.existing(CATALOGUE) {
            Some(c) if self.find(&c, name.as_bytes(), &guard)?.is_some() => Some(c),
            _ => None,
        };
        let mut ops = Vec::new();
        for (i, state) in family.iter().enumerate() {
            let id = state.current(&crossbeam_epoch::pin()).id;
            let last = i + 1 == family.len() && entry.is_none();
            ops.push(WriteOp::control(state, Verb::Drop, id, (&[], &[]), None, last));
        }
        if let Some(catalogue) = &entry {
            let record = (name.as_bytes(), &[][..]);
            ops.push(WriteOp::write(catalogue, Verb::Remove, record, None, true)?);
        }
        self.commit_locked(&mut tail, &mut ops)?;
        let mut names = lock(&self.names);
        for state in family {
            names.remove(&state);
            if state.is_seen(&self.generation(&guard).generation.views) {
                tail.dropped = true;
                names.dropped.push(state);
            }
        }
        drop((names, guard, tail));
        self.committed()?;
        Ok(true)
    }

    /// Empties the namespace and its internal children.
    pub(crate) fn clear(&self, namespace: &Arc<NamespaceState>) -> Result<()> {
        let mut tail = self.enter(Access::Plain)?;
        namespace.check()?;
        let family = self.family(namespace);
        let clears = family.iter().map(|s| self.prepare_clear(s)).collect::<Result<Vec<_>>>()?;
        let mut ops = Vec::new();
        for (i, clear) in clears.iter().enumerate() {
            ops.push(clear.op(i + 1 == clears.len()));
        }
        self.commit_locked(&mut tail, &mut ops)?;
        drop(tail);
        self.committed()
    }

    /// A namespace with its internal children.
    pub(crate) fn family(&self, parent: &Arc<NamespaceState>) -> Vec<Arc<NamespaceState>> {
        let mut family = vec![parent.clone()];
        if !parent.is_internal() {
            let prefix = names::child_prefix(&parent.name);
            let names = lock(&self.names);
            let children =
                names.live.range(prefix.clone()..).take_while(|(n, _)| n.starts_with(&prefix));
            family.extend(children.map(|(_, state)| state.clone()));
        }
        family
    }

    pub(crate) fn prepare_clear(&self, target: &Arc<NamespaceState>) -> Result<Clear> {
        let fresh = self.fresh_incarnation(self.wants_order(target))?;
        let mut id = [0; 5];
        let id_len = varint::put(u64::from(fresh.id), &mut id);
        Ok(Clear { target: target.clone(), fresh, id, id_len })
    }

    /// The names that users gave, sorted.
    pub(crate) fn list_namespaces(&self) -> Vec<String> {
        let names = lock(&self.names);
        names
            .live
            .values()
            .filter(|s| !s.name.is_empty() && !s.is_internal())
            .map(|s| s.name.clone())
            .collect()
    }

    /// Live records of the namespace.
    pub(crate) fn len(&self, namespace: &NamespaceState) -> Result<usize> {
        let guard = crossbeam_epoch::pin();
        loop {
            let Present { incarnation, watermark, .. } = self.present(namespace, &guard)?;
            if let Some(records) = incarnation.records_at(watermark) {
                return Ok(records as usize);
            }
        }
    }

    /// Bytes of the journal that live records take.
    pub(crate) fn live_bytes(&self) -> u64 {
        let guard = crossbeam_epoch::pin();
        let names = lock(&self.names);
        let live =
            |state: &Arc<NamespaceState>| state.current(&guard).live_bytes.load(Ordering::Relaxed);
        names.live.values().map(live).sum()
    }

    pub(crate) fn stats(&self) -> Result<EmdbStats> {
        let (position, allocated, skipped) = {
            let tail = lock(&self.tail);
            (tail.position, tail.allocated, tail.skipped)
        };
        let logical = position - skipped;
        let handle = self.generation(&crossbeam_epoch::pin()).clone();
        let mut stats = EmdbStats::new(handle.generation.medium.backend());
        stats.encrypted = handle.generation.vault.is_some();
        drop(handle);
        let mut live_bytes = 0;
        {
            let guard = crossbeam_epoch::pin();
            let states: Vec<_> = lock(&self.names).live.values().cloned().collect();
            for state in &states {
                let incarnation = state.current(&guard);
                let order = incarnation.order.get().map_or(0, Order::bytes);
                stats.index_bytes += (incarnation.table.bytes() + order) as u64;
                live_bytes += incarnation.live_bytes.load(Ordering::Relaxed);
                if !state.is_internal() {
                    stats.namespace_count += 1;
                    stats.live_records += incarnation.records.load(Ordering::Relaxed);
                }
            }
        }
        stats.compactions = self.compactions.load(Ordering::Relaxed);
        stats.compaction_failures = self.compaction_failures.load(Ordering::Relaxed);
        stats.compaction_pause = Duration::from_micros(self.pause.load(Ordering::Relaxed));
        stats.range_scans_enabled = self.orders_all;
        stats.logical_size_bytes = logical;
        stats.dead_bytes = (logical - JOURNAL_START).saturating_sub(live_bytes);
        stats.file_size_bytes = allocated;
        stats.preallocated_bytes = allocated.saturating_sub(logical);
        stats.syncs = self.durability.syncs.load(Ordering::Relaxed);
        stats.checkpoints = self.checkpoints.taken.load(Ordering::Relaxed);
        stats.checkpoint_failures = self.checkpoints.failures.load(Ordering::Relaxed);
        stats.background_failures = self.durability.background_failures.load(Ordering::Relaxed);
        Ok(stats)
    }
}

/// A clear on its way into a commit.
pub(crate) struct Clear {
    target: Arc<NamespaceState>,
    pub(crate) fresh: Arc<Incarnation>,
    id: [u8; 5],
    id_len: usize,
}

impl Clear {
    pub(crate) fn is_of(&self, namespace: &Arc<NamespaceState>) -> bool {
        Arc::ptr_eq(&self.target, namespace)
    }

    pub(crate) fn op(&self, last: bool) -> WriteOp<'_> {
        let former = self.target.current(&crossbeam_epoch::pin()).id;
        let record = (&[][..], &self.id[..self.id_len]);
        WriteOp::control(&self.target, Verb::Clear, former, record, Some(self.fresh.clone()), last)
    }
}
