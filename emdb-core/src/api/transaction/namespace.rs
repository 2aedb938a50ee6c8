//! One namespace in a transaction.

use std::collections::HashSet;
use std::sync::Arc;

use super::frame::Frame;
use crate::api::iterators::{EmdbIter, EmdbKeyIter};
use crate::cursor::namespace_view::{NamespaceView, PinnedNamespace, StagedWrites};
use crate::cursor::range::Bounds;
use crate::cursor::walk::Walk;
use crate::engine::Engine;
use crate::engine::read_view::ReadView;
use crate::engine::write_op::check_len;
use crate::error::{Error, Result};
use crate::format::{KEY_MAX_BYTES, VALUE_MAX_BYTES};
use crate::mvcc::names::parent_name;
use crate::mvcc::namespace::NamespaceState;
use crate::mvcc::write_set::WriteSet;

/// One namespace in a transaction: what is committed, with what the transaction wrote over it.
#[derive(Debug)]
pub struct TransactionNamespace {
    pub(crate) engine: Arc<Engine>,
    pub(crate) state: Arc<NamespaceState>,
    /// The namespace that this internal one is cleared with.
    pub(super) parent: Option<Arc<NamespaceState>>,
    /// The committed state below the writes, without records once it was cleared.
    pub(crate) pinned: PinnedNamespace,
    /// How often it was cleared.
    pub(crate) clears: u32,
    /// How many clears of its parent it has followed.
    pub(super) followed: u32,
    pub(crate) writes: WriteSet,
    /// How it was when each of the savepoints that are open came to it.
    pub(super) frames: Vec<Frame>,
    /// Keys that the layer above has noted.
    pub(crate) noted: HashSet<Box<[u8]>>,
    /// A namespace of another database, or one that was dropped.
    pub(crate) refused: Option<Error>,
}

impl TransactionNamespace {
    pub(crate) fn new(
        engine: &Arc<Engine>,
        state: &Arc<NamespaceState>,
        view: &ReadView,
    ) -> TransactionNamespace {
        let (incarnation, ordered) = (view.incarnation(state), engine.wants_order(state));
        let parent = parent_name(&state.name).and_then(|parent| engine.existing(parent));
        TransactionNamespace {
            engine: engine.clone(),
            state: state.clone(),
            parent,
            pinned: PinnedNamespace { view: view.clone(), incarnation, ordered },
            clears: 0,
            followed: 0,
            writes: WriteSet::default(),
            frames: Vec::new(),
            noted: HashSet::new(),
            refused: state.check().err(),
        }
    }

    /// The state of the transaction so far.
    #[inline]
    pub(crate) fn view(&self) -> Result<NamespaceView<'_>> {
        self.check()?;
        Ok(self.pinned.with(StagedWrites::Set(&self.writes)))
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
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Error;
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
        check_len("a key", key, KEY_MAX_BYTES)?;
        check_len("a value", value, VALUE_MAX_BYTES)?;
        self.writes.set((), key, Some(value), expiry);
        Ok(())
    }

    /// Removes `key` and gives its value, staged or live.
    ///
    /// # Errors
    /// As [`get`](TransactionNamespace::get).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Error;
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
        check_len("a key", key, KEY_MAX_BYTES)?;
        let prior = self.get(key)?;
        self.stage_removal(key)?;
        Ok(prior)
    }

    pub(crate) fn stage_removal(&mut self, key: &[u8]) -> Result<()> {
        self.check()?;
        // Whether there is something to remove, the commit finds out.
        self.writes.set((), key, None, None);
        Ok(())
    }

    /// The value of `key`, staged or live.
    ///
    /// # Errors
    /// As [`Namespace::get`](crate::Namespace::get); `InvalidConfig` for a namespace of another database.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Error;
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
        self.view()?.read(key.as_ref(), |value, _| value.to_vec())
    }

    /// Whether `key` is present, staged or live.
    ///
    /// # Errors
    /// As [`get`](TransactionNamespace::get).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Error;
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
        self.view()?.contains(key.as_ref())
    }

    /// The number of records in this namespace, which for a [`Transaction`](crate::Transaction) is
    /// the default one, staged writes included. Expired ones count until they are swept. Costs a lookup for each staged write.
    ///
    /// # Errors
    /// As [`get`](TransactionNamespace::get).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Error;
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
        self.view()?.len()
    }

    /// Whether there is no record in this namespace, which for a
    /// [`Transaction`](crate::Transaction) is the default one.
    ///
    /// # Errors
    /// As [`get`](TransactionNamespace::get).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Error;
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

    /// Removes everything from this namespace, which for a [`Transaction`](crate::Transaction) is
    /// the default one.
    ///
    /// # Errors
    /// `InvalidConfig` for a namespace of another database, `NamespaceDropped`.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Error;
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
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Error;
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
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Error;
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
        self.view()?.walk()
    }

    pub(crate) fn walk_range(&self, bounds: Bounds) -> Result<Walk> {
        self.view()?.walk_range(bounds)
    }

    /// The expiry of `key`'s record, staged or stored, expired or not.
    pub(crate) fn stored_expiry(&self, key: &[u8]) -> Result<Option<u64>> {
        self.view()?.expiry(key)
    }
}
