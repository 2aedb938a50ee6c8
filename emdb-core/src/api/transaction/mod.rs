//! Transactions: writes that are staged, and committed as one or not at all.

mod frame;
mod namespace;
mod parts;
mod savepoint;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::api::namespace::Namespace;
use crate::engine::Engine;
use crate::engine::append_lock::Access;
use crate::engine::namespaces::Clear;
use crate::engine::read_view::ReadView;
use crate::engine::write_lock::WriteLock;
use crate::engine::write_op::{Change, WriteOp};
use crate::error::{Error, Result};
use crate::mvcc::write_set::WriteRef;
pub use namespace::TransactionNamespace;
use parts::Parts;

/// A transaction in progress; see [`Emdb::transaction`](crate::Emdb::transaction).
///
/// Its own calls are those of [`TransactionNamespace`], on the default namespace.
#[derive(Debug)]
pub struct Transaction<'scope> {
    pub(crate) writes: Writes,
    /// Invariant, so that no two transactions can be exchanged.
    _scope: PhantomData<fn(&'scope ()) -> &'scope ()>,
}

/// The writes of a transaction, whatever its scope.
///
/// Typed tables share it, several at once, by a plain reference. Invariant: the cell is borrowed
/// for as long as one call on one namespace takes, and no code of a user runs in that.
#[derive(Debug)]
pub struct Writes {
    engine: Arc<Engine>,
    view: ReadView,
    default: TransactionNamespace,
    others: RefCell<Parts>,
    /// A call of a table is gathering its changes.
    gathering: Cell<bool>,
}

/// A call of a table gathers its changes, on what it has read. While this lives no other call in the
/// transaction may write: one in a callback would change what the outer one has read.
#[derive(Debug)]
pub struct Gathering<'tx>(&'tx Cell<bool>);

impl Drop for Gathering<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

/// Runs `body` in a transaction.
pub(crate) fn run_in<T, E: From<Error>>(
    write_lock: WriteLock,
    body: impl for<'s> FnOnce(&mut Transaction<'s>) -> Result<T, E>,
) -> Result<T, E> {
    // Let go when this returns or unwinds; what was staged goes with the transaction.
    let mut transaction =
        Transaction { writes: Writes::new(&write_lock.engine), _scope: PhantomData };
    let result = body(&mut transaction)?;
    transaction.writes.commit()?;
    Ok(result)
}

impl Transaction<'_> {
    /// The same calls on another namespace.
    ///
    /// A namespace of another database, and one that was dropped, are refused by each call on
    /// what this gives: `InvalidConfig` and `NamespaceDropped`.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Error;
    ///
    /// let users = db.namespace("users")?;
    /// db.transaction(|tx| -> Result<(), Error> {
    ///     tx.namespace(&users).insert("alice", "1")?;
    ///     Ok(())
    /// })?;
    /// assert!(users.contains_key("alice")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn namespace(&mut self, namespace: &Namespace) -> &mut TransactionNamespace {
        self.writes.namespace(namespace)
    }
}

impl Writes {
    fn new(engine: &Arc<Engine>) -> Writes {
        let view = engine.read_view();
        let default = TransactionNamespace::new(engine, &engine.default_namespace, &view);
        let (others, gathering) = (RefCell::default(), Cell::new(false));
        Writes { engine: engine.clone(), view, default, others, gathering }
    }

    /// See [`Transaction::namespace`].
    fn namespace(&mut self, namespace: &Namespace) -> &mut TransactionNamespace {
        if Arc::ptr_eq(&namespace.state, &self.default.state) {
            return &mut self.default;
        }
        let others = self.others.get_mut();
        let place = others.place(&self.engine, &self.view, namespace);
        others.follow_parent(place, &self.default);
        others.get_mut(place)
    }

    /// Calls `body`, which is no code of a user, with a namespace that is not the default one.
    pub(crate) fn with<R>(
        &self,
        namespace: &Namespace,
        body: impl FnOnce(&mut TransactionNamespace) -> Result<R>,
    ) -> Result<R> {
        if Arc::ptr_eq(&namespace.state, &self.default.state) {
            // The transaction itself lends it, to whoever has it alone.
            return Err(Error::config("a table is in a namespace that has a name"));
        }
        let mut others = self.others.borrow_mut();
        let place = others.place(&self.engine, &self.view, namespace);
        others.follow_parent(place, &self.default);
        body(others.get_mut(place))
    }

    /// The right to gather the changes of one call; `TransactionActive` within another one.
    pub(crate) fn gather(&self) -> Result<Gathering<'_>> {
        if self.gathering.replace(true) {
            return Err(Error::TransactionActive);
        }
        Ok(Gathering(&self.gathering))
    }

    fn commit(self) -> Result<()> {
        let engine = &self.engine;
        let others = self.others.into_inner().settled(&self.default);
        let is_whole =
            others.are_in_place() && Arc::ptr_eq(&self.default.state, &engine.default_namespace);
        let mut parts = vec![self.default];
        parts.extend(others.into_list());
        // Two transactions of different databases can't be exchanged, but their parts can.
        if !is_whole || parts.iter().any(|part| !Arc::ptr_eq(&part.engine, engine)) {
            return Err(Error::config(
                "a part of this transaction was exchanged with one of another database's",
            ));
        }
        let clears = prepare_clears(engine, &parts)?;
        let total = clears.list.len() + parts.iter().map(|p| p.writes.len()).sum::<usize>();
        let mut ops = Vec::with_capacity(total);
        // Clears come first: one of a table takes its indexes along, whose new entries are
        // staged in namespaces of their own.
        for clear in &clears.list {
            ops.push(clear.op(ops.len() + 1 == total));
        }
        let guard = crossbeam_epoch::pin();
        for part in &parts {
            let fresh = clears.of(part).map(|clear| &clear.fresh);
            for WriteRef { key, value, expiry, .. } in part.writes.iter() {
                let change = Change::write(key, value, expiry);
                let change = change.ending_commit(ops.len() + 1 == total);
                let op = WriteOp::write_in(&guard, &part.state, change)?;
                ops.push(match fresh {
                    Some(fresh) => op.into_fresh(fresh),
                    None => op,
                });
            }
        }
        drop(guard);
        if ops.is_empty() {
            return Ok(());
        }
        engine.commit(&mut ops, Access::Owner)
    }
}

/// The namespaces that a transaction clears.
#[derive(Default)]
struct Clears {
    list: Vec<Clear>,
    /// Where each is, by the address of its state.
    places: HashMap<usize, usize>,
}

impl Clears {
    fn of(&self, part: &TransactionNamespace) -> Option<&Clear> {
        if self.list.is_empty() {
            return None;
        }
        Some(&self.list[*self.places.get(&Arc::as_ptr(&part.state).addr())?])
    }
}

/// A child can be cleared with its parent and by itself: an incarnation ends once.
fn prepare_clears(engine: &Arc<Engine>, parts: &[TransactionNamespace]) -> Result<Clears> {
    let mut clears = Clears::default();
    for part in parts.iter().filter(|part| part.clears > 0) {
        for state in engine.family(&part.state) {
            if let Entry::Vacant(place) = clears.places.entry(Arc::as_ptr(&state).addr()) {
                place.insert(clears.list.len());
                clears.list.push(engine.prepare_clear(&state)?);
            }
        }
    }
    Ok(clears)
}

impl Deref for Transaction<'_> {
    type Target = TransactionNamespace;

    fn deref(&self) -> &TransactionNamespace {
        &self.writes.default
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut TransactionNamespace {
        &mut self.writes.default
    }
}

#[cfg(test)]
mod tests {
    use crate::api::internal::child;
    use crate::{Emdb, Result};

    #[test]
    fn a_parent_and_its_child_are_cleared_in_one_transaction() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("family.emdb");
        let db = Emdb::open(&path).unwrap();
        let (parent, index) = family(&db);
        index.insert("old", "1").unwrap();
        db.transaction(|tx| -> Result<()> {
            tx.namespace(&parent).clear()?;
            tx.namespace(&index).clear()?;
            tx.namespace(&index).insert("new", "2")
        })
        .unwrap();
        assert_eq!(index.get("new").unwrap(), Some(b"2".to_vec()));
        drop((parent, index));
        db.close().unwrap();
        let db = Emdb::open(&path).unwrap();
        let (_, index) = family(&db);
        assert_eq!(index.get("new").unwrap(), Some(b"2".to_vec()));
        assert_eq!(index.len().unwrap(), 1);
    }

    fn family(db: &Emdb) -> (crate::Namespace, crate::Namespace) {
        let parent = db.namespace("parent").unwrap();
        let index = child(db, &parent, "index").unwrap();
        (parent, index)
    }
}
