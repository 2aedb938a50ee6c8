//! Transactions: writes that are staged, and committed as one or not at all.

mod namespace;

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::record::Verb;
use crate::namespace::Namespace;
use crate::staged::WriteRef;
use crate::store::Store;
use crate::store::commit::Access;
use crate::store::names::{NamespaceState, child_prefix};
use crate::store::namespaces::Clear;
use crate::store::read::Held;
use crate::store::step::Step;
use crate::store::transact::Exclusive;
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

/// What a transaction holds, whatever its scope.
#[derive(Debug)]
pub struct Writes {
    store: Arc<Store>,
    held: Held,
    default: TransactionNamespace,
    others: Vec<TransactionNamespace>,
}

/// Runs `body` in a transaction of `store`.
pub(crate) fn run<T, E: From<Error>>(
    store: &Arc<Store>,
    body: impl for<'s> FnOnce(&mut Transaction<'s>) -> Result<T, E>,
) -> Result<T, E> {
    run_in(Exclusive::begin(store)?, body)
}

/// The same for a caller who is the only writer already.
pub(crate) fn run_in<T, E: From<Error>>(
    exclusive: Exclusive,
    body: impl for<'s> FnOnce(&mut Transaction<'s>) -> Result<T, E>,
) -> Result<T, E> {
    // Let go when this returns or unwinds; what was staged goes with the transaction.
    let store = &exclusive.store;
    let held = store.hold();
    let default = TransactionNamespace::new(store, &store.default_namespace, &held);
    let writes = Writes { store: store.clone(), held, default, others: Vec::new() };
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
            let mut other = TransactionNamespace::new(&self.store, &namespace.state, &self.held);
            if !Arc::ptr_eq(namespace.store(), &self.store) {
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
        let store = &self.store;
        let mut parts = vec![self.default];
        parts.extend(self.others);
        // Two transactions of different databases can't be exchanged, but their parts can.
        if parts.iter().any(|part| !Arc::ptr_eq(&part.store, store)) {
            return Err(Error::config(
                "a part of this transaction was exchanged with one of another database's",
            ));
        }
        let mut clears: Vec<Clear> = Vec::new();
        for part in parts.iter().filter(|part| part.clears > 0) {
            for state in store.family(&part.state) {
                // A child can be cleared with its parent and by itself: an incarnation ends once.
                if !clears.iter().any(|clear| clear.is_of(&state)) {
                    clears.push(store.prepare_clear(&state)?);
                }
            }
        }
        let total = clears.len() + parts.iter().map(|p| p.staged.len()).sum::<usize>();
        let mut steps = Vec::with_capacity(total);
        // Clears come first: one of a table takes its indexes along, whose new entries are
        // staged in namespaces of their own.
        for clear in &clears {
            steps.push(clear.step(steps.len() + 1 == total));
        }
        let guard = crossbeam_epoch::pin();
        for part in &parts {
            let fresh = clears.iter().find(|c| c.is_of(&part.state)).map(|c| &c.fresh);
            for WriteRef { key, value, expiry, .. } in part.staged.iter() {
                let (verb, value) = match value {
                    Some(value) => (Verb::Put, value),
                    None => (Verb::Remove, &[][..]),
                };
                let last = steps.len() + 1 == total;
                let (target, record) = (&part.state, (key, value));
                let step = Step::write_in(&guard, target, verb, record, expiry, last)?;
                steps.push(match fresh {
                    Some(fresh) => step.into_fresh(fresh),
                    None => step,
                });
            }
        }
        drop(guard);
        if steps.is_empty() {
            return Ok(());
        }
        store.commit(&mut steps, Access::Owner)
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
    use crate::internal::child;
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
