//! Snapshots: one committed state to read from for as long as wanted.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::api::iterators::{EmdbIter, EmdbKeyIter};
use crate::cursor::range::Bounds;
use crate::cursor::{Walk, unordered};
use crate::engine::Engine;
use crate::engine::decoded::DecodedRecord;
use crate::engine::read::ReadView;
use crate::engine::value_ref::ValueRef;
use crate::error::Result;
use crate::format::record::Record;
use crate::mvcc::names;
use crate::mvcc::names::{Incarnation, NamespaceState};

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
    view: ReadView,
    name: Arc<str>,
    /// None if it didn't exist.
    seen: Option<Seen>,
}

#[derive(Clone)]
struct Seen {
    incarnation: Arc<Incarnation>,
    ordered: bool,
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
        let state = &engine.default_namespace;
        let default = SnapshotNamespace::new(engine, &engine.read_view(), "", Some(state));
        Snapshot { engine: engine.clone(), default }
    }

    /// A namespace as it was. One that didn't exist is empty.
    ///
    /// # Errors
    /// `InvalidConfig` for a name that no namespace can have.
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// db.namespace("users")?.insert("alice", "1")?;
    /// let before = db.snapshot();
    /// db.drop_namespace("users")?;
    /// assert!(before.namespace("users")?.contains_key("alice")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn namespace(&self, name: impl AsRef<str>) -> Result<SnapshotNamespace> {
        let name = name.as_ref();
        names::check_name(name)?;
        let view = &self.default.view;
        let state = view.namespace(&self.engine, name);
        Ok(SnapshotNamespace::new(&self.engine, view, name, state.as_ref()))
    }
}

impl Snapshot {
    pub(crate) fn view(&self) -> (&Engine, &ReadView) {
        (&self.engine, &self.default.view)
    }
}

impl SnapshotNamespace {
    fn new(
        engine: &Engine,
        view: &ReadView,
        name: &str,
        state: Option<&Arc<NamespaceState>>,
    ) -> SnapshotNamespace {
        let seen = state.and_then(|state| {
            let incarnation = view.incarnation(state)?;
            Some(Seen { incarnation, ordered: engine.wants_order(state) })
        });
        SnapshotNamespace { view: view.clone(), name: name.into(), seen }
    }

    /// The name; empty for the default namespace.
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// assert_eq!(db.snapshot().name(), "");
    /// # Ok(())
    /// # }
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The record of `key`, expired or not, its value unverified.
    pub(crate) fn stored(&self, key: &[u8]) -> Result<Option<Record<'_>>> {
        match &self.seen {
            Some(seen) => self.view.stored(&seen.incarnation, key),
            None => Ok(None),
        }
    }

    /// What the live record of `key` says.
    fn entry(&self, key: &[u8]) -> Result<Option<DecodedRecord<'_>>> {
        match self.stored(key)? {
            Some(record) => self.view.reader().checked(record, || self.view.now()),
            None => Ok(None),
        }
    }

    /// The value of `key`; see [`Namespace::get`](crate::Namespace::get).
    ///
    /// # Errors
    /// `Corrupted` if the record is damaged.
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// let snapshot = db.snapshot();
    /// db.remove("key")?;
    /// assert_eq!(snapshot.get("key")?, Some(b"value".to_vec()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        Ok(self.entry(key.as_ref())?.map(DecodedRecord::into_value))
    }

    /// The value of `key` as it lies in the mapped journal, neither copied nor allocated.
    ///
    /// # Errors
    /// As [`get`](SnapshotNamespace::get).
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// assert_eq!(db.snapshot().get_zerocopy("key")?.unwrap(), b"value"[..]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_zerocopy(&self, key: impl AsRef<[u8]>) -> Result<Option<ValueRef>> {
        Ok(self.entry(key.as_ref())?.map(|entry| entry.lend(&self.view.pin)))
    }

    /// Whether `key` was present and not expired. The value is not read.
    ///
    /// # Errors
    /// As [`get`](SnapshotNamespace::get), but for damage of the value.
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// let snapshot = db.snapshot();
    /// db.insert("key", "value")?;
    /// assert!(!snapshot.contains_key("key")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn contains_key(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        match &self.seen {
            Some(seen) => Ok(self.view.find(&seen.incarnation, key.as_ref())?.is_some()),
            None => Ok(false),
        }
    }

    /// The number of records. Expired ones count unless they had been swept.
    ///
    /// # Errors
    /// None at present.
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// let snapshot = db.snapshot();
    /// db.insert("key", "value")?;
    /// assert_eq!(snapshot.len()?, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn len(&self) -> Result<usize> {
        let records = |seen: &Seen| seen.incarnation.records_at(self.view.watermark());
        Ok(self.seen.as_ref().and_then(records).unwrap_or(0) as usize)
    }

    /// Whether there was no record.
    ///
    /// # Errors
    /// As [`len`](SnapshotNamespace::len).
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
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
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
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
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// db.insert("key", "value")?;
    /// assert_eq!(db.snapshot().keys()?.collect::<Vec<_>>(), [b"key"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn keys(&self) -> Result<EmdbKeyIter> {
        Ok(EmdbKeyIter(self.walk()?.without_values()))
    }

    fn walk(&self) -> Result<Walk> {
        let incarnation = self.seen.as_ref().map(|seen| seen.incarnation.clone());
        Walk::over(self.view.clone(), incarnation)
    }

    pub(crate) fn walk_range(&self, bounds: Bounds) -> Result<Walk> {
        let Some(seen) = &self.seen else { return Ok(Walk::default()) };
        if !seen.ordered {
            return Err(unordered());
        }
        Walk::range(self.view.clone(), Some(seen.incarnation.clone()), bounds)
    }
}
