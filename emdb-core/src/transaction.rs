//! Transactions: writes that are staged, and committed as one or not at all.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::error::{Error, Result};
use crate::format::record::{Record, Verb};
use crate::format::{MAX_KEY, MAX_VALUE};
use crate::iter::{EmdbIter, EmdbKeyIter, Walk};
use crate::namespace::Namespace;
use crate::staged::Staged;
use crate::store::Store;
use crate::store::commit::{Access, Step, check_len};
use crate::store::names::{Incarnation, NamespaceState};
use crate::store::namespaces::Clear;
use crate::store::read::Held;
use crate::store::transact::Exclusive;

/// A transaction in progress; see [`Emdb::transaction`](crate::Emdb::transaction).
///
/// Its own calls are those of [`TransactionNamespace`], on the default namespace.
#[derive(Debug)]
pub struct Transaction<'scope> {
    store: Arc<Store>,
    held: Held,
    default: TransactionNamespace,
    others: Vec<TransactionNamespace>,
    /// Invariant, so that no two transactions can be exchanged.
    _scope: PhantomData<fn(&'scope ()) -> &'scope ()>,
}

/// One namespace in a transaction: what is committed, with what the transaction wrote over it.
#[derive(Debug)]
pub struct TransactionNamespace {
    store: Arc<Store>,
    state: Arc<NamespaceState>,
    held: Held,
    /// None once it was cleared.
    base: Option<Arc<Incarnation>>,
    cleared: bool,
    staged: Arc<BTreeMap<Vec<u8>, Staged>>,
    /// A namespace of another database, or one that was dropped.
    refused: Option<Error>,
}

/// Runs `body` in a transaction of `store`.
pub(crate) fn run<T, E: From<Error>>(
    store: &Arc<Store>,
    body: impl for<'s> FnOnce(&mut Transaction<'s>) -> Result<T, E>,
) -> Result<T, E> {
    // Let go when this returns or unwinds; what was staged goes with the transaction.
    let _exclusive = Exclusive::begin(store)?;
    let held = store.hold();
    let default = TransactionNamespace::new(store, &store.default_namespace, &held);
    let mut transaction = Transaction {
        store: store.clone(),
        held,
        default,
        others: Vec::new(),
        _scope: PhantomData,
    };
    let result = body(&mut transaction)?;
    transaction.commit()?;
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
        if Arc::ptr_eq(&namespace.state, &self.default.state) {
            return &mut self.default;
        }
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
        &mut self.others[at]
    }

    fn commit(self) -> Result<()> {
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
        for part in parts.iter().filter(|part| part.cleared) {
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
        for part in &parts {
            let fresh = clears.iter().find(|c| c.is_of(&part.state)).map(|c| &c.fresh);
            for (key, staged) in part.staged.iter() {
                let (verb, value) = match &staged.value {
                    Some(value) => (Verb::Put, &value[..]),
                    None => (Verb::Remove, &[][..]),
                };
                let last = steps.len() + 1 == total;
                let step =
                    Step::write(store, &part.state, verb, (key, value), staged.expiry, last)?;
                steps.push(match fresh {
                    Some(fresh) => step.into_fresh(fresh),
                    None => step,
                });
            }
        }
        if steps.is_empty() {
            return Ok(());
        }
        store.commit(&mut steps, Access::Owner)
    }
}

impl Deref for Transaction<'_> {
    type Target = TransactionNamespace;

    fn deref(&self) -> &TransactionNamespace {
        &self.default
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut TransactionNamespace {
        &mut self.default
    }
}

impl TransactionNamespace {
    fn new(store: &Arc<Store>, state: &Arc<NamespaceState>, held: &Held) -> TransactionNamespace {
        TransactionNamespace {
            store: store.clone(),
            state: state.clone(),
            held: held.clone(),
            base: held.incarnation(state),
            cleared: false,
            staged: Arc::default(),
            refused: state.check().err(),
        }
    }

    fn check(&self) -> Result<()> {
        self.refused.as_ref().map_or(Ok(()), |e| Err(e.duplicate()))
    }

    /// Inserts or replaces; see [`Namespace::insert`].
    ///
    /// # Errors
    /// `TooLarge` beyond the limits; `InvalidConfig` for a namespace of another database;
    /// `NamespaceDropped`.
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// use emdb_core::Error;
    ///
    /// db.insert("key", "value")?;
    /// db.transaction(|tx| -> Result<(), Error> {
    ///     tx.insert("other", "value")?;
    ///     Ok(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn insert(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        let expiry = self.store.default_expiry(&self.state)?;
        self.stage(key.as_ref(), value.as_ref(), expiry)
    }

    pub(crate) fn stage(&mut self, key: &[u8], value: &[u8], expiry: Option<u64>) -> Result<()> {
        self.check()?;
        check_len("a key", key, MAX_KEY)?;
        check_len("a value", value, MAX_VALUE)?;
        let staged = Staged { value: Some(value.to_vec()), expiry };
        Arc::make_mut(&mut self.staged).insert(key.to_vec(), staged);
        Ok(())
    }

    /// Removes `key` and gives its value, staged or live.
    ///
    /// # Errors
    /// As [`get`](TransactionNamespace::get).
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// use emdb_core::Error;
    ///
    /// db.insert("key", "value")?;
    /// db.transaction(|tx| -> Result<(), Error> {
    ///     assert_eq!(tx.remove("key")?, Some(b"value".to_vec()));
    ///     Ok(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        let key = key.as_ref();
        check_len("a key", key, MAX_KEY)?;
        let prior = self.get(key)?;
        let stored = self.base(|held, base| Ok(held.stored(base, key)?.is_some()))?;
        let staged = Arc::make_mut(&mut self.staged);
        if stored == Some(true) {
            staged.insert(key.to_vec(), Staged { value: None, expiry: None });
        } else {
            staged.remove(key);
        }
        Ok(prior)
    }

    /// The value of `key`, staged or live.
    ///
    /// # Errors
    /// As [`Namespace::get`]; `InvalidConfig` for a namespace of another database.
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// use emdb_core::Error;
    ///
    /// db.insert("key", "value")?;
    /// db.transaction(|tx| -> Result<(), Error> {
    ///     tx.insert("key", "other")?;
    ///     assert_eq!(tx.get("key")?, Some(b"other".to_vec()));
    ///     Ok(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        self.read(key.as_ref(), |value| value.to_vec())
    }

    /// Whether `key` is present, staged or live.
    ///
    /// # Errors
    /// As [`get`](TransactionNamespace::get).
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// use emdb_core::Error;
    ///
    /// db.insert("key", "value")?;
    /// db.transaction(|tx| -> Result<(), Error> {
    ///     assert!(tx.contains_key("key")?);
    ///     Ok(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn contains_key(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.check()?;
        let key = key.as_ref();
        match self.staged.get(key) {
            Some(staged) => Ok(staged.live(self.held.now()).is_some()),
            None => Ok(self.base(|held, base| Ok(held.find(base, key)?.is_some()))? == Some(true)),
        }
    }

    fn read<T>(&self, key: &[u8], make: impl Fn(&[u8]) -> T) -> Result<Option<T>> {
        self.check()?;
        if let Some(staged) = self.staged.get(key) {
            return Ok(staged.live(self.held.now()).map(make));
        }
        let read = self.base(|held, base| {
            let record = held.find(base, key)?;
            let checked = record.map(|r| held.reader().checked(r, || self.held.now()));
            Ok(checked.transpose()?.flatten().map(|r: Record<'_>| make(r.value())))
        })?;
        Ok(read.flatten())
    }

    /// What is committed below the staged writes, unless that was cleared.
    fn base<T>(&self, read: impl FnOnce(&Held, &Incarnation) -> Result<T>) -> Result<Option<T>> {
        self.check()?;
        self.base.as_ref().map(|base| read(&self.held, base)).transpose()
    }

    /// The number of records, staged writes included. Expired ones count until they are swept.
    /// Costs a lookup for each staged write.
    ///
    /// # Errors
    /// As [`get`](TransactionNamespace::get).
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// use emdb_core::Error;
    ///
    /// db.insert("key", "value")?;
    /// db.transaction(|tx| -> Result<(), Error> {
    ///     tx.insert("other", "value")?;
    ///     assert_eq!(tx.len()?, 2);
    ///     Ok(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn len(&self) -> Result<usize> {
        self.check()?;
        // Nobody else writes meanwhile, so the count is that of the transaction's state.
        let mut len = self.base.as_ref().map_or(0, |b| b.records.load(Ordering::Acquire));
        for (key, staged) in self.staged.iter() {
            let stored = self.base(|held, base| Ok(held.stored(base, key)?.is_some()))?;
            len = len + u64::from(staged.value.is_some()) - u64::from(stored == Some(true));
        }
        Ok(len as usize)
    }

    /// Whether there is no record.
    ///
    /// # Errors
    /// As [`get`](TransactionNamespace::get).
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// use emdb_core::Error;
    ///
    /// db.insert("key", "value")?;
    /// db.transaction(|tx| -> Result<(), Error> {
    ///     assert!(!tx.is_empty()?);
    ///     Ok(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Removes everything.
    ///
    /// # Errors
    /// `InvalidConfig` for a namespace of another database, `NamespaceDropped`.
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// use emdb_core::Error;
    ///
    /// db.insert("key", "value")?;
    /// db.transaction(|tx| -> Result<(), Error> {
    ///     tx.clear()?;
    ///     assert_eq!(tx.get("key")?, None);
    ///     Ok(())
    /// })?;
    /// assert!(db.is_empty()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn clear(&mut self) -> Result<()> {
        self.check()?;
        self.base = None;
        self.cleared = true;
        self.staged = Arc::default();
        Ok(())
    }

    /// All keys and values as they are now, staged writes included, in no particular order.
    /// Later writes of the transaction don't show.
    ///
    /// # Errors
    /// As [`get`](TransactionNamespace::get).
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// use emdb_core::Error;
    ///
    /// db.insert("key", "value")?;
    /// db.transaction(|tx| -> Result<(), Error> {
    ///     assert_eq!(tx.iter()?.count(), 1);
    ///     Ok(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn iter(&self) -> Result<EmdbIter> {
        Ok(EmdbIter(self.walk()?))
    }

    /// All keys, as [`iter`](TransactionNamespace::iter).
    ///
    /// # Errors
    /// As [`get`](TransactionNamespace::get).
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// use emdb_core::Error;
    ///
    /// db.insert("key", "value")?;
    /// db.transaction(|tx| -> Result<(), Error> {
    ///     assert_eq!(tx.keys()?.collect::<Vec<_>>(), [b"key"]);
    ///     Ok(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn keys(&self) -> Result<EmdbKeyIter> {
        Ok(EmdbKeyIter(self.walk()?))
    }

    fn walk(&self) -> Result<Walk> {
        self.check()?;
        let walk = Walk::new(self.held.clone(), self.base.clone());
        Ok(walk.with_overlay(self.staged.clone(), self.held.now()))
    }

    /// The expiry of `key`'s record, staged or stored, expired or not.
    #[cfg(feature = "ttl")]
    pub(crate) fn stored_expiry(&self, key: &[u8]) -> Result<Option<u64>> {
        self.check()?;
        if let Some(staged) = self.staged.get(key) {
            return Ok(staged.value.as_ref().and(staged.expiry));
        }
        let expiry =
            self.base(|held, base| Ok(held.stored(base, key)?.and_then(|r| r.expiry())))?;
        Ok(expiry.flatten())
    }

    #[cfg(feature = "ttl")]
    pub(crate) fn expiry(&self, ttl: crate::Ttl) -> Result<Option<u64>> {
        self.store.expiry(&self.state, ttl)
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
