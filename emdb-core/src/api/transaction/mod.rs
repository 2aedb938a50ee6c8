//! Transactions: writes that are staged, and committed as one or not at all.

mod namespace;

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
use crate::mvcc::names::child_prefix;
use crate::mvcc::namespace::NamespaceState;
use crate::mvcc::write_set::WriteRef;
pub use namespace::TransactionNamespace;

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
#[derive(Debug)]
pub struct Writes {
    engine: Arc<Engine>,
    view: ReadView,
    default: TransactionNamespace,
    others: Vec<TransactionNamespace>,
}

/// Runs `body` in a transaction of `engine`.
pub(crate) fn run<T, E: From<Error>>(
    engine: &Arc<Engine>,
    body: impl for<'s> FnOnce(&mut Transaction<'s>) -> Result<T, E>,
) -> Result<T, E> {
    run_in(WriteLock::acquire(engine)?, body)
}

/// The same for a caller who is the only writer already.
pub(crate) fn run_in<T, E: From<Error>>(
    write_lock: WriteLock,
    body: impl for<'s> FnOnce(&mut Transaction<'s>) -> Result<T, E>,
) -> Result<T, E> {
    // Let go when this returns or unwinds; what was staged goes with the transaction.
    let engine = &write_lock.engine;
    let view = engine.read_view();
    let default = TransactionNamespace::new(engine, &engine.default_namespace, &view);
    let writes = Writes { engine: engine.clone(), view, default, others: Vec::new() };
    let mut transaction = Transaction { writes, _scope: PhantomData };
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
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// use emdb_core::Error;
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
    /// See [`Transaction::namespace`].
    pub(crate) fn namespace(&mut self, namespace: &Namespace) -> &mut TransactionNamespace {
        if Arc::ptr_eq(&namespace.state, &self.default.state) {
            return &mut self.default;
        }
        let clears = self.clears_of_parent(&namespace.state);
        let known = self.others.iter().position(|n| Arc::ptr_eq(&n.state, &namespace.state));
        let at = known.unwrap_or_else(|| {
            let mut other = TransactionNamespace::new(&self.engine, &namespace.state, &self.view);
            if !Arc::ptr_eq(namespace.engine(), &self.engine) {
                other.refused = Some(Error::config(
                    "the namespace is of another database than the transaction",
                ));
            }
            self.others.push(other);
            self.others.len() - 1
        });
        self.others[at].follow(clears);
        &mut self.others[at]
    }

    /// How often the parent of an internal namespace was cleared.
    fn clears_of_parent(&self, child: &NamespaceState) -> u32 {
        let all = std::iter::once(&self.default).chain(&self.others);
        let mut cleared = all.filter(|part| part.clears > 0 && !part.state.is_internal());
        let parent = cleared.find(|p| child.name.starts_with(&child_prefix(&p.state.name)));
        parent.map_or(0, |parent| parent.clears)
    }

    fn commit(mut self) -> Result<()> {
        for at in 0..self.others.len() {
            let clears = self.clears_of_parent(&self.others[at].state);
            self.others[at].follow(clears);
        }
        let engine = &self.engine;
        let mut parts = vec![self.default];
        parts.extend(self.others);
        // Two transactions of different databases can't be exchanged, but their parts can.
        if parts.iter().any(|part| !Arc::ptr_eq(&part.engine, engine)) {
            return Err(Error::config(
                "a part of this transaction was exchanged with one of another database's",
            ));
        }
        let mut clears: Vec<Clear> = Vec::new();
        for part in parts.iter().filter(|part| part.clears > 0) {
            for state in engine.family(&part.state) {
                // A child can be cleared with its parent and by itself: an incarnation ends once.
                if !clears.iter().any(|clear| clear.is_of(&state)) {
                    clears.push(engine.prepare_clear(&state)?);
                }
            }
        }
        let total = clears.len() + parts.iter().map(|p| p.writes.len()).sum::<usize>();
        let mut ops = Vec::with_capacity(total);
        // Clears come first: one of a table takes its indexes along, whose new entries are
        // staged in namespaces of their own.
        for clear in &clears {
            ops.push(clear.op(ops.len() + 1 == total));
        }
        let guard = crossbeam_epoch::pin();
        for part in &parts {
            let fresh = clears.iter().find(|c| c.is_of(&part.state)).map(|c| &c.fresh);
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
