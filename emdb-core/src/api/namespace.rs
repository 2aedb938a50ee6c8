//! The key/value type: a handle to one namespace.

use std::fmt;
use std::sync::Arc;

use crate::api::handle::Handle;
use crate::api::iterators::{EmdbIter, EmdbKeyIter};
use crate::cursor::namespace_view::PinnedNamespace;
use crate::cursor::range::Bounds;
use crate::cursor::walk::Walk;
use crate::engine::Engine;
use crate::engine::append_lock::Access;
use crate::engine::value_ref::ValueRef;
use crate::engine::write_op::{Change, WriteOp};
use crate::error::Result;
use crate::mvcc::namespace::NamespaceState;

/// Records and bytes that `insert_many` commits at once.
const CHUNK_RECORDS: usize = 4096;
const CHUNK_BYTES: usize = 1 << 20;

/// A set of keys with values, apart from those of other namespaces of the same database.
///
/// A handle is cheap to clone, can be sent to and used from other threads, and keeps the database
/// open. [`Emdb`](crate::Emdb) derefs to the handle of its default namespace, so that all calls
/// here are calls of a database, too.
///
/// Keys have up to 65,535 bytes and values up to 1 GiB; either may be empty. A namespace holds
/// up to 2^30 records.
///
/// ```
/// # fn main() -> emdb::Result<()> {
/// let db = emdb::Emdb::open_in_memory();
/// let users = db.namespace("users")?;
/// users.insert("alice", "1")?;
/// assert_eq!(users.get("alice")?, Some(b"1".to_vec()));
/// assert_eq!(db.get("alice")?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Namespace {
    pub(crate) handle: Arc<Handle>,
    pub(crate) state: Arc<NamespaceState>,
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl Namespace {
    #[inline]
    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.handle.engine
    }

    /// The name; empty for the default namespace.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// assert_eq!(db.namespace("users")?.name(), "users");
    /// assert_eq!(db.name(), "");
    /// # Ok(())
    /// # }
    /// ```
    pub fn name(&self) -> &str {
        &self.state.name
    }

    /// Inserts `value` under `key`, or replaces what is there.
    ///
    /// The record is in the journal when the call returns: it survives a kill of the process. It
    /// survives a power cut after [`flush`](crate::Emdb::flush), or at once under
    /// [`FlushPolicy::WriteThrough`](crate::FlushPolicy::WriteThrough).
    ///
    /// # Errors
    /// `TooLarge` beyond the limits, `TransactionActive` inside a transaction of this thread,
    /// `NamespaceDropped`, `Io` if the disk is full (nothing has changed then), `Poisoned` after
    /// an earlier failure, `Corrupted` if the index led to a damaged record.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", [1, 2, 3])?;
    /// db.insert(String::from("key"), b"other")?;
    /// assert_eq!(db.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn insert(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        let expiry = self.engine().default_expiry(&self.state)?;
        self.put(key.as_ref(), value.as_ref(), expiry)
    }

    pub(crate) fn put(&self, key: &[u8], value: &[u8], expiry: Option<u64>) -> Result<()> {
        let op = WriteOp::write(&self.state, Change::put(key, value, expiry))?;
        self.engine().commit(&mut [op], Access::Plain)
    }

    /// The value of `key`; `None` when it is absent or expired.
    ///
    /// # Errors
    /// `Corrupted` if the record is damaged, `NamespaceDropped`.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// assert_eq!(db.get("key")?, Some(b"value".to_vec()));
    /// assert_eq!(db.get("other")?, None);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        let guard = crossbeam_epoch::pin();
        let found = self.engine().get(&self.state, key.as_ref(), &guard)?;
        Ok(found.map(|(entry, _)| entry.into_value()))
    }

    /// The value of `key` as it lies in the mapped journal, neither copied nor allocated; that of
    /// an encrypted database is decrypted.
    ///
    /// # Errors
    /// As [`get`](Namespace::get).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// let value = db.get_zerocopy("key")?.unwrap();
    /// assert!(value.starts_with(b"val"));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn get_zerocopy(&self, key: impl AsRef<[u8]>) -> Result<Option<ValueRef>> {
        let guard = crossbeam_epoch::pin();
        let found = self.engine().get(&self.state, key.as_ref(), &guard)?;
        Ok(found.map(|(entry, handle)| entry.into_value_ref(handle.pin())))
    }

    /// Removes `key` and gives the value that was live. Nothing is written for an absent key.
    ///
    /// # Errors
    /// As [`insert`](Namespace::insert).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// assert_eq!(db.remove("key")?, Some(b"value".to_vec()));
    /// assert_eq!(db.remove("key")?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        self.swap(Change::remove(key.as_ref()))
    }

    /// Writes, and gives the value that was live until then, in one commit.
    fn swap(&self, change: Change<'_>) -> Result<Option<Vec<u8>>> {
        let engine = self.engine();
        let mut ops = [WriteOp::write(&self.state, change)?.wanting_value()];
        let mut commit = engine.begin_commit(Access::Plain)?;
        // While the append lock is held, this is the generation that the prior value is in.
        let handle = engine.generation(&crossbeam_epoch::pin()).clone();
        commit.write(&mut ops)?;
        commit.finish()?;
        let Some(position) = ops[0].replaced() else { return Ok(None) };
        let reader = engine.reader(&handle);
        Ok(Some(reader.decode(reader.record(position)?)?.into_value()))
    }

    /// Whether `key` is present and not expired. The value is not read.
    ///
    /// # Errors
    /// As [`get`](Namespace::get), but for damage of the value.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "")?;
    /// assert!(db.contains_key("key")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn contains_key(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        let guard = crossbeam_epoch::pin();
        let found = self.engine().find(&self.state, key.as_ref(), &guard)?;
        let Some((record, handle)) = found else { return Ok(false) };
        let clock = &self.engine().clock;
        Ok(self.engine().reader(handle).live(record, |at| clock.has_passed(at))?.is_some())
    }

    /// The number of records in this namespace, which for an [`Emdb`](crate::Emdb) is the default
    /// one: rows of tables and records of named namespaces don't count there, but in
    /// [`Emdb::total_len`](crate::Emdb::total_len). Expired records count until they are swept.
    ///
    /// # Errors
    /// `NamespaceDropped`.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// assert_eq!(db.len()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn len(&self) -> Result<usize> {
        self.engine().len(&self.state)
    }

    /// Whether there is no record in this namespace, which for an [`Emdb`](crate::Emdb) is the
    /// default one: it can be empty beside tables that are full.
    ///
    /// # Errors
    /// As [`len`](Namespace::len).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// assert!(db.is_empty()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Removes everything from this namespace, which for an [`Emdb`](crate::Emdb) is the default
    /// one: tables and named namespaces keep what they have. It costs one record, whatever the
    /// amount, and is durable like any write.
    ///
    /// # Errors
    /// As [`insert`](Namespace::insert).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// db.clear()?;
    /// assert!(db.is_empty()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn clear(&self) -> Result<()> {
        self.engine().clear(&self.state)
    }

    /// Inserts all items in their order, so that of two with the same key the later one wins.
    ///
    /// They are committed in chunks of at most 4,096 records and about 1 MiB, whatever the
    /// iterator's length: each chunk is there as a whole or not at all, after a crash too, and
    /// readers see it so. An error leaves the chunks before it in place. For all or nothing, use
    /// [`transaction`](crate::Emdb::transaction).
    ///
    /// # Errors
    /// As [`insert`](Namespace::insert).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// let db = emdb::Emdb::open_in_memory();
    /// db.insert_many((0..10_000u32).map(|n| (n.to_be_bytes(), "value")))?;
    /// assert_eq!(db.len()?, 10_000);
    /// # Ok(())
    /// # }
    /// ```
    pub fn insert_many<K, V>(&self, items: impl IntoIterator<Item = (K, V)>) -> Result<()>
    where
        K: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let expiry = self.engine().default_expiry(&self.state)?;
        let mut chunk = Vec::new();
        let mut bytes = 0;
        for (key, value) in items {
            bytes += key.as_ref().len() + value.as_ref().len();
            chunk.push((key, value));
            if bytes >= CHUNK_BYTES || chunk.len() == CHUNK_RECORDS {
                self.put_chunk(&chunk, expiry)?;
                chunk.clear();
                bytes = 0;
            }
        }
        self.put_chunk(&chunk, expiry)
    }

    fn put_chunk<K, V>(&self, chunk: &[(K, V)], expiry: Option<u64>) -> Result<()>
    where
        K: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        if chunk.is_empty() {
            return self.state.check();
        }
        let engine = self.engine();
        let mut ops = Vec::with_capacity(chunk.len());
        let guard = crossbeam_epoch::pin();
        for (i, (key, value)) in chunk.iter().enumerate() {
            let put = Change::put(key.as_ref(), value.as_ref(), expiry);
            let put = put.ending_commit(i + 1 == chunk.len());
            ops.push(WriteOp::write_in(&guard, &self.state, put)?);
        }
        // Not held while a transaction is waited for.
        drop(guard);
        engine.commit(&mut ops, Access::Plain)
    }

    /// All keys and values: exactly the state that was committed when the iterator was made,
    /// whatever is written meanwhile. In the order of their keys if the namespace is ordered, in
    /// no particular order otherwise. It survives the drop of every handle.
    ///
    /// # Errors
    /// `NamespaceDropped`. Damage found on the way ends the iteration; see [`EmdbIter`].
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// let before = db.iter()?;
    /// db.insert("later", "value")?;
    /// assert_eq!(before.count(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn iter(&self) -> Result<EmdbIter> {
        Ok(EmdbIter(self.walk()?))
    }

    /// All keys, as [`iter`](Namespace::iter). No value is read.
    ///
    /// # Errors
    /// As [`iter`](Namespace::iter).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// assert_eq!(db.keys()?.collect::<Vec<_>>(), [b"key"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn keys(&self) -> Result<EmdbKeyIter> {
        Ok(EmdbKeyIter(self.walk()?.without_values()))
    }

    /// The namespace as it is now.
    pub(crate) fn pinned(&self) -> Result<PinnedNamespace> {
        let view = self.engine().read_view();
        let incarnation = view.incarnation(&self.state);
        // Not before the view is there: a drop in between would show what it ended.
        self.state.check()?;
        Ok(PinnedNamespace { view, incarnation, ordered: self.is_ordered() })
    }

    pub(crate) fn walk(&self) -> Result<Walk> {
        self.pinned()?.into_walk()
    }

    pub(crate) fn walk_range(&self, bounds: Bounds) -> Result<Walk> {
        let pinned = self.pinned()?;
        self.engine().order_later(pinned.incarnation.as_deref());
        pinned.into_walk_range(bounds)
    }

    /// Whether the keys are kept in order, so that ranges of them can be read.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::NamespaceOptions;
    ///
    /// assert!(!db.is_ordered());
    /// assert!(db.namespace_with("log", NamespaceOptions::new().ordered(true))?.is_ordered());
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_ordered(&self) -> bool {
        self.engine().wants_order(&self.state)
    }
}
