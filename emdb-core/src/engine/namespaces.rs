//! Opening, clearing and dropping namespaces, and what all of them hold together.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::engine::Engine;
use crate::engine::append_lock::Access;
use crate::engine::lookup::Present;
use crate::engine::write_op::{Change, WriteOp};
use crate::error::{Error, Result};
use crate::format::options::Options;
use crate::format::record::Verb;
use crate::format::varint;
use crate::index::ordered::Order;
use crate::mvcc::incarnation::Incarnation;
use crate::mvcc::names;
use crate::mvcc::namespace::{INTERNAL, NamespaceState};

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

    /// A namespace of this name that holds nothing and is not listed: for whoever only reads.
    pub(crate) fn absent_namespace(&self, name: &str, options: Options) -> Arc<NamespaceState> {
        // No record has this id.
        let nothing = Incarnation::new(u32::MAX);
        if options.ordered {
            nothing.order.get_or_init(Order::empty);
        }
        let guard = crossbeam_epoch::pin();
        let handle = self.generation(&guard);
        let state = NamespaceState::new(name.to_owned(), handle, Arc::new(nothing));
        state.set_options(options);
        Arc::new(state)
    }

    pub(crate) fn existing(&self, name: &str) -> Option<Arc<NamespaceState>> {
        self.names.lock().live.get(name).cloned()
    }

    /// Opens the namespace or begins it.
    pub(crate) fn open_namespace(
        self: &Arc<Engine>,
        name: &str,
        options: Options,
    ) -> Result<Arc<NamespaceState>> {
        if options.ordered {
            self.allow_ordering();
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
        let mut commit = self.begin_commit(Access::Plain)?;
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
        let create = control(Verb::Create, name.as_bytes(), options.bytes());
        commit.write(&mut [WriteOp::control(&state, fresh.id, create, Some(fresh))])?;
        // Not before the commit: a name that is found leads to a namespace that is there.
        self.names.lock().live.insert(name.to_owned(), state.clone());
        commit.finish()?;
        Ok(state)
    }

    /// Gives the namespace what `options` ask for beyond what it has.
    pub(crate) fn configure(&self, state: &Arc<NamespaceState>, options: Options) -> Result<()> {
        if !options.ordered || state.is_ordered() {
            return Ok(());
        }
        let mut commit = self.begin_commit(Access::Plain)?;
        state.check()?;
        if state.is_ordered() {
            return Ok(());
        }
        let current = state.current(&crossbeam_epoch::pin()).clone();
        let configure = control(Verb::Configure, &[], options.bytes());
        commit.write(&mut [WriteOp::control(state, current.id, configure, None)])?;
        // Under the lock, so that no commit is half noted.
        current.order.get_or_init(Order::unbuilt);
        state.set_options(options);
        commit.finish()
    }

    /// Ends the namespace with its internal children and its entry in the catalogue; tells
    /// whether it existed.
    pub(crate) fn drop_namespace(&self, name: &str) -> Result<bool> {
        let mut commit = self.begin_commit(Access::Plain)?;
        let Some(parent) = self.existing(name) else { return Ok(false) };
        let family = self.family(&parent);
        let guard = crossbeam_epoch::pin();
        let entry = match self.existing(names::CATALOGUE) {
            Some(c) if self.find(&c, name.as_bytes(), &guard)?.is_some() => Some(c),
            _ => None,
        };
        let mut ops = Vec::new();
        for (i, state) in family.iter().enumerate() {
            ops.push(WriteOp::drop(state, i + 1 == family.len() && entry.is_none()));
        }
        if let Some(catalogue) = &entry {
            ops.push(WriteOp::write(catalogue, Change::remove(name.as_bytes()))?);
        }
        commit.write(&mut ops)?;
        drop(ops);
        if self.forget_dropped(&family) {
            commit.keep_dropped();
        }
        drop(guard);
        commit.finish()?;
        Ok(true)
    }

    /// The catalogue, if it has an entry of this name, with that.
    pub(crate) fn catalogued(&self, name: &str) -> Result<Option<(Arc<NamespaceState>, Vec<u8>)>> {
        let Some(catalogue) = self.existing(names::CATALOGUE) else { return Ok(None) };
        let guard = crossbeam_epoch::pin();
        let entry = self.get(&catalogue, name.as_bytes(), &guard)?;
        let entry = entry.map(|(entry, _)| entry.value().to_vec());
        Ok(entry.map(|entry| (catalogue, entry)))
    }

    /// Takes the names of namespaces that a commit has dropped; tells whether a view may still see one.
    pub(crate) fn forget_dropped(&self, dropped: &[Arc<NamespaceState>]) -> bool {
        let guard = crossbeam_epoch::pin();
        let handle = self.generation(&guard);
        let mut names = self.names.lock();
        let mut seen = false;
        for state in dropped {
            names.remove(state);
            if state.is_seen(&handle.generation.views) {
                names.dropped.push(state.clone());
                seen = true;
            } else {
                state.let_go(&guard);
            }
        }
        seen
    }

    /// Empties the namespace and its internal children.
    pub(crate) fn clear(&self, namespace: &Arc<NamespaceState>) -> Result<()> {
        let mut commit = self.begin_commit(Access::Plain)?;
        namespace.check()?;
        let family = self.family(namespace);
        let clears = family.iter().map(|s| self.prepare_clear(s)).collect::<Result<Vec<_>>>()?;
        let mut ops = Vec::new();
        for (i, clear) in clears.iter().enumerate() {
            ops.push(clear.op(i + 1 == clears.len()));
        }
        commit.write(&mut ops)?;
        drop(ops);
        commit.finish()
    }

    /// A namespace with its internal children.
    pub(crate) fn family(&self, parent: &Arc<NamespaceState>) -> Vec<Arc<NamespaceState>> {
        let mut family = vec![parent.clone()];
        if !parent.is_internal() {
            let prefix = names::child_prefix(&parent.name);
            let names = self.names.lock();
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
        let names = self.names.lock();
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
        let names = self.names.lock();
        let live =
            |state: &Arc<NamespaceState>| state.current(&guard).live_bytes.load(Ordering::Relaxed);
        names.live.values().map(live).sum()
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

    pub(crate) fn op(&self, ends_commit: bool) -> WriteOp<'_> {
        let former = self.target.current(&crossbeam_epoch::pin()).id;
        let clear = control(Verb::Clear, &[], &self.id[..self.id_len]).ending_commit(ends_commit);
        WriteOp::control(&self.target, former, clear, Some(self.fresh.clone()))
    }
}

impl<'a> WriteOp<'a> {
    /// The end of a namespace.
    pub(crate) fn drop(target: &'a Arc<NamespaceState>, ends_commit: bool) -> WriteOp<'a> {
        let id = target.current(&crossbeam_epoch::pin()).id;
        let drop = control(Verb::Drop, &[], &[]).ending_commit(ends_commit);
        WriteOp::control(target, id, drop, None)
    }
}

/// A record about a namespace, as a commit of its own.
pub(super) fn control<'a>(verb: Verb, key: &'a [u8], value: &'a [u8]) -> Change<'a> {
    Change { verb, key, value, expiry: None, ends_commit: true }
}
