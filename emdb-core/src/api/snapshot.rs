//! Snapshots: one committed state to read from for as long as wanted.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::api::iterators::{EmdbIter, EmdbKeyIter};
use crate::cursor::namespace_view::PinnedNamespace;
use crate::cursor::range::Bounds;
use crate::cursor::walk::Walk;
use crate::engine::Engine;
use crate::engine::decoded::DecodedRecord;
use crate::engine::read_view::ReadView;
use crate::engine::value_ref::ValueRef;
use crate::error::Result;
use crate::mvcc::names::check_name;
use crate::mvcc::namespace::INTERNAL;
use crate::mvcc::retired::SeenNamespace;

/// A view of one committed state of a database; see [`Emdb::snapshot`](crate::Emdb::snapshot).
///
/// Its own calls are those of [`SnapshotNamespace`], on the default namespace. It is cheap to
/// clone, can be sent to other threads, and reads on after the database is closed. Whether a
/// record is expired is judged by the moment when the snapshot was taken.
#[derive(Clone)]
pub struct Snapshot {
    engine: Arc<Engine>,
    default: SnapshotNamespace,
}

/// One namespace in a snapshot.
#[derive(Clone)]
pub struct SnapshotNamespace {
    pub(crate) pinned: PinnedNamespace,
    name: Arc<str>,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

impl fmt::Debug for SnapshotNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotNamespace").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl Deref for Snapshot {
    type Target = SnapshotNamespace;

    fn deref(&self) -> &SnapshotNamespace {
        &self.default
    }
}

impl Snapshot {
    pub(crate) fn new(engine: &Arc<Engine>) -> Snapshot {
        let (view, state) = (engine.read_view(), &engine.default_namespace);
        let (incarnation, ordered) = (view.incarnation(state), engine.wants_order(state));
        let pinned = PinnedNamespace { view, incarnation, ordered };
        Snapshot { engine: engine.clone(), default: SnapshotNamespace { pinned, name: "".into() } }
    }

    /// A namespace as it was. One that didn't exist is empty.
    ///
    /// # Errors
    /// `InvalidConfig` for a name that no namespace can have.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.namespace("users")?.insert("alice", "1")?;
    /// let before = db.snapshot();
    /// db.drop_namespace("users")?;
    /// assert!(before.namespace("users")?.contains_key("alice")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn namespace(&self, name: impl AsRef<str>) -> Result<SnapshotNamespace> {
        let name = name.as_ref();
        check_name(name)?;
        Ok(self.internal(name))
    }

    /// The number of records in all namespaces that users write to; see
    /// [`Emdb::total_len`](crate::Emdb::total_len).
    ///
    /// # Errors
    /// None at present.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.namespace("users")?.insert("alice", "1")?;
    /// let before = db.snapshot();
    /// db.drop_namespace("users")?;
    /// assert_eq!((before.len()?, before.total_len()?, db.total_len()?), (0, 1, 0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn total_len(&self) -> Result<usize> {
        let (view, seen) = (self.view(), self.namespaces());
        let of_users = seen.iter().filter(|seen| !seen.name.starts_with(INTERNAL));
        let lens = of_users.filter_map(|seen| seen.incarnation.records_at(view.watermark()));
        Ok(lens.sum::<u64>() as usize)
    }

    /// The same of any namespace.
    pub(crate) fn internal(&self, name: &str) -> SnapshotNamespace {
        let view = self.view();
        SnapshotNamespace::new(view.clone(), name, view.namespace(&self.engine, name))
    }

    fn view(&self) -> &ReadView {
        &self.default.pinned.view
    }

    /// All namespaces as they were.
    pub(crate) fn namespaces(&self) -> Vec<SeenNamespace> {
        self.view().namespaces(&self.engine)
    }
}

impl SnapshotNamespace {
    fn new(view: ReadView, name: &str, seen: Option<SeenNamespace>) -> SnapshotNamespace {
        // One that didn't exist is empty, whatever it would have been.
        let ordered = seen.as_ref().is_none_or(|seen| seen.ordered);
        let incarnation = seen.map(|seen| seen.incarnation);
        SnapshotNamespace {
            pinned: PinnedNamespace { view, incarnation, ordered },
            name: name.into(),
        }
    }

    /// The name; empty for the default namespace.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// assert_eq!(db.snapshot().name(), "");
    /// # Ok(())
    /// # }
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of `key`; see [`Namespace::get`](crate::Namespace::get).
    ///
    /// # Errors
    /// `Corrupted` if the record is damaged.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// let snapshot = db.snapshot();
    /// db.remove("key")?;
    /// assert_eq!(snapshot.get("key")?, Some(b"value".to_vec()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        Ok(self.pinned.get(key.as_ref())?.map(DecodedRecord::into_value))
    }

    /// The value of `key` as it lies in the mapped journal, neither copied nor allocated.
    ///
    /// # Errors
    /// As [`get`](SnapshotNamespace::get).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// assert_eq!(db.snapshot().get_zerocopy("key")?.unwrap(), b"value"[..]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_zerocopy(&self, key: impl AsRef<[u8]>) -> Result<Option<ValueRef>> {
        let record = self.pinned.get(key.as_ref())?;
        Ok(record.map(|record| record.into_value_ref(&self.pinned.view.pin)))
    }

    /// Whether `key` was present and not expired. The value is not read.
    ///
    /// # Errors
    /// As [`get`](SnapshotNamespace::get), but for damage of the value.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// let snapshot = db.snapshot();
    /// db.insert("key", "value")?;
    /// assert!(!snapshot.contains_key("key")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn contains_key(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.pinned.committed().contains(key.as_ref())
    }

    /// The number of records in this namespace, which for a [`Snapshot`] is the default one.
    /// Expired records count unless they had been swept.
    ///
    /// # Errors
    /// None at present.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// let snapshot = db.snapshot();
    /// db.insert("key", "value")?;
    /// assert_eq!(snapshot.len()?, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn len(&self) -> Result<usize> {
        self.pinned.committed().len()
    }

    /// Whether there was no record in this namespace, which for a [`Snapshot`] is the default one.
    ///
    /// # Errors
    /// As [`len`](SnapshotNamespace::len).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// assert!(db.snapshot().is_empty()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// All keys and values, in the order of their keys if the namespace is ordered. The iterator
    /// outlives the snapshot.
    ///
    /// # Errors
    /// Damage found on the way ends the iteration; see [`EmdbIter`].
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// assert_eq!(db.snapshot().iter()?.count(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn iter(&self) -> Result<EmdbIter> {
        Ok(EmdbIter(self.walk()?))
    }

    /// All keys, as [`iter`](SnapshotNamespace::iter). No value is read.
    ///
    /// # Errors
    /// As [`iter`](SnapshotNamespace::iter).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// assert_eq!(db.snapshot().keys()?.collect::<Vec<_>>(), [b"key"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn keys(&self) -> Result<EmdbKeyIter> {
        Ok(EmdbKeyIter(self.walk()?.without_values()))
    }

    fn walk(&self) -> Result<Walk> {
        self.pinned.committed().walk()
    }

    pub(crate) fn walk_range(&self, bounds: Bounds) -> Result<Walk> {
        self.pinned.committed().walk_range(bounds)
    }
}
