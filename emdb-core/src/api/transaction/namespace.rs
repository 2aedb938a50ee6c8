//! One namespace in a transaction.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::api::internal::View;
use crate::api::iterators::{EmdbIter, EmdbKeyIter};
use crate::cursor::range::Bounds;
use crate::cursor::{Overlay, Walk, unordered};
use crate::engine::Engine;
use crate::engine::read::ReadView;
use crate::engine::write_op::check_len;
use crate::error::{Error, Result};
use crate::format::{MAX_KEY, MAX_VALUE};
use crate::mvcc::names::{Incarnation, NamespaceState};
use crate::mvcc::write_set::{StagedWriteRef, WriteSet};

/// One namespace in a transaction: what is committed, with what the transaction wrote over it.
#[derive(Debug)]
pub struct TransactionNamespace {
    pub(crate) engine: Arc<Engine>,
    pub(crate) state: Arc<NamespaceState>,
    view: ReadView,
    /// None once it was cleared.
    base: Option<Arc<Incarnation>>,
    /// How often it was cleared.
    pub(crate) clears: u32,
    /// How many clears of its parent it has followed.
    followed: u32,
    pub(crate) staged: WriteSet,
    /// A namespace of another database, or one that was dropped.
    pub(crate) refused: Option<Error>,
}

impl TransactionNamespace {
    pub(crate) fn new(
        engine: &Arc<Engine>,
        state: &Arc<NamespaceState>,
        view: &ReadView,
    ) -> TransactionNamespace {
        TransactionNamespace {
            engine: engine.clone(),
            state: state.clone(),
            view: view.clone(),
            base: view.incarnation(state),
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
        let expiry = self.engine.default_expiry(&self.state)?;
        self.stage(key.as_ref(), value.as_ref(), expiry)
    }

    pub(crate) fn stage(&mut self, key: &[u8], value: &[u8], expiry: Option<u64>) -> Result<()> {
        self.check()?;
        check_len("a key", key, MAX_KEY)?;
        check_len("a value", value, MAX_VALUE)?;
        self.staged.set(key, self.view.hash(key), Some(value), expiry);
        Ok(())
    }

    /// The write to `key`, if there is one.
    #[inline]
    fn staged(&self, key: &[u8]) -> Option<StagedWriteRef<'_>> {
        self.staged.get(key, self.view.hash(key))
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
        self.staged.set(key, self.view.hash(key), None, None);
        Ok(())
    }

    /// The state of the transaction so far.
    pub(crate) fn view(&self) -> Result<View> {
        self.check()?;
        Ok(View::with_staged(&self.view, &self.base, self.staged.sorted()))
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
            Some(staged) => Ok(staged.live(self.view.now()).is_some()),
            None => Ok(self.base(|view, base| Ok(view.find(base, key)?.is_some()))? == Some(true)),
        }
    }

    pub(crate) fn read<T>(
        &self,
        key: &[u8],
        make: impl FnOnce(&[u8], Option<u64>) -> T,
    ) -> Result<Option<T>> {
        self.check()?;
        if let Some(staged) = self.staged(key) {
            return Ok(staged.live(self.view.now()).map(|value| make(value, staged.expiry)));
        }
        let read = self.base(|view, base| {
            let record = view.find(base, key)?;
            let checked = record.map(|r| view.reader().checked(r, || self.view.now()));
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
        let is_live = |expiry: Option<u64>| expiry.is_none_or(|at| at > self.view.now());
        if let Some(staged) = self.staged(key) {
            let expiry = staged.expiry;
            return Ok(staged.value.map(|value| make(value, expiry, is_live(expiry))));
        }
        let read = self.base(|view, base| {
            let Some(record) = view.stored(base, key)? else { return Ok(None) };
            let entry = view.reader().entry(record)?;
            Ok(Some(make(entry.value(), entry.expiry(), is_live(entry.expiry()))))
        })?;
        Ok(read.flatten())
    }

    /// What is committed below the staged writes, unless that was cleared.
    fn base<T>(
        &self,
        read: impl FnOnce(&ReadView, &Incarnation) -> Result<T>,
    ) -> Result<Option<T>> {
        self.check()?;
        self.base.as_ref().map(|base| read(&self.view, base)).transpose()
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
            let stored = self.base(|view, base| Ok(view.stored(base, staged.key)?.is_some()))?;
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
    pub(crate) fn follow(&mut self, clears: u32) {
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
        let walk = Walk::over(self.view.clone(), self.base.clone())?;
        Ok(walk.with_overlay(self.overlay(Bounds::all())))
    }

    pub(crate) fn walk_range(&self, bounds: Bounds) -> Result<Walk> {
        self.check()?;
        if !self.engine.wants_order(&self.state) {
            return Err(unordered());
        }
        let walk = Walk::range(self.view.clone(), self.base.clone(), bounds.clone())?;
        Ok(walk.with_overlay(self.overlay(bounds)))
    }

    fn overlay(&self, bounds: Bounds) -> Overlay {
        Overlay::new(self.staged.sorted(), self.view.now(), bounds)
    }

    /// The expiry of `key`'s record, staged or stored, expired or not.
    pub(crate) fn stored_expiry(&self, key: &[u8]) -> Result<Option<u64>> {
        self.check()?;
        if let Some(staged) = self.staged(key) {
            return Ok(staged.value.and(staged.expiry));
        }
        let expiry = self.base(|view, base| view.expiry(base, key))?;
        Ok(expiry.flatten())
    }

    #[cfg(feature = "ttl")]
    pub(crate) fn expiry(&self, ttl: crate::Ttl) -> Result<Option<u64>> {
        self.engine.expiry(&self.state, ttl)
    }
}
