//! Times to live: what a record's expiry is, and calls that ask for it or change it.

use std::time::Duration;

use crate::api::builder::EmdbBuilder;
use crate::api::db::Emdb;
use crate::api::namespace::Namespace;
use crate::api::snapshot::SnapshotNamespace;
use crate::api::transaction::TransactionNamespace;
use crate::engine::Engine;
use crate::engine::append_lock::Access;
use crate::engine::write_lock::WriteLock;
use crate::engine::write_op::{Change, WriteOp};
use crate::error::{Error, Result};
use crate::maintenance::sweep::sweep;
use crate::mvcc::namespace::NamespaceState;

/// When a record expires.
///
/// The system's clock says what time it is. If that goes back by five minutes or less, the database's time
/// stands still until it has caught up; if by more, it is followed, as a clock that was wrong and is
/// put right. Records that had been found expired before a commit stay so in later opens, for five minutes
/// at least, however early their clock is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Ttl {
    /// Never.
    None,
    /// After the database's `default_ttl`; never if it has none.
    #[default]
    Default,
    /// This long after the write.
    Duration(Duration),
    /// At this moment, in unix milliseconds. One that has passed makes a record that is expired
    /// from the start.
    ExpiresAt(u64),
}

impl Ttl {
    /// The expiry of what is written to the namespace with it now.
    pub(crate) fn expiry(self, engine: &Engine, namespace: &NamespaceState) -> Result<Option<u64>> {
        match self {
            Ttl::None => Ok(None),
            Ttl::Default => engine.default_expiry(namespace),
            Ttl::Duration(d) => engine.clock.after(d).map(Some),
            Ttl::ExpiresAt(at) => Ok(Some(at)),
        }
    }
}

impl Namespace {
    /// Inserts or replaces, with an expiry of its own.
    ///
    /// # Errors
    /// `InvalidConfig` for a duration that no clock can show, and as
    /// [`insert`](Namespace::insert).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// use std::time::Duration;
    /// use emdb::{Emdb, Ttl};
    ///
    /// let db = Emdb::open_in_memory();
    /// db.insert_with_ttl("session", "alice", Ttl::Duration(Duration::from_secs(60)))?;
    /// assert!(db.ttl("session")?.unwrap() <= Duration::from_secs(60));
    /// assert!(db.persist("session")?);
    /// assert_eq!(db.ttl("session")?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn insert_with_ttl(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        ttl: Ttl,
    ) -> Result<()> {
        let expiry = ttl.expiry(self.engine(), &self.state)?;
        self.put(key.as_ref(), value.as_ref(), expiry)
    }

    /// When the record of `key` expires or has expired, in unix milliseconds; `None` if it never
    /// does or is absent.
    ///
    /// # Errors
    /// As [`get`](Namespace::get).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Ttl;
    ///
    /// db.insert_with_ttl("key", "value", Ttl::ExpiresAt(4_102_444_800_000))?;
    /// assert_eq!(db.expires_at("key")?, Some(4_102_444_800_000));
    /// # Ok(())
    /// # }
    /// ```
    pub fn expires_at(&self, key: impl AsRef<[u8]>) -> Result<Option<u64>> {
        self.engine().expires_at(&self.state, key.as_ref())
    }

    /// How long the record of `key` will live: zero if it is expired and not yet swept, `None`
    /// if it never expires or is absent.
    ///
    /// # Errors
    /// As [`get`](Namespace::get).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use std::time::Duration;
    /// use emdb::Ttl;
    ///
    /// db.insert_with_ttl("key", "value", Ttl::ExpiresAt(1))?;
    /// assert_eq!(db.ttl("key")?, Some(Duration::ZERO));
    /// # Ok(())
    /// # }
    /// ```
    pub fn ttl(&self, key: impl AsRef<[u8]>) -> Result<Option<Duration>> {
        let at = self.expires_at(key)?;
        Ok(at.map(|at| Duration::from_millis(at.saturating_sub(self.engine().clock.now()))))
    }

    /// Makes the record of `key` permanent; tells whether it is live, and so is permanent now.
    ///
    /// # Errors
    /// As [`insert`](Namespace::insert).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use std::time::Duration;
    /// use emdb::Ttl;
    ///
    /// db.insert_with_ttl("key", "value", Ttl::Duration(Duration::from_secs(60)))?;
    /// assert!(db.persist("key")?);
    /// assert_eq!(db.ttl("key")?, None);
    /// assert!(!db.persist("absent")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn persist(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.touch(key, Ttl::None)
    }

    /// Lets the record of `key` live so long from now on, with the value that it has; tells whether
    /// it is live. One that has expired stays away.
    ///
    /// Records never change in place: the value is written again, in a record with the new expiry.
    ///
    /// # Errors
    /// `InvalidConfig` for a duration that no clock can show, and as [`insert`](Namespace::insert).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use std::time::Duration;
    /// use emdb::Ttl;
    ///
    /// db.insert_with_ttl("session", "alice", Ttl::Duration(Duration::from_secs(60)))?;
    /// assert!(db.touch("session", Ttl::Duration(Duration::from_secs(3600)))?);
    /// assert!(db.ttl("session")?.unwrap() > Duration::from_secs(60));
    /// assert_eq!(db.get("session")?.unwrap(), b"alice");
    /// assert!(!db.touch("absent", Ttl::None)?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn touch(&self, key: impl AsRef<[u8]>, ttl: Ttl) -> Result<bool> {
        let key = key.as_ref();
        let engine = self.engine();
        // Nobody may replace the value between reading and writing it.
        let _write_lock = WriteLock::acquire(engine)?;
        let expiry = ttl.expiry(engine, &self.state)?;
        let guard = crossbeam_epoch::pin();
        let Some((entry, _)) = engine.get(&self.state, key, &guard)? else { return Ok(false) };
        if entry.expiry() != expiry {
            let op = WriteOp::write(&self.state, Change::put(key, entry.value(), expiry))?;
            engine.commit(&mut [op], Access::Owner)?;
        }
        Ok(true)
    }

    /// Removes the expired records of this namespace and gives their number. Costs what has
    /// expired, not what is stored. Inside a transaction of this thread it gives 0; a failed
    /// write ends it early, and is counted in [`sweep_failures`](crate::EmdbStats::sweep_failures):
    /// [`try_sweep`](Namespace::try_sweep) gives it.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Ttl;
    ///
    /// let users = db.namespace("users")?;
    /// users.insert_with_ttl("key", "value", Ttl::ExpiresAt(1))?;
    /// assert_eq!(users.sweep_expired(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn sweep_expired(&self) -> usize {
        let mut swept = 0;
        let done = sweep(self.engine(), &self.state, &mut swept);
        note_untold(self.engine(), done);
        swept
    }

    /// As [`sweep_expired`](Namespace::sweep_expired), and tells why it could not go on.
    ///
    /// # Errors
    /// As [`remove`](Namespace::remove). Those that it removed until then stay removed.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Ttl;
    ///
    /// let users = db.namespace("users")?;
    /// users.insert_with_ttl("key", "value", Ttl::ExpiresAt(1))?;
    /// assert_eq!(users.try_sweep()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_sweep(&self) -> Result<usize> {
        let mut swept = 0;
        sweep(self.engine(), &self.state, &mut swept)?;
        Ok(swept)
    }
}

impl Emdb {
    /// Removes the expired records of all namespaces; see [`Namespace::sweep_expired`].
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Ttl;
    ///
    /// db.namespace("users")?.insert_with_ttl("key", "value", Ttl::ExpiresAt(1))?;
    /// assert_eq!(db.sweep_expired(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn sweep_expired(&self) -> usize {
        let mut swept = 0;
        let done = sweep_all(self.engine(), &mut swept);
        note_untold(self.engine(), done);
        swept
    }

    /// As [`sweep_expired`](Emdb::sweep_expired), and tells why it could not go on.
    ///
    /// # Errors
    /// As [`remove`](Namespace::remove). Those that it removed until then stay removed.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Ttl;
    ///
    /// db.namespace("users")?.insert_with_ttl("key", "value", Ttl::ExpiresAt(1))?;
    /// assert_eq!(db.try_sweep()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_sweep(&self) -> Result<usize> {
        let mut swept = 0;
        sweep_all(self.engine(), &mut swept)?;
        Ok(swept)
    }
}

/// Sweeps all namespaces up to the first error; counts the records that users put there.
fn sweep_all(engine: &Engine, swept: &mut usize) -> Result<()> {
    let states: Vec<_> = engine.names.lock().live.values().cloned().collect();
    for state in states {
        let mut of_one = 0;
        let done = sweep(engine, &state, &mut of_one);
        if !state.is_internal() {
            *swept += of_one;
        }
        match done {
            // Meanwhile.
            Err(Error::NamespaceDropped) => {}
            done => done?,
        }
    }
    Ok(())
}

/// Counts a failure of a sweep that gives a number alone. A transaction is none, nor is an open for
/// reading alone.
fn note_untold(engine: &Engine, done: Result<()>) {
    if matches!(done, Err(e) if !matches!(e, Error::TransactionActive | Error::ReadOnly)) {
        engine.note_sweep_failure();
    }
}

impl TransactionNamespace {
    /// Inserts or replaces, with an expiry of its own; see [`Namespace::insert_with_ttl`].
    ///
    /// # Errors
    /// `InvalidConfig` for a duration that no clock can show, and as
    /// [`insert`](TransactionNamespace::insert).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use std::time::Duration;
    /// use emdb::Ttl;
    ///
    /// db.transaction(|tx| tx.insert_with_ttl("key", "value", Ttl::Duration(Duration::from_secs(60))))?;
    /// assert!(db.ttl("key")?.is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn insert_with_ttl(
        &mut self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        ttl: Ttl,
    ) -> Result<()> {
        let expiry = ttl.expiry(&self.engine, &self.state)?;
        self.stage(key.as_ref(), value.as_ref(), expiry)
    }

    /// Lets the record of `key` live so long from now on; see [`Namespace::touch`].
    ///
    /// # Errors
    /// As [`insert_with_ttl`](TransactionNamespace::insert_with_ttl).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use std::time::Duration;
    /// use emdb::Ttl;
    ///
    /// db.insert("key", "value")?;
    /// assert!(db.transaction(|tx| tx.touch("key", Ttl::Duration(Duration::from_secs(60))))?);
    /// assert!(db.ttl("key")?.is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn touch(&mut self, key: impl AsRef<[u8]>, ttl: Ttl) -> Result<bool> {
        let key = key.as_ref();
        let until = ttl.expiry(&self.engine, &self.state)?;
        let found = self
            .view()?
            .read(key, |value, expiry| if expiry == until { None } else { Some(value.to_vec()) })?;
        if let Some(Some(value)) = &found {
            self.stage(key, value, until)?;
        }
        Ok(found.is_some())
    }

    /// When the record of `key` expires; see [`Namespace::expires_at`].
    ///
    /// # Errors
    /// As [`get`](TransactionNamespace::get).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::{Error, Ttl};
    ///
    /// db.transaction(|tx| -> Result<(), Error> {
    ///     tx.insert_with_ttl("key", "value", Ttl::ExpiresAt(4_102_444_800_000))?;
    ///     assert_eq!(tx.expires_at("key")?, Some(4_102_444_800_000));
    ///     Ok(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn expires_at(&self, key: impl AsRef<[u8]>) -> Result<Option<u64>> {
        self.stored_expiry(key.as_ref())
    }
}

impl SnapshotNamespace {
    /// When the record of `key` expires or has expired; see [`Namespace::expires_at`].
    ///
    /// # Errors
    /// As [`get`](SnapshotNamespace::get).
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// # let db = emdb::Emdb::open_in_memory();
    /// use emdb::Ttl;
    ///
    /// db.insert_with_ttl("key", "value", Ttl::ExpiresAt(4_102_444_800_000))?;
    /// let snapshot = db.snapshot();
    /// db.persist("key")?;
    /// assert_eq!(snapshot.expires_at("key")?, Some(4_102_444_800_000));
    /// # Ok(())
    /// # }
    /// ```
    pub fn expires_at(&self, key: impl AsRef<[u8]>) -> Result<Option<u64>> {
        self.pinned.committed().expiry(key.as_ref())
    }
}

impl EmdbBuilder {
    /// The time to live of whatever is written without one of its own, in every namespace.
    /// Default: none.
    ///
    /// ```
    /// # fn main() -> emdb::Result<()> {
    /// use std::time::Duration;
    /// use emdb::Emdb;
    ///
    /// let db = Emdb::builder().default_ttl(Duration::from_secs(3600)).build()?;
    /// db.insert("key", "value")?;
    /// assert!(db.ttl("key")?.is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn default_ttl(mut self, ttl: Duration) -> EmdbBuilder {
        self.settings.default_ttl = Some(ttl);
        self
    }
}
