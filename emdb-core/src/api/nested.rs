//! Dotted groups of keys: a prefix and a dot before each.

use std::fmt;

use crate::api::iterators::EmdbIter;
use crate::api::namespace::Namespace;
use crate::cursor::end::End;
use crate::cursor::range::Bounds;
use crate::cursor::walk::Walk;
use crate::engine::append_lock::Access;
use crate::engine::write_lock::WriteLock;
use crate::engine::write_op::{Change, WriteOp};
use crate::error::Result;

/// The keys under a prefix, by what they are called there; see [`Namespace::focus`].
///
/// ```
/// # fn main() -> emdb_core::Result<()> {
/// let db = emdb_core::Emdb::open_in_memory();
/// let alice = db.focus("users").focus("alice");
/// alice.set("name", "Alice")?;
/// assert_eq!(db.get("users.alice.name")?, Some(b"Alice".to_vec()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Focus {
    namespace: Namespace,
    /// Ends in a dot.
    prefix: Vec<u8>,
}

impl fmt::Debug for Focus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Focus").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

/// `prefix` with the dot that ends it.
fn dotted(prefix: &[u8]) -> Vec<u8> {
    [prefix, b"."].concat()
}

impl Namespace {
    /// The keys under `prefix` and a dot.
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// db.focus("users").set("alice", "1")?;
    /// assert!(db.contains_key("users.alice")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn focus(&self, prefix: impl AsRef<[u8]>) -> Focus {
        Focus { namespace: self.clone(), prefix: dotted(prefix.as_ref()) }
    }

    /// All keys that begin with `prefix` and a dot, whole, with their values: `users.alice` has
    /// `users.alice.name` in it, but not `users.alicette.name`. Sees one committed state. In an
    /// ordered namespace it costs what it gives and comes in order; otherwise it looks at all keys.
    ///
    /// # Errors
    /// As [`iter`](Namespace::iter).
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// db.insert("users.alice.name", "Alice")?;
    /// db.insert("users.alicette.name", "Alicette")?;
    /// let keys: Vec<_> = db.group("users.alice")?.map(|(key, _)| key).collect();
    /// assert_eq!(keys, [b"users.alice.name"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn group(&self, prefix: impl AsRef<[u8]>) -> Result<EmdbIter> {
        Ok(EmdbIter(self.walk_group(&dotted(prefix.as_ref()))?))
    }

    /// Removes what [`group`](Namespace::group) gives, in one commit, and tells how many records
    /// that was. They are held in memory meanwhile.
    ///
    /// # Errors
    /// As [`remove`](Namespace::remove).
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// db.insert("users.alice", "1")?;
    /// db.insert("users.bob", "2")?;
    /// assert_eq!(db.delete_group("users")?, 2);
    /// assert!(db.is_empty()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_group(&self, prefix: impl AsRef<[u8]>) -> Result<usize> {
        self.delete_under(&dotted(prefix.as_ref()))
    }

    fn walk_group(&self, prefix: &[u8]) -> Result<Walk> {
        if self.is_ordered() {
            self.walk_range(Bounds::prefix(prefix))
        } else {
            Ok(self.walk()?.only(prefix))
        }
    }

    fn delete_under(&self, prefix: &[u8]) -> Result<usize> {
        let engine = self.engine();
        // Nobody may add to the group between finding it and removing it.
        let _write_lock = WriteLock::acquire(engine)?;
        let mut walk = self.walk_group(prefix)?.without_values();
        let keys: Vec<_> = std::iter::from_fn(|| walk.next_key(End::Front)).collect();
        walk.status()?;
        let mut ops = Vec::with_capacity(keys.len());
        for (i, key) in keys.iter().enumerate() {
            let remove = Change::remove(key).ending_commit(i + 1 == keys.len());
            ops.push(WriteOp::write(&self.state, remove)?);
        }
        if !ops.is_empty() {
            engine.commit(&mut ops, Access::Owner)?;
        }
        Ok(keys.len())
    }
}

impl Focus {
    fn key(&self, key: &[u8]) -> Vec<u8> {
        [&self.prefix, key].concat()
    }

    /// Inserts or replaces; see [`Namespace::insert`].
    ///
    /// # Errors
    /// As [`Namespace::insert`]; the limit on keys is on the whole key.
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// db.focus("users").set("alice", "1")?;
    /// assert_eq!(db.get("users.alice")?, Some(b"1".to_vec()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn set(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        self.namespace.insert(self.key(key.as_ref()), value)
    }

    /// Inserts or replaces, with an expiry of its own; see [`Namespace::insert_with_ttl`].
    ///
    /// # Errors
    /// As [`Namespace::insert_with_ttl`].
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// use std::time::Duration;
    /// use emdb_core::Ttl;
    ///
    /// let sessions = db.focus("sessions");
    /// sessions.set_with_ttl("alice", "token", Ttl::Duration(Duration::from_secs(60)))?;
    /// assert!(db.ttl("sessions.alice")?.is_some());
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "ttl")]
    pub fn set_with_ttl(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        ttl: crate::Ttl,
    ) -> Result<()> {
        self.namespace.insert_with_ttl(self.key(key.as_ref()), value, ttl)
    }

    /// The value of `key`; see [`Namespace::get`].
    ///
    /// # Errors
    /// As [`Namespace::get`].
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// db.insert("users.alice", "1")?;
    /// assert_eq!(db.focus("users").get("alice")?, Some(b"1".to_vec()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        self.namespace.get(self.key(key.as_ref()))
    }

    /// Removes `key` and gives the value that was live; see [`Namespace::remove`].
    ///
    /// # Errors
    /// As [`Namespace::remove`].
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// db.insert("users.alice", "1")?;
    /// assert_eq!(db.focus("users").remove("alice")?, Some(b"1".to_vec()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        self.namespace.remove(self.key(key.as_ref()))
    }

    /// Whether `key` is present and not expired; see [`Namespace::contains_key`].
    ///
    /// # Errors
    /// As [`Namespace::contains_key`].
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// db.insert("users.alice", "1")?;
    /// assert!(db.focus("users").contains_key("alice")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn contains_key(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.namespace.contains_key(self.key(key.as_ref()))
    }

    /// All keys below, whole, with their values; see [`Namespace::group`].
    ///
    /// # Errors
    /// As [`Namespace::group`].
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// let users = db.focus("users");
    /// users.set("alice", "1")?;
    /// assert_eq!(users.iter()?.next().unwrap().0, b"users.alice");
    /// # Ok(())
    /// # }
    /// ```
    pub fn iter(&self) -> Result<EmdbIter> {
        Ok(EmdbIter(self.namespace.walk_group(&self.prefix)?))
    }

    /// Removes all keys below, in one commit, and tells how many that was; see
    /// [`Namespace::delete_group`].
    ///
    /// # Errors
    /// As [`Namespace::delete_group`].
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// let users = db.focus("users");
    /// users.set("alice", "1")?;
    /// assert_eq!(users.delete_all()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_all(&self) -> Result<usize> {
        self.namespace.delete_under(&self.prefix)
    }

    /// The keys under a further prefix.
    ///
    /// ```
    /// # fn main() -> emdb_core::Result<()> {
    /// # let db = emdb_core::Emdb::open_in_memory();
    /// db.focus("users").focus("alice").set("name", "Alice")?;
    /// assert!(db.contains_key("users.alice.name")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn focus(&self, sub: impl AsRef<[u8]>) -> Focus {
        let prefix = dotted(&self.key(sub.as_ref()));
        Focus { namespace: self.namespace.clone(), prefix }
    }
}
