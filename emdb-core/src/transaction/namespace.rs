//! One namespace in a transaction.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::error::{Error, Result};
use crate::format::{MAX_KEY, MAX_VALUE};
use crate::internal::View;
use crate::iter::{EmdbIter, EmdbKeyIter};
use crate::range::Bounds;
use crate::staged::{WriteRef, WriteSet};
use crate::store::Store;
use crate::store::names::{Incarnation, NamespaceState};
use crate::store::read::Held;
use crate::store::step::check_len;
use crate::walk::{Overlay, Walk, unordered};

/// One namespace in a transaction: what is committed, with what the transaction wrote over it.
#[derive(Debug)]
pub struct TransactionNamespace {
    pub(super) store: Arc<Store>,
    pub(super) state: Arc<NamespaceState>,
    held: Held,
    /// None once it was cleared.
    base: Option<Arc<Incarnation>>,
    /// How often it was cleared.
    pub(super) clears: u32,
    /// How many clears of its parent it has followed.
    followed: u32,
    pub(super) staged: WriteSet,
    /// A namespace of another database, or one that was dropped.
    pub(super) refused: Option<Error>,
}

impl TransactionNamespace {
    pub(super) fn new(
        store: &Arc<Store>,
        state: &Arc<NamespaceState>,
        held: &Held,
    ) -> TransactionNamespace {
        TransactionNamespace {
            store: store.clone(),
            state: state.clone(),
            held: held.clone(),
            base: held.incarnation(state),
            clears: 0,
            followed: 0,
            staged: WriteSet::default(),
            refused: state.check().err(),
        }
    }

    fn check(&self) -> Result<()> {
        self.refused.as_ref().map_or(Ok(()), |e| Err(e.duplicate()))
    }

    /// Inserts or replaces; see [`Namespace::insert`](crate::Namespace::insert).
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
        self.staged.set((), key, Some(value), expiry);
        Ok(())
    }

    /// The write to `key`, if there is one.
    #[inline]
    fn staged(&self, key: &[u8]) -> Option<WriteRef<'_>> {
        self.staged.get((), key)
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
        self.stage_removal(key)?;
        Ok(prior)
    }

    pub(crate) fn stage_removal(&mut self, key: &[u8]) -> Result<()> {
        self.check()?;
        // Whether there is something to remove, the commit finds out.
        self.staged.set((), key, None, None);
        Ok(())
    }

    /// The state of the transaction so far.
    pub(crate) fn view(&self) -> Result<View> {
        self.check()?;
        Ok(View::with_staged(&self.held, &self.base, self.staged.sorted()))
    }

    /// The value of `key`, staged or live.
    ///
    /// # Errors
    /// As [`Namespace::get`](crate::Namespace::get); `InvalidConfig` for a namespace of another database.
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
        self.read(key.as_ref(), |value, _| value.to_vec())
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
        match self.staged(key) {
            Some(staged) => Ok(staged.live(|| self.held.now()).is_some()),
            None => Ok(self.base(|held, base| Ok(held.find(base, key)?.is_some()))? == Some(true)),
        }
    }

    pub(crate) fn read<T>(
        &self,
        key: &[u8],
        make: impl FnOnce(&[u8], Option<u64>) -> T,
    ) -> Result<Option<T>> {
        self.check()?;
        if let Some(staged) = self.staged(key) {
            return Ok(staged.live(|| self.held.now()).map(|value| make(value, staged.expiry)));
        }
        let read = self.base(|held, base| {
            let record = held.find(base, key)?;
            let checked = record.map(|r| held.reader().checked(r, || self.held.now()));
            Ok(checked.transpose()?.flatten().map(|entry| make(entry.value(), entry.expiry())))
        })?;
        Ok(read.flatten())
    }

    /// What is there, expired or not, and whether it is not.
    pub(crate) fn read_stored<T>(
        &self,
        key: &[u8],
        make: impl FnOnce(&[u8], Option<u64>, bool) -> T,
    ) -> Result<Option<T>> {
        self.check()?;
        let is_live = |expiry: Option<u64>| expiry.is_none_or(|at| at > self.held.now());
        if let Some(staged) = self.staged(key) {
            let expiry = staged.expiry;
            return Ok(staged.value.map(|value| make(value, expiry, is_live(expiry))));
        }
        let read = self.base(|held, base| {
            let Some(record) = held.stored(base, key)? else { return Ok(None) };
            let entry = held.reader().entry(record)?;
            Ok(Some(make(entry.value(), entry.expiry(), is_live(entry.expiry()))))
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
        for staged in self.staged.iter() {
            let stored = self.base(|held, base| Ok(held.stored(base, staged.key)?.is_some()))?;
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
        self.empty();
        Ok(())
    }

    fn empty(&mut self) {
        self.base = None;
        self.clears += 1;
        self.staged = WriteSet::default();
    }

    /// A namespace goes empty with its parent.
    pub(super) fn follow(&mut self, clears: u32) {
        if self.followed < clears {
            self.followed = clears;
            self.empty();
        }
    }

    /// All keys and values as they are now, staged writes included; in the order of their
    /// keys if the namespace is ordered. Later writes of the transaction don't show.
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
        Ok(EmdbKeyIter(self.walk()?.without_values()))
    }

    fn walk(&self) -> Result<Walk> {
        self.check()?;
        let walk = Walk::over(self.held.clone(), self.base.clone())?;
        Ok(walk.with_overlay(self.overlay(Bounds::all())))
    }

    pub(crate) fn walk_range(&self, bounds: Bounds) -> Result<Walk> {
        self.check()?;
        if !self.store.wants_order(&self.state) {
            return Err(unordered());
        }
        let walk = Walk::range(self.held.clone(), self.base.clone(), bounds.clone())?;
        Ok(walk.with_overlay(self.overlay(bounds)))
    }

    fn overlay(&self, bounds: Bounds) -> Overlay {
        Overlay::new(self.staged.sorted(), self.held.now(), bounds)
    }

    /// The expiry of `key`'s record, staged or stored, expired or not.
    pub(crate) fn stored_expiry(&self, key: &[u8]) -> Result<Option<u64>> {
        self.check()?;
        if let Some(staged) = self.staged(key) {
            return Ok(staged.value.and(staged.expiry));
        }
        let expiry = self.base(|held, base| held.expiry(base, key))?;
        Ok(expiry.flatten())
    }

    #[cfg(feature = "ttl")]
    pub(crate) fn expiry(&self, ttl: crate::Ttl) -> Result<Option<u64>> {
        self.store.expiry(&self.state, ttl)
    }
}
